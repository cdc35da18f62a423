//! Holds the autoencoder to diffusers: the same weights, pictures and latents give the same latents and pictures.

use crate::fixture::{Fixture, Tensors, max_difference};
use crate::manifest::Manifest;
use candle_core::{DType, Tensor};
use reelboard::nets::vae::{AutoencoderKl, Config, Run, rgb8_rounded, rgb8_truncated};

fn model(fixture: &Fixture) -> AutoencoderKl {
    AutoencoderKl::new(&fixture.config::<Config>("vae"), fixture.tensors("vae.safetensors").weights()).unwrap()
}

/// A video `[1, channels, frames, height, width]` as a batch of its frames.
fn frames(video: &Tensor) -> Tensor {
    video.squeeze(0).unwrap().transpose(0, 1).unwrap().contiguous().unwrap()
}

/// From -1..1 to 0..1.
fn unit(picture: &Tensor) -> Tensor {
    ((picture * 0.5).unwrap() + 0.5).unwrap().clamp(0.0, 1.0).unwrap()
}

/// From 0..1 to -1..1.
fn signed(picture: &Tensor) -> Tensor {
    ((picture * 2.0).unwrap() - 1.0).unwrap()
}

/// The largest difference in levels, and the share of bytes that differ.
fn levels(ours: &[u8], theirs: &Tensor) -> (f64, f64) {
    let theirs: Vec<u8> = theirs.flatten_all().unwrap().to_vec1().unwrap();
    assert_eq!(ours.len(), theirs.len());
    let apart = ours.iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b));
    let differ = apart.clone().filter(|&levels| levels > 0).count();
    (apart.max().unwrap().into(), differ as f64 / ours.len() as f64)
}

#[test]
pub fn parity_vae_of_pictures() {
    let fixture = Fixture::open("sd_txt2img");
    let (io, model) = (fixture.tensors("io.safetensors"), model(&fixture));

    let encoded = model.encode(&io.f32("vae.image_in"), Run::default()).unwrap();
    fixture.compare("vae.mode", "vae", encoded.mode(), &io.f32("vae.mode"));
    let moments = io.f32("vae.moments");
    let channels = model.config().latent_channels;
    fixture.compare("vae mean", "vae", &encoded.mean, &moments.narrow(1, 0, channels).unwrap());
    let logvar = moments.narrow(1, channels, channels).unwrap().clamp(-30.0, 20.0).unwrap();
    fixture.compare("vae log variance", "vae", &encoded.logvar, &logvar);

    let decoded = model.decode(&io.f32("vae.z"), Run::default()).unwrap();
    fixture.compare("vae.decoded", "vae", &decoded, &io.f32("vae.decoded"));

    // The picture at the end of the film of denoising steps.
    let latents = last_step(&io);
    let picture = model.decode(&model.unscale(&latents).unwrap(), Run::default()).unwrap();
    fixture.compare("image", "image", &unit(&picture), &io.f32("image"));
    let theirs = io.get("image_u8_hwc");
    fixture.row("image_u8_hwc, levels", levels(&rgb8_rounded(&picture).unwrap(), theirs).0, 1.0);
    // From the official picture, every byte is the same.
    let (_, differ) = levels(&rgb8_rounded(&signed(&io.f32("image"))).unwrap(), theirs);
    fixture.row("image_u8_hwc from the official image, share of other bytes", differ, 1e-3);
}

/// The latents after the last step.
fn last_step(io: &Tensors) -> Tensor {
    let steps = io.0.keys().filter_map(|key| key.strip_prefix("latents_after_step")?.parse::<usize>().ok());
    io.f32(&format!("latents_after_step{}", steps.max().unwrap()))
}

#[test]
pub fn parity_vae_of_videos() {
    let fixture = Fixture::open("video_pipeline");
    let (io, model) = (fixture.tensors("io.safetensors"), model(&fixture));
    let compare = |what: &str, ours: &Tensor, theirs: &Tensor| {
        let largest = theirs.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        let allowed = fixture.tolerance("vae") * f64::from(largest).max(1.0);
        fixture.row(what, max_difference(ours, theirs), allowed);
    };

    let encoded = model.encode(&frames(&io.f32("frame_image")), Run::default()).unwrap();
    compare("frame_latent", &model.scale(encoded.mode()).unwrap(), &frames(&io.f32("frame_latent")));

    let mut runs: Vec<&str> = io.0.keys().filter_map(|key| key.strip_suffix(".decoded")).collect();
    runs.sort_unstable();
    assert!(!runs.is_empty(), "the fixture has decoded videos");
    for run in runs {
        let latents = model.unscale(&frames(&io.f32(&format!("{run}.final_latents")))).unwrap();
        let theirs = frames(&io.f32(&format!("{run}.decoded")));
        let (mut decoded, mut bytes) = (Vec::new(), Vec::new());
        model
            .decode_frames(&latents, Run::default(), |_, frame| {
                bytes.extend(rgb8_truncated(&frame)?);
                decoded.push(frame);
                Ok(())
            })
            .unwrap();
        compare(&format!("{run}.decoded"), &Tensor::cat(&decoded, 0).unwrap(), &theirs);

        let Some(frames_u8) = io.0.get(&format!("{run}.frames_u8")) else { continue };
        assert_eq!(frames_u8.dtype(), DType::U8);
        fixture.row(&format!("{run}.frames_u8, levels"), levels(&bytes, frames_u8).0, 1.0);
        let official: Vec<u8> = (0..theirs.dim(0).unwrap())
            .flat_map(|index| rgb8_truncated(&theirs.narrow(0, index, 1).unwrap()).unwrap())
            .collect();
        let what = format!("{run}.frames_u8 from the official frames, levels");
        fixture.row(&what, levels(&official, frames_u8).0, 0.0);
    }
}

#[test]
fn parity_vae_of_the_key_names() {
    let (vb, used) = Manifest::open("sd_vae").weights();
    AutoencoderKl::new(&Config::sd_vae_ft_mse(), vb).unwrap();
    used.assert_all_used();
}
