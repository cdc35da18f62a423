//! Cutting the subject out of a photo with the weights that are part of the program.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use reelboard::image::{
    Bounds, CutOut, Filter, Finding, cut_out_rgba, find_subject, mask_from_alpha, network_input, resize_u8,
};
use reelboard::progress::{Cancelled, Progress, Silent};
use std::sync::atomic::{AtomicU64, Ordering};

/// An orange ball before a dark wall.
fn ball() -> RgbImage {
    RgbImage::from_fn(400, 300, |x, y| {
        let (dx, dy) = (f64::from(x) - 240.0, f64::from(y) - 150.0);
        let distance = (dx * dx + dy * dy).sqrt();
        if distance < 80.0 { Rgb([240, (190.0 - distance) as u8, 50]) } else { Rgb([40, 60 + (y / 10) as u8, 80]) }
    })
}

#[test]
fn a_ball_before_a_wall_is_cut_out() {
    let cut_out = CutOut::load_builtin().unwrap();
    let found = cut_out.cut_out(&ball(), &Silent).unwrap();
    assert_eq!(found.notice(), None);
    let Finding::Subject { mask, bounds } = found else { panic!("the ball stands out") };
    assert_eq!(mask.dimensions(), (400, 300));
    let Bounds { x, y, width, height } = bounds;
    assert!(x.abs_diff(160) < 8 && y.abs_diff(70) < 8, "{bounds:?}");
    assert!(width.abs_diff(160) < 16 && height.abs_diff(160) < 16, "{bounds:?}");
    assert!(mask.get_pixel(240, 150).0[0] > 250 && mask.get_pixel(20, 20).0[0] < 5);
}

#[test]
fn a_photo_in_which_nothing_stands_out_is_used_whole() {
    let cut_out = CutOut::load_builtin().unwrap();
    let mut state = 1u32;
    let noise = RgbImage::from_fn(900, 600, |_, _| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        Rgb([state as u8, (state >> 8) as u8, (state >> 16) as u8])
    });
    for photo in [RgbImage::from_pixel(300, 200, Rgb([255; 3])), RgbImage::new(300, 200), noise] {
        let found = cut_out.cut_out(&photo, &Silent).unwrap();
        assert!(found == Finding::NothingStoodOut);
        assert_eq!(found.notice(), Some("nothing stood out in the photo; the whole picture is used"));
    }
}

#[test]
fn a_cancelled_cut_out_stops_at_the_next_step() {
    struct CancelAt(u64, AtomicU64);
    impl Progress for CancelAt {
        fn step(&self, done: u64, _total: u64) -> Result<(), Cancelled> {
            self.1.store(done, Ordering::Relaxed);
            if done >= self.0 { Err(Cancelled) } else { Ok(()) }
        }
    }
    let cut_out = CutOut::load_builtin().unwrap();
    let progress = CancelAt(1, AtomicU64::new(0));
    let error = cut_out.cut_out(&ball(), &progress).unwrap_err();
    assert_eq!(error.to_string(), "cancelled");
    assert_eq!(progress.1.into_inner(), 1);
}

#[test]
fn other_weights_are_refused_by_the_name_of_the_tensor() {
    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/u2netp.safetensors")).unwrap();
    let device = candle_core::Device::Cpu;
    let tensors = candle_core::safetensors::load_buffer(&bytes, &device).unwrap();
    let refused = |change: &dyn Fn(&mut std::collections::HashMap<String, candle_core::Tensor>)| {
        let mut tensors = tensors.clone();
        change(&mut tensors);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        candle_core::safetensors::save(&tensors, &path).unwrap();
        CutOut::from_safetensors(&std::fs::read(path).unwrap()).unwrap_err().to_string()
    };
    let missing = refused(&|tensors| drop(tensors.remove("stage3d.rebnconv4.conv_s1.bias")));
    assert!(missing.contains("lack the tensor \"stage3d.rebnconv4.conv_s1.bias\""), "{missing}");
    let unknown = refused(&|tensors| {
        let tensor = tensors["side1.bias"].clone();
        tensors.insert("side7.bias".into(), tensor);
    });
    assert!(unknown.contains("hold a tensor \"side7.bias\""), "{unknown}");
    let shape = refused(&|tensors| {
        let tensor = tensors["side1.weight"].clone();
        tensors.insert("side2.weight".into(), tensor.narrow(1, 0, 3).unwrap());
    });
    assert!(shape.contains("\"side2.weight\" has shape [1, 3, 3, 3] where [1, 64, 3, 3] is needed"), "{shape}");

    let error = CutOut::from_safetensors(&bytes[..1000]).unwrap_err().to_string();
    assert!(error.starts_with("cannot load the cut-out network: "), "{error}");
}

/// A mask with soft discs of these centres and radii.
fn discs(width: u32, height: u32, discs: &[(f32, f32, f32)]) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| {
        let value = |&(cx, cy, radius): &(f32, f32, f32)| {
            let distance = ((x as f32 - cx).powi(2) + (y as f32 - cy).powi(2)).sqrt();
            (128.0 + (radius - distance) * 40.0).clamp(0.0, 255.0) as u8
        };
        Luma([discs.iter().map(value).max().unwrap_or(0)])
    })
}

