//! The llama decoder and those made after it, as GGUF files hold them, with quantised weights: llama and mistral, qwen2,
//! qwen3, phi3, gemma, gemma2, gemma3 and chatglm. What tells them apart is in their [`Config`].
//!
//! It runs on the CPU with kernels of its own ([`super::ops::quantized`], [`super::ops::decoder`]): weights stay in the
//! file's format, wherever they lie, and the keys and values go to a cache that can be cut back to any earlier token.
//!
//! Papers: [LLaMA](https://arxiv.org/abs/2302.13971), [Mistral](https://arxiv.org/abs/2310.06825),
//! [Qwen2](https://arxiv.org/abs/2407.10671), [Qwen3](https://arxiv.org/abs/2505.09388),
//! [Phi-3](https://arxiv.org/abs/2404.14219), [Gemma 2](https://arxiv.org/abs/2408.00118),
//! [Gemma 3](https://arxiv.org/abs/2503.19786), [ChatGLM](https://arxiv.org/abs/2406.12793). Tensor names are those of the GGUF files (`blk.0.attn_q.weight`, …).

mod config;

pub use config::{Config, Rope, Window};

use super::ops::decoder::{self, KeyValues, Pairs, Rotary, rms_norm};
use super::ops::quantized::{Input, Matrix, Stored, add_products};
use candle_core::{Device, Result, Tensor};
use half::f16;

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
        let [layer] = self.linears(name, &weight, columns, [rows])?;
        Ok(layer)
    }

    /// Layers whose weights lie one below the other in one tensor.
    fn linears<const N: usize>(
        &mut self,
        name: &str,
        weight: &Stored,
        columns: usize,
        rows: [usize; N],
    ) -> Result<[Linear; N]> {
        let all: usize = rows.iter().sum();
        if weight.shape() != [all, columns] {
            candle_core::bail!("the tensor {name}.weight is {:?}, not [{all}, {columns}]", weight.shape());
        }
        let bias = match self.optional(&format!("{name}.bias"))? {
            Some(bias) if bias.shape() == [all] => Some(bias.to_f32()),
            Some(bias) => candle_core::bail!("the tensor {name}.bias is {:?}, not [{all}]", bias.shape()),
            None => None,
        };
        let mut layers = Vec::with_capacity(N);
        let mut first = 0;
        for rows in rows {
            let part = first..first + rows;
            let bias = bias.as_ref().map(|bias| bias[part.clone()].to_vec());
            layers.push(Linear { weight: Matrix::new(weight.rows(part.clone())?)?, bias });
            first = part.end;
        }
        Ok(layers.try_into().unwrap_or_else(|_| unreachable!("there is a layer for each number of rows")))
    }

    /// The weights of a norm that only some families have.
    fn norm_if(&mut self, wanted: bool, name: &str, len: usize) -> Result<Option<Vec<f32>>> {
        if wanted { self.vector(name, len).map(Some) } else { Ok(None) }
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

    /// Adds what the layer makes of `xs`, normed where there is a norm, to `ys`.
    fn add_normed(&self, ys: &mut [f32], xs: &[f32], norm: Option<&[f32]>, epsilon: f32) -> Result<()> {
        let Some(norm) = norm else { return self.add_to(ys, xs) };
        let mut own = vec![0.0; ys.len()];
        self.add_to(&mut own, xs)?;
        for (y, own) in ys.iter_mut().zip(rms_norm(&own, norm, epsilon)?) {
            *y += own;
        }
        Ok(())
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
    /// Of each head of queries and of keys.
    head_norms: Option<[Vec<f32>; 2]>,
    attn_output: Linear,
    post_attention_norm: Option<Vec<f32>>,
    ffn_norm: Vec<f32>,
    ffn_gate: Linear,
    ffn_up: Linear,
    ffn_down: Linear,
    post_ffw_norm: Option<Vec<f32>>,
    cache: KeyValues,
}

impl Block {
    fn new(config: &Config, index: usize, weights: &mut Weights) -> Result<Self> {
        let Config { hidden, feed_forward, head_width, .. } = *config;
        let (q_width, kv_width) = (config.heads * head_width, config.kv_heads * head_width);
        let name = |part: &str| format!("blk.{index}.{part}");
        let [attn_q, attn_k, attn_v] = match weights.optional(&name("attn_qkv.weight"))? {
            Some(all) => weights.linears(&name("attn_qkv"), &all, hidden, [q_width, kv_width, kv_width])?,
            None => [
                weights.linear(&name("attn_q"), hidden, q_width)?,
                weights.linear(&name("attn_k"), hidden, kv_width)?,
                weights.linear(&name("attn_v"), hidden, kv_width)?,
            ],
        };
        let up = weights.get(&name("ffn_up.weight"))?;
        let [ffn_gate, ffn_up] = match up.shape() == [2 * feed_forward, hidden] {
            true => weights.linears(&name("ffn_up"), &up, hidden, [feed_forward; 2])?,
            false => {
                let [up] = weights.linears(&name("ffn_up"), &up, hidden, [feed_forward])?;
                [weights.linear(&name("ffn_gate"), hidden, feed_forward)?, up]
            }
        };
        let head_norms = match config.head_norms {
            true => Some([
                weights.vector(&name("attn_q_norm.weight"), head_width)?,
                weights.vector(&name("attn_k_norm.weight"), head_width)?,
            ]),
            false => None,
        };
        Ok(Self {
            attn_norm: weights.vector(&name("attn_norm.weight"), hidden)?,
            attn_q,
            attn_k,
            attn_v,
            head_norms,
            attn_output: weights.linear(&name("attn_output"), q_width, hidden)?,
            post_attention_norm: weights.norm_if(config.post_norms, &name("post_attention_norm.weight"), hidden)?,
            ffn_norm: weights.vector(&name("ffn_norm.weight"), hidden)?,
            ffn_gate,
            ffn_up,
            ffn_down: weights.linear(&name("ffn_down"), feed_forward, hidden)?,
            post_ffw_norm: weights.norm_if(config.post_norms, &name("post_ffw_norm.weight"), hidden)?,
            cache: KeyValues::new(config.kv_heads, head_width, config.attention(index)),
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
        if let Some([q_norm, k_norm]) = &self.head_norms {
            *q = rms_norm(q, q_norm, epsilon)?;
            *k = rms_norm(k, k_norm, epsilon)?;
        }
        rotary.rotate(q, heads * head_width, start)?;
        rotary.rotate(k, kv_heads * head_width, start)?;
        let mixed = self.cache.attend(q, k, v, heads, start)?;
        self.attn_output.add_normed(xs, &mixed, self.post_attention_norm.as_deref(), epsilon)?;

        let normed = rms_norm(xs, &self.ffn_norm, epsilon)?;
        Linear::forward_shared([&self.ffn_gate, &self.ffn_up], &normed, [gate, up])?;
        decoder::gate(config.activation, gate, up)?;
        self.ffn_down.add_normed(xs, gate, self.post_ffw_norm.as_deref(), epsilon)
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
    /// That of the layers with a window, where it is another.
    local_rotary: Option<Rotary>,
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
        let factors = match config.short_context_len {
            Some(short) if config.context_len > short => "rope_factors_long.weight",
            Some(_) => "rope_factors_short.weight",
            None => "rope_freqs.weight",
        };
        let factors = weights.optional(factors)?.map(|factors| factors.to_f32());
        let rotary = rotary(&config, config.rope_base, config.rope_stretch, factors.as_deref())?;
        let local_rotary = config.local_rope_base.map(|base| self::rotary(&config, base, 1.0, None)).transpose()?;
        let room = Room::default();
        Ok(Self { config, token_embd, blocks, output_norm, output, rotary, local_rotary, room, seen: 0 })
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
        let rotaries = [Some(&mut self.rotary), self.local_rotary.as_mut()];
        rotaries.into_iter().flatten().for_each(|rotary| rotary.reserve(self.seen + tokens.len()));
        let mut xs = vec![0.0; tokens.len() * hidden];
        for (token, xs) in tokens.iter().zip(xs.chunks_exact_mut(hidden)) {
            self.token_embd.row(*token as usize, xs)?;
        }
        if self.config.embedding_scale != 1.0 {
            xs.iter_mut().for_each(|x| *x *= self.config.embedding_scale);
        }
        for (index, block) in self.blocks.iter_mut().enumerate() {
            let local = self.local_rotary.as_ref().filter(|_| self.config.is_local(index));
            block.forward(&self.config, &mut xs, &mut self.room, local.unwrap_or(&self.rotary), self.seen)?;
        }
        let last = rms_norm(&xs[xs.len() - hidden..], &self.output_norm, self.config.norm_epsilon)?;
        let output = self.output.as_ref().unwrap_or(&self.token_embd);
        let mut scores = vec![0.0; output.outputs()];
        add_products(&Input::new(&last, hidden)?, [output], [&mut scores])?;
        if let Some(cap) = self.config.output_cap {
            decoder::soften(&mut scores, cap);
        }
        Ok(scores)
    }
}

/// The angles of one base. `factors` divide those of single pairs.
fn rotary(config: &Config, base: f32, stretch: f32, factors: Option<&[f32]>) -> Result<Rotary> {
    let pairs = match config.rope {
        Rope::Interleaved => Pairs::Neighbours,
        Rope::Halves => Pairs::Halves,
    };
    let width = config.rotating();
    if let Some(factors) = factors.filter(|factors| factors.len() != width / 2) {
        candle_core::bail!("{} rotary factors for heads of which {width} numbers rotate", factors.len());
    }
    let factor = |i: usize| factors.map_or(1.0, |factors| factors[i]) * stretch;
    let step = |i: usize| base.powf(-2.0 * i as f32 / width as f32) / factor(i);
    Ok(Rotary::new(pairs, (0..width / 2).map(step).collect(), config.head_width, config.rope_magnitude))
}
