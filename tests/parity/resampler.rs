//! The Perceiver resampler.

use crate::fixture::{Fixture, max_difference};
use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use reelboard::nets::resampler::{Config, Resampler};

#[test]
pub fn parity_resampler() {
    let fixture = Fixture::open("resampler");
    let weights = fixture.tensors("weights.safetensors").weights();
    let io = fixture.tensors("io.safetensors");
    let config: Config = fixture.config("config");
    let network = Resampler::new(&config, weights).unwrap();
    fixture.compare("y", "model", &network.forward(&io.f32("x")).unwrap(), &io.f32("y"));
}

/// Three or two significant digits are what these types have.
fn resampler_in(dtype: DType, digits: f64) {
    let fixture = Fixture::open("resampler");
    let io = fixture.tensors("io.safetensors");
    let expected = io.f32("y");
    let tensors = fixture.tensors("weights.safetensors").0;
    let weights = VarBuilder::from_tensors(tensors, dtype, &Device::Cpu);
    let network = Resampler::new(&fixture.config("config"), weights).unwrap();
    let y = network.forward(&io.get("x").to_dtype(dtype).unwrap()).unwrap();
    let largest = max_difference(&expected, &expected.zeros_like().unwrap());
    fixture.row(&format!("y {dtype:?}"), max_difference(&y, &expected), largest * digits);
}

#[test]
pub fn parity_resampler_in_f16() {
    resampler_in(DType::F16, 0.01);
}

#[test]
fn parity_resampler_in_bf16() {
    resampler_in(DType::BF16, 0.08);
}

#[test]
fn parity_resampler_sizes_are_read_off_the_weights() {
    let fixture = Fixture::open("resampler");
    let weights = fixture.tensors("weights.safetensors").weights();
    let config: Config = fixture.config("config");
    assert_eq!(Config::from_weights(&weights, config.dim_head).unwrap(), config);
    let released: Config = fixture.config("released_config");
    assert_eq!(Config::videostudio_img(), released);
}

#[test]
fn a_resampler_with_weights_of_another_kind_is_an_error() {
    let fixture = Fixture::open("resampler");
    let config: Config = fixture.config("config");
    let mut tensors = fixture.tensors("weights.safetensors").0;
    let latents = tensors["latents"].squeeze(0).unwrap();
    tensors.insert("latents".to_owned(), latents);
    let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    let error = Config::from_weights(&weights, config.dim_head).unwrap_err().to_string();
    assert!(error.contains("latents is "), "{error}");
    let error = Config::from_weights(&weights.pp("image_proj"), config.dim_head).unwrap_err().to_string();
    assert!(error.contains("image_proj.latents"), "{error}");
    assert!(Resampler::new(&config, weights).is_err());
}
