//! Checkpoints that are damaged, hostile or of another network: an error that names file and key, nothing run, no panic.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod gguf;
mod packed;
mod pickles;
mod torch_file;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use reelboard::models::weights::{
    Checkpoint, Layout, Library, ModelFolder, PartName, Precision, StoredType, WeightsError,
};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use torch_file::{Describe, Pickle, torch_zip};

fn tensor(shape: &[usize], start: f32) -> Tensor {
    let count = shape.iter().product::<usize>();
    let values = (0..count).map(|index| start + index as f32).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn save(path: &Path, tensors: &[(&str, Tensor)]) {
    let tensors: HashMap<&str, Tensor> = tensors.iter().cloned().collect();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    candle_core::safetensors::save(&tensors, path).unwrap();
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// The error's text, which is one line that names the file.
fn told<T>(result: Result<T, WeightsError>, path: &Path) -> String {
    let text = result.err().expect("an error").to_string();
    assert!(text.contains(path.to_str().unwrap()), "{text} does not name {}", path.display());
    assert!(!text.contains('\n'), "{text}");
    text
}

fn assert_has(text: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(text.contains(part), "{text:?} does not say {part:?}"));
}

/// The smallest network: one layer.
fn layer(vb: VarBuilder<'static>) -> candle_core::Result<(Tensor, Tensor)> {
    let layer = vb.pp("layer");
    Ok((layer.get((2, 3), "weight")?, layer.get(2, "bias")?))
}

fn load_layer(path: &Path) -> Result<(Tensor, Tensor), WeightsError> {
    Checkpoint::open(path)?.load(DType::F32, &Device::Cpu, layer)
}

fn good() -> Vec<(&'static str, Tensor)> {
    vec![("layer.weight", tensor(&[2, 3], 0.0)), ("layer.bias", tensor(&[2], 9.0))]
}

#[test]
fn a_network_that_takes_all_of_its_file_loads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("good.safetensors");
    save(&path, &good());
    let (weight, bias) = load_layer(&path).unwrap();
    assert_eq!(weight.to_vec2::<f32>().unwrap(), [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]);
    assert_eq!(bias.to_vec1::<f32>().unwrap(), [9.0, 10.0]);
}

#[test]
fn a_checkpoint_of_another_network_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.safetensors");

    save(&path, &[("encoder.weight", tensor(&[2, 3], 0.0))]);
    assert!(matches!(load_layer(&path), Err(WeightsError::MissingKey { key, .. }) if key == "layer.weight"));
    assert_has(&told(load_layer(&path), &path), &["layer.weight", "no tensor"]);

    save(&path, &[("layer.weight", tensor(&[2, 4], 0.0)), ("layer.bias", tensor(&[2], 0.0))]);
    assert!(matches!(load_layer(&path), Err(WeightsError::Shape { expected, .. }) if expected == [2, 3]));
    assert_has(&told(load_layer(&path), &path), &["layer.weight", "[2, 4]", "[2, 3]"]);

    let mut more = good();
    let names: Vec<String> = (0..30).map(|index| format!("extra.{index}.weight")).collect();
    more.extend(names.iter().map(|name| (name.as_str(), tensor(&[1], 0.0))).map(|(name, x)| (leak(name), x)));
    save(&path, &more);
    let text = told(load_layer(&path), &path);
    assert_has(&text, &["30 tensors", "extra.0.weight", "…"]);
    assert!(text.len() < 400, "{text}");
}

fn leak(name: &str) -> &'static str {
    name.to_owned().leak()
}

#[test]
fn a_networks_own_refusal_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("good.safetensors");
    save(&path, &good());
    let refuse = |_: VarBuilder<'static>| -> candle_core::Result<()> { candle_core::bail!("5 heads do not divide 7") };
    let result = Checkpoint::open(&path).unwrap().load(DType::F32, &Device::Cpu, refuse);
    assert_has(&told(result, &path), &["5 heads do not divide 7"]);
}

