//! Noise of `torch.Generator("cpu")` and `torch.randn`.

use crate::fixture::{Fixture, Tensors, max_difference};
use candle_core::DType;
use reelboard::nets::noise::Generator;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Case {
    key: String,
    seed: u64,
    shape: Vec<usize>,
    dtype: String,
}

/// The largest difference of each type; the noise must also have the type that was asked for.
#[test]
fn parity_torch_noise() {
    let fixture = Fixture::open("torch_noise");
    let io = fixture.tensors("io.safetensors");
    let mut worst: BTreeMap<String, f64> = BTreeMap::new();
    for case in fixture.config::<Vec<Case>>("cases") {
        let dtype = match case.dtype.as_str() {
            "f32" => DType::F32,
            "f16" => DType::F16,
            "bf16" => DType::BF16,
            "f64" => DType::F64,
            other => panic!("{}: unknown type {other}", case.key),
        };
        let ours = Generator::new(case.seed).randn(case.shape, dtype).unwrap();
        assert_eq!(ours.dtype(), dtype);
        let difference = max_difference(&ours, io.get(&case.key));
        let so_far = worst.entry(case.dtype).or_default();
        *so_far = so_far.max(difference);
    }
    assert!(!worst.is_empty());
    for (dtype, difference) in worst {
        fixture.row(&dtype, difference, fixture.tolerance(&dtype));
    }
    fixture.row("draws in a row", draws_in_a_row(&io), fixture.tolerance("sequence"));
}

/// `sSEED_seq_a`, `_b`, `_c`, … are draws from one generator.
fn draws_in_a_row(io: &Tensors) -> f64 {
    let mut draws: BTreeMap<u64, BTreeMap<&str, &str>> = BTreeMap::new();
    for key in io.0.keys() {
        if let Some((seed, place)) = key.strip_prefix('s').and_then(|rest| rest.split_once("_seq_")) {
            draws.entry(seed.parse().unwrap()).or_default().insert(place, key);
        }
    }
    assert!(!draws.is_empty());
    let mut worst: f64 = 0.0;
    for (seed, keys) in draws {
        let mut generator = Generator::new(seed);
        for key in keys.values() {
            let theirs = io.get(key);
            let ours = generator.randn(theirs.shape(), theirs.dtype()).unwrap();
            worst = worst.max(max_difference(&ours, theirs));
        }
    }
    worst
}
