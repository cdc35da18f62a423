//! What holds for every UNet, whatever its weights: a small one with weights made from their keys.

use super::transformer::{Attention, KeyValue};
use super::*;
use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Any key in any shape: numbers around 0 (norm weights around 1) that depend on the key alone.
struct FromKeys;

impl SimpleBackend for FromKeys {
    fn get(&self, shape: Shape, key: &str, _: candle_nn::Init, dtype: DType, device: &Device) -> Result<Tensor> {
        let inputs = shape.dims().iter().skip(1).product::<usize>().max(1) as f32;
        let centre = if key.contains("norm") && key.ends_with("weight") { 1.0 } else { 0.0 };
        let tensor = noise(key, shape)?.affine(f64::from(1.5 / inputs.sqrt()), centre)?;
        tensor.to_dtype(dtype)?.to_device(device)
    }

    fn get_unchecked(&self, key: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("{key} was read without a shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

/// Numbers between -1 and 1.
fn noise(seed: &str, shape: impl Into<Shape>) -> Result<Tensor> {
    let shape = shape.into();
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    let mut state = hasher.finish() | 1;
    let mut number = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    Tensor::from_vec((0..shape.elem_count()).map(|_| number()).collect(), shape, &Device::Cpu)
}

fn weights(dtype: DType) -> VarBuilder<'static> {
    VarBuilder::from_backend(Box::new(FromKeys), dtype, Device::Cpu)
}

fn config() -> Config {
    let json = r#"{"block_out_channels": [16, 32, 32], "norm_num_groups": 8, "cross_attention_dim": 12,
        "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
        "layers_per_block": [1, 2, 1], "attention_head_dim": [2, 4, 4], "transformer_layers_per_block": [1, 2, 1]}"#;
    serde_json::from_str(json).unwrap()
}

fn unet() -> UNet2d {
    UNet2d::new(&config(), weights(DType::F32)).unwrap()
}

fn adapter() -> ContentAdapter {
    ContentAdapter::new(&config(), weights(DType::F32).pp("ip_adapter")).unwrap()
}

fn text() -> Tensor {
    noise("text", (2, 5, 12)).unwrap()
}

fn references(foreground_scale: f64, background_scale: f64) -> References {
    let tokens = |name: &str| noise(name, (2, 3, 12)).unwrap();
    References {
        foregrounds: vec![tokens("foreground")],
        background: Some(tokens("background")),
        foreground_scale,
        background_scale,
    }
}

fn values(x: &Tensor) -> Vec<f32> {
    x.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let worst = |worst: f32, (a, b): (f32, f32)| if worst >= (a - b).abs() { worst } else { (a - b).abs() };
    values(a).into_iter().zip(values(b)).fold(0.0, worst)
}

/// A prediction for latents of this size, from a context.
fn predict(unet: &UNet2d, size: (usize, usize, usize), context: &PreparedContext) -> Tensor {
    let latents = noise("latents", (size.0, 4, size.1, size.2)).unwrap();
    unet.forward(&latents, &Tensor::new(&[601i64], &Device::Cpu).unwrap(), context, None).unwrap()
}

fn with(references: &References) -> Tensor {
    let (unet, mut context) = (unet(), unet().prepare(&text()).unwrap());
    adapter().add(&mut context, references).unwrap();
    predict(&unet, (2, 8, 8), &context)
}

#[test]
fn references_of_scale_0_are_as_if_absent() {
    let plain = values(&predict(&unet(), (2, 8, 8), &unet().prepare(&text()).unwrap()));
    assert_eq!(values(&with(&references(0.0, 0.0))), plain);
    assert_eq!(values(&with(&References::default())), plain);
    let no_background = References { background: None, ..references(0.5, 0.33) };
    let no_foreground = References { foregrounds: Vec::new(), ..references(0.5, 0.33) };
    assert_eq!(values(&with(&references(0.5, 0.0))), values(&with(&no_background)));
    assert_eq!(values(&with(&references(0.0, 0.33))), values(&with(&no_foreground)));
    assert!(difference(&with(&no_background), &with(&no_foreground)) > 1e-3, "both references count");
}

#[test]
fn two_foregrounds_share_one_attention() {
    let tokens = noise("foreground", (2, 3, 12)).unwrap();
    let (first, rest) = (tokens.narrow(1, 0, 1).unwrap(), tokens.narrow(1, 1, 2).unwrap());
    let split = References { foregrounds: vec![first, rest], ..references(0.7, 0.2) };
    assert_eq!(values(&with(&split)), values(&with(&references(0.7, 0.2))));
}

#[test]
fn a_prepared_context_serves_every_step() {
    let unet = unet();
    let context = unet.prepare(&text()).unwrap();
    for time in [981f32, 1.0] {
        let time = Tensor::new(&[time], &Device::Cpu).unwrap();
        let latents = noise("latents", (2, 4, 8, 8)).unwrap();
        let kept = unet.forward(&latents, &time, &context, None).unwrap();
        let anew = unet.forward(&latents, &time, &unet.prepare(&text()).unwrap(), None).unwrap();
        assert_eq!(values(&kept), values(&anew));
    }
}

#[test]
fn pictures_of_one_context_lie_side_by_side() {
    let unet = unet();
    let (shared, context) = (unet.prepare(&text()).unwrap(), text());
    let repeated: Vec<Tensor> = [0, 0, 1, 1].iter().map(|&row| context.narrow(0, row, 1).unwrap()).collect();
    let repeated = unet.prepare(&Tensor::cat(&repeated, 0).unwrap()).unwrap();
    assert!(difference(&predict(&unet, (4, 8, 8), &shared), &predict(&unet, (4, 8, 8), &repeated)) < 1e-5);
}

#[test]
fn sides_need_not_divide() {
    let unet = unet();
    let context = unet.prepare(&text()).unwrap();
    for (height, width) in [(5, 7), (6, 9), (1, 1), (3, 16)] {
        let prediction = predict(&unet, (2, height, width), &context);
        assert_eq!(prediction.dims(), [2, 4, height, width]);
        assert!(values(&prediction).iter().all(|value| value.is_finite()));
    }
}

#[test]
fn half_precision_is_near_full_precision() {
    let full = predict(&unet(), (2, 8, 8), &unet().prepare(&text()).unwrap());
    for (dtype, allowed) in [(DType::F16, 0.02), (DType::BF16, 0.15)] {
        for upcast_attention in [None, Some(true)] {
            let config = Config { upcast_attention, ..config() };
            let unet = UNet2d::new(&config, weights(dtype)).unwrap();
            let half = predict(&unet, (2, 8, 8), &unet.prepare(&text()).unwrap());
            // The latents of a sampler stay in the type that it chose.
            assert_eq!(half.dtype(), DType::F32);
            let difference = difference(&half, &full);
            assert!(difference < allowed, "{dtype:?}, upcast {upcast_attention:?}: {difference}");
        }
    }
}

#[test]
fn an_adapter_of_another_type_serves_too() {
    let half = ContentAdapter::new(&config(), weights(DType::F16).pp("ip_adapter")).unwrap();
    let mut context = unet().prepare(&text()).unwrap();
    half.add(&mut context, &references(0.5, 0.33)).unwrap();
    assert!(difference(&predict(&unet(), (2, 8, 8), &context), &with(&references(0.5, 0.33))) < 0.01);
}

#[test]
fn what_does_not_fit_is_an_error_that_says_so() {
    let unet = unet();
    let error = unet.prepare(&noise("text", (2, 5, 16)).unwrap()).unwrap_err().to_string();
    assert!(error.contains("[2, 5, 16]") && error.contains("12"), "{error}");

    let mut context = unet.prepare(&text()).unwrap();
    let one_row = References { background: Some(noise("background", (1, 3, 12)).unwrap()), ..References::default() };
    let error = adapter().add(&mut context, &one_row).unwrap_err().to_string();
    assert!(error.contains("[1, 3, 12]"), "{error}");

    let other = Config { layers_per_block: config::PerBlock::All(1), ..config() };
    let other = UNet2d::new(&other, weights(DType::F32)).unwrap();
    let mut foreign = other.prepare(&text()).unwrap();
    assert!(adapter().add(&mut foreign, &references(0.5, 0.33)).is_err());
    let (latents, time) = (noise("latents", (2, 4, 8, 8)).unwrap(), Tensor::new(&[1i64], &Device::Cpu).unwrap());
    let forward = |latents: &Tensor, context: &PreparedContext, added: Option<&AddedConditions>| {
        unet.forward(latents, &time, context, added).unwrap_err().to_string()
    };
    assert!(forward(&latents, &foreign, None).contains("another UNet"));
    assert!(other.forward(&latents, &time, &context, None).unwrap_err().to_string().contains("another UNet"));
    assert!(forward(&noise("latents", (2, 9, 8, 8)).unwrap(), &context, None).contains("9 channels"));
    assert!(forward(&noise("latents", (3, 4, 8, 8)).unwrap(), &context, None).contains("batch of 3"));
    let added = AddedConditions { text_embeds: latents.clone(), time_ids: latents.clone() };
    assert!(forward(&latents, &context, Some(&added)).contains("addition_embed_type"));

    let unknown = Config { down_block_types: vec!["AttnDownBlock2D".to_owned(); 3], ..config() };
    let error = UNet2d::new(&unknown, weights(DType::F32)).unwrap_err().to_string();
    assert!(error.contains("down_block_types[0] = AttnDownBlock2D"), "{error}");
}

/// Tensors of any shape that take no memory, and how many numbers they would hold.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl SimpleBackend for Count {
    fn get(&self, shape: Shape, _: &str, _: candle_nn::Init, dtype: DType, device: &Device) -> Result<Tensor> {
        self.0.fetch_add(shape.elem_count(), Ordering::Relaxed);
        Tensor::zeros((), dtype, device)?.broadcast_as(shape)
    }

