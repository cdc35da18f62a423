//! ChatGLM3 from its published folder: what transformers' weights of the same numbers score, and what a GGUF file does.

use super::writer_families::{self as families, difference};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use published::Published;
use reelboard::nets::llama::Llama;
use reelboard::nets::ops::quantized::{Format, Stored};
use reelboard::progress::Silent;
use reelboard::writer::{Bits, network_in};
use std::collections::HashMap;
use std::sync::Arc;

#[path = "../writer/published.rs"]
mod published;

/// Of the root of the mean square, with weights rounded to 8 bits.
const TOLERANCE: f32 = 5e-2;
/// The same with about 4 bits, from those of 8.
const FOUR_BITS: f32 = 0.2;

fn tiny(case: &families::Case) -> Published {
    Published {
        hidden: families::HIDDEN,
        feed_forward: families::FEED_FORWARD,
        heads: families::HEADS,
        groups: families::KV_HEADS,
        width: case.head_width,
        layers: case.blocks,
        vocabulary: families::VOCABULARY,
        context_len: 64,
        rope_ratio: case.metadata.get("rope.freq_base").map_or(1.0, |base| base.as_f64().unwrap() / 10_000.0),
        dtype: DType::F32,
    }
}

fn scores(net: &mut Llama, tokens: &[u32]) -> Vec<f32> {
    net.forward(tokens).unwrap().to_vec1().unwrap()
}

#[test]
fn the_published_folder_scores_as_transformers_does() {
    let fixture = families::fixture();
    let cases: Vec<_> = fixture.cases.iter().filter(|case| case.family == "chatglm").collect();
    assert_eq!(cases.len(), 2);
    for case in cases {
        let folder = tempfile::tempdir().unwrap();
        tiny(case).write_with(folder.path(), families::numbers);
        for (count, expected) in fixture.after.iter().zip(&case.scores) {
            let mut net = network_in(folder.path(), Bits::Eight, &Silent).unwrap();
            let away = difference(&scores(&mut net, &fixture.tokens[..*count]), expected);
            println!("{} folder, {count:3} tokens: {away:.1e} of {TOLERANCE:.0e}", case.name);
            assert!(away < TOLERANCE, "{}, {count} tokens: {away}", case.name);
        }
    }
}

#[test]
fn a_folder_is_the_network_of_a_gguf_file_in_the_same_formats() {
    let tiny =
        Published { hidden: 256, feed_forward: 352, heads: 8, width: 32, vocabulary: 80, ..Published::default() };
    let folder = tempfile::tempdir().unwrap();
    // Numbers as small as trained ones: otherwise a network magnifies what rounding does.
    tiny.write_with(folder.path(), |name, count| {
        let numbers = families::numbers(name, count);
        if name.contains("norm") { numbers } else { numbers.iter().map(|number| number / 6.0).collect() }
    });
    // What the folder says, in blocks made by somebody else.
    let stored: HashMap<String, Tensor> = [1, 2]
        .map(|shard| folder.path().join(format!("model-{shard:05}-of-00002.safetensors")))
        .iter()
        .flat_map(|path| candle_core::safetensors::load(path, &Device::Cpu).unwrap())
        .collect();
    let mut seen = Vec::new();
    for bits in [Bits::Eight, Bits::Four] {
        let mut net = network_in(folder.path(), bits, &Silent).unwrap();
        let mut tensors = HashMap::new();
        for (key, gguf, shape) in tiny.tensors() {
            let (dtype, format) = match (bits, shape.as_slice(), gguf.as_str()) {
                (_, [_], _) => (GgmlDType::F32, Format::F32),
                (Bits::Eight, ..) => (GgmlDType::Q8_0, Format::Q8_0),
                (_, _, "output.weight") => (GgmlDType::Q6K, Format::Q6_K),
                // Its rows are no whole blocks of 256.
                (_, _, name) if name.ends_with("ffn_down.weight") => (GgmlDType::Q5_0, Format::Q5_0),
                _ => (GgmlDType::Q4K, Format::Q4_K),
            };
            let blocks = QTensor::quantize(&stored[&key].to_dtype(DType::F32).unwrap(), dtype).unwrap();
            let bytes = blocks.data().unwrap().to_vec();
            tensors.insert(gguf, Stored::new(format, shape, Arc::new(bytes), 0).unwrap());
        }
        let config = net.config().clone();
        let mut expected = Llama::new(config, &mut |name| Ok(tensors.get(name).cloned())).unwrap();
        let tokens: Vec<u32> = (0..40).map(|i| i * 7 % 80).collect();
        let found = scores(&mut net, &tokens);
        assert_eq!(found, scores(&mut expected, &tokens), "{bits:?}");
        seen.push(found);
    }
    let away = difference(&seen[1], &seen[0]);
    println!("4 bits from 8: {away:.1e} of {FOUR_BITS:.0e}");
    assert!(away > 1e-3 && away < FOUR_BITS, "{away}");
}
