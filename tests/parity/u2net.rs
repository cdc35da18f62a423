//! Holds U²-Net and the steps around it to the official code: the same weights and photos give the same masks.
//!
//! The fixtures are in `tests/data/parity/u2net`, or in `u2net` of the folder that `REELBOARD_FIXTURES` names; another
//! set may have other widths, sizes, photos and tolerances. `cargo test parity -- --nocapture` prints the table.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use candle_core::{DType, Device, Tensor};
use image::{GrayImage, RgbImage};
use reelboard::image::{CutOut, hard_split, mask_at_input_size, mask_at_photo_size, network_input};
use reelboard::nets::u2net::{Config, U2Net};
use reelboard::progress::Silent;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

struct Fixture {
    folder: PathBuf,
    config: Value,
    weights: HashMap<String, Tensor>,
    io: HashMap<String, Tensor>,
}

impl Fixture {
    fn load() -> Self {
        let root = std::env::var_os("REELBOARD_FIXTURES")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/parity"), PathBuf::from);
        let folder = root.join("u2net");
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let tensors = |name| candle_core::safetensors::load_buffer(&read(name), &Device::Cpu).unwrap();
        Self {
            config: serde_json::from_slice(&read("config.json")).unwrap(),
            weights: tensors("weights.safetensors"),
            io: tensors("io.safetensors"),
            folder,
        }
    }

    fn tolerance(&self, kind: &str) -> f64 {
        let of_kind = self.config["tolerances"][kind].as_f64();
        of_kind.or(self.config["tolerance"].as_f64()).expect("config.json has a tolerance")
    }

    /// The photos, which are the names in front of `_input` in the io file.
    fn photos(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.io.keys().filter_map(|key| key.strip_suffix("_input")).map(str::to_owned).collect();
        names.sort();
        assert!(!names.is_empty(), "the fixture has photos");
        names
    }

    fn rgb(&self, name: &str) -> RgbImage {
        image::open(self.folder.join(format!("{name}.png"))).unwrap().into_rgb8()
    }

    fn f32s(&self, key: &str) -> Vec<f32> {
        self.io[key].flatten_all().unwrap().to_vec1().unwrap()
    }

    fn u8s(&self, key: &str) -> Vec<u8> {
        self.io[key].flatten_all().unwrap().to_vec1().unwrap()
    }

    fn network(&self) -> U2Net {
        U2Net::from_tensors(&self.weights, &Device::Cpu).unwrap()
    }
}

/// Prints a row of the table and fails when the difference is above the tolerance.
fn row(what: &str, difference: f64, tolerance: f64) {
    println!("| u2net {what} | {difference:.3e} | {tolerance:.0e} |");
    assert!(difference <= tolerance, "{what}: {difference:e} is above {tolerance:e}");
}

fn max_difference<T: Copy + Into<f64>>(ours: &[T], theirs: &[T]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(&a, &b)| (a.into() - b.into()).abs()).fold(0.0, f64::max)
}

#[test]
fn parity_of_the_network() {
    let fixture = Fixture::load();
    let network = fixture.network();
    let inputs = fixture.io.iter().filter_map(|(key, input)| {
        let photo = key.strip_suffix("_input").map(|name| (format!("{name}_out"), String::new(), input));
        photo.or(key.strip_prefix("x_").map(|name| ("out".to_owned(), format!("_{name}"), input)))
    });
    let inputs: BTreeMap<(String, String), &Tensor> = inputs.map(|(head, tail, x)| ((head, tail), x)).collect();
    let mut compared = 0;
    for ((head, tail), input) in inputs {
        for (index, output) in network.forward(input).unwrap().iter().enumerate() {
            let key = format!("{head}{index}{tail}");
            if let Some(expected) = fixture.io.get(&key) {
                assert_eq!(output.dims(), expected.dims(), "{key}");
                let ours: Vec<f32> = output.flatten_all().unwrap().to_vec1().unwrap();
                row(&key, max_difference(&ours, &fixture.f32s(&key)), fixture.tolerance("network"));
                compared += 1;
            }
        }
    }
    assert!(compared > 0, "the fixture has outputs");
}

#[test]
fn parity_of_the_network_input() {
    let fixture = Fixture::load();
    for name in fixture.photos() {
        let key = format!("{name}_input");
        let difference = max_difference(&network_input(&fixture.rgb(&name)), &fixture.f32s(&key));
        row(&key, difference, fixture.tolerance("input_transform"));
    }
}

