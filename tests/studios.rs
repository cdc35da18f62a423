//! Studios: their models, and the random ones of the tiny studio.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use candle_core::{DType, Device, Tensor};
use reelboard::models::tiny::{tiny_file, tiny_files, write_tiny_models};
use reelboard::models::weights::{Checkpoint, Layout, ModelFolder, PartName, Precision};
use reelboard::models::{
    Accelerator, Compute, DeviceChoice, Dtype, DtypeChoice, FileStatus, Loading, Machine, Measured, ModelCache,
    ModelError, ModelStatus, Plan, Preflight, Registry, RenderSize, Role, Room, StageNeed, StagePlans, StepKey,
    is_out_of_memory,
};
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
use reelboard::progress::Silent;
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

const GB: u64 = 1_000_000_000;

fn machine(memory_bytes: u64, accelerator_bytes: Option<u64>) -> Machine {
    let accelerator = |free| Accelerator {
        name: "cuda:0".to_owned(),
        title: "A card".to_owned(),
        total_bytes: Some(free),
        free_bytes: Some(free),
        dtypes: vec![Dtype::F16, Dtype::F32],
    };
    Machine {
        room: Room { memory_bytes: Some(memory_bytes), disk_bytes: Some(10 * GB) },
        accelerators: accelerator_bytes.map(accelerator).into_iter().collect(),
        chosen: Compute::default(),
    }
}

/// The preflight of a studio with nothing here, for two references and four scenes.
fn preflight(studio: &str, machine: &Machine, cache: &ModelCache) -> Preflight {
    let registry = Registry::built_in();
    let studio = registry.studio(studio).unwrap();
    let size = RenderSize::of(studio, &registry, 2, 4).unwrap();
    Preflight::of(studio, &registry, cache, machine, &size).unwrap()
}

#[test]
fn the_tiny_studio_makes_its_models_and_never_fetches() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, cache) = (Registry::built_in(), ModelCache::at(folder.path()));
    let models = registry.models_of(registry.studio("tiny").unwrap()).unwrap();
    let made: Vec<_> = models.into_iter().filter(|model| model.is_made()).collect();
    assert_eq!(made.len(), 6);
    for model in &made {
        assert!(matches!(cache.status(model), ModelStatus::Missing { .. }));
        let made_in = cache.checked_folder(model, &Silent).unwrap();
        assert_eq!(made_in, cache.model_folder(model).unwrap());
        assert_eq!(cache.status(model), ModelStatus::Ready);
        assert!(model.random && model.files.iter().all(|file| cache.sha256(model, &file.name).is_some()));
    }
    // As ModelFolder reads them, each part from the folder of its own model.
    let part = |id: &str, layout, name| {
        let folder = cache.model_folder(registry.model(id).unwrap()).unwrap();
        ModelFolder::new(layout, folder, Precision::Full).checkpoint(name).unwrap();
    };
    part("tiny-sd", Layout::RealisticVision, PartName::Unet);
    part("tiny-vae", Layout::SdVaeFtMse, PartName::Vae);
    part("tiny-clip", Layout::ClipVitH, PartName::ImageEncoder);
    part("tiny-u2net", Layout::VideoStudio, PartName::Segmenter);
    part("tiny-img", Layout::VideoStudio, PartName::ContentAdapter);
    part("tiny-vid", Layout::VideoStudio, PartName::Unet);

    // One that has changed is made again, also by an explicit fetch.
    let vae = registry.model("tiny-vae").unwrap();
    let path = cache.model_folder(vae).unwrap().join("config.json");
    let before = std::fs::read(&path).unwrap();
    for again in [
        |cache: &ModelCache, model: &_| cache.fetch(model, &Silent),
        |cache: &ModelCache, model: &_| cache.checked_folder(model, &Silent).map(drop),
    ] {
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(cache.file_status(vae, &vae.files[0]), FileStatus::Unverified);
        again(&cache, vae).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_model_of_the_users_own_is_read_where_its_folder_lies() {
    let folder = tempfile::tempdir().unwrap();
    let tiny = write_tiny_models(&folder.path().join("own")).unwrap();
    let list = |config: &str| {
        let weights = "own/stabilityai/sd-vae-ft-mse/diffusion_pytorch_model.safetensors";
        let path = folder.path().join("models.ron");
        let text = format!(
            r#"(models: [(id: "mine", title: "Mine", role: part, arch: "autoencoder-kl", files: [
                (name: "config.json", sources: [Local(path: "{config}")]),
                (name: "diffusion_pytorch_model.safetensors", sources: [Local(path: "{weights}")]),
            ], licence: (spdx: "MIT"), memory_bytes: 1)])"#
        );
        std::fs::write(&path, text).unwrap();
        Registry::built_in().extended_by(&path).unwrap().model("mine").unwrap().clone()
    };
    let cache = ModelCache::at(folder.path().join("models"));
    let model = list("own/stabilityai/sd-vae-ft-mse/config.json");
    assert_eq!(cache.checked_folder(&model, &Silent).unwrap(), tiny.sd_vae);
    std::fs::write(folder.path().join("config.json"), "{}").unwrap();
    let error = cache.model_folder(&list("config.json")).unwrap_err();
    assert!(matches!(error, ModelError::Scattered { .. }) && error.to_string().contains("one folder"), "{error}");
}

