//! ChatGLM3 and GLM-4 as writers: from GGUF files, and from the published folder.

use super::published::{Published, TOKENIZER};
use super::*;
use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};

/// As llama.cpp's files of GLM-4 have it, without tools.
const GLM4: &str = "[gMASK]<sop>{% for item in messages %}{% if item['content'] %}<|{{ item['role'] }}|>\
                    {{ item['metadata'] }}\n{{ item['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %}\
                    <|assistant|>{% endif %}";

fn folder_of(published: &Published) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    published.write(folder.path());
    folder
}

#[test]
fn gguf_files_of_chatglm3_and_glm4_write_scripts() {
    // Files of ChatGLM3 have no template, or its own; in both ways the model is shown the same.
    let own = "{% for message in messages %}{% if loop.first %}[gMASK]sop<|{{ message['role'] }}|>\n \
               {{ message['content'] }}{% else %}<|{{ message['role'] }}|>\n {{ message['content'] }}{% endif %}\
               {% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
    let mut scripts = Vec::new();
    for (tokenizer, pre, template) in
        [("llama", "chatglm-spm", None), ("llama", "chatglm-spm", Some(own)), ("gpt2", "chatglm-bpe", Some(GLM4))]
    {
        let mut writer = loaded(&Tiny { family: "chatglm", tokenizer, pre, template, ..Tiny::default() });
        let written = write(&mut writer, &request("People talk about a sophisticated dog", Some(4), 5));
        assert_valid(&written, Some(4));
        scripts.push(written.script);
    }
    assert_eq!(scripts[0], scripts[1]);
    let unknown = Tiny { family: "chatglm", template: None, pre: "chatglm-bpe", ..Tiny::default() };
    let (_folder, path) = model(&unknown);
    assert!(matches!(Writer::load(&path, &Silent), Err(WriterError::Template { .. })));
}

#[test]
fn the_published_folder_of_chatglm3_writes_a_whole_script() {
    let folder = folder_of(&Published::default());
    let first = write(&mut load(folder.path()), &request("A dog and people in the sea", Some(5), 3));
    assert_valid(&first, Some(5));
    assert_eq!(write(&mut load(folder.path()), &request("A dog and people in the sea", Some(5), 3)), first);
    assert!(first.notes.is_empty(), "there is room for 8 bits: {:?}", first.notes);
    let cancel = CancelAt { step: 3, steps: AtomicU64::new(0) };
    assert!(matches!(Writer::load(folder.path(), &cancel), Err(WriterError::Cancelled(_))));
}

#[test]
fn other_ways_to_publish_the_same_weights_are_read() {
    let script = |published: &Published| {
        let folder = folder_of(published);
        write(&mut load(folder.path()), &request("A dog", Some(4), 1)).script
    };
    let wide = Published { dtype: DType::F32, ..Published::default() };
    let folder = folder_of(&wide);
    let expected = write(&mut load(folder.path()), &request("A dog", Some(4), 1)).script;
    assert_eq!(script(&wide), expected);

    // All in one file, without an index.
    let mut all = std::collections::HashMap::new();
    for shard in [1, 2] {
        let path = folder.path().join(format!("model-{shard:05}-of-00002.safetensors"));
        all.extend(candle_core::safetensors::load(&path, &Device::Cpu).unwrap());
        std::fs::remove_file(path).unwrap();
    }
    std::fs::remove_file(folder.path().join("model.safetensors.index.json")).unwrap();
    candle_core::safetensors::save(&all, folder.path().join("model.safetensors")).unwrap();
    assert_eq!(write(&mut load(folder.path()), &request("A dog", Some(4), 1)).script, expected);
}

/// What is said of a folder that `break_it` has changed.
#[track_caller]
fn said(break_it: impl FnOnce(&Path)) -> String {
    let folder = folder_of(&Published::default());
    break_it(folder.path());
    let error = Writer::load(folder.path(), &Silent).err().expect("it is broken").to_string();
    let place = folder.path().to_str().unwrap();
    assert!(error.contains(place) && !error.contains('\n'), "{error}");
    error.replace(place, "")
}

#[track_caller]
fn with_config(key: &str, value: Value) -> String {
    said(|folder| {
        let mut config = Published::default().config();
        config[key] = value;
        std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    })
}

