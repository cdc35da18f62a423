//! The llama decoder as GGUF files hold it: llama-family and qwen2-family language models with quantised weights.
//!
//! Unlike the stock models of candle-transformers it keeps the token embeddings quantised (they are looked up row by
//! row, which saves gigabytes for large vocabularies), writes keys and values into a cache that can be cut back to any
//! earlier token, and multiplies grouped heads without repeating keys and values.
//!
//! Papers: [LLaMA](https://arxiv.org/abs/2302.13971), [Qwen2](https://arxiv.org/abs/2407.10671). Tensor names are those
//! of the GGUF files (`blk.0.attn_q.weight`, …).

use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{D, DType, Device, Module, Result, Tensor};
use half::f16;
use std::sync::Arc;

/// Shape of a decoder, read from a GGUF file's metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Number of layers.
    pub blocks: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the feed-forward layers.
    pub feed_forward: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of one head.
    pub head_width: usize,
    /// Base of the rotary position frequencies.
    pub rope_base: f32,
    /// How rotary positions pair the numbers of a head.
    pub rope: Rope,
    /// Added to the variance in RMS norms.
    pub norm_epsilon: f32,
    /// Most tokens that the model can attend to.
    pub context_len: usize,
}

/// Which two numbers of a head rotate together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rope {
    /// Neighbours, `2i` with `2i + 1`: the llama family.
    Interleaved,
    /// Halves, `i` with `i + width / 2`: the qwen2 family.
    Halves,
}

/// Gives the tensor of a name, or `None` if the file has none.
pub type Source<'a> = dyn FnMut(&str) -> Result<Option<QTensor>> + 'a;

/// The keys and values grow by this many tokens at a time.
const CACHE_STEP: usize = 512;

struct Weights<'a> {
    source: &'a mut Source<'a>,
    device: Device,
}

impl Weights<'_> {
    fn optional(&mut self, name: &str) -> Result<Option<QTensor>> {
        (self.source)(name)
    }

    fn get(&mut self, name: &str) -> Result<QTensor> {
        self.optional(name)?.ok_or_else(|| candle_core::Error::Msg(format!("the tensor {name} is missing")))
    }

    fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<QTensor> {
        let tensor = self.get(name)?;
        if tensor.shape().dims() != [rows, columns] {
            candle_core::bail!("the tensor {name} is {:?}, not [{rows}, {columns}]", tensor.shape().dims());
        }
        Ok(tensor)
    }

    fn vector(&mut self, name: &str, len: usize) -> Result<Tensor> {
        let tensor = self.get(name)?.dequantize(&self.device)?;
        if tensor.dims() != [len] {
            candle_core::bail!("the tensor {name} is {:?}, not [{len}]", tensor.dims());
        }
        Ok(tensor)
    }

    fn linear(&mut self, name: &str, columns: usize, rows: usize) -> Result<Linear> {
        let weight = QMatMul::from_qtensor(self.matrix(&format!("{name}.weight"), rows, columns)?)?;
        let bias = match self.optional(&format!("{name}.bias"))? {
            Some(bias) => Some(bias.dequantize(&self.device)?),
            None => None,
        };
        Ok(Linear { weight, bias })
    }
}

struct Linear {
    weight: QMatMul,
    bias: Option<Tensor>,
}

impl Linear {
    fn add_bias(&self, ys: Tensor) -> Result<Tensor> {
        match &self.bias {
            Some(bias) => ys.broadcast_add(bias),
            None => Ok(ys),
        }
    }

    fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        self.add_bias(self.weight.forward(xs)?)
    }

    /// Several layers on the same input. A single token goes through all of them in one pass where candle can: the
    /// input is then quantised once and the threads meet once.
    fn forward_shared<const N: usize>(layers: [&Self; N], xs: &Tensor) -> Result<[Tensor; N]> {
        let quantised: Vec<&QTensor> = layers
            .iter()
            .filter_map(|layer| match &layer.weight {
                QMatMul::QTensor(weight) => Some(weight.as_ref()),
                QMatMul::Tensor(_) | QMatMul::TensorF16(_) => None,
            })
            .collect();
        let fused = match xs.dim(0)? {
            1 if quantised.len() == N => QTensor::gemv_fused_shared_lhs(&quantised, xs)?,
            _ => None,
        };
        let ys = match fused {
            Some(ys) => ys.into_iter().zip(layers).map(|(ys, layer)| layer.add_bias(ys)).collect::<Result<Vec<_>>>()?,
            None => layers.iter().map(|layer| layer.forward(xs)).collect::<Result<Vec<_>>>()?,
        };
        ys.try_into().map_err(|_| candle_core::Error::Msg("a fused product lost a part".to_owned()))
    }
}

