//! The language models of all families that the writer reads against transformers: the same random weights, the same
//! scores. `scripts/writer_parity.py` made the fixture.

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use reelboard::nets::llama::{Config, Llama};
use reelboard::nets::ops::quantized::{Format, Stored};
use reelboard::progress::Silent;
use reelboard::writer::network;
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

const FIXTURE: &str = include_str!("../data/writer_families.json");
pub(super) const VOCABULARY: usize = 40;
pub(super) const HIDDEN: usize = 32;
pub(super) const FEED_FORWARD: usize = 48;
pub(super) const HEADS: usize = 4;
pub(super) const KV_HEADS: usize = 2;
/// Of the root of the mean square. Keys and values are kept in 16 bits here, in 32 there.
const TOLERANCE: f32 = 2e-3;
/// More tokens than the model was first trained with.
const STRETCHED: &str = "phi3 stretched";

#[derive(Deserialize)]
pub(super) struct Fixture {
    pub tokens: Vec<u32>,
    pub after: Vec<usize>,
    pub cases: Vec<Case>,
}

#[derive(Deserialize)]
pub(super) struct Case {
    pub name: String,
    pub family: String,
    pub head_width: usize,
    pub blocks: usize,
    tied: bool,
    pub metadata: HashMap<String, serde_json::Value>,
    tensors: HashMap<String, Vec<f32>>,
    pub scores: Vec<Vec<f32>>,
}

/// The numbers of a tensor, made of its name as the script makes them.
pub(super) fn numbers(name: &str, count: usize) -> Vec<f32> {
    let mut state = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let center = if name.contains("norm") { 1.0 } else { 0.0 };
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        center + 0.3 * ((state >> 33) as f32 / (1_u64 << 30) as f32 - 1.0)
    };
    std::iter::repeat_with(next).take(count).collect()
}

impl Case {
    /// Names and shapes of the tensors in the file.
    fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        let (q, kv) = (HEADS * self.head_width, KV_HEADS * self.head_width);
        let mut shapes = vec![
            ("token_embd.weight".to_owned(), vec![VOCABULARY, HIDDEN]),
            ("output_norm.weight".to_owned(), vec![HIDDEN]),
        ];
        if !self.tied {
            shapes.push(("output.weight".to_owned(), vec![VOCABULARY, HIDDEN]));
        }
        for block in 0..self.blocks {
            let mut add = |part: &str, shape: &[usize]| shapes.push((format!("blk.{block}.{part}"), shape.to_vec()));
            if ["phi3", "chatglm"].contains(&self.family.as_str()) {
                add("attn_qkv.weight", &[q + 2 * kv, HIDDEN]);
                if self.family == "chatglm" {
                    add("attn_qkv.bias", &[q + 2 * kv]);
                }
                add("ffn_up.weight", &[2 * FEED_FORWARD, HIDDEN]);
            } else {
                for (letter, rows) in [("q", q), ("k", kv), ("v", kv)] {
                    add(&format!("attn_{letter}.weight"), &[rows, HIDDEN]);
                    if self.family == "qwen2" {
                        add(&format!("attn_{letter}.bias"), &[rows]);
                    }
                }
                add("ffn_gate.weight", &[FEED_FORWARD, HIDDEN]);
                add("ffn_up.weight", &[FEED_FORWARD, HIDDEN]);
            }
            add("attn_output.weight", &[HIDDEN, q]);
            add("ffn_down.weight", &[HIDDEN, FEED_FORWARD]);
            add("attn_norm.weight", &[HIDDEN]);
            add("ffn_norm.weight", &[HIDDEN]);
            if ["gemma2", "gemma3"].contains(&self.family.as_str()) {
                add("post_attention_norm.weight", &[HIDDEN]);
                add("post_ffw_norm.weight", &[HIDDEN]);
            }
            if ["qwen3", "gemma3"].contains(&self.family.as_str()) {
                add("attn_q_norm.weight", &[self.head_width]);
                add("attn_k_norm.weight", &[self.head_width]);
            }
        }
        shapes
    }

    fn tensors(&self) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let made = self.shapes().into_iter().map(|(name, shape)| {
            let values = numbers(&name, shape.iter().product());
            (name, shape, values)
        });
        made.chain(self.tensors.iter().map(|(name, values)| (name.clone(), vec![values.len()], values.clone())))
            .collect()
    }

    /// Writes it as a file of its family.
    fn write(&self, path: &Path) {
        let key = |key: &str| format!("{}.{key}", self.family);
        let number = |number: usize| Value::U32(number as u32);
        let mut metadata = vec![
            ("general.architecture".to_owned(), Value::String(self.family.clone())),
            (key("block_count"), number(self.blocks)),
            (key("embedding_length"), number(HIDDEN)),
            (key("feed_forward_length"), number(FEED_FORWARD)),
            (key("attention.head_count"), number(HEADS)),
            (key("attention.head_count_kv"), number(KV_HEADS)),
            (key("attention.key_length"), number(self.head_width)),
            (key("attention.value_length"), number(self.head_width)),
            (key("attention.layer_norm_rms_epsilon"), Value::F32(1e-6)),
            (key("context_length"), number(64)),
        ];
        metadata.extend(self.metadata.iter().map(|(name, value)| {
            let value = match value {
                serde_json::Value::String(text) => Value::String(text.clone()),
                value if value.is_u64() => number(value.as_u64().unwrap() as usize),
                value => Value::F32(value.as_f64().unwrap() as f32),
            };
            (key(name), value)
        }));
        let tensors: Vec<(String, QTensor)> = self
            .tensors()
            .into_iter()
            .map(|(name, shape, values)| {
                let tensor = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
                (name, QTensor::quantize(&tensor, GgmlDType::F32).unwrap())
            })
            .collect();
        let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        gguf_file::write(&mut File::create(path).unwrap(), &metadata, &tensors).unwrap();
    }

    fn network(&self) -> Llama {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.gguf");
        self.write(&path);
        network(&path, &Silent).unwrap()
    }

    /// The network with something else in its configuration than the file says.
    fn network_with(&self, config: Config) -> Llama {
        let tensors: HashMap<String, Stored> = self
            .tensors()
            .into_iter()
            .map(|(name, shape, values)| {
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                (name, Stored::new(Format::F32, shape, Arc::new(bytes), 0).unwrap())
            })
            .collect();
        Llama::new(config, &mut |name| Ok(tensors.get(name).cloned())).unwrap()
    }
}