#[test]
fn relatives_of_chatglm3_are_named() {
    for (key, value, expected) in [
        ("model_type", json!("glm"), "describes a \"glm\" model"),
        ("model_type", json!(null), "/config.json"),
        ("position_encoding_2d", json!(true), "the first ChatGLM"),
        ("_name_or_path", json!("THUDM/chatglm2-6b"), "ChatGLM2, which knows no roles"),
        ("padded_vocab_size", json!(151_552), "GLM-4, whose folder has another kind of tokenizer"),
        ("rmsnorm", json!(false), "rmsnorm is false, which is not supported"),
        ("post_layer_norm", json!(false), "post_layer_norm is false"),
        ("apply_residual_connection_post_layernorm", json!(true), "apply_residual_connection_post_layernorm is true"),
        ("add_bias_linear", json!(true), "add_bias_linear is true"),
        ("quantization_bit", json!(4), "quantization_bit is 4"),
        ("pre_seq_len", json!(128), "pre_seq_len is 128"),
        ("multi_query_group_num", json!(3), "4 heads do not share 3 groups"),
        ("kv_channels", json!(18), "kv_channels is 18"),
        ("num_layers", json!(0), "num_layers is 0"),
        ("rope_ratio", json!(-1.0), "rope_ratio is -1"),
        // What contradicts the weights.
        ("multi_query_attention", json!(false), "query_key_value.weight"),
        ("hidden_size", json!(128), "word_embeddings.weight"),
        ("add_qkv_bias", json!(false), "query_key_value.bias"),
        ("tie_word_embeddings", json!(true), "output_layer.weight"),
        ("num_layers", json!(1), "layers.1."),
        ("num_layers", json!(3), "layers.2."),
        ("padded_vocab_size", json!(425), "it has 429 tokens, the network 425"),
    ] {
        let error = with_config(key, value);
        assert!(error.contains(expected), "{key}: {error}");
    }
    let error = said(|folder| std::fs::write(folder.join("config.json"), "{\"model_type\": \"chat").unwrap());
    assert!(error.contains("config.json cannot be read"), "{error}");
}

#[test]
fn files_that_are_missing_or_damaged_are_named_with_what_to_do() {
    for (file, expected) in [
        ("config.json", "/config.json is not there; fetch the model again"),
        ("tokenizer.model", "tokenizer.model"),
        ("model.safetensors.index.json", "has no weights; one of these is needed: model.safetensors"),
        ("model-00002-of-00002.safetensors", "names model-00002-of-00002.safetensors, which is not there; fetch"),
    ] {
        let error = said(|folder| std::fs::remove_file(folder.join(file)).unwrap());
        assert!(error.contains(expected), "{file}: {error}");
    }
    let shard = "model-00001-of-00002.safetensors";
    let error = said(|folder| {
        let whole = std::fs::read(folder.join(shard)).unwrap();
        std::fs::write(folder.join(shard), &whole[..whole.len() / 2]).unwrap();
    });
    assert!(error.contains(&format!("{shard} is damaged")) && error.contains("fetch it again"), "{error}");
    let error = said(|folder| {
        let mut tensors = candle_core::safetensors::load(folder.join(shard), &Device::Cpu).unwrap();
        let key = "transformer.output_layer.weight".to_owned();
        tensors.insert(key, Tensor::full(f32::NAN, (448, 64), &Device::Cpu).unwrap());
        candle_core::safetensors::save(&tensors, folder.join(shard)).unwrap();
    });
    assert!(error.contains("output_layer.weight\" holds NaN"), "{error}");
}

#[test]
fn a_tokenizer_that_is_cut_off_anywhere_is_refused() {
    let folder = folder_of(&Published::default());
    let path = folder.path().join("tokenizer.model");
    for length in (0..TOKENIZER.len()).step_by(13) {
        std::fs::write(&path, &TOKENIZER[..length]).unwrap();
        let error = Writer::load(folder.path(), &Silent).err().expect("it is cut off").to_string();
        let expected =
            ["tokenizer.model: it is cut off; fetch it again", "tokenizer.model: it is no SentencePiece model"];
        assert!(expected.iter().any(|expected| error.contains(expected)), "{length} bytes: {error}");
        assert!(length < 20 || error.contains("cut off"), "{length} bytes: {error}");
    }
    for (bytes, expected) in [
        (&b"version https://git-lfs.github.com/spec/v1\noid sha256:"[..], "pointer of Git LFS"),
        (b"IQ== 0\nIg== 1\nIw== 2\n", "SentencePiece"),
        (b"<!doctype html>", "SentencePiece"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = Writer::load(folder.path(), &Silent).err().expect("it is none").to_string();
        assert!(error.contains(expected) && error.contains("fetch"), "{error}");
    }
}