struct RmsNorm {
    weight: Tensor,
    epsilon: f32,
}

impl RmsNorm {
    fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        candle_nn::ops::rms_norm(xs, &self.weight, self.epsilon)
    }
}

/// Keys or values of one layer, `[kv_heads, capacity, head_width]`.
struct Cache(Option<Tensor>);

impl Cache {
    /// Writes `rows` (`[kv_heads, tokens, head_width]`) after the first `start` tokens and returns all up to them.
    fn store(&mut self, rows: &Tensor, start: usize) -> Result<Tensor> {
        let (kv_heads, tokens, head_width) = rows.dims3()?;
        let end = start + tokens;
        let capacity = self.0.as_ref().map_or(0, |all| all.dims()[1]);
        if end > capacity {
            let capacity = end.div_ceil(CACHE_STEP) * CACHE_STEP;
            let grown = Tensor::zeros((kv_heads, capacity, head_width), rows.dtype(), rows.device())?;
            if let (Some(old), 1..) = (&self.0, start) {
                grown.slice_set(&old.narrow(1, 0, start)?.contiguous()?, 1, 0)?;
            }
            self.0 = Some(grown);
        }
        let all = self.0.as_ref().ok_or_else(|| candle_core::Error::Msg("no tokens to store".to_owned()))?;
        all.slice_set(&rows.contiguous()?, 1, start)?;
        all.narrow(1, 0, end)
    }
}

struct Block {
    attn_norm: RmsNorm,
    attn_q: Linear,
    attn_k: Linear,
    attn_v: Linear,
    attn_output: Linear,
    ffn_norm: RmsNorm,
    ffn_gate: Linear,
    ffn_up: Linear,
    ffn_down: Linear,
    keys: Cache,
    values: Cache,
}

impl Block {
    fn new(config: &Config, index: usize, weights: &mut Weights) -> Result<Self> {
        let Config { hidden, feed_forward, norm_epsilon: epsilon, .. } = *config;
        let (q_width, kv_width) = (config.heads * config.head_width, config.kv_heads * config.head_width);
        let name = |part: &str| format!("blk.{index}.{part}");
        Ok(Self {
            attn_norm: RmsNorm { weight: weights.vector(&name("attn_norm.weight"), hidden)?, epsilon },
            attn_q: weights.linear(&name("attn_q"), hidden, q_width)?,
            attn_k: weights.linear(&name("attn_k"), hidden, kv_width)?,
            attn_v: weights.linear(&name("attn_v"), hidden, kv_width)?,
            attn_output: weights.linear(&name("attn_output"), q_width, hidden)?,
            ffn_norm: RmsNorm { weight: weights.vector(&name("ffn_norm.weight"), hidden)?, epsilon },
            ffn_gate: weights.linear(&name("ffn_gate"), hidden, feed_forward)?,
            ffn_up: weights.linear(&name("ffn_up"), hidden, feed_forward)?,
            ffn_down: weights.linear(&name("ffn_down"), feed_forward, hidden)?,
            keys: Cache(None),
            values: Cache(None),
        })
    }