#[test]
fn numbers_that_are_not_finite_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nan.safetensors");
    for dtype in [DType::F32, DType::F16, DType::BF16, DType::F64] {
        for bad in [f32::NAN, f32::INFINITY] {
            let weight =
                Tensor::new(&[[0.0, 1.0, 2.0], [3.0, bad, 5.0]], &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            save(&path, &[("layer.weight", weight), ("layer.bias", tensor(&[2], 0.0))]);
            assert_has(&told(load_layer(&path), &path), &["layer.weight", "NaN"]);
        }
    }
    let weight = tensor(&[2, 3], 1e6);
    save(&path, &[("layer.weight", weight), ("layer.bias", tensor(&[2], 0.0))]);
    load_layer(&path).unwrap();
    let half = Checkpoint::open(&path).unwrap().load(DType::F16, &Device::Cpu, layer);
    assert_has(&told(half, &path), &["layer.weight", "too large for f16"]);
}

#[test]
fn whole_numbers_are_not_taken_for_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.safetensors");
    let weight = tensor(&[2, 3], 0.0).to_dtype(DType::I64).unwrap();
    save(&path, &[("layer.weight", weight), ("layer.bias", tensor(&[2], 0.0))]);
    assert_has(&told(load_layer(&path), &path), &["layer.weight", "i64", "f32"]);
}

#[test]
fn buffers_that_no_network_needs_may_be_left_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("buffers.safetensors");
    let mut tensors = good();
    let count = Tensor::new(&[7_i64], &Device::Cpu).unwrap();
    for name in [
        "text_model.embeddings.position_ids",
        "vision_model.embeddings.position_ids",
        "stage1.rebnconvin.bn_s1.num_batches_tracked",
    ] {
        tensors.push((name, count.clone()));
    }
    save(&path, &tensors);
    load_layer(&path).unwrap();
}

#[test]
fn one_half_of_a_file_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.safetensors");
    let mut tensors = good();
    tensors.extend([("text_model.a", tensor(&[1], 0.0)), ("text_model.b", tensor(&[1], 0.0))]);
    save(&path, &tensors);
    assert_has(&told(load_layer(&path), &path), &["2 tensors", "text_model.a"]);
    let checkpoint = Checkpoint::open(&path).unwrap().ignoring(&["text_model."]);
    checkpoint.load(DType::F32, &Device::Cpu, layer).unwrap();
    // A part of a part, and its keys in messages with all of their name.
    let part = checkpoint.part("text_model");
    assert!(part.contains("a") && !part.contains("text_model.a"));
    assert_has(&told(part.tensor("c", DType::F32, &Device::Cpu), &path), &["text_model.c"]);
}

#[test]
fn old_names_of_the_autoencoder_are_read_as_todays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vae.safetensors");
    let block = "encoder.mid_block.attentions.0";
    let mut tensors = Vec::new();
    for (index, name) in ["query", "key", "value", "proj_attn"].into_iter().enumerate() {
        // Once as a linear layer and once as a convolution.
        let shape: &[usize] = if index % 2 == 0 { &[2, 2] } else { &[2, 2, 1, 1] };
        tensors.push((leak(&format!("{block}.{name}.weight")), tensor(shape, index as f32)));
        tensors.push((leak(&format!("{block}.{name}.bias")), tensor(&[2], index as f32)));
    }
    save(&path, &tensors);
    let checkpoint = Checkpoint::open(&path).unwrap();
    let attention = |vb: VarBuilder<'static>| {
        let vb = vb.pp(block);
        ["to_q", "to_k", "to_v", "to_out.0"]
            .into_iter()
            .map(|name| {
                vb.pp(name).get(2, "bias")?;
                vb.pp(name).get((2, 2), "weight")
            })
            .collect::<candle_core::Result<Vec<_>>>()
    };
    let weights = checkpoint.load(DType::F32, &Device::Cpu, attention).unwrap();
    for (index, weight) in weights.iter().enumerate() {
        assert_eq!(weight.flatten_all().unwrap().to_vec1::<f32>().unwrap()[0], index as f32);
    }
}

