//! The llama decoder as GGUF files hold it: llama-family and qwen2-family language models with quantised weights.
//!
//! It runs on the CPU with kernels of its own ([`super::ops::quantized`], [`super::ops::decoder`]): weights stay in the
//! file's format, wherever they lie, and the keys and values go to a cache that can be cut back to any earlier token.
//!
//! Papers: [LLaMA](https://arxiv.org/abs/2302.13971), [Qwen2](https://arxiv.org/abs/2407.10671). Tensor names are those
//! of the GGUF files (`blk.0.attn_q.weight`, …).

use super::ops::Activation;
use super::ops::decoder::{self, KeyValues, Pairs, Rotary, rms_norm};
use super::ops::quantized::{Input, Matrix, Stored, add_products};
use candle_core::{Device, Result, Tensor};
use half::f16;

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
pub type Source<'a> = dyn FnMut(&str) -> Result<Option<Stored>> + 'a;

struct Weights<'a> {
    source: &'a mut Source<'a>,
}

impl Weights<'_> {
    fn optional(&mut self, name: &str) -> Result<Option<Stored>> {
        (self.source)(name)
    }

    fn get(&mut self, name: &str) -> Result<Stored> {
        self.optional(name)?.ok_or_else(|| candle_core::Error::Msg(format!("the tensor {name} is missing")))
    }

    fn vector(&mut self, name: &str, len: usize) -> Result<Vec<f32>> {
        let tensor = self.get(name)?;
        if tensor.shape() != [len] {
            candle_core::bail!("the tensor {name} is {:?}, not [{len}]", tensor.shape());
        }
        Ok(tensor.to_f32())
    }

    fn linear(&mut self, name: &str, columns: usize, rows: usize) -> Result<Linear> {
        let weight = self.get(&format!("{name}.weight"))?;
        if weight.shape() != [rows, columns] {
            candle_core::bail!("the tensor {name}.weight is {:?}, not [{rows}, {columns}]", weight.shape());
        }
        let bias = match self.optional(&format!("{name}.bias"))? {
            Some(bias) if bias.shape() == [rows] => Some(bias.to_f32()),
            Some(bias) => candle_core::bail!("the tensor {name}.bias is {:?}, not [{rows}]", bias.shape()),
            None => None,
        };
        Ok(Linear { weight: Matrix::new(weight)?, bias })
    }
}

struct Linear {
    weight: Matrix,
    bias: Option<Vec<f32>>,
}

impl Linear {
    /// Adds what the layer makes of `xs` to `ys`.
    fn add_to(&self, ys: &mut [f32], xs: &[f32]) -> Result<()> {
        if let Some(bias) = &self.bias {
            for ys in ys.chunks_exact_mut(bias.len()) {
                for (y, bias) in ys.iter_mut().zip(bias) {
                    *y += bias;
                }
            }
        }
        add_products(&Input::new(xs, self.weight.inputs())?, [&self.weight], [ys])
    }

    /// What several layers make of the same input, which is read once.
    fn forward_shared<const N: usize>(layers: [&Self; N], xs: &[f32], mut ys: [&mut Vec<f32>; N]) -> Result<()> {
        let input = Input::new(xs, layers[0].weight.inputs())?;
        for (layer, ys) in layers.iter().zip(&mut ys) {
            ys.clear();
            match &layer.bias {
                Some(bias) => (0..input.rows()).for_each(|_| ys.extend_from_slice(bias)),
                None => ys.resize(input.rows() * layer.weight.outputs(), 0.0),
            }
        }
        add_products(&input, layers.map(|layer| &layer.weight), ys.map(Vec::as_mut_slice))
    }
}

/// Numbers of the tokens being read. They are kept from layer to layer, since the system takes long to give new memory.
#[derive(Default)]
struct Room {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
}

struct Block {
    attn_norm: Vec<f32>,
    attn_q: Linear,
    attn_k: Linear,
    attn_v: Linear,
    attn_output: Linear,
    ffn_norm: Vec<f32>,
    ffn_gate: Linear,
    ffn_up: Linear,
    ffn_down: Linear,
    cache: KeyValues,
}

impl Block {
    fn new(config: &Config, index: usize, weights: &mut Weights) -> Result<Self> {
        let Config { hidden, feed_forward, .. } = *config;
        let (q_width, kv_width) = (config.heads * config.head_width, config.kv_heads * config.head_width);
        let name = |part: &str| format!("blk.{index}.{part}");
        Ok(Self {
            attn_norm: weights.vector(&name("attn_norm.weight"), hidden)?,
            attn_q: weights.linear(&name("attn_q"), hidden, q_width)?,
            attn_k: weights.linear(&name("attn_k"), hidden, kv_width)?,
            attn_v: weights.linear(&name("attn_v"), hidden, kv_width)?,
            attn_output: weights.linear(&name("attn_output"), q_width, hidden)?,
            ffn_norm: weights.vector(&name("ffn_norm.weight"), hidden)?,
            ffn_gate: weights.linear(&name("ffn_gate"), hidden, feed_forward)?,
            ffn_up: weights.linear(&name("ffn_up"), hidden, feed_forward)?,
            ffn_down: weights.linear(&name("ffn_down"), feed_forward, hidden)?,
            cache: KeyValues::new(config.kv_heads, config.head_width),
        })
    }

