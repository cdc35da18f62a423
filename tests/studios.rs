//! Studios: their models, and the random ones of the tiny studio.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use candle_core::{DType, Device, Tensor};
use reelboard::models::tiny::{tiny_file, tiny_files, write_tiny_models};
use reelboard::models::weights::{Checkpoint, Layout, ModelFolder, PartName, Precision};
use reelboard::nets::clip::{
    ClipTokenizer, TextConfig, TextModel, TextModelWithProjection, TokenizerSettings, VisionConfig, VisionModel,
    VisionModelWithProjection,
};
use reelboard::nets::resampler::{self, Resampler};
use reelboard::nets::samplers::{Sampler, SchedulerConfig};
use reelboard::nets::u2net::U2Net;
use reelboard::nets::unet::{self, ContentAdapter, References, UNet2d};
use reelboard::nets::unet3d::{self, AddedConditions, Conditions, FramePosition, Shapes, UNet3d};
use reelboard::nets::vae::{self, AutoencoderKl, Run};
use std::collections::HashMap;
use std::path::Path;

const F32: DType = DType::F32;
const CPU: Device = Device::Cpu;

fn open(layout: Layout, folder: &Path) -> ModelFolder {
    let folder = ModelFolder::new(layout, folder, Precision::Full);
    folder.check().unwrap();
    folder
}

/// Values that look like latents, always the same.
fn latents(shape: &[usize]) -> Tensor {
    let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| (i as f32 * 0.7).sin() * 1.4).collect();
    Tensor::from_vec(values, shape, &CPU).unwrap()
}

fn assert_finite(what: &str, x: &Tensor) {
    let largest = x.to_dtype(F32).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    assert!(largest.is_finite() && largest > 1e-3 && largest < 1e3, "{what}: {largest}");
}

fn tokenizer(folder: &ModelFolder, name: PartName) -> ClipTokenizer {
    let folder = folder.path(name).unwrap();
    let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
    let settings = TokenizerSettings::from_json(Some(&read("tokenizer_config.json")), None).unwrap();
    ClipTokenizer::from_vocab(&read("vocab.json"), &read("merges.txt"), &settings).unwrap()
}

fn ids(tokenizer: &ClipTokenizer, text: &str) -> Tensor {
    let tokens = tokenizer.encode(text).unwrap();
    assert_eq!(tokens.left_out, None, "{text}");
    Tensor::new(tokens.ids, &CPU).unwrap().unsqueeze(0).unwrap()
}

#[test]
fn random_models_are_small_and_always_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let started = std::time::Instant::now();
    write_tiny_models(folder.path()).unwrap();
    println!("random models written in {:?}", started.elapsed());
    let mut bytes = 0;
    for layout in [Layout::VideoStudio, Layout::RealisticVision, Layout::SdVaeFtMse, Layout::ClipVitH] {
        for name in tiny_files(layout) {
            let written = std::fs::read(folder.path().join(layout.repository()).join(name)).unwrap();
            assert!(written == tiny_file(layout, name).unwrap(), "{name} differs");
            println!("{:>9} {name}", written.len());
            bytes += written.len();
        }
    }
    assert!(bytes < 25_000_000, "{bytes} bytes");
    let unknown = tiny_file(Layout::SdVaeFtMse, "vae.safetensors").unwrap_err();
    assert!(unknown.to_string().contains("config.json"), "{unknown}");
}

#[test]
fn stills_of_random_models_are_finite() {
    let folder = tempfile::tempdir().unwrap();
    let models = write_tiny_models(folder.path()).unwrap();
    let (base, autoencoder, studio) = (
        open(Layout::RealisticVision, &models.realistic_vision),
        open(Layout::SdVaeFtMse, &models.sd_vae),
        open(Layout::VideoStudio, &models.video_studio),
    );
    let config: TextConfig = base.config(PartName::TextEncoder).unwrap();
    let text =
        base.checkpoint(PartName::TextEncoder).unwrap().load(F32, &CPU, |vb| TextModel::new(&config, vb)).unwrap();
    let tokenizer = tokenizer(&base, PartName::Tokenizer);
    let words = text.forward(&ids(&tokenizer, "Mia, a young baker with red hair, kneads dough – 日本")).unwrap();
    let context = words.last_hidden_state;
    assert_eq!(context.dim(1).unwrap(), 77);

    // The references: encoded, resampled, and given to the cross-attentions.
    let config: VisionConfig = studio.config(PartName::ImageEncoder).unwrap();
    let encoder = studio.checkpoint(PartName::ImageEncoder).unwrap();
    encoder.load(F32, &CPU, |vb| VisionModelWithProjection::new(&config, vb)).unwrap();
    let encoder = encoder.load(F32, &CPU, |vb| VisionModel::new(&config, vb)).unwrap();
    let seen = encoder.penultimate(&latents(&[1, 3, config.image_size, config.image_size])).unwrap();
    let combine = studio.checkpoint(PartName::ContentAdapter).unwrap();
    let resampler = combine.part("image_proj");
    let shape = resampler::Config::from_weights(&resampler.weights(F32, &CPU), 64).unwrap();
    let resampler = resampler.load(F32, &CPU, |vb| Resampler::new(&shape, vb)).unwrap();
    let reference = resampler.forward(&seen).unwrap();
    assert_finite("reference tokens", &reference);

    let config: unet::Config = base.config(PartName::Unet).unwrap();
    let unet = base.checkpoint(PartName::Unet).unwrap().load(F32, &CPU, |vb| UNet2d::new(&config, vb)).unwrap();
    let adapter = combine.part("ip_adapter").load(F32, &CPU, |vb| ContentAdapter::new(&config, vb)).unwrap();
    combine.finish().unwrap();
    let mut prepared = unet.prepare(&context).unwrap();
    let references =
        References { foregrounds: vec![reference.clone()], background: Some(reference), ..References::default() };
    adapter.add(&mut prepared, &references).unwrap();

    let settings: SchedulerConfig = base.config(PartName::Scheduler).unwrap();
    let mut sampler = Sampler::new(&settings, 3).unwrap();
    let mut x = latents(&[1, 4, 16, 16]);
    for (index, timestep) in sampler.timesteps().to_vec().into_iter().enumerate() {
        let timestep = Tensor::new(&[timestep], &CPU).unwrap();
        let predicted = unet.forward(&x, &timestep, &prepared, None).unwrap();
        let mut no_noise = |_: &candle_core::Shape, _: DType| candle_core::bail!("DDIM draws no noise");
        x = sampler.step(&predicted, index, &x, &mut no_noise).unwrap();
    }
    assert_finite("latents", &x);

    let config: vae::Config = autoencoder.config(PartName::Vae).unwrap();
    assert_eq!(config.downscale(), 8);
    let vae = autoencoder.checkpoint(PartName::Vae).unwrap();
    let vae = vae.load(F32, &CPU, |vb| AutoencoderKl::new(&config, vb)).unwrap();
    let picture = vae.decode(&vae.unscale(&x).unwrap(), Run::default()).unwrap();
    assert_eq!(picture.dims(), [1, 3, 128, 128]);
    assert_finite("picture", &picture);

    let segmenter = studio.checkpoint(PartName::Segmenter).unwrap();
    let tensors: HashMap<String, Tensor> = segmenter
        .tensors()
        .filter(|tensor| !tensor.key.ends_with("num_batches_tracked"))
        .map(|tensor| (tensor.key.clone(), segmenter.tensor(&tensor.key, F32, &CPU).unwrap()))
        .collect();
    let segmenter = U2Net::from_tensors(&tensors, &CPU).unwrap();
    assert_finite("mask", &segmenter.forward(&latents(&[1, 3, 64, 64])).unwrap()[0]);
}