#[test]
fn a_cut_out_is_cropped_to_its_subject_without_stray_specks() {
    // A body, a hand that does not touch it, and a speck in the corner.
    let mask = discs(300, 200, &[(150.0, 100.0, 50.0), (230.0, 100.0, 20.0), (8.0, 8.0, 4.0)]);
    let bounds = find_subject(&mask).unwrap();
    assert!(bounds.x.abs_diff(100) <= 1 && bounds.y.abs_diff(50) <= 1, "{bounds:?}");
    assert!(bounds.width.abs_diff(151) <= 2 && bounds.height.abs_diff(101) <= 2, "{bounds:?}");
    assert_eq!(find_subject(&discs(300, 200, &[(8.0, 8.0, 4.0)])), None);
    assert_eq!(find_subject(&GrayImage::new(300, 200)), None);
    let all = Bounds { x: 0, y: 0, width: 30, height: 20 };
    assert_eq!(find_subject(&GrayImage::from_pixel(30, 20, Luma([255]))), Some(all));
}

#[test]
fn a_cut_out_keeps_no_rim_of_its_old_background() {
    let mask = discs(300, 200, &[(150.0, 100.0, 50.0)]);
    // A red disc before a green wall; the rim mixes both, as a camera does.
    let photo = RgbImage::from_fn(300, 200, |x, y| {
        let share = f32::from(mask.get_pixel(x, y).0[0]) / 255.0;
        Rgb([(200.0 * share) as u8, (220.0 * (1.0 - share)) as u8, 30])
    });
    let cut = cut_out_rgba(&photo, &mask);
    assert!(cut.width() < 115 && cut.height() < 115, "{:?}", cut.dimensions());
    assert_eq!(cut.get_pixel(cut.width() / 2, cut.height() / 2).0, [200, 0, 30, 255]);
    assert_eq!(cut.get_pixel(0, 0).0[3], 0);
    let soft = cut.pixels().filter(|pixel| (1..255).contains(&pixel.0[3])).count();
    assert!(soft > 100, "the edge is soft: {soft}");
    let greenest = cut.pixels().filter(|pixel| pixel.0[3] > 0).map(|pixel| pixel.0[1]).max().unwrap();
    assert!(greenest <= 60, "{greenest} of 220 green is left");
}

#[test]
fn an_empty_mask_gives_the_whole_photo() {
    let photo = ball();
    let cut = cut_out_rgba(&photo, &GrayImage::new(400, 300));
    assert_eq!(cut.dimensions(), (400, 300));
    assert!(cut.pixels().zip(photo.pixels()).all(|(cut, photo)| cut.0[..3] == photo.0 && cut.0[3] == 255));
}

#[test]
fn a_picture_that_is_cut_out_already_brings_its_own_mask() {
    let mut picture = RgbaImage::from_pixel(100, 80, Rgba([1, 2, 3, 255]));
    assert_eq!(mask_from_alpha(&picture), None);
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        pixel.0[3] = if (30..70).contains(&x) && (20..60).contains(&y) { 255 } else { 0 };
    }
    let mask = mask_from_alpha(&picture).unwrap();
    assert_eq!(find_subject(&mask), Some(Bounds { x: 30, y: 20, width: 40, height: 40 }));
    assert_eq!(mask_from_alpha(&RgbaImage::new(100, 80)), None);
}

#[test]
fn resizing_equals_pillow() {
    use sha2::{Digest, Sha256};
    // Hashes of what Pillow 13.0.0 makes of the same pixels.
    for (filter, from, to, expected) in [
        (Filter::Bilinear, (40, 30), (17, 11), "07d083b4b3cc525b4cde2ac785394a7d6e77c4de7d291baf88438000f23de77b"),
        (Filter::Bicubic, (40, 30), (17, 11), "afec02bedf532ddd19b0b0b05b08d7e8a2e18c3846c965ed084dd214159d7e38"),
        (Filter::Bilinear, (9, 7), (31, 25), "ab784a802d87796b1370312bbd52846da88ac513757495c8878a3247bce0f996"),
        (Filter::Bicubic, (9, 7), (31, 25), "4fafda41b5df8dd93e0929770e0f82debd0db6294dec26fa02c95d28cdf0f859"),
        (Filter::Bilinear, (40, 30), (40, 11), "79ca410f4cb45d6f9636a9464a03fd3c299c7933f75e8d9803ad0b4822f4a98e"),
        (Filter::Bicubic, (40, 30), (40, 11), "aff33361d8683269cd9b3abb9d40f7dce343e75bc25bbb38bb20d12c371d5b4d"),
        (Filter::Bilinear, (23, 50), (64, 50), "01abc86f5563c9247834c958571eaf20adb1f701411f55f64a0dc3f5a24b3612"),
        (Filter::Bicubic, (23, 50), (64, 50), "fd6ca7bac6eb096ac12136525a22f23935208a94148096badac84c67f955ec18"),
        (Filter::Bilinear, (300, 5), (3, 9), "0807bd5d1b9128c6e523bcda1d82ec599e302da08f0c6a068e2c3480184f4686"),
        (Filter::Bicubic, (300, 5), (3, 9), "ee58b1cfc8302a9cebbc36ed504495da66685ebb1bcdebb848b511e83fad4713"),
    ] {
        let (width, height) = (from.0, from.1);
        let pixel = |i: usize| {
            let (x, y, channel) = (i / 3 % width, i / 3 / width, i % 3);
            ((x * x * 31 + y * 17 * x + channel * 53 + 7 * y * y) % 256) as u8
        };
        let pixels: Vec<u8> = (0..width * height * 3).map(pixel).collect();
        let found: String = Sha256::digest(resize_u8::<3>(&pixels, from, to, filter))
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(found, expected, "{filter:?} {from:?} to {to:?}");
    }
}

#[test]
fn the_network_input_of_the_smallest_photo_is_finite() {
    for (width, height) in [(16, 16), (16, 1000)] {
        let input = network_input(&RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 0])));
        assert_eq!(input.len(), 3 * 320 * 320);
        assert!(input.iter().all(|value| value.is_finite()));
    }
}