    /// Changes `xs`, `[tokens, hidden]`, the tokens after the first `start`.
    fn forward(
        &mut self,
        config: &Config,
        xs: &mut [f32],
        room: &mut Room,
        rotary: &Rotary,
        start: usize,
    ) -> Result<()> {
        let Room { q, k, v, gate, up } = room;
        let Config { heads, kv_heads, head_width, norm_epsilon: epsilon, .. } = *config;
        let normed = rms_norm(xs, &self.attn_norm, epsilon)?;
        Linear::forward_shared([&self.attn_q, &self.attn_k, &self.attn_v], &normed, [q, k, v])?;
        rotary.rotate(q, heads * head_width, start)?;
        rotary.rotate(k, kv_heads * head_width, start)?;
        let mixed = self.cache.attend(q, k, v, heads, start)?;
        self.attn_output.add_to(xs, &mixed)?;

        let normed = rms_norm(xs, &self.ffn_norm, epsilon)?;
        Linear::forward_shared([&self.ffn_gate, &self.ffn_up], &normed, [gate, up])?;
        decoder::gate(Activation::Silu, gate, up)?;
        self.ffn_down.add_to(xs, gate)
    }
}

/// A decoder with its weights and the keys and values of the tokens that it has seen.
pub struct Llama {
    config: Config,
    token_embd: Matrix,
    blocks: Vec<Block>,
    output_norm: Vec<f32>,
    /// None where the token embeddings serve as output, too.
    output: Option<Matrix>,
    rotary: Rotary,
    room: Room,
    seen: usize,
}

impl Llama {
    /// Builds the decoder from the tensors of `source`.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape, or `source` fails.
    pub fn new(config: Config, source: &mut Source) -> Result<Self> {
        let mut weights = Weights { source };
        let token_embd = Matrix::new(weights.get("token_embd.weight")?)?;
        let (vocabulary, width) = (token_embd.outputs(), token_embd.inputs());
        if width != config.hidden {
            candle_core::bail!("token_embd.weight is {width} wide, the metadata say {}", config.hidden);
        }
        let blocks = (0..config.blocks).map(|i| Block::new(&config, i, &mut weights)).collect::<Result<_>>()?;
        let output_norm = weights.vector("output_norm.weight", config.hidden)?;
        let output = match weights.optional("output.weight")? {
            Some(output) if output.shape() == [vocabulary, width] => Some(Matrix::new(output)?),
            Some(output) => candle_core::bail!("output.weight is {:?}", output.shape()),
            None => None,
        };
        let factors = weights.optional("rope_freqs.weight")?.map(|factors| factors.to_f32());
        let factor = |i: usize| factors.as_ref().and_then(|f| f.get(i)).copied().unwrap_or(1.0);
        let step = |i: usize| config.rope_base.powf(-2.0 * i as f32 / config.head_width as f32) / factor(i);
        let pairs = match config.rope {
            Rope::Interleaved => Pairs::Neighbours,
            Rope::Halves => Pairs::Halves,
        };
        let rotary = Rotary::new(pairs, (0..config.head_width / 2).map(step).collect());
        Ok(Self { config, token_embd, blocks, output_norm, output, rotary, room: Room::default(), seen: 0 })
    }

    /// What it was built from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Number of tokens that it can score.
    pub fn vocabulary(&self) -> usize {
        self.token_embd.outputs()
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

    /// The keys and values of the tokens seen, as they are kept: block by block, keys before values, each
    /// `[tokens, kv_heads * head_width]`.
    pub fn state(&self) -> Vec<f16> {
        let mut state = Vec::with_capacity(self.seen * self.state_shape());
        for block in &self.blocks {
            block.cache.read(self.seen, &mut state);
        }
        state
    }

    /// Forgets all tokens and goes on from the [`Llama::state`] after `tokens` others.
    ///
    /// # Errors
    /// When the state is not that of so many tokens, or there are more than fit.
    pub fn restore(&mut self, tokens: usize, state: &[f16]) -> Result<()> {
        if tokens > self.config.context_len || state.len() != tokens * self.state_shape() {
            candle_core::bail!("a state of {} numbers does not fit {tokens} tokens", state.len());
        }
        self.seen = 0;
        let of_block = state.len() / self.blocks.len().max(1);
        for (block, state) in self.blocks.iter_mut().zip(state.chunks_exact(of_block.max(1))) {
            let (keys, values) = state.split_at(of_block / 2);
            block.cache.write(keys, values)?;
        }
        self.seen = tokens;
        Ok(())
    }

    /// Reads `tokens` after those seen before and scores what may follow the last of them: `[vocabulary]`.
    ///
    /// # Errors
    /// When there are no tokens, more than fit, or unknown ones.
    pub fn forward(&mut self, tokens: &[u32]) -> Result<Tensor> {
        let start = self.seen;
        let end = start + tokens.len();
        if tokens.is_empty() || end > self.config.context_len {
            candle_core::bail!("{} more tokens after {start} of at most {}", tokens.len(), self.config.context_len);
        }
        // On a thread of the pool: it does its share itself and wakes others only for theirs.
        let scores = rayon::scope(|_| self.read(tokens))?;
        self.seen = end;
        let count = scores.len();
        Tensor::from_vec(scores, count, &Device::Cpu)
    }

    fn read(&mut self, tokens: &[u32]) -> Result<Vec<f32>> {
        let hidden = self.config.hidden;
        self.rotary.reserve(self.seen + tokens.len());
        let mut xs = vec![0.0; tokens.len() * hidden];
        for (token, xs) in tokens.iter().zip(xs.chunks_exact_mut(hidden)) {
            self.token_embd.row(*token as usize, xs)?;
        }
        for block in &mut self.blocks {
            block.forward(&self.config, &mut xs, &mut self.room, &self.rotary, self.seen)?;
        }
        let last = rms_norm(&xs[xs.len() - hidden..], &self.output_norm, self.config.norm_epsilon)?;
        let output = self.output.as_ref().unwrap_or(&self.token_embd);
        let mut scores = vec![0.0; output.outputs()];
        add_products(&Input::new(&last, hidden)?, [output], [&mut scores])?;
        Ok(scores)
    }
}
