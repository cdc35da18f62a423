//! Tiny ChatGLM3s with random weights in the layout of their published folder.

#![allow(dead_code, reason = "each test uses a part of it")]

use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Made by `scripts/chatglm_tokenizer.py`: 420 pieces.
pub const TOKENIZER: &[u8] = include_bytes!("../data/chatglm/tokenizer.model");

pub struct Published {
    pub hidden: usize,
    pub feed_forward: usize,
    pub heads: usize,
    pub groups: usize,
    pub width: usize,
    pub layers: usize,
    pub vocabulary: usize,
    pub context_len: usize,
    pub rope_ratio: f64,
    pub dtype: DType,
}

impl Default for Published {
    fn default() -> Self {
        Self {
            hidden: 64,
            feed_forward: 96,
            heads: 4,
            groups: 2,
            width: 16,
            layers: 2,
            // Some rows behind the last token, as in the published one.
            vocabulary: 448,
            context_len: 8192,
            rope_ratio: 1.0,
            dtype: DType::F16,
        }
    }
}

/// A tensor: its published name, that in GGUF files, and its shape.
type Named = (String, String, Vec<usize>);

impl Published {
    pub fn tensors(&self) -> Vec<Named> {
        let Self { hidden, feed_forward, heads, groups, width, vocabulary, .. } = *self;
        let name = |key: &str, gguf: &str, shape: &[usize]| (key.to_owned(), gguf.to_owned(), shape.to_vec());
        let mut all = vec![
            name("transformer.embedding.word_embeddings.weight", "token_embd.weight", &[vocabulary, hidden]),
            name("transformer.encoder.final_layernorm.weight", "output_norm.weight", &[hidden]),
            name("transformer.output_layer.weight", "output.weight", &[vocabulary, hidden]),
        ];
        let qkv = (heads + 2 * groups) * width;
        for layer in 0..self.layers {
            for (key, gguf, shape) in [
                ("input_layernorm.weight", "attn_norm.weight", &[hidden][..]),
                ("self_attention.query_key_value.weight", "attn_qkv.weight", &[qkv, hidden]),
                ("self_attention.query_key_value.bias", "attn_qkv.bias", &[qkv]),
                ("self_attention.dense.weight", "attn_output.weight", &[hidden, heads * width]),
                ("post_attention_layernorm.weight", "ffn_norm.weight", &[hidden]),
                ("mlp.dense_h_to_4h.weight", "ffn_up.weight", &[2 * feed_forward, hidden]),
                ("mlp.dense_4h_to_h.weight", "ffn_down.weight", &[hidden, feed_forward]),
            ] {
                let key = format!("transformer.encoder.layers.{layer}.{key}");
                all.push((key, format!("blk.{layer}.{gguf}"), shape.to_vec()));
            }
        }
        all
    }

    pub fn config(&self) -> Value {
        json!({
            "_name_or_path": "THUDM/chatglm3-6b",
            "model_type": "chatglm",
            "architectures": ["ChatGLMModel"],
            "add_bias_linear": false,
            "add_qkv_bias": true,
            "apply_query_key_layer_scaling": true,
            "apply_residual_connection_post_layernorm": false,
            "attention_softmax_in_fp32": true,
            "ffn_hidden_size": self.feed_forward,
            "hidden_size": self.hidden,
            "kv_channels": self.width,
            "layernorm_epsilon": 1e-6,
            "multi_query_attention": true,
            "multi_query_group_num": self.groups,
            "num_attention_heads": self.heads,
            "num_layers": self.layers,
            "original_rope": true,
            "padded_vocab_size": self.vocabulary,
            "post_layer_norm": true,
            "rmsnorm": true,
            "rope_ratio": self.rope_ratio,
            "seq_length": self.context_len,
            "tie_word_embeddings": false,
            "torch_dtype": "float16",
            "eos_token_id": 2,
        })
    }

    /// Writes a folder, with two files of weights. `numbers` gives those of a tensor by its name in GGUF files.
    pub fn write_with(&self, folder: &Path, mut numbers: impl FnMut(&str, usize) -> Vec<f32>) {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("config.json"), self.config().to_string()).unwrap();
        std::fs::write(folder.join("tokenizer.model"), TOKENIZER).unwrap();
        let mut shards: BTreeMap<String, HashMap<String, Tensor>> = BTreeMap::new();
        let mut weight_map = BTreeMap::new();
        let mut put = |shard: usize, key: String, tensor: Tensor| {
            let file = format!("model-{shard:05}-of-00002.safetensors");
            weight_map.insert(key.clone(), file.clone());
            shards.entry(file).or_default().insert(key, tensor);
        };
        // A table of angles, which the published files have, too.
        let angles = Tensor::ones(self.width / 4, self.dtype, &Device::Cpu).unwrap();
        put(1, "transformer.rotary_pos_emb.inv_freq".to_owned(), angles);
        let tensors = self.tensors();
        let half = tensors.len() / 2;
        for (i, (key, gguf, shape)) in tensors.into_iter().enumerate() {
            let values = numbers(&gguf, shape.iter().product());
            let tensor = Tensor::from_vec(values, shape, &Device::Cpu).unwrap().to_dtype(self.dtype).unwrap();
            put(1 + usize::from(i >= half), key, tensor);
        }
        for (file, tensors) in &shards {
            candle_core::safetensors::save(tensors, folder.join(file)).unwrap();
        }
        let index = json!({"metadata": {}, "weight_map": weight_map}).to_string();
        std::fs::write(folder.join("model.safetensors.index.json"), index).unwrap();
    }

    /// Writes a folder with random numbers.
    pub fn write(&self, folder: &Path) {
        let mut state = 1_u64;
        self.write_with(folder, |name, count| {
            let center = if name.contains("norm") { 1.0 } else { 0.0 };
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                center + ((state >> 33) as f32 / (1_u64 << 31) as f32 - 0.5) * 0.6
            };
            (0..count).map(|_| next()).collect()
        });
    }
}