#[test]
fn what_is_not_a_checkpoint_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let cases: [(&str, &[u8], &str); 7] = [
        ("empty.safetensors", b"", "empty"),
        ("empty.bin", b"", "empty"),
        ("cut.safetensors", b"\x40\0\0", "cut off"),
        ("lfs.bin", b"version https://git-lfs.example/spec/v1\noid sha256:00", "LFS"),
        ("page.bin", b"<!DOCTYPE html><html>Not found</html>", "web page"),
        ("text.pth", b"these are not the weights", "neither"),
        ("old.pth", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "before 1.6"),
    ];
    for (name, bytes, says) in cases {
        write(&at(name), bytes);
        assert_has(&told(Checkpoint::open(at(name)), &at(name)), &[says]);
    }
    assert_has(&told(Checkpoint::open(folder.path()), folder.path()), &["not a file"]);
    assert_has(&told(Checkpoint::open(at("none.bin")), &at("none.bin")), &["not there"]);
}

#[test]
fn a_truncated_file_of_safetensors_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.safetensors");
    save(&whole, &good());
    let bytes = std::fs::read(&whole).unwrap();
    let path = folder.path().join("cut.safetensors");
    for cut in 0..bytes.len() {
        write(&path, &bytes[..cut]);
        told(Checkpoint::open(&path), &path);
    }
}

#[test]
fn a_header_that_lies_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lie.safetensors");
    let headers = [
        // Beyond the end, before the start, overlapping, with a hole, too long for its shape, too large for any memory.
        r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,4096]}}"#,
        r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[-16,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#,
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#,
        r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}}"#,
        r#"{"a":{"dtype":"F16","shape":[4],"data_offsets":[0,16]}}"#,
        r#"{"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,16]}}"#,
        r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}"#,
        r#"{"a":{"dtype":"Q9","shape":[4],"data_offsets":[0,16]}}"#,
        r#"{"a":3}"#,
        "{",
    ];
    for header in headers {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend([0; 16]);
        write(&path, &bytes);
        told(Checkpoint::open(&path), &path);
    }
    for header_len in [0, 1, 90_000_000_u64, 1 << 40, u64::MAX] {
        let mut bytes = header_len.to_le_bytes().to_vec();
        bytes.extend(headers[5].as_bytes());
        write(&path, &bytes);
        told(Checkpoint::open(&path), &path);
    }
}

/// Weights in two files, and their index.
fn sharded(folder: &Path) -> PathBuf {
    save(&folder.join("model-00001-of-00002.safetensors"), &good()[..1]);
    save(&folder.join("model-00002-of-00002.safetensors"), &good()[1..]);
    let index = folder.join("model.safetensors.index.json");
    write(
        &index,
        r#"{"metadata": {"total_size": 32}, "weight_map": {
            "layer.weight": "model-00001-of-00002.safetensors", "layer.bias": "model-00002-of-00002.safetensors"}}"#,
    );
    index
}

#[test]
fn weights_in_several_files_are_one_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let index = sharded(folder.path());
    let (weight, bias) = load_layer(&index).unwrap();
    assert_eq!((weight.dims(), bias.dims()), ([2, 3].as_slice(), [2].as_slice()));
    let found = Checkpoint::open_folder(folder.path(), Library::Transformers, Precision::Half).unwrap();
    assert_eq!(found.path(), index);
    // An error in a tensor names the file in which it lies.
    let shard = folder.path().join("model-00002-of-00002.safetensors");
    save(&shard, &[("layer.bias", tensor(&[5], 0.0))]);
    assert_has(&told(load_layer(&index), &shard), &["layer.bias", "[5]"]);
    // A tensor that the index does not name is one too many.
    save(&shard, &[("layer.bias", tensor(&[2], 0.0)), ("layer.scale", tensor(&[2], 0.0))]);
    assert_has(&told(load_layer(&index), &index), &["1 tensors", "layer.scale"]);
    // One that lies in both files is taken from the one that the index names.
    save(&shard, &[("layer.bias", tensor(&[2], 0.0)), ("layer.weight", tensor(&[2, 3], 77.0))]);
    assert_eq!(load_layer(&index).unwrap().0.to_vec2::<f32>().unwrap()[0][0], 0.0);
}