#[test]
fn parity_of_the_masks() {
    let fixture = Fixture::load();
    let levels = fixture.tolerance("mask_u8_levels");
    let bytes = std::fs::read(fixture.folder.join("weights.safetensors")).unwrap();
    let cut_out = CutOut::from_safetensors(&bytes).unwrap();
    for name in fixture.photos() {
        let photo = fixture.rgb(&name);
        let output = fixture.f32s(&format!("{name}_out0"));
        let full_key = format!("{name}_mask_full_u8");
        let expected_full = fixture.u8s(&full_key);

        // Each step alone, from the official output, is exact.
        let small_key = format!("{name}_mask320_u8");
        row(&small_key, max_difference(&mask_at_input_size(&output), &fixture.u8s(&small_key)), 0.0);
        let full = mask_at_photo_size(&output, photo.width(), photo.height());
        row(&format!("{full_key} from the official output"), max_difference(full.as_raw(), &expected_full), 0.0);

        // From the photo to the mask.
        let mask = cut_out.mask(&photo, &Silent).unwrap();
        row(&full_key, max_difference(mask.as_raw(), &expected_full), levels);
    }
}

#[test]
fn parity_of_the_foreground_and_background() {
    let fixture = Fixture::load();
    for name in fixture.photos() {
        let photo = fixture.rgb(&name);
        let (width, height) = photo.dimensions();
        let mask = GrayImage::from_raw(width, height, fixture.u8s(&format!("{name}_mask_full_u8"))).unwrap();
        let (foreground, background) = hard_split(&photo, &mask);
        for (part, ours) in [("fg", foreground), ("bg", background)] {
            let theirs = fixture.rgb(&format!("{name}_{part}"));
            row(&format!("{name}_{part}.png"), max_difference(ours.as_raw(), theirs.as_raw()), 0.0);
        }
    }
}

#[test]
fn parity_of_the_key_names() {
    let fixture = Fixture::load();
    let shapes: BTreeMap<String, Vec<usize>> =
        serde_json::from_value(fixture.config["full_U2NET_keys"].clone()).unwrap();
    assert_eq!(Config::u2net().manifest(true), shapes);
    let parameters: usize = Config::u2net()
        .manifest(true)
        .iter()
        .filter(|(key, _)| !key.contains("running_") && !key.contains("num_batches"))
        .map(|(_, shape)| shape.iter().product::<usize>())
        .sum();
    assert_eq!(Some(parameters as u64), fixture.config["full_U2NET_params"].as_u64());
}

/// Weights of the full layout without a pattern, the same each time, in f16.
fn full_weights() -> HashMap<String, Tensor> {
    let mut state = 1u64;
    let mut tensor = |(key, shape): (String, Vec<usize>)| {
        let fan_in: usize = shape.iter().skip(1).product();
        let (mean, spread) = match key.rsplit('.').next() {
            Some("running_var") => (1.0, 0.5),
            Some("weight") if shape.len() == 1 => (1.0, 0.3),
            Some("weight") => (0.0, (3.0 / fan_in as f32).sqrt()),
            _ => (0.0, 0.1),
        };
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            mean + spread * ((state >> 40) as f32 / (1 << 23) as f32 - 1.0)
        };
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| next()).collect();
        (key, Tensor::from_vec(values, shape, &Device::Cpu).unwrap().to_dtype(DType::F16).unwrap())
    };
    Config::u2net().manifest(true).into_iter().map(&mut tensor).collect()
}

#[test]
fn the_full_network_runs_from_a_checkpoint_in_half_precision() {
    let half = full_weights();
    assert_eq!(Config::from_tensors(&half).unwrap(), Config::u2net());
    let single = half.iter().map(|(key, tensor)| (key.clone(), tensor.to_dtype(DType::F32).unwrap())).collect();

    let (height, width) = (50, 37);
    let pixels: Vec<f32> = (0..3 * height * width).map(|i| ((i * i + 7) as f32).sin()).collect();
    let picture = Tensor::from_vec(pixels, (1, 3, height, width), &Device::Cpu).unwrap();
    let masks = |weights| U2Net::from_tensors(weights, &Device::Cpu).unwrap().forward(&picture).unwrap();
    let (from_half, from_single) = (masks(&half), masks(&single));
    assert_eq!(from_half.len(), 7);
    for (half, single) in from_half.iter().zip(&from_single) {
        assert_eq!(half.dims(), [1, 1, height, width]);
        let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values(half), values(single));
        let (least, most) = values(half).into_iter().fold((1f32, 0f32), |(low, high), x| (low.min(x), high.max(x)));
        assert!(0.0 <= least && least < most && most <= 1.0, "{least}..{most}");
    }
}