#[test]
fn clips_of_random_models_are_finite() {
    let folder = tempfile::tempdir().unwrap();
    let models = write_tiny_models(folder.path()).unwrap();
    let (studio, seeing) =
        (open(Layout::VideoStudio, &models.video_studio), open(Layout::ClipVitH, &models.clip_vit_h));
    let config: TextConfig = studio.config(PartName::TextEncoder2).unwrap();
    let text = studio.checkpoint(PartName::TextEncoder2).unwrap();
    let text = text.load(F32, &CPU, |vb| TextModelWithProjection::new(&config, vb)).unwrap();
    let (_, text) = text.forward(&ids(&tokenizer(&studio, PartName::Tokenizer2), "She opens the oven!")).unwrap();
    let first: TextConfig = studio.config(PartName::TextEncoder).unwrap();
    studio.checkpoint(PartName::TextEncoder).unwrap().load(F32, &CPU, |vb| TextModel::new(&first, vb)).unwrap();

    let config: VisionConfig = seeing.config(PartName::ImageEncoder).unwrap();
    let vision = seeing.checkpoint(PartName::ImageEncoder).unwrap();
    let vision = vision.load(F32, &CPU, |vb| VisionModel::new(&config, vb)).unwrap();
    let seen = vision.forward(&latents(&[1, 3, config.image_size, config.image_size])).unwrap();

    let weights: Checkpoint = studio.checkpoint(PartName::Unet).unwrap();
    let shapes: Shapes = weights.tensors().map(|tensor| (tensor.key, tensor.shape)).collect();
    let published: unet3d::Config = studio.config(PartName::Unet).unwrap();
    let config = unet3d::Config::detect(&shapes, &published).unwrap();
    let unet = weights.load(F32, &CPU, |vb| UNet3d::new(&config, vb)).unwrap();
    let conditions = Conditions {
        context: seen.last_hidden_state,
        added: AddedConditions {
            text_embeds: text,
            time_ids: Tensor::new(&[[64f32, 64.0, 0.0, 0.0, 64.0, 64.0]], &CPU).unwrap(),
            aes_scores: Some(Tensor::new(&[6f32], &CPU).unwrap()),
            midf_clip_pool: Some(seen.pooled),
            action: Some(Tensor::zeros((1, config.action_width.unwrap()), F32, &CPU).unwrap()),
        },
    };
    let context = unet.prepare(&conditions.context).unwrap();
    let frame = latents(&[1, 4, 1, 8, 8]);
    let input = FramePosition::First.insert(&latents(&[1, 4, 4, 8, 8]), &frame).unwrap();
    let timestep = Tensor::new(&[801f32], &CPU).unwrap();
    let predicted = unet.forward(&input, &timestep, &context, &conditions.added).unwrap();
    assert_eq!(predicted.dims(), [1, 4, 5, 8, 8]);
    assert_finite("prediction", &predicted);
    let settings: SchedulerConfig = studio.config(PartName::Scheduler).unwrap();
    Sampler::new(&settings, 4).unwrap();

    let config: vae::Config = studio.config(PartName::Vae).unwrap();
    let vae = studio.checkpoint(PartName::Vae).unwrap().load(F32, &CPU, |vb| AutoencoderKl::new(&config, vb)).unwrap();
    let encoded = vae.encode(&latents(&[1, 3, 64, 64]), Run::default()).unwrap();
    assert_finite("latent of a frame", encoded.mode());
}
