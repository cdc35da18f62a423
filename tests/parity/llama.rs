//! The language model against the same sums in plain Rust, and its cache of keys and values.

use candle_core::Result;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use reelboard::nets::llama::{Config, Llama, Rope};
use reelboard::nets::ops::quantized::{Format, Stored};
use std::collections::HashMap;
use std::sync::Arc;

const VOCABULARY: usize = 50;

/// Tensors by name.
type Weights = HashMap<String, Stored>;

fn config(rope: Rope) -> Config {
    Config {
        blocks: 2,
        hidden: 256,
        feed_forward: 512,
        heads: 6,
        kv_heads: 2,
        // No multiple of what a register holds.
        head_width: 20,
        rope_base: 10_000.0,
        rope,
        norm_epsilon: 1e-6,
        context_len: 256,
        ..Config::default()
    }
}

struct Random(u64);

impl Random {
    /// Uniform in -1..1.
    fn number(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f32 / (1_u64 << 30) as f32 - 1.0
    }

    fn numbers(&mut self, count: usize, center: f32, size: f32) -> Vec<f32> {
        (0..count).map(|_| center + size * self.number()).collect()
    }
}

fn stored(numbers: &[f32], shape: &[usize], dtype: GgmlDType, format: Format) -> Stored {
    let tensor = Tensor::from_slice(numbers, shape, &Device::Cpu).unwrap();
    let bytes = QTensor::quantize(&tensor, dtype).unwrap().data().unwrap().to_vec();
    Stored::new(format, shape.to_vec(), Arc::new(bytes), 0).unwrap()
}

/// Random weights; matrices have the formats given, in turn.
fn weights(config: &Config, formats: &[(GgmlDType, Format)]) -> Weights {
    let mut random = Random(1);
    let mut weights = Weights::new();
    let mut matrices = 0;
    let mut add = |name: String, rows: Option<usize>, columns: usize, center: f32| {
        let (shape, (dtype, format)) = match rows {
            Some(rows) => (vec![rows, columns], formats[matrices % formats.len()]),
            None => (vec![columns], (GgmlDType::F32, Format::F32)),
        };
        matrices += usize::from(rows.is_some());
        // Columns that make no whole blocks of 256, as in real files.
        let (dtype, format) = match columns.is_multiple_of(format.block_len()) {
            true => (dtype, format),
            false => (GgmlDType::F32, Format::F32),
        };
        let size = if center == 0.0 { 0.1 } else { 0.3 };
        let numbers = random.numbers(shape.iter().product(), center, size);
        weights.insert(name, stored(&numbers, &shape, dtype, format));
    };
    let Config { hidden, feed_forward, heads, kv_heads, head_width, .. } = *config;
    let (q, kv) = (heads * head_width, kv_heads * head_width);
    add("token_embd.weight".to_owned(), Some(VOCABULARY), hidden, 0.0);
    add("output_norm.weight".to_owned(), None, hidden, 1.0);
    add("output.weight".to_owned(), Some(VOCABULARY), hidden, 0.0);
    add("rope_freqs.weight".to_owned(), None, head_width / 2, 1.5);
    for block in 0..config.blocks {
        let name = |part: &str| format!("blk.{block}.{part}");
        add(name("attn_norm.weight"), None, hidden, 1.0);
        add(name("ffn_norm.weight"), None, hidden, 1.0);
        for (part, rows, columns) in [
            ("attn_q", q, hidden),
            ("attn_k", kv, hidden),
            ("attn_v", kv, hidden),
            ("attn_output", hidden, q),
            ("ffn_gate", feed_forward, hidden),
            ("ffn_up", feed_forward, hidden),
            ("ffn_down", hidden, feed_forward),
        ] {
            add(name(&format!("{part}.weight")), Some(rows), columns, 0.0);
        }
        for (part, len) in [("attn_q", q), ("attn_k", kv), ("attn_v", kv)] {
            add(name(&format!("{part}.bias")), None, len, 0.0);
        }
    }
    weights
}

fn network(config: &Config, weights: &Weights) -> Llama {
    Llama::new(config.clone(), &mut |name| Ok(weights.get(name).cloned())).unwrap()
}

/// The same in plain sums.
struct Plain<'a> {
    config: &'a Config,
    weights: &'a Weights,
}