    /// `xs` is `[tokens, hidden]`; `mask` is `[tokens, start + tokens]`, none for a single token.
    fn forward(
        &mut self,
        config: &Config,
        xs: &Tensor,
        angles: &Angles,
        start: usize,
        mask: Option<&Tensor>,
    ) -> Result<Tensor> {
        let (tokens, _) = xs.dims2()?;
        let Config { heads, kv_heads, head_width, .. } = *config;
        let normed = self.attn_norm.forward(xs)?;
        let [q, k, v] = Linear::forward_shared([&self.attn_q, &self.attn_k, &self.attn_v], &normed)?;
        let split = |xs: Tensor, heads| xs.reshape((1, tokens, heads, head_width))?.transpose(1, 2)?.contiguous();
        let q = angles.rotate(&split(q, heads)?, config.rope, start)?;
        let k = angles.rotate(&split(k, kv_heads)?, config.rope, start)?;
        let keys = self.keys.store(&k.squeeze(0)?, start)?;
        let values = self.values.store(&split(v, kv_heads)?.squeeze(0)?, start)?;

        // Query heads that share keys become more rows of one product.
        let rows = heads / kv_heads * tokens;
        let q = (q.reshape((kv_heads, rows, head_width))? / (head_width as f64).sqrt())?;
        let scores = q.matmul(&keys.t()?)?;
        let scores = match mask {
            Some(mask) => {
                let end = start + tokens;
                let by_head = scores.reshape((kv_heads, heads / kv_heads, tokens, end))?;
                by_head.broadcast_add(mask)?.reshape((kv_heads, rows, end))?
            }
            None => scores,
        };
        let shares = candle_nn::ops::softmax_last_dim(&scores)?;
        let mixed = shares.matmul(&values)?.reshape((heads, tokens, head_width))?;
        let mixed = mixed.transpose(0, 1)?.reshape((tokens, heads * head_width))?;
        let xs = (xs + self.attn_output.forward(&mixed)?)?;

        let normed = self.ffn_norm.forward(&xs)?;
        let [gate, up] = Linear::forward_shared([&self.ffn_gate, &self.ffn_up], &normed)?;
        let ys = self.ffn_down.forward(&(candle_nn::ops::silu(&gate)? * up)?)?;
        xs + ys
    }
}

/// Cosines and sines of the rotary positions, `[positions, head_width / 2]`.
struct Angles {
    cos: Tensor,
    sin: Tensor,
    /// Radians for each position, for each pair.
    steps: Vec<f32>,
}

impl Angles {
    fn new(config: &Config, factors: Option<Vec<f32>>, device: &Device) -> Result<Self> {
        let half = config.head_width / 2;
        let factor = |i: usize| factors.as_ref().and_then(|f| f.get(i)).copied().unwrap_or(1.0);
        let step = |i: usize| config.rope_base.powf(-2.0 * i as f32 / config.head_width as f32) / factor(i);
        let steps = (0..half).map(step).collect();
        let none = Tensor::zeros((0, half), DType::F32, device)?;
        Ok(Self { cos: none.clone(), sin: none, steps })
    }

    fn reserve(&mut self, positions: usize) -> Result<()> {
        if positions <= self.cos.dim(0)? {
            return Ok(());
        }
        let positions = positions.div_ceil(CACHE_STEP) * CACHE_STEP;
        let angles: Vec<f32> =
            (0..positions).flat_map(|position| self.steps.iter().map(move |step| position as f32 * step)).collect();
        let angles = Tensor::from_vec(angles, (positions, self.steps.len()), self.cos.device())?;
        self.cos = angles.cos()?;
        self.sin = angles.sin()?;
        Ok(())
    }

    fn rotate(&self, xs: &Tensor, rope: Rope, start: usize) -> Result<Tensor> {
        let tokens = xs.dim(2)?;
        let (cos, sin) = (self.cos.narrow(0, start, tokens)?, self.sin.narrow(0, start, tokens)?);
        match rope {
            Rope::Interleaved => candle_nn::rotary_emb::rope_i(xs, &cos, &sin),
            Rope::Halves => candle_nn::rotary_emb::rope(xs, &cos, &sin),
        }
    }
}

/// A decoder with its weights and the keys and values of the tokens that it has seen.
pub struct Llama {
    config: Config,
    token_embd: Arc<QTensor>,
    blocks: Vec<Block>,
    output_norm: RmsNorm,
    output: QMatMul,
    angles: Angles,
    seen: usize,
    device: Device,
}

impl Llama {
    /// Builds the decoder from the tensors of `source`, on the device that they are on.
    pub fn new(config: Config, device: &Device, source: &mut Source) -> Result<Self> {
        let mut weights = Weights { source, device: device.clone() };
        let token_embd = Arc::new(weights.get("token_embd.weight")?);
        let (vocabulary, width) = token_embd.shape().dims2()?;
        if width != config.hidden {
            candle_core::bail!("token_embd.weight is {width} wide, the metadata say {}", config.hidden);
        }
        let blocks = (0..config.blocks).map(|i| Block::new(&config, i, &mut weights)).collect::<Result<_>>()?;
        let norm = weights.vector("output_norm.weight", config.hidden)?;
        let output = match weights.optional("output.weight")? {
            Some(output) if output.shape().dims() == [vocabulary, width] => QMatMul::from_qtensor(output)?,
            Some(output) => candle_core::bail!("output.weight is {:?}", output.shape().dims()),
            None => QMatMul::from_arc(token_embd.clone())?,
        };
        let factors = match weights.optional("rope_freqs.weight")? {
            Some(factors) => Some(factors.dequantize(device)?.flatten_all()?.to_vec1::<f32>()?),
            None => None,
        };
        Ok(Self {
            angles: Angles::new(&config, factors, device)?,
            output_norm: RmsNorm { weight: norm, epsilon: config.norm_epsilon },
            config,
            token_embd,
            blocks,
            output,
            seen: 0,
            device: device.clone(),
        })
    }

