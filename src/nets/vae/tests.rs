//! What holds for any weights: bands, frames and errors.

use super::*;
use candle_core::{Device, Shape};
use candle_nn::var_builder::SimpleBackend;

/// Weights without a pattern, the same each time, that keep feature maps at about the same size.
struct Scattered;

impl SimpleBackend for Scattered {
    fn get(&self, shape: Shape, key: &str, _: candle_nn::Init, dtype: DType, device: &Device) -> Result<Tensor> {
        let fan_in: usize = shape.dims()[1..].iter().product();
        let (mean, spread) = match shape.rank() {
            1 if key.contains("norm") && key.ends_with("weight") => (1.0, 0.3),
            1 => (0.0, 0.1),
            _ => (0.0, (3.0 / fan_in as f32).sqrt()),
        };
        let seed = key.bytes().fold(7u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let values = scattered(shape.elem_count(), seed).into_iter().map(|value| mean + spread * value).collect();
        Tensor::from_vec::<_, f32>(values, shape, device)?.to_dtype(dtype)
    }

    fn get_unchecked(&self, key: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("{key} without a shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

/// Values between -1 and 1.
fn scattered(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed | 1;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(next).collect()
}

fn input(dims: [usize; 4]) -> Tensor {
    Tensor::from_vec(scattered(dims.iter().product(), 99), &dims, &Device::Cpu).unwrap()
}

fn model(config: &Config, dtype: DType) -> AutoencoderKl {
    AutoencoderKl::new(config, VarBuilder::from_backend(Box::new(Scattered), dtype, Device::Cpu)).unwrap()
}

fn small() -> Config {
    Config {
        block_out_channels: vec![16, 16, 32, 32],
        layers_per_block: 1,
        norm_num_groups: 8,
        ..Config::sd_vae_ft_mse()
    }
}

fn run(values: usize) -> Run<'static> {
    Run { tiling: Tiling::Values(values), ..Run::default() }
}

const WHOLE: Run<'static> = Run { tiling: Tiling::Off, check: &|| Ok(()) };

fn values(x: &Tensor) -> Vec<f32> {
    x.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Prints how far apart a picture in bands and a whole one are, and fails where a seam could be seen.
fn compare(what: &str, bands: &Tensor, whole: &Tensor) {
    assert_eq!(bands.dims(), whole.dims());
    let largest = |x: &Tensor| values(x).into_iter().fold(0f32, |most, x| most.max(x.abs()));
    let difference = (bands - whole).unwrap();
    let range = values(whole).into_iter().fold((f32::MAX, f32::MIN), |(low, high), x| (low.min(x), high.max(x)));
    let range = range.1 - range.0;
    let square = values(&difference).iter().map(|x| f64::from(x * x)).sum::<f64>() / difference.elem_count() as f64;
    let psnr = 20.0 * f64::from(range).log10() - 10.0 * square.log10();
    // Between any two neighbouring rows, wherever the seams are.
    let below = difference.narrow(2, 1, difference.dim(2).unwrap() - 1).unwrap();
    let above = difference.narrow(2, 0, difference.dim(2).unwrap() - 1).unwrap();
    let (step, most) = (largest(&(below - above).unwrap()) / range, largest(&difference) / range);
    println!(
        "| {what} | PSNR {psnr:.1} dB | largest step that bands add {step:.2e} of the range | difference {most:.2e} |"
    );
    // A step of one level of 256 is 4e-3 of the range.
    assert!(psnr > 90.0 && step < 1e-4 && most < 1e-4, "{what}");
}

#[test]
fn bands_leave_no_seams() {
    let model = model(&small(), DType::F32);
    let (latents, picture) = (input([1, 4, 18, 13]), input([1, 3, 93, 71]));
    let decoded = model.decode(&latents, WHOLE).unwrap();
    let encoded = model.encode(&picture, WHOLE).unwrap();
    for band in [1, 1000, 9000, 40_000] {
        compare(&format!("decode, bands of {band}"), &model.decode(&latents, run(band)).unwrap(), &decoded);
        let ours = model.encode(&picture, run(band)).unwrap();
        compare(&format!("encode, bands of {band}"), &ours.mean, &encoded.mean);
    }
}

#[test]
#[ignore = "minutes and gigabytes: cargo test --release --lib -- --ignored --nocapture bands_leave_no_seams_in_a_picture_of_1024"]
fn bands_leave_no_seams_in_a_picture_of_1024() {
    let model = model(&Config::sd_vae_ft_mse(), DType::F32);
    let latents = input([1, 4, 128, 128]);
    let [fine, usual] = [run(1 << 24), Run::default()].map(|run| model.decode(&latents, run).unwrap());
    let whole = model.decode(&latents, WHOLE).unwrap();
    compare("decode to 1024 × 1024, bands of 64 MiB", &fine, &whole);
    compare("decode to 1024 × 1024, bands of 256 MiB", &usual, &whole);
    let encoded = model.encode(&whole, WHOLE).unwrap().mean;
    let usual = model.encode(&whole, Run::default()).unwrap().mean;
    compare("encode from 1024 × 1024, bands of 256 MiB", &usual, &encoded);
}

#[test]
fn frame_by_frame_equals_the_batch_bit_for_bit() {
    let model = model(&small(), DType::F32);
    let latents = input([3, 4, 6, 10]);
    let batch = model.decode(&latents, WHOLE).unwrap();
    let mut frames = Vec::new();
    model
        .decode_frames(&latents, WHOLE, |index, frame| {
            assert_eq!(index, frames.len());
            frames.push(frame);
            Ok(())
        })
        .unwrap();
    assert_eq!(values(&Tensor::cat(&frames, 0).unwrap()), values(&batch));
    for (index, frame) in frames.iter().enumerate() {
        let alone = model.decode(&latents.narrow(0, index, 1).unwrap(), WHOLE).unwrap();
        assert_eq!(values(&alone), values(frame));
    }
    let pictures = input([2, 3, 48, 40]);
    let both = model.encode(&pictures, WHOLE).unwrap();
    let second = model.encode(&pictures.narrow(0, 1, 1).unwrap(), WHOLE).unwrap();
    assert_eq!(values(&second.mean), values(&both.mean.narrow(0, 1, 1).unwrap()));

    // All at once, as nothing outside of these tests decodes: a kernel may add up in another order there.
    let at_once = model.decoder.forward(model.post_quant_conv.forward(&latents).unwrap(), WHOLE).unwrap();
    compare("one by one against all at once", &batch, &at_once);
}

#[test]
fn half_precision_is_close_to_full() {
    let latents = input([1, 4, 8, 8]);
    let full = model(&small(), DType::F32).decode(&latents, WHOLE).unwrap();
    for (dtype, allowed) in [(DType::F16, 0.05), (DType::BF16, 0.4)] {
        let model = model(&small(), dtype);
        for run in [WHOLE, run(4000)] {
            let half = model.decode(&latents, run).unwrap();
            assert_eq!(half.dtype(), dtype);
            let apart = values(&half).iter().zip(values(&full)).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
            println!("| {dtype:?} against f32 | {apart:.1e} | {allowed:.0e} |");
            assert!(apart < allowed, "{dtype:?}: {apart}");
        }
    }
}

#[test]
fn work_ends_when_the_check_or_the_receiver_says_so() {
    let model = model(&small(), DType::F32);
    let asked = std::cell::Cell::new(0);
    let stop_at = |limit: u32| {
        let asked = &asked;
        move || {
            asked.set(asked.get() + 1);
            if asked.get() > limit { candle_core::bail!("stopped") } else { Ok(()) }
        }
    };
    let (latents, picture) = (input([2, 4, 8, 8]), input([2, 3, 64, 64]));
    let check = stop_at(10);
    let run = Run { check: &check, ..Run::default() };
    assert!(model.decode(&latents, run).unwrap_err().to_string().contains("stopped"));
    assert_eq!(asked.replace(0), 11);
    assert!(model.encode(&picture, run).unwrap_err().to_string().contains("stopped"));

    let mut received = 0;
    let result = model.decode_frames(&latents, Run::default(), |_, _| {
        received += 1;
        candle_core::bail!("the disk is full")
    });
    assert!(result.unwrap_err().to_string().contains("the disk is full"));
    assert_eq!(received, 1);
}

#[test]
fn what_cannot_be_coded_is_an_error() {
    let model = model(&small(), DType::F32);
    assert!(model.encode(&input([1, 3, 7, 64]), WHOLE).is_err());
    assert!(model.encode(&input([1, 4, 64, 64]), WHOLE).is_err());
    assert!(model.decode(&input([1, 8, 8, 8]), WHOLE).unwrap_err().to_string().contains("4 channels"));
}

#[test]
fn a_published_config_is_read_and_an_unknown_one_refused() {
    // The fields of sd-vae-ft-mse, which leaves out the scaling factor.
    let published = r#"{"_class_name": "AutoencoderKL", "_diffusers_version": "0.4.2", "act_fn": "silu",
        "block_out_channels": [128, 256, 512, 512], "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D",
        "DownEncoderBlock2D", "DownEncoderBlock2D"], "in_channels": 3, "latent_channels": 4, "layers_per_block": 2,
        "norm_num_groups": 32, "out_channels": 3, "sample_size": 256, "up_block_types": ["UpDecoderBlock2D",
        "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]}"#;
    assert_eq!(serde_json::from_str::<Config>(published).unwrap(), Config::sd_vae_ft_mse());
    for wrong in [
        Config { act_fn: "relu".into(), ..small() },
        Config { block_out_channels: vec![16, 16], ..small() },
        Config { block_out_channels: vec![], up_block_types: vec![], down_block_types: vec![], ..small() },
        Config { up_block_types: vec!["AttnUpDecoderBlock2D".into(); 4], ..small() },
        Config { norm_num_groups: 5, ..small() },
    ] {
        let vb = VarBuilder::from_backend(Box::new(Scattered), DType::F32, Device::Cpu);
        assert!(AutoencoderKl::new(&wrong, vb).is_err(), "{wrong:?}");
    }
}