impl Plain<'_> {
    fn numbers(&self, name: &str) -> Vec<f32> {
        self.weights[name].to_f32()
    }

    fn linear(&self, name: &str, x: &[f32]) -> Vec<f32> {
        let bias = self.weights.get(&format!("{name}.bias")).map(Stored::to_f32);
        let product = |row: &[f32]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
        let mut y: Vec<f32> = self.numbers(&format!("{name}.weight")).chunks(x.len()).map(product).collect();
        if let Some(bias) = bias {
            y.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
        }
        y
    }

    fn norm(&self, name: &str, x: &[f32]) -> Vec<f32> {
        let mean = x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32;
        let factor = (mean + self.config.norm_epsilon).sqrt().recip();
        x.iter().zip(self.numbers(name)).map(|(x, w)| x * factor * w).collect()
    }

    fn rotate(&self, x: &mut [f32], position: usize) {
        let width = self.config.head_width;
        let factors = self.numbers("rope_freqs.weight");
        for head in x.chunks_mut(width) {
            for (i, factor) in factors.iter().enumerate() {
                let step = self.config.rope_base.powf(-2.0 * i as f32 / width as f32) / factor;
                let (sin, cos) = (position as f32 * step).sin_cos();
                let (a, b) = match self.config.rope {
                    Rope::Interleaved => (2 * i, 2 * i + 1),
                    Rope::Halves => (i, i + width / 2),
                };
                (head[a], head[b]) = (head[a] * cos - head[b] * sin, head[a] * sin + head[b] * cos);
            }
        }
    }

    /// The scores of what follows `tokens`.
    fn scores(&self, tokens: &[u32]) -> Vec<f32> {
        let Config { hidden, heads, kv_heads, head_width, .. } = *self.config;
        let embeddings = self.numbers("token_embd.weight");
        let mut xs: Vec<Vec<f32>> =
            tokens.iter().map(|token| embeddings[*token as usize * hidden..][..hidden].to_vec()).collect();
        for block in 0..self.config.blocks {
            let name = |part: &str| format!("blk.{block}.{part}");
            let (mut keys, mut values) = (Vec::new(), Vec::new());
            for (position, x) in xs.iter_mut().enumerate() {
                let normed = self.norm(&name("attn_norm.weight"), x);
                let mut q = self.linear(&name("attn_q"), &normed);
                let mut k = self.linear(&name("attn_k"), &normed);
                self.rotate(&mut q, position);
                self.rotate(&mut k, position);
                keys.push(k);
                values.push(self.linear(&name("attn_v"), &normed));
                let mut mixed = vec![0.0; heads * head_width];
                for head in 0..heads {
                    let (from, of) = (head * head_width, head / (heads / kv_heads) * head_width);
                    let score = |key: &Vec<f32>| {
                        let sum: f32 = (0..head_width).map(|i| q[from + i] * key[of + i]).sum();
                        (sum / (head_width as f32).sqrt()).exp()
                    };
                    let shares: Vec<f32> = keys.iter().map(score).collect();
                    let total: f32 = shares.iter().sum();
                    for (share, value) in shares.iter().zip(&values) {
                        (0..head_width).for_each(|i| mixed[from + i] += share / total * value[of + i]);
                    }
                }
                add(x, &self.linear(&name("attn_output"), &mixed));
                let normed = self.norm(&name("ffn_norm.weight"), x);
                let up = self.linear(&name("ffn_up"), &normed);
                let gate = self.linear(&name("ffn_gate"), &normed);
                let gated: Vec<f32> = gate.iter().zip(up).map(|(gate, up)| gate / (1.0 + (-gate).exp()) * up).collect();
                add(x, &self.linear(&name("ffn_down"), &gated));
            }
        }
        self.linear("output", &self.norm("output_norm.weight", xs.last().unwrap()))
    }
}