#[test]
fn a_preflight_tells_what_is_missing_on_what_terms_and_whether_the_disk_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let cache = ModelCache::at(folder.path());
    let full = preflight("videostudio", &machine(64 * GB, None), &cache);
    let missing: Vec<_> = full.missing.iter().map(|model| model.model.as_str()).collect();
    assert_eq!(
        missing,
        ["sd-vae-ft-mse", "realistic-vision-4", "u2net", "videostudio-img", "clip-vit-h-14", "videostudio-vid"]
    );
    assert!(full.missing[0].is_exact && !full.missing[1].is_exact && full.missing[1].licence.terms);
    assert_eq!(full.missing[0].bytes, 334_643_823);
    assert!((21 * GB..24 * GB).contains(&full.missing_bytes()), "{}", full.missing_bytes());
    assert!(!full.disk_fits() && full.memory_fits() && !full.is_random);
    let text = full.to_string();
    for says in ["about 11.2 GB", "its terms are at https://", "Apache-2.0", "too little", "not measured"] {
        assert!(text.contains(says), "{text}\nshould say {says}");
    }
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "a preflight writes nothing");

    let tiny = preflight("tiny", &machine(2 * GB, None), &cache);
    assert!(tiny.is_random && tiny.disk_fits() && tiny.memory_fits());
    assert!(tiny.missing.iter().all(|model| model.is_made));
    assert!(tiny.to_string().contains("noise"), "{tiny}");

    let draft = preflight("draft", &machine(2 * GB, None), &cache);
    assert!(draft.stages.is_empty() && draft.missing.is_empty() && draft.memory_fits());
    assert_eq!(draft.expected_secs(), Some(0.0));
}

fn stage(found: &Preflight, role: Role) -> StageNeed {
    found.stages.iter().find(|stage| stage.role == role).unwrap().clone()
}

fn plans(found: &Preflight, role: Role) -> StagePlans {
    stage(found, role).plans.unwrap()
}

/// The ways of plans: device, numbers, one network at a time.
fn ways(plans: &[Plan]) -> Vec<String> {
    plans.iter().map(Plan::way).collect()
}

#[test]
fn the_video_network_is_refused_where_it_cannot_fit_and_what_would_do_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let cache = ModelCache::at(folder.path());
    let small = preflight("videostudio", &machine(8 * GB, None), &cache);
    let refused = plans(&small, Role::Animator);
    assert!(refused.fitting.is_empty() && !small.memory_fits());
    let refusal = stage(&small, Role::Animator).refusal().unwrap();
    for says in ["needs", "f16 on cpu, one network at a time", "cpu has 8.0 GB free", "free, or", "8 frames"] {
        assert!(refusal.contains(says), "{refusal}\nshould say {says}");
    }
    assert!(small.to_string().contains("does not fit"), "{small}");

    // What it says would do, does, and a byte less does not. Nothing smaller is taken for it.
    let enough = preflight("videostudio", &machine(refused.least.free_bytes(), None), &cache);
    let found = plans(&enough, Role::Animator);
    assert_eq!(ways(&found.fitting), ["f16 on cpu, one network at a time"]);
    assert_eq!((found.fitting[0].size, found.fitting[0].frames), ([512, 320], 16));
    let one_less = preflight("videostudio", &machine(refused.least.free_bytes() - 1, None), &cache);
    let found = plans(&one_less, Role::Animator);
    assert!(found.fitting.is_empty());
    assert_eq!((found.smaller[0].size, found.smaller[0].frames), ([512, 320], 15), "offered");
    // The smallest it names fits as it says.
    let smallest = preflight("videostudio", &machine(refused.smallest.free_bytes(), None), &cache);
    assert!(plans(&smallest, Role::Animator).smaller.contains(&refused.smallest));

    // On a machine of 24 GB in f32, it says what f16 would take.
    let mut pinned = machine(18 * GB, None);
    pinned.chosen.dtype = DtypeChoice::Only(Dtype::F32);
    let refusal = stage(&preflight("videostudio", &pinned, &cache), Role::Animator).refusal().unwrap();
    assert!(
        refusal.contains("f32 on cpu") && refusal.contains("or f16 (16.3 GB), or f16, one network at"),
        "{refusal}"
    );
    // What it names as smaller is in the numbers that were chosen, too.
    let pinned = plans(&preflight("videostudio", &pinned, &cache), Role::Animator);
    assert!(pinned.smallest.dtype == Dtype::F32 && pinned.smaller.iter().all(|plan| plan.dtype == Dtype::F32));
    // All networks at once is a choice of its own; where nothing else fits either, the cheapest way is named.
    let mut whole = machine(13 * GB, None);
    whole.chosen.loading = Loading::Whole;
    let refusal = stage(&preflight("videostudio", &whole, &cache), Role::Animator).refusal().unwrap();
    assert!(refusal.contains("or f16, one network at a time (11.8 GB)"), "{refusal}");
    whole.room.memory_bytes = Some(2 * GB);
    let refused = plans(&preflight("videostudio", &whole, &cache), Role::Animator);
    assert_eq!(ways(&refused.unchosen), ["f16 on cpu, one network at a time"]);
}