#[test]
fn an_index_that_does_not_fit_its_files_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let index = sharded(folder.path());
    let shard = "model-00002-of-00002.safetensors";
    save(&folder.path().join(shard), &[("layer.other", tensor(&[2], 0.0))]);
    assert_has(&told(Checkpoint::open(&index), &index), &["layer.bias", shard]);

    std::fs::remove_file(folder.path().join(shard)).unwrap();
    assert_has(&told(Checkpoint::open(&index), &index), &[shard, "not there"]);

    for shard in ["../model-00001-of-00002.safetensors", "/etc/passwd", "a/b.safetensors", "..", "."] {
        write(&index, format!(r#"{{"weight_map": {{"layer.weight": "{shard}"}}}}"#));
        assert_has(&told(Checkpoint::open(&index), &index), &["not the name of a file"]);
    }
    for text in ["", "{", "[]", r#"{"weight_map": {}}"#, r#"{"weight_map": {"a": 3}}"#, "\u{0}"] {
        write(&index, text);
        told(Checkpoint::open(&index), &index);
    }
    write(&index, [0xff, 0xfe, 0x00]);
    told(Checkpoint::open(&index), &index);
}

#[test]
fn a_folder_gives_the_weights_that_are_preferred() {
    let folder = tempfile::tempdir().unwrap();
    let opened = |precision| {
        let checkpoint = Checkpoint::open_folder(folder.path(), Library::Diffusers, precision)?;
        Ok(checkpoint.path().file_name().unwrap().to_str().unwrap().to_owned())
    };
    let text = told::<String>(opened(Precision::Full), folder.path());
    assert_has(&text, &["diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"]);
    let pickle = torch_zip(&Pickle::default().state_dict(&[Describe::row("layer.bias", "0", 2)]), &[("0", &[0; 8])]);
    let mut last = Vec::new();
    // From the least preferred to the most.
    for name in ["diffusion_pytorch_model.bin", "diffusion_pytorch_model.safetensors"] {
        let half = name.replace("model.", "model.fp16.");
        for name in [half.as_str(), name] {
            let path = folder.path().join(name);
            if name.ends_with("bin") { write(&path, &pickle) } else { save(&path, &good()) }
        }
        assert_eq!(opened(Precision::Full).unwrap(), name);
        assert_eq!(opened(Precision::Half).unwrap(), half);
        last = vec![name.to_owned(), half];
    }
    // Where only the other kind is there, it serves.
    std::fs::remove_file(folder.path().join("diffusion_pytorch_model.fp16.safetensors")).unwrap();
    std::fs::remove_file(folder.path().join("diffusion_pytorch_model.fp16.bin")).unwrap();
    assert_eq!(opened(Precision::Half).unwrap(), last[0]);
    // A folder of the same name is not a file.
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir(other.path().join("model.safetensors")).unwrap();
    told(Checkpoint::open_folder(other.path(), Library::Transformers, Precision::Full), other.path());
}

#[test]
fn a_published_model_says_what_is_missing() {
    for layout in Layout::ALL {
        let folder = tempfile::tempdir().unwrap();
        let model = ModelFolder::new(layout, folder.path(), Precision::Half);
        let text = told(model.check(), folder.path());
        for part in layout.parts() {
            assert_has(&text, &[part.path]);
            assert_has(&told(model.checkpoint(part.name).map(|_| ()), folder.path()), &[part.path]);
        }
    }
}

#[test]
fn a_published_model_is_found_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let model = ModelFolder::new(Layout::RealisticVision, folder.path(), Precision::Half);
    save(&at("unet/diffusion_pytorch_model.fp16.safetensors"), &good());
    write(&at("unet/config.json"), r#"{"in_channels": 4}"#);
    sharded(&at("text_encoder"));
    write(&at("text_encoder/config.json"), "{}");
    write(&at("tokenizer/vocab.json"), "{}");
    write(&at("scheduler/scheduler_config.json"), r#"{"lambda_min_clipped": -Infinity, "steps_offset": 1}"#);
    assert_eq!(model.missing(), ["tokenizer/merges.txt"]);
    assert_has(&told(model.path(PartName::Tokenizer), folder.path()), &["tokenizer/merges.txt"]);
    write(&at("tokenizer/merges.txt"), "");
    model.check().unwrap();

    model.checkpoint(PartName::Unet).unwrap().load(DType::F32, &Device::Cpu, layer).unwrap();
    let config: serde_json::Value = model.config(PartName::Unet).unwrap();
    assert_eq!(config["in_channels"], 4);
    let scheduler: serde_json::Value = model.config(PartName::Scheduler).unwrap();
    assert_eq!(scheduler, serde_json::json!({"lambda_min_clipped": null, "steps_offset": 1}));
    assert_has(&told(model.checkpoint(PartName::Vae), folder.path()), &["vae"]);

    std::fs::remove_file(at("text_encoder/model-00002-of-00002.safetensors")).unwrap();
    assert_eq!(model.missing(), ["text_encoder/model-00002-of-00002.safetensors"]);
}

#[test]
fn only_the_tower_that_sees_is_taken_from_clip() {
    let folder = tempfile::tempdir().unwrap();
    let mut tensors = good();
    let rest = ["text_model.x", "text_projection.weight", "visual_projection.weight", "logit_scale"];
    tensors.extend(rest.map(|name| (name, tensor(&[1], 0.0))));
    save(&folder.path().join("model.safetensors"), &tensors);
    write(&folder.path().join("config.json"), "{}");
    let model = ModelFolder::new(Layout::ClipVitH, folder.path(), Precision::Full);
    model.checkpoint(PartName::ImageEncoder).unwrap().load(DType::F32, &Device::Cpu, layer).unwrap();
}

#[test]
fn what_a_checkpoint_holds_is_known_without_reading_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("good.safetensors");
    save(&path, &[("b", tensor(&[2, 3], f32::NAN)), ("a", tensor(&[4], 0.0).to_dtype(DType::F16).unwrap())]);
    let checkpoint = Checkpoint::open(&path).unwrap();
    let tensors: Vec<_> =
        checkpoint.tensors().map(|info| (info.key.clone(), info.shape.clone(), info.stored)).collect();
    let known = StoredType::Known;
    assert_eq!(
        tensors,
        [("a".to_owned(), vec![4], known(DType::F16)), ("b".to_owned(), vec![2, 3], known(DType::F32))]
    );
}

#[test]
fn flipped_bytes_of_safetensors_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flip.safetensors");
    save(&path, &good());
    let bytes = std::fs::read(&path).unwrap();
    let mut dice = Dice(1);
    for _ in 0..400 {
        let mut bytes = bytes.clone();
        for _ in 0..=dice.below(3) {
            let place = dice.below(bytes.len());
            bytes[place] ^= 1 << dice.below(8);
        }
        write(&path, &bytes);
        read_all(&path);
    }
}

/// Opens it and reads all that can be read; whatever comes of it, there is an answer.
fn read_all(path: &Path) {
    match Checkpoint::open(path) {
        Ok(checkpoint) => {
            for info in checkpoint.tensors() {
                let _ = checkpoint.tensor(&info.key, DType::F16, &Device::Cpu);
            }
        }
        Err(error) => assert!(error.to_string().contains(path.to_str().unwrap()), "{error}"),
    }
}

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}
