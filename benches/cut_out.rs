//! Measures cutting a subject out of a photo: `cargo bench --profile dev --bench cut_out [-- PHOTO]`.
//!
//! Prints the median of each step and its share of the whole; it never fails on time.

use image::RgbImage;
use reelboard::image::{CutOut, cut_out_rgba, mask_at_photo_size, network_input, read_photo};
use reelboard::progress::Silent;
use std::time::Instant;

const ROUNDS: usize = 7;

/// The median time of a step in milliseconds.
fn median_ms<T>(mut step: impl FnMut() -> T) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(step());
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

/// A bright ball on a darkening ground.
fn drawn_photo(width: u32, height: u32) -> RgbImage {
    let radius = height as f32 / 3.0;
    RgbImage::from_fn(width, height, |x, y| {
        let (dx, dy) = (x as f32 - width as f32 / 2.0, y as f32 - height as f32 / 2.0);
        let distance = (dx * dx + dy * dy).sqrt();
        if distance < radius {
            image::Rgb([230, (200.0 - 120.0 * distance / radius) as u8, 60])
        } else {
            image::Rgb([40, (90 * y / height) as u8 + 60, (x % 23) as u8 + 70])
        }
    })
}

fn measure(name: &str, photo: &RgbImage) {
    let (width, height) = photo.dimensions();
    let load = median_ms(CutOut::load_builtin);
    let cut_out = CutOut::load_builtin().expect("the built-in weights load");
    let input = median_ms(|| network_input(photo));
    let output = vec![0.5; 320 * 320];
    let mask_ms = median_ms(|| mask_at_photo_size(&output, width, height));
    let whole = median_ms(|| cut_out.mask(photo, &Silent));
    let mask = cut_out.mask(photo, &Silent).expect("the network runs");
    let cut = median_ms(|| cut_out_rgba(photo, &mask));
    println!(
        "{name} {width}×{height}: load {load:.0} ms; mask {whole:.0} ms, of which input {input:.0} ms, mask at full size {mask_ms:.0} ms; cropped and feathered {cut:.0} ms"
    );
}

fn main() {
    match std::env::args().skip(1).find(|argument| !argument.starts_with('-')) {
        Some(path) => {
            let bytes = std::fs::read(&path).expect("the photo can be read");
            let start = Instant::now();
            let photo = read_photo(&path, &bytes).expect("a photo");
            println!("decoding {path}: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
            measure(&path, &photo.into_rgb8());
        }
        None => {
            for (width, height) in [(1280, 960), (4000, 3000)] {
                measure("drawn", &drawn_photo(width, height));
            }
        }
    }
}