pub(super) fn fixture() -> Fixture {
    serde_json::from_str(FIXTURE).unwrap()
}

/// The root of the mean square difference over that of the values.
pub(super) fn difference(found: &[f32], expected: &[f32]) -> f32 {
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|x| x * x).sum::<f32>();
    let away = square(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    (away / square(&mut expected.iter().copied())).sqrt()
}

#[test]
fn every_family_scores_as_transformers_does() {
    let fixture = fixture();
    assert_eq!(fixture.cases.len(), 12);
    for case in fixture.cases.iter().filter(|case| case.name != STRETCHED) {
        for (count, expected) in fixture.after.iter().zip(&case.scores) {
            let tokens = &fixture.tokens[..*count];
            let whole: Vec<f32> = case.network().forward(tokens).unwrap().to_vec1().unwrap();
            let away = difference(&whole, expected);
            println!("{:12} {count:3} tokens: {away:.1e} of {TOLERANCE:.0e}", case.name);
            assert!(away < TOLERANCE, "{}, {count} tokens: {away}", case.name);

            // One after the other, as they are while a script is being said.
            let mut net = case.network();
            let mut last = Vec::new();
            for token in tokens {
                last = net.forward(&[*token]).unwrap().to_vec1().unwrap();
            }
            let away = difference(&last, expected);
            assert!(away < TOLERANCE, "{}, {count} tokens one by one: {away}", case.name);
        }
    }
}

#[test]
fn a_stretched_context_uses_the_long_factors() {
    let fixture = fixture();
    let case = fixture.cases.iter().find(|case| case.name == STRETCHED).unwrap();
    let short = case.network();
    assert_eq!(short.config().context_len, 16, "scripts are written within the context of the first training");
    let mut long = case.network_with(Config { context_len: 64, ..short.config().clone() });
    let found: Vec<f32> = long.forward(&fixture.tokens).unwrap().to_vec1().unwrap();
    let away = difference(&found, case.scores.last().unwrap());
    assert!(away < TOLERANCE, "{away}");
}

#[test]
fn windows_reach_across_blocks_of_the_cache() {
    // As long as several blocks of keys: what lies before the window changes nothing.
    let fixture = fixture();
    let case = fixture.cases.iter().find(|case| case.name == "mistral").unwrap();
    let mut config = case.network().config().clone();
    (config.blocks, config.context_len) = (1, 512);
    let scores = |first: u32| {
        let mut tokens = vec![first; 200];
        tokens.extend(&fixture.tokens);
        let mut net = case.network_with(config.clone());
        net.forward(&tokens).unwrap().to_vec1::<f32>().unwrap()
    };
    assert!(difference(&scores(3), &scores(9)) < 1e-5);
    config.window = None;
    let mut wide = case.network_with(config.clone());
    let tokens: Vec<u32> = [3; 200].into_iter().chain(fixture.tokens.iter().copied()).collect();
    let wide: Vec<f32> = wide.forward(&tokens).unwrap().to_vec1().unwrap();
    config.window = case.network().config().window.clone();
    let mut narrow = case.network_with(config);
    let narrow: Vec<f32> = narrow.forward(&tokens).unwrap().to_vec1().unwrap();
    assert!(difference(&wide, &narrow) > 1e-3);
}