#[test]
fn plans_come_best_first_and_what_changes_no_picture_comes_before_what_does() {
    let folder = tempfile::tempdir().unwrap();
    let cache = ModelCache::at(folder.path());
    let of = |machine: &Machine| plans(&preflight("videostudio", machine, &cache), Role::Compositor);
    let all = ["f32 on cpu", "f32 on cpu, one network at a time", "f16 on cpu", "f16 on cpu, one network at a time"];
    assert_eq!(ways(&of(&machine(64 * GB, None)).fitting), all);
    // As measured: a step of Stable Diffusion takes 3.9 GB.
    let tight = of(&machine(7 * GB, None));
    assert_eq!(ways(&tight.fitting), &all[1..]);
    assert_eq!(ways(&tight.too_large), &all[..1]);
    let illustrate = plans(&preflight("videostudio", &machine(4_400_000_000, None), &cache), Role::Illustrator);
    let plan = &illustrate.fitting[0];
    assert!(plan.sequential && (3_890_000_000..3_910_000_000).contains(&plan.needed_bytes), "{plan}");

    // A card with room comes first, in its own numbers; without room on it the processor does.
    let cards = ways(&of(&machine(64 * GB, Some(24 * GB))).fitting);
    assert_eq!(cards[0], "f16 on cuda:0");
    assert_eq!(cards.iter().position(|way| way.ends_with("cpu")), Some(4), "{cards:?}");
    assert_eq!(ways(&of(&machine(64 * GB, Some(GB))).fitting), all);
    // After running out of memory, the next that takes less.
    let plans = of(&machine(64 * GB, Some(24 * GB)));
    let second = plans.after(&plans.fitting[0]).unwrap();
    assert_eq!(second.way(), "f16 on cuda:0, one network at a time");
    assert_eq!(plans.after(second).unwrap().way(), "f32 on cpu", "f32 on the card would take more");
    assert_eq!(plans.after(plans.fitting.last().unwrap()), None);

    // What cuts out is small, and stays on the processor in f32.
    let cut = preflight("videostudio", &machine(64 * GB, Some(24 * GB)), &cache);
    assert_eq!(ways(&self::plans(&cut, Role::Segmenter).fitting), ["f32 on cpu"]);
    // Memory that this program holds and would give back counts as free.
    let given_back = of(&machine(2 * GB, None).with_given_back("cpu", 62 * GB));
    assert_eq!(ways(&given_back.fitting), all);
    let unknown = Machine { room: Room { memory_bytes: None, disk_bytes: None }, ..machine(0, None) };
    assert_eq!(ways(&of(&unknown).fitting), all, "a machine that does not say is believed to have enough");
}