    /// What it was built from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Number of tokens that it can score.
    pub fn vocabulary(&self) -> usize {
        self.token_embd.shape().dims()[0]
    }

    /// Number of tokens seen since the start or the last [`Llama::cut_back`].
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// Forgets all tokens but the first `seen`.
    pub fn cut_back(&mut self, seen: usize) {
        self.seen = self.seen.min(seen);
    }

    /// How many numbers of [`Llama::state`] one token leaves.
    pub fn state_shape(&self) -> usize {
        2 * self.config.blocks * self.config.kv_heads * self.config.head_width
    }

    /// The keys and values of the tokens seen, rounded to 16 bits: block by block, keys before values, each
    /// `[kv_heads, tokens, head_width]`.
    pub fn state(&self) -> Result<Vec<f16>> {
        let mut state = Vec::with_capacity(self.seen * self.state_shape());
        for cache in self.blocks.iter().flat_map(|block| [&block.keys, &block.values]) {
            let Some(all) = &cache.0 else { continue };
            let seen = all.narrow(1, 0, self.seen)?.to_dtype(DType::F16)?;
            state.extend(seen.flatten_all()?.to_vec1::<f16>()?);
        }
        Ok(state)
    }

    /// Forgets all tokens and goes on from the [`Llama::state`] after `tokens` others.
    pub fn restore(&mut self, tokens: usize, state: &[f16]) -> Result<()> {
        let Config { kv_heads, head_width, context_len, .. } = self.config;
        if tokens > context_len || state.len() != tokens * self.state_shape() {
            candle_core::bail!("a state of {} numbers does not fit {tokens} tokens", state.len());
        }
        self.angles.reserve(tokens)?;
        let mut parts = state.chunks_exact((kv_heads * tokens * head_width).max(1));
        for cache in self.blocks.iter_mut().flat_map(|block| [&mut block.keys, &mut block.values]) {
            let rows =
                Tensor::from_slice(parts.next().unwrap_or_default(), (kv_heads, tokens, head_width), &self.device)?;
            cache.store(&rows.to_dtype(DType::F32)?, 0)?;
        }
        self.seen = tokens;
        Ok(())
    }

    /// Reads `tokens` after those seen before and scores what may follow the last of them: `[vocabulary]`.
    pub fn forward(&mut self, tokens: &[u32]) -> Result<Tensor> {
        let start = self.seen;
        let end = start + tokens.len();
        if tokens.is_empty() || end > self.config.context_len {
            candle_core::bail!("{} more tokens after {start} of at most {}", tokens.len(), self.config.context_len);
        }
        self.angles.reserve(end)?;
        let mask = match tokens.len() {
            1 => None,
            rows => Some(causal_mask(rows, start, &self.device)?),
        };
        let mut xs = self.token_embd.embedding(&Tensor::new(tokens, &self.device)?)?.to_dtype(DType::F32)?;
        for block in &mut self.blocks {
            xs = block.forward(&self.config, &xs, &self.angles, start, mask.as_ref())?;
        }
        self.seen = end;
        let last = xs.narrow(0, tokens.len() - 1, 1)?.contiguous()?;
        let scores = self.output.forward(&self.output_norm.forward(&last)?)?;
        scores.flatten_to(D::Minus1)
    }
}

/// 0 where a token may look, minus infinity where it would look ahead: `[rows, start + rows]`.
fn causal_mask(rows: usize, start: usize, device: &Device) -> Result<Tensor> {
    let end = start + rows;
    let mask: Vec<f32> = (0..rows)
        .flat_map(|row| (0..end).map(move |column| if column <= start + row { 0.0 } else { f32::NEG_INFINITY }))
        .collect();
    Tensor::from_vec(mask, (rows, end), device)
}