fn add(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

fn tokens(count: u32) -> Vec<u32> {
    (0..count).map(|i| i * i * 7 % VOCABULARY as u32).collect()
}

/// The root of the mean square difference over that of the values.
fn difference(found: &[f32], expected: &[f32]) -> f32 {
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|x| x * x).sum::<f32>();
    let away = square(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    (away / square(&mut expected.iter().copied())).sqrt()
}

fn read(net: &mut Llama, tokens: &[u32]) -> Result<Vec<f32>> {
    net.forward(tokens)?.to_vec1()
}

const PLAIN: [(GgmlDType, Format); 1] = [(GgmlDType::F32, Format::F32)];

#[test]
fn the_language_model_equals_plain_sums() {
    for rope in [Rope::Interleaved, Rope::Halves] {
        let config = config(rope);
        let weights = weights(&config, &PLAIN);
        let plain = Plain { config: &config, weights: &weights };
        for count in [1, 2, 17, 70] {
            let found = read(&mut network(&config, &weights), &tokens(count)).unwrap();
            let away = difference(&found, &plain.scores(&tokens(count)));
            // Keys and values are kept in 16 bits.
            assert!(away < 2e-3, "{rope:?}, {count} tokens: {away}");
        }
    }
}

#[test]
fn rounded_inputs_change_scores_by_little() {
    let all = [
        (GgmlDType::Q4K, Format::Q4_K),
        (GgmlDType::Q6K, Format::Q6_K),
        (GgmlDType::Q5_0, Format::Q5_0),
        (GgmlDType::Q8_0, Format::Q8_0),
        (GgmlDType::Q5K, Format::Q5_K),
        (GgmlDType::F16, Format::F16),
    ];
    let config = config(Rope::Halves);
    let weights = weights(&config, &all);
    // The plain sums have the same weights, unpacked.
    let plain = Plain { config: &config, weights: &weights };
    for count in [1, 6, 40] {
        let found = read(&mut network(&config, &weights), &tokens(count)).unwrap();
        let away = difference(&found, &plain.scores(&tokens(count)));
        assert!(away < 0.03, "{count} tokens: {away}");
    }
}

#[test]
fn it_makes_no_difference_how_many_tokens_are_read_at_once() {
    let config = config(Rope::Halves);
    let weights = weights(&config, &PLAIN);
    let whole = read(&mut network(&config, &weights), &tokens(150)).unwrap();
    let mut net = network(&config, &weights);
    let mut scores = Vec::new();
    for tokens in [&tokens(150)[..1], &tokens(150)[1..4], &tokens(150)[4..130], &tokens(150)[130..150]] {
        scores = read(&mut net, tokens).unwrap();
    }
    assert!(difference(&scores, &whole) < 5e-4);

    // What comes after a cut is as if the rest had never been read.
    net.cut_back(70);
    read(&mut net, &[3; 60]).unwrap();
    net.cut_back(70);
    let again = read(&mut net, &tokens(150)[70..]).unwrap();
    assert!(difference(&again, &whole) < 5e-4);
    assert_eq!(net.seen(), 150);
}

#[test]
fn a_state_goes_on_where_it_was_taken() {
    let config = config(Rope::Interleaved);
    let weights = weights(&config, &PLAIN);
    let mut net = network(&config, &weights);
    read(&mut net, &tokens(100)).unwrap();
    let state = net.state();
    assert_eq!(state.len(), 100 * net.state_shape());
    let expected = read(&mut net, &[1, 2, 3]).unwrap();
    let mut other = network(&config, &weights);
    read(&mut other, &[9; 120]).unwrap();
    other.restore(100, &state).unwrap();
    assert_eq!(read(&mut other, &[1, 2, 3]).unwrap(), expected);
    assert!(other.restore(99, &state).is_err());
}

#[test]
fn tokens_that_do_not_fit_are_refused() {
    let config = config(Rope::Halves);
    let mut net = network(&config, &weights(&config, &PLAIN));
    assert!(net.forward(&[]).is_err());
    assert!(net.forward(&vec![1; config.context_len + 1]).is_err());
    assert!(net.forward(&[VOCABULARY as u32]).is_err());
    // A refusal is not remembered.
    assert_eq!(net.seen(), 0);
    assert!(net.forward(&[1]).is_ok());
}

#[test]
fn a_missing_or_misshapen_tensor_is_named() {
    let config = config(Rope::Halves);
    let mut weights = weights(&config, &PLAIN);
    let odd = weights["blk.1.attn_k.weight"].clone();
    for name in ["blk.1.ffn_up.weight", "output_norm.weight", "output.weight", "blk.0.attn_q.bias"] {
        let whole = weights.insert(name.to_owned(), odd.clone()).unwrap();
        let error = Llama::new(config.clone(), &mut |name| Ok(weights.get(name).cloned())).err().unwrap();
        assert!(error.to_string().contains(name.trim_end_matches(".weight")), "{error}");
        weights.insert(name.to_owned(), whole);
    }
    weights.remove("blk.1.ffn_down.weight");
    let error = Llama::new(config, &mut |name| Ok(weights.get(name).cloned())).err().unwrap();
    assert!(error.to_string().contains("blk.1.ffn_down.weight is missing"), "{error}");
}
