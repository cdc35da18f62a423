//! Whole chains of the picture stages, with the code that the stages run: token ids to pixels, and the references' hidden
//! states through the resampler and the content adapter to a prediction.

use crate::fixture::{Fixture, Tensors, max_difference};
use candle_core::{DType, Device, Error, Tensor};
use candle_nn::VarBuilder;
use reelboard::image::PictureNetworks;
use reelboard::models::weights::Checkpoint;
use reelboard::nets::clip::TextModel;
use reelboard::nets::denoise::Denoising;
use reelboard::nets::noise::Generator;
use reelboard::nets::resampler::{self, Resampler};
use reelboard::nets::samplers::guidance::Guidance;
use reelboard::nets::samplers::{Sampler, SchedulerConfig};
use reelboard::nets::unet::{self, ContentAdapter, References, UNet2d};
use reelboard::nets::vae::{self, AutoencoderKl, Run, rgb8_rounded};

fn networks(fixture: &Fixture, dtype: DType) -> PictureNetworks {
    let weights = |file: &str| VarBuilder::from_tensors(fixture.tensors(file).0, dtype, &Device::Cpu);
    PictureNetworks {
        text_encoder: TextModel::new(&fixture.config("text_encoder"), weights("text_encoder.safetensors")).unwrap(),
        unet: UNet2d::new(&fixture.config::<unet::Config>("unet"), weights("unet.safetensors")).unwrap(),
        // As the stage has it, whatever the type of the others.
        vae: AutoencoderKl::new(&fixture.config::<vae::Config>("vae"), fixture.tensors("vae.safetensors").weights())
            .unwrap(),
        scheduler: fixture.config::<SchedulerConfig>("scheduler"),
    }
}

/// From ids to the last latents, with a look at the state after each step.
fn denoised(
    fixture: &Fixture,
    io: &Tensors,
    networks: &PictureNetworks,
    dtype: DType,
    mut after: impl FnMut(usize, &Tensor),
) -> Tensor {
    let guidance = Guidance { scale: fixture.config("guidance_scale"), rescale: 0.0 };
    let text = networks.text(io.get("negative_input_ids"), io.get("input_ids"), guidance).unwrap();
    let context = networks.unet.prepare(&text).unwrap();
    let mut sampler = Sampler::new(&networks.scheduler, fixture.config("steps")).unwrap();
    let noise = io.get("latents").to_dtype(dtype).unwrap();
    let mut state = Denoising::start(String::new(), &noise, Generator::new(0), &sampler).unwrap();
    networks
        .denoise(&mut state, &mut sampler, &context, guidance, |state, _, step| {
            after(step.index, &state.latents);
            Ok::<(), Error>(())
        })
        .unwrap();
    state.latents
}

#[test]
pub fn parity_of_text_to_image() {
    let fixture = Fixture::open("sd_txt2img");
    let io = fixture.tensors("io.safetensors");
    let networks = networks(&fixture, DType::F32);
    let mut compared = 0;
    let latents = denoised(&fixture, &io, &networks, DType::F32, |index, latents| {
        let key = format!("latents_after_step{index}");
        fixture.compare(&format!("chain {key}"), "latents", latents, &io.f32(&key));
        compared += 1;
    });
    assert_eq!(compared, fixture.config::<usize>("steps"));

    let picture = networks.decode(&latents, Run::default()).unwrap();
    let unit = picture.affine(0.5, 0.5).unwrap().clamp(0.0, 1.0).unwrap();
    fixture.compare("chain image", "image", &unit, &io.f32("image"));
    let ours = rgb8_rounded(&picture).unwrap();
    let theirs: Vec<u8> = io.get("image_u8_hwc").flatten_all().unwrap().to_vec1().unwrap();
    assert_eq!(ours.len(), theirs.len());
    let levels = ours.iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    let others = ours.iter().zip(&theirs).filter(|(a, b)| a != b).count() as f64 / ours.len() as f64;
    fixture.row("chain image_u8_hwc, levels", levels.into(), 1.0);
    fixture.row("chain image_u8_hwc, share of other bytes", others, 1e-2);
}

/// Half precision goes another way to the same picture.
fn text_to_image_in(dtype: DType, digits: f64) {
    let fixture = Fixture::open("sd_txt2img");
    let io = fixture.tensors("io.safetensors");
    let last = fixture.config::<usize>("steps") - 1;
    let theirs = io.f32(&format!("latents_after_step{last}"));
    let largest = theirs.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    let latents = denoised(&fixture, &io, &networks(&fixture, dtype), dtype, |_, _| ());
    assert_eq!(latents.dtype(), dtype);
    let what = format!("chain latents {}", dtype.as_str());
    fixture.row(&what, max_difference(&latents, &theirs), digits * f64::from(largest));
}

#[test]
pub fn parity_of_text_to_image_in_f16() {
    text_to_image_in(DType::F16, 0.02);
}

#[test]
fn parity_of_text_to_image_in_bf16() {
    text_to_image_in(DType::BF16, 0.15);
}

/// The adapter's file as it is published, opened as the stage opens it.
#[test]
pub fn parity_of_references_from_clip_to_the_prediction() {
    let fixture = Fixture::open("ct_adapter");
    let io = fixture.tensors("io.safetensors");
    let Some(hidden) = io.0.get("clip_hidden_fg_bg") else { return };
    let config: unet::Config = fixture.config("unet");
    let shape: resampler::Config = fixture.config("resampler");
    let unet = UNet2d::new(&config, fixture.tensors("unet.safetensors").weights()).unwrap();
    let file = Checkpoint::open(fixture.folder.join("videostudio-img-combine.bin")).unwrap();
    let cpu = Device::Cpu;
    let resampler = file.part("image_proj").load(DType::F32, &cpu, |vb| {
        let read = resampler::Config::from_weights(&vb, shape.dim_head)?;
        assert_eq!(read, shape);
        Resampler::new(&read, vb)
    });
    let resampler = resampler.unwrap();
    let adapter = file.part("ip_adapter").load(DType::F32, &cpu, |vb| ContentAdapter::new(&config, vb)).unwrap();

    // [foreground, background], each with its own rows.
    let resampled = |key: &str| resampler.forward(&io.f32(key)).unwrap();
    let (conditional, unconditional) = (resampler.forward(hidden).unwrap(), resampled("clip_hidden_fg_bg_uncond"));
    let flat = |x: &Tensor| x.reshape((1, (), x.dim(2).unwrap())).unwrap();
    fixture.compare("chain image_prompt_embeds", "resampler", &flat(&conditional), &io.f32("image_prompt_embeds"));
    let key = "uncond_image_prompt_embeds";
    fixture.compare(&format!("chain {key}"), "resampler", &flat(&unconditional), &io.f32(key));
    let rows = |reference: usize| {
        let row = |x: &Tensor| x.narrow(0, reference, 1).unwrap();
        Tensor::cat(&[row(&unconditional), row(&conditional)], 0).unwrap()
    };
    let references = References {
        foregrounds: vec![rows(0)],
        background: Some(rows(1)),
        foreground_scale: fixture.config("scale"),
        background_scale: fixture.config("scale_bg"),
    };
    let mut context = unet.prepare(&io.f32("text")).unwrap();
    adapter.add(&mut context, &references).unwrap();
    let ours = unet.forward(&io.f32("latents"), io.get("timestep"), &context, None).unwrap();
    fixture.compare("chain noise_pred_resampled", "noise_pred", &ours, &io.f32("noise_pred_resampled"));
}