    fn get_unchecked(&self, key: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("{key} was read without a shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

#[test]
fn the_presets_have_the_published_sizes() {
    for (preset, parameters) in
        [(Config::sd15(), 859_520_964), (Config::sd21(), 865_910_724), (Config::sdxl(), 2_567_463_684)]
    {
        let count = Count::default();
        let vb = VarBuilder::from_backend(Box::new(count.clone()), DType::F16, Device::Cpu);
        UNet2d::new(&preset, vb).unwrap();
        assert_eq!(count.0.load(Ordering::Relaxed), parameters);
    }
}

#[test]
fn an_attention_to_nothing_is_an_error() {
    let attention = Attention::new(8, 8, 2, false, weights(DType::F32)).unwrap();
    let x = noise("x", (1, 4, 8)).unwrap();
    assert!(attention.forward(&x, &[], &x).is_err());
    assert!(attention.forward(&x, &[KeyValue { key: x.clone(), value: x.clone() }], &x).is_ok());
}

#[test]
fn the_vae_halves_with_padding_after_the_picture_alone() {
    let x = noise("x", (1, 2, 4, 6)).unwrap();
    let after = blocks::Downsample::new(2, 0, weights(DType::F32)).unwrap().forward(&x).unwrap();
    let around = blocks::Downsample::new(2, 1, weights(DType::F32)).unwrap().forward(&x).unwrap();
    assert_eq!((after.dims(), around.dims()), ([1, 2, 2, 3].as_slice(), [1, 2, 2, 3].as_slice()));
    // Shifted by one pixel, so that its own padding reaches nothing, the one gives what the other does.
    let shifted = x.pad_with_zeros(2, 1, 1).unwrap().pad_with_zeros(3, 1, 1).unwrap();
    let config = crate::nets::ops::ConvConfig { stride: 2, padding: 0, dilation: 1 };
    let conv = crate::nets::ops::Conv2d::new(2, 2, 3, config, weights(DType::F32).pp("conv")).unwrap();
    assert!(difference(&conv.forward(&shifted).unwrap(), &around) < 1e-6);
    assert!(difference(&around, &after) > 1e-3);
}