#[test]
fn what_the_user_chose_for_the_machine_is_kept_beside_the_models_and_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let cache = ModelCache::at(folder.path());
    let with = |chosen: Compute| Machine { chosen, ..machine(64 * GB, Some(24 * GB)) };
    let of = |chosen| stage(&preflight("videostudio", &with(chosen), &cache), Role::Compositor);
    let compute = |device: &str, dtype: &str, loading: &str| Compute {
        device: device.parse().unwrap(),
        dtype: dtype.parse().unwrap(),
        loading: loading.parse().unwrap(),
    };
    let chosen = compute("cpu", "bf16", "one-at-a-time");
    assert_eq!(ways(of(chosen).fitting()), ["bf16 on cpu, one network at a time"]);
    assert_eq!(ways(of(compute("cuda:0", "auto", "whole")).fitting()), ["f16 on cuda:0", "f32 on cuda:0"]);
    // A plan chosen from the list is the only one then.
    let listed = of(Compute::default());
    for plan in listed.fitting() {
        assert_eq!(of(Compute::just(plan)).fitting(), std::slice::from_ref(plan));
    }
    // A card that cannot compute in bf16 is left to others, or refused where it was named.
    assert_eq!(of(compute("auto", "bf16", "auto")).fitting()[0].device, "cpu");
    let refusal = of(compute("cuda:0", "bf16", "auto")).refusal().unwrap();
    assert!(refusal.contains("cuda:0 cannot compute in bf16, only in f16, f32"), "{refusal}");
    let refusal = of(compute("metal", "auto", "auto")).refusal().unwrap();
    assert!(refusal.contains("no Metal") || refusal.contains("cuda:0 (A card)"), "{refusal}");

    assert_eq!(Compute::remembered(folder.path()), Compute::default());
    chosen.remember(folder.path()).unwrap();
    assert_eq!(Compute::remembered(folder.path()), chosen);
    assert_eq!(Machine::now(folder.path()).chosen, chosen);
    std::fs::write(folder.path().join("compute.ron"), "(device: \"toaster\")").unwrap();
    assert_eq!(Compute::remembered(folder.path()), Compute::default());
    for wrong in ["toaster", "cuda:", "cuda:x", "CPU", ""] {
        assert!(wrong.parse::<DeviceChoice>().is_err(), "{wrong}");
    }
    assert_eq!("cuda".parse::<DeviceChoice>(), Ok(DeviceChoice::Cuda(0)));
}

#[test]
fn the_devices_words_for_a_full_memory_are_known() {
    for said in [
        "DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")",
        "CublasError(CUBLAS_STATUS_ALLOC_FAILED)",
        "Metal error Failed to allocate buffer",
    ] {
        assert!(is_out_of_memory(&candle_core::Error::Msg(said.to_owned())), "{said}");
    }
    assert!(!is_out_of_memory(&candle_core::Error::Msg("shape mismatch in matmul".to_owned())));
}

#[test]
fn the_time_is_told_from_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    let cache = ModelCache::at(folder.path());
    let key = |model: &str, [width, height]: [u32; 2], frames| StepKey {
        model: model.to_owned(),
        width,
        height,
        frames,
        dtype: Dtype::F32,
        device: "cpu".to_owned(),
    };
    let mut measured = Measured::load(folder.path());
    assert_eq!(measured.estimate(&key("tiny-sd", [128, 128], 1)), None);
    measured.record(key("tiny-sd", [128, 128], 1), 0.5).unwrap();
    measured.record(key("tiny-img", [128, 128], 1), 1.0).unwrap();
    measured.record(key("tiny-img", [128, 128], 1), 2.0).unwrap();
    measured.record(key("tiny-vid", [128, 80], 4), 2.0).unwrap();
    measured.record(key("tiny-vid", [128, 80], 4), f64::NAN).unwrap();
    measured.record(key("tiny-u2net", [128, 128], 1), 1.0).unwrap();
    let measured = Measured::load(folder.path());
    let still = measured.estimate(&key("tiny-img", [128, 128], 1)).unwrap();
    assert!(still.is_measured && still.secs == 1.5, "the latest counts as much as all before: {still:?}");
    let clip = measured.estimate(&key("tiny-vid", [128, 80], 8)).unwrap();
    assert!(!clip.is_measured && clip.secs == 4.0, "in proportion: {clip:?}");
    let other = StepKey { device: "cuda:0".to_owned(), ..key("tiny-vid", [128, 80], 4) };
    assert_eq!(measured.estimate(&other), None);

    // Two references of 4 steps, cut out; four stills and four clips of 4 steps.
    let tiny = preflight("tiny", &machine(8 * GB, None), &cache);
    assert_eq!(tiny.expected_secs(), Some(2.0 * 4.0 * 0.5 + 2.0 + 4.0 * 4.0 * 1.5 + 4.0 * 4.0 * 4.0));
    assert!(tiny.to_string().contains("about 94 seconds"), "{tiny}");

    std::fs::write(folder.path().join("speed.ron"), "not a list").unwrap();
    assert_eq!(Measured::load(folder.path()).estimate(&key("tiny-sd", [128, 128], 1)), None);
}
