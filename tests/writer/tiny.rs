//! Tiny chat models with random weights, made on the spot: whatever they say, the writer has to cope.

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use std::fs::File;
use std::path::Path;

const HIDDEN: usize = 64;
const FEED_FORWARD: usize = 96;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD_WIDTH: usize = HIDDEN / HEADS;
const BLOCKS: usize = 2;

const TEMPLATE: &str = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + \
                        '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}\
                        {% endif %}";

/// Special tokens of ChatGLM3 and GLM-4.
const CHATGLM: [&str; 8] =
    ["[gMASK]", "sop", "eop", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"];

/// What to write, and what to get wrong.
pub struct Tiny {
    pub family: &'static str,
    pub template: Option<&'static str>,
    pub tokenizer: &'static str,
    /// The tokenizer's variety.
    pub pre: &'static str,
    pub context_len: u32,
    pub seed: u64,
    /// Quantise the layers too.
    pub quantised: bool,
}

impl Default for Tiny {
    fn default() -> Self {
        Self {
            family: "qwen2",
            template: Some(TEMPLATE),
            tokenizer: "gpt2",
            pre: "qwen2",
            context_len: 32_768,
            seed: 1,
            quantised: false,
        }
    }
}

/// GPT-2's letter for each byte.
fn byte_letters() -> Vec<String> {
    let mut next = 0x100;
    (0..=255_u8)
        .map(|byte| {
            let own = matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
            let code = if own { u32::from(byte) } else { next };
            next += u32::from(!own);
            char::from_u32(code).unwrap().to_string()
        })
        .collect()
}

/// A SentencePiece vocabulary: bytes, and letters of their own for what is common.
fn pieces() -> Vec<String> {
    let bytes = (0..=255_u8).map(|byte| format!("<0x{byte:02X}>"));
    let letters = (b'!'..=b'~').map(|byte| char::from(byte).to_string());
    ["<unk>", "<s>", "</s>"]
        .map(str::to_owned)
        .into_iter()
        .chain(bytes)
        .chain(letters)
        .chain(["▁".to_owned()])
        .collect()
}

struct Random(u64);

impl Random {
    fn tensor(&mut self, rows: usize, columns: usize, dtype: GgmlDType) -> QTensor {
        let numbers: Vec<f32> = (0..rows * columns).map(|_| self.next()).collect();
        let tensor = Tensor::from_vec(numbers, (rows, columns), &Device::Cpu).unwrap();
        QTensor::quantize(&tensor, dtype).unwrap()
    }

    fn vector(&mut self, len: usize, center: f32) -> QTensor {
        let numbers: Vec<f32> = (0..len).map(|_| center + 0.1 * self.next()).collect();
        QTensor::quantize(&Tensor::from_vec(numbers, len, &Device::Cpu).unwrap(), GgmlDType::F32).unwrap()
    }

    /// Uniform in -0.3..0.3.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as f32 / (1_u64 << 31) as f32 - 0.5) * 0.6
    }
}

impl Tiny {
    pub fn write(&self, path: &Path) {
        let text = |text: &str| Value::String(text.to_owned());
        let texts = |texts: &[String]| Value::Array(texts.iter().map(|t| Value::String(t.clone())).collect());
        let is_sentence_piece = self.tokenizer == "llama";
        let mut tokens = if is_sentence_piece { pieces() } else { byte_letters() };
        // Two merges, so that a forced text has more than one spelling.
        let merges = ["Ġ t".to_owned(), "Ġt h".to_owned()];
        let space = if is_sentence_piece { "▁" } else { "Ġ" };
        tokens.extend([format!("{space}t"), format!("{space}th")]);
        if self.family == "chatglm" {
            tokens.extend(CHATGLM.map(str::to_owned));
        }
        tokens.extend(["<|im_start|>".to_owned(), "<|im_end|>".to_owned()]);
        let kind = |token: &String| match token.as_str() {
            "<unk>" => 2,
            "<s>" | "</s>" => 3,
            token if token.starts_with("<|") || CHATGLM.contains(&token) => 3,
            token if token.starts_with("<0x") => 6,
            _ => 1,
        };
        let kinds: Vec<Value> = tokens.iter().map(|token| Value::I32(kind(token))).collect();
        let scores: Vec<Value> = (0..tokens.len()).map(|id| Value::F32(-(id as f32))).collect();
        let family = |key: &str| format!("{}.{key}", self.family);
        let mut metadata = vec![
            ("general.architecture".to_owned(), text(self.family)),
            (family("block_count"), Value::U32(BLOCKS as u32)),
            (family("embedding_length"), Value::U32(HIDDEN as u32)),
            (family("feed_forward_length"), Value::U32(FEED_FORWARD as u32)),
            (family("attention.head_count"), Value::U32(HEADS as u32)),
            (family("attention.head_count_kv"), Value::U32(KV_HEADS as u32)),
            (family("attention.layer_norm_rms_epsilon"), Value::F32(1e-6)),
            (family("context_length"), Value::U32(self.context_len)),
            ("tokenizer.ggml.model".to_owned(), text(self.tokenizer)),
            ("tokenizer.ggml.pre".to_owned(), text(self.pre)),
            ("tokenizer.ggml.tokens".to_owned(), texts(&tokens)),
            ("tokenizer.ggml.token_type".to_owned(), Value::Array(kinds)),
            match is_sentence_piece {
                true => ("tokenizer.ggml.scores".to_owned(), Value::Array(scores)),
                false => ("tokenizer.ggml.merges".to_owned(), texts(&merges)),
            },
            ("tokenizer.ggml.eos_token_id".to_owned(), Value::U32(tokens.len() as u32 - 1)),
        ];
        metadata.extend(self.template.map(|t| ("tokenizer.chat_template".to_owned(), text(t))));

        let dtype = if self.quantised { GgmlDType::Q8_0 } else { GgmlDType::F32 };
        let mut random = Random(self.seed);
        let mut tensors = vec![
            ("token_embd.weight".to_owned(), random.tensor(tokens.len(), HIDDEN, GgmlDType::Q8_0)),
            ("output_norm.weight".to_owned(), random.vector(HIDDEN, 1.0)),
        ];
        if !self.quantised {
            // Otherwise the embeddings serve as output, too.
            tensors.push(("output.weight".to_owned(), random.tensor(tokens.len(), HIDDEN, dtype)));
        }
        for block in 0..BLOCKS {
            let mut add = |name: &str, tensor: QTensor| tensors.push((format!("blk.{block}.{name}"), tensor));
            add("attn_norm.weight", random.vector(HIDDEN, 1.0));
            add("ffn_norm.weight", random.vector(HIDDEN, 1.0));
            let kv = KV_HEADS * HEAD_WIDTH;
            if ["qwen3", "gemma3"].contains(&self.family) {
                add("attn_q_norm.weight", random.vector(HEAD_WIDTH, 1.0));
                add("attn_k_norm.weight", random.vector(HEAD_WIDTH, 1.0));
            }
            if self.family == "gemma3" {
                add("post_attention_norm.weight", random.vector(HIDDEN, 1.0));
                add("post_ffw_norm.weight", random.vector(HIDDEN, 1.0));
            }
            let is_fused = ["phi3", "chatglm"].contains(&self.family);
            if self.family == "chatglm" {
                add("attn_qkv.bias", random.vector(HIDDEN + 2 * kv, 0.0));
            }
            if is_fused {
                add("attn_qkv.weight", random.tensor(HIDDEN + 2 * kv, HIDDEN, dtype));
                add("ffn_up.weight", random.tensor(2 * FEED_FORWARD, HIDDEN, dtype));
            }
            for (name, rows) in [("attn_q", HIDDEN), ("attn_k", kv), ("attn_v", kv)] {
                if is_fused {
                    continue;
                }
                add(&format!("{name}.weight"), random.tensor(rows, HIDDEN, dtype));
                if self.family == "qwen2" {
                    add(&format!("{name}.bias"), random.vector(rows, 0.0));
                }
            }
            add("attn_output.weight", random.tensor(HIDDEN, HIDDEN, dtype));
            if !is_fused {
                add("ffn_gate.weight", random.tensor(FEED_FORWARD, HIDDEN, dtype));
                add("ffn_up.weight", random.tensor(FEED_FORWARD, HIDDEN, dtype));
            }
            add("ffn_down.weight", random.tensor(HIDDEN, FEED_FORWARD, dtype));
        }
        let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        gguf_file::write(&mut File::create(path).unwrap(), &metadata, &tensors).unwrap();
    }
}
