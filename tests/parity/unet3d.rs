//! Holds the UNet over videos to the released code.

use crate::fixture::{Fixture, Tensors};
use crate::manifest::Manifest;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use reelboard::nets::ops::{Conv2d, ConvConfig};
use reelboard::nets::unet3d::blocks::{DownBlock, MidBlock, Pass, UpBlock};
use reelboard::nets::unet3d::embedding::Embeddings;
use reelboard::nets::unet3d::temporal::{TemporalConvLayer, TemporalTransformer};
use reelboard::nets::unet3d::{AddedConditions, Conditions, Config, Depth, Heads, Shapes, UNet3d};

/// What config.json says, with the constants of the release that the fixture changed.
pub fn published(fixture: &Fixture) -> Config {
    let mut config: Config = fixture.config("config");
    let constant = |name: &str| fixture.config["fixed_constants"][name].as_u64().map(|value| value as usize);
    if let (Some(_), Some(count), Some(size)) =
        (config.transformer_in, constant("temp_transformer_in_heads"), constant("temp_transformer_in_head_dim"))
    {
        config.transformer_in = Some(Heads { count, size });
    }
    config.temporal_head_size = constant("temporal_attn_head_dim").unwrap_or(config.temporal_head_size);
    if let Some(width) = &mut config.clip_pool_width {
        *width = constant("midf_clip_pool_in").unwrap_or(*width);
    }
    if let Some(width) = &mut config.action_width {
        *width = constant("action_prob_in").unwrap_or(*width);
    }
    config
}

pub fn shapes(weights: &Tensors) -> Shapes {
    weights.0.iter().map(|(key, tensor)| (key.clone(), tensor.dims().to_vec())).collect()
}

/// The inputs of one run, whose names start with `prefix`.
struct Inputs {
    sample: Tensor,
    timestep: Tensor,
    conditions: Conditions,
}

impl Inputs {
    fn read(io: &Tensors, prefix: &str) -> Self {
        let get = |name: &str| io.f32(&format!("{prefix}{name}"));
        Self {
            sample: get("sample"),
            timestep: io.get(&format!("{prefix}timestep")).clone(),
            conditions: Conditions {
                context: get("encoder_hidden_states"),
                added: AddedConditions {
                    text_embeds: get("text_embeds"),
                    time_ids: get("time_ids"),
                    aes_scores: Some(get("aes_scores")),
                    midf_clip_pool: Some(get("midf_clip_pool_fea")),
                    action: Some(get("action_prob_fea")),
                },
            },
        }
    }

    fn run(&self, unet: &UNet3d) -> Tensor {
        let context = unet.prepare(&self.conditions.context).unwrap();
        unet.forward(&self.sample, &self.timestep, &context, &self.conditions.added).unwrap()
    }
}

#[test]
pub fn parity_of_the_video_unet() {
    let fixture = Fixture::open("unet3d");
    let (io, weights) = (fixture.tensors("io.safetensors"), fixture.tensors("weights.safetensors"));
    let config = Config::detect(&shapes(&weights), &published(&fixture)).unwrap();
    let unet = UNet3d::new(&config, weights.weights()).unwrap();
    let mut prefixes: Vec<&str> = io.0.keys().filter_map(|key| key.strip_suffix("noise_pred")).collect();
    prefixes.sort_unstable();
    assert!(!prefixes.is_empty(), "the fixture has outputs");
    for prefix in prefixes {
        let key = format!("{prefix}noise_pred");
        fixture.compare(&key, "noise_pred", &Inputs::read(&io, prefix).run(&unet), &io.f32(&key));
    }
}

#[test]
pub fn parity_of_the_official_heads_before_the_first_block() {
    let fixture = Fixture::open("unet3d");
    let (io, mut weights) = (fixture.tensors("io.safetensors"), fixture.tensors("weights.safetensors"));
    let Some(overlay) = fixture.tensors_if_there("official_transformer_in.safetensors") else { return };
    weights.0.retain(|key, _| !key.starts_with("temp_transformer_in."));
    weights.0.extend(overlay.0);
    let mut published = published(&fixture);
    published.transformer_in = Config::videostudio_vid().transformer_in;
    let config = Config::detect(&shapes(&weights), &published).unwrap();
    let unet = UNet3d::new(&config, weights.weights()).unwrap();
    let key = "noise_pred_official_transformer_in";
    fixture.compare(key, "noise_pred", &Inputs::read(&io, "").run(&unet), &io.f32(key));
}

/// The config of a variant by its name in the fixture.
fn variant(config: &Config, name: &str) -> Config {
    let mut config = config.clone();
    match name {
        "no_more_conv" => config.more_conv = false,
        "no_align" => {
            for depth in config.levels.iter_mut().filter_map(|level| level.depth.as_mut()).chain([&mut config.mid]) {
                depth.temporal = 1;
            }
        }
        "no_aes" => config.aes_score = false,
        "no_transformer_in" => config.transformer_in = None,
        "no_midf" => config.clip_pool_width = None,
        "no_action" => config.action_width = None,
        _ => panic!("an unknown variant {name:?}"),
    }
    config
}

#[test]
pub fn parity_of_the_variants() {
    let fixture = Fixture::open("unet3d");
    let (io, weights) = (fixture.tensors("io.safetensors"), fixture.tensors("weights.safetensors"));
    let config = published(&fixture);
    let mut names: Vec<&str> = io.0.keys().filter_map(|key| key.strip_prefix("variant.")).collect();
    names.sort_unstable();
    assert!(!names.is_empty(), "the fixture has variants");
    for name in names {
        let unet = UNet3d::new(&variant(&config, name), weights.weights()).unwrap();
        let ours = Inputs::read(&io, "").run(&unet);
        fixture.compare(&format!("variant.{name}"), "noise_pred", &ours, &io.f32(&format!("variant.{name}")));
    }
}

#[test]
pub fn parity_of_the_layers() {
    let fixture = Fixture::open("unet3d");
    let (io, weights) = (fixture.tensors("io.safetensors"), fixture.tensors("weights.safetensors"));
    let config = published(&fixture);
    let vb = weights.weights();
    let at = |path: &str| path.split('.').fold(vb.clone(), |vb, part| vb.pp(part));
    let inputs = Inputs::read(&io, "");
    let (videos, channels, frames, height, width) = inputs.sample.dims5().unwrap();
    let compare = |name: &str, ours: &Tensor| {
        if io.0.contains_key(&format!("act.{name}")) {
            fixture.compare(name, "act", ours, &io.f32(&format!("act.{name}")));
        }
    };

    let folded = inputs.sample.transpose(1, 2).unwrap().reshape((videos * frames, channels, height, width)).unwrap();
    let first = config.levels[0].channels;
    let conv_in = Conv2d::new(channels, first, 3, ConvConfig::SAME_3, at("conv_in")).unwrap();
    compare("conv_in", &conv_in.forward(&folded).unwrap());
    let mut x = io.f32("act.conv_in");
    if let Some(heads) = config.transformer_in {
        let transformer = TemporalTransformer::new(first, heads, 1, 32, at("temp_transformer_in")).unwrap();
        compare("temp_transformer_in", &transformer.forward(&x, frames).unwrap());
        x = io.f32("act.temp_transformer_in");
    }

    // Layers whose input was kept too.
    for key in io.0.keys().filter_map(|key| key.strip_prefix("act.")) {
        let before = |ours: &str, theirs: &str| io.0.get(&format!("act.{}", key.replace(ours, theirs)));
        let depth = |block: &str| match block.split_once("_blocks.") {
            Some(("down", level)) => config.levels[level.parse::<usize>().unwrap()].depth.unwrap(),
            Some(("up", block)) => {
                config.levels[config.levels.len() - 1 - block.parse::<usize>().unwrap()].depth.unwrap()
            }
            _ => config.mid,
        };
        if let (Some(_), Some(x)) = (key.find(".temp_convs."), before("temp_convs", "resnets")) {
            let layer = TemporalConvLayer::new(x.dim(1).unwrap(), config.more_conv, at(key)).unwrap();
            compare(key, &layer.forward(x, frames).unwrap());
        }
        if let (Some(end), Some(x)) = (key.find(".temp_attentions."), before("temp_attentions", "attentions")) {
            let (channels, Depth { temporal, .. }) = (x.dim(1).unwrap(), depth(&key[..end]));
            let heads = Heads { count: channels / config.temporal_head_size, size: config.temporal_head_size };
            let layer = TemporalTransformer::new(channels, heads, temporal, config.groups, at(key)).unwrap();
            compare(key, &layer.forward(x, frames).unwrap());
        }
    }

    let embeddings = Embeddings::new(&config, vb.clone()).unwrap();
    let parts = embeddings.parts(&inputs.timestep, &inputs.conditions.added).unwrap();
    for (name, part) in &parts {
        compare(name, part);
    }
    // Block by block, each after those before it.
    let mut contexts = Vec::new();
    let levels = 0..config.levels.len();
    let down: Vec<DownBlock> =
        levels.clone().map(|i| DownBlock::new(&config, i, at(&format!("down_blocks.{i}"))).unwrap()).collect();
    let mid = MidBlock::new(&config, at("mid_block")).unwrap();
    let up: Vec<UpBlock> = levels
        .rev()
        .enumerate()
        .map(|(i, level)| UpBlock::new(&config, level, at(&format!("up_blocks.{i}"))).unwrap())
        .collect();
    let context = &inputs.conditions.context;
    down.iter().for_each(|block| block.prepare(context, &mut contexts).unwrap());
    mid.prepare(context, &mut contexts).unwrap();
    up.iter().for_each(|block| block.prepare(context, &mut contexts).unwrap());
    let time = embeddings.forward(&inputs.timestep, &inputs.conditions.added).unwrap();
    let mut pass = Pass { time, frames, contexts: contexts.iter() };
    let mut skips = vec![x.clone()];
    for (i, block) in down.iter().enumerate() {
        x = block.forward(x, &mut pass, &mut skips).unwrap();
        compare(&format!("down_blocks.{i}"), &x);
    }
    x = mid.forward(x, &mut pass).unwrap();
    compare("mid_block", &x);
    for (i, block) in up.iter().enumerate() {
        x = block.forward(x, &mut pass, &mut skips).unwrap();
        compare(&format!("up_blocks.{i}"), &x);
    }
    assert!(skips.is_empty(), "every skip is used");
}

#[test]
fn parity_of_the_detected_config() {
    let fixture = Fixture::open("unet3d");
    let weights = shapes(&fixture.tensors("weights.safetensors"));
    let published = published(&fixture);
    let detected = Config::detect(&weights, &published).unwrap();
    assert_eq!(detected, published);
    assert_eq!(detected.manifest(), weights);
    let listed: Shapes = fixture.config("keys");
    assert_eq!(detected.manifest(), listed);
    // Every variant is seen from its own keys, whatever config.json says.
    for name in ["no_more_conv", "no_align", "no_aes", "no_transformer_in", "no_midf", "no_action"] {
        let expected = variant(&detected, name);
        assert_eq!(Config::detect(&expected.manifest(), &published).unwrap(), expected, "{name}");
    }
}

#[test]
fn parity_of_the_full_size() {
    let manifest = Manifest::open("unet3d_full");
    let full = &manifest.keys;
    let published: Config = serde_json::from_value(manifest.config.clone()).unwrap();
    let config = Config::detect(full, &published).unwrap();
    assert_eq!(config, published);
    assert_eq!(&config.manifest(), full, "every key and shape is expected, none is missing");
    let (vb, used) = manifest.weights();
    UNet3d::new(&config, vb).unwrap();
    used.assert_all_used();
    let parameters: usize = full.values().map(|shape| shape.iter().product::<usize>()).sum();
    println!("| manifests unet3d_full | {} keys, {parameters} parameters, all read | exact |", full.len());
}

/// A manifest without the keys that contain a part.
fn without(full: &Shapes, part: &str) -> Shapes {
    full.iter().filter(|(key, _)| !key.contains(part)).map(|(key, shape)| (key.clone(), shape.clone())).collect()
}

#[test]
fn parity_of_the_flags_of_the_full_size() {
    let manifest = Manifest::open("unet3d_full");
    let full = &manifest.keys;
    let published: Config = serde_json::from_value(manifest.config.clone()).unwrap();
    let detect = |shapes: &Shapes| Config::detect(shapes, &published);
    let detected = |part: &str| detect(&without(full, part)).unwrap();
    assert!(!detected(".conv5.").more_conv);
    assert_eq!(detected("temp_transformer_in.").transformer_in, None);
    assert!(!detected("aes_embedding.").aes_score);
    assert_eq!(detected("midf_clip_pool_embedding.").clip_pool_width, None);
    assert_eq!(detected("action_prob_embedding.").action_width, None);
    let shallow = variant(&published, "no_align");
    assert_eq!(detect(&shallow.manifest()).unwrap(), shallow);
    for linear_projection in [true, false] {
        let config = Config { linear_projection, ..published.clone() };
        assert_eq!(detect(&config.manifest()).unwrap(), config);
    }
    for more_conv in [true, false] {
        let config = Config { more_conv, ..published.clone() };
        assert_eq!(detect(&config.manifest()).unwrap(), config);
    }
}

/// What this network does not run, and files that lost or gained something: the error names the evidence.
#[test]
fn parity_of_what_is_refused() {
    let manifest = Manifest::open("unet3d_full");
    let full = &manifest.keys;
    let published: Config = serde_json::from_value(manifest.config.clone()).unwrap();
    let refused = |shapes: &Shapes, evidence: &str| {
        let error = Config::detect(shapes, &published).unwrap_err().to_string();
        assert!(error.contains(evidence), "{evidence:?} is not in {error:?}");
    };
    for key in [
        "down_blocks.1.temp_attentions_equip.0.norm.weight",
        "warping_conv_in.weight",
        "mid_block.temp_mid_attention.norm.weight",
        "mid_block.temp_mid_conv.conv1.0.weight",
        "mid_block.attentions.0.temp_transformer_blocks.0.norm1.weight",
        "text_adapter_proj.weight",
        "up_blocks.0.temp_convs.99.conv1.0.bias",
    ] {
        let mut more = full.clone();
        more.insert(key.to_owned(), vec![1]);
        refused(&more, key);
    }
    refused(&without(full, "mid_block.temp_attentions."), "mid_block.temp_attentions.0");
    // Every 41st key, one at a time: lost, and of another shape.
    for (key, shape) in full.iter().step_by(41) {
        let mut less = full.clone();
        less.remove(key);
        refused(&less, key);
        let mut bent = full.clone();
        bent.insert(key.clone(), shape.iter().map(|side| side + 1).collect());
        assert!(Config::detect(&bent, &published).is_err(), "{key}");
    }
    for (level, depth) in published.levels.iter().enumerate().filter_map(|(i, level)| Some((i, level.depth?))) {
        if depth.spatial < 2 {
            continue;
        }
        let last = format!("transformer_blocks.{}", depth.spatial - 1);
        for transformers in ["attentions", "temp_attentions"] {
            let lost = format!("down_blocks.{level}.{transformers}.0.{last}");
            refused(&without(full, &format!("{lost}.")), &last);
        }
    }
    refused(&Shapes::new(), "down_blocks.0");
    let other_heads = Config { transformer_in: Some(Heads { count: 1, size: 1 }), ..published.clone() };
    assert!(Config::detect(full, &other_heads).unwrap_err().to_string().contains("temp_transformer_in"));
}

#[test]
fn the_preset_is_the_published_size() {
    let published: Config = serde_json::from_value(Manifest::open("unet3d_full").config).unwrap();
    assert_eq!(Config::videostudio_vid(), published);
}

#[test]
fn settings_of_other_networks_are_refused_by_name() {
    let settings = [
        ("mid_block_type", serde_json::json!("UNetSmallMidBlock3DCrossAttn")),
        ("temporal_trans_double_equip", true.into()),
        ("warping_concate_in_channel", true.into()),
        ("flip_sin_to_cos", false.into()),
        ("down_block_types", serde_json::json!(["FullCrossAttnDownBlock3D", "DownBlock3D", "DownBlock3D"])),
        ("attention_head_dim", serde_json::json!([5, 10])),
    ];
    for (name, value) in settings {
        let mut config = serde_json::json!({
            "_class_name": "UNet3DConditionXLModel",
            "freq_shift": 0,
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        });
        assert!(serde_json::from_value::<Config>(config.clone()).is_ok());
        config[name] = value;
        let error = serde_json::from_value::<Config>(config).unwrap_err().to_string();
        assert!(error.contains(name) || error.contains("FullCrossAttn"), "{name}: {error}");
    }
}

#[test]
pub fn every_type_of_number_runs_to_about_the_same_result() {
    let fixture = Fixture::open("unet3d");
    let (io, weights) = (fixture.tensors("io.safetensors"), fixture.tensors("weights.safetensors"));
    let config = published(&fixture);
    let inputs = Inputs::read(&io, "");
    let expected = io.f32("noise_pred");
    let scale = expected.sqr().unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap().sqrt();
    for (dtype, allowed) in [(DType::F16, 0.02), (DType::BF16, 0.1)] {
        let vb = VarBuilder::from_tensors(weights.0.clone(), dtype, &Device::Cpu);
        let unet = UNet3d::new(&config, vb).unwrap();
        let context = unet.prepare(&inputs.conditions.context);
        let ours = context
            .and_then(|context| unet.forward(&inputs.sample, &inputs.timestep, &context, &inputs.conditions.added));
        let ours = match ours {
            Ok(ours) => ours,
            // What a device cannot compute at all is the layers' affair.
            Err(error) if error.to_string().contains("unsupported dtype") => {
                println!("{dtype:?}: {error}");
                continue;
            }
            Err(error) => panic!("{dtype:?}: {error}"),
        };
        assert_eq!(ours.dtype(), inputs.sample.dtype(), "the sampler works on in its own type");
        let difference = (&ours - &expected).unwrap();
        let difference = difference.sqr().unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap().sqrt();
        println!("{dtype:?}: {:.4} of the standard deviation", difference / scale);
        assert!(difference / scale < allowed, "{dtype:?}: {}", difference / scale);
    }
}

#[test]
pub fn two_videos_at_once_are_the_same_as_one_after_the_other() {
    let fixture = Fixture::open("unet3d");
    let (io, weights) = (fixture.tensors("io.safetensors"), fixture.tensors("weights.safetensors"));
    let unet = UNet3d::new(&published(&fixture), weights.weights()).unwrap();
    let inputs = Inputs::read(&io, "");
    let both = inputs.run(&unet);
    for row in 0..inputs.sample.dim(0).unwrap() {
        let cut = |x: &Tensor| x.narrow(0, row, 1).unwrap();
        let added = &inputs.conditions.added;
        let alone = Inputs {
            sample: cut(&inputs.sample),
            timestep: inputs.timestep.clone(),
            conditions: Conditions {
                context: cut(&inputs.conditions.context),
                added: AddedConditions {
                    text_embeds: cut(&added.text_embeds),
                    time_ids: cut(&added.time_ids),
                    aes_scores: added.aes_scores.as_ref().map(cut),
                    midf_clip_pool: added.midf_clip_pool.as_ref().map(cut),
                    action: added.action.as_ref().map(cut),
                },
            },
        };
        fixture.compare(&format!("row {row} alone"), "noise_pred", &alone.run(&unet), &cut(&both));
    }
}

#[test]
fn inputs_that_do_not_fit_are_errors() {
    let fixture = Fixture::open("unet3d");
    let (io, weights) = (fixture.tensors("io.safetensors"), fixture.tensors("weights.safetensors"));
    let unet = UNet3d::new(&published(&fixture), weights.weights()).unwrap();
    let Inputs { sample, timestep, conditions: Conditions { context, added } } = Inputs::read(&io, "");
    let prepared = unet.prepare(&context).unwrap();
    let one = unet.prepare(&context.narrow(0, 0, 1).unwrap()).unwrap();
    assert!(unet.forward(&sample, &timestep, &one, &added).is_err(), "image tokens of one video for two");
    let without = AddedConditions { action: None, ..added.clone() };
    let error = unet.forward(&sample, &timestep, &prepared, &without).unwrap_err().to_string();
    assert!(error.contains("action"), "{error}");
    let no_frames = sample.narrow(2, 0, 0).unwrap();
    assert!(unet.forward(&no_frames, &timestep, &prepared, &added).is_err(), "a video without frames");
    let narrow = sample.narrow(1, 0, 1).unwrap();
    assert!(unet.forward(&narrow, &timestep, &prepared, &added).is_err(), "a latent of one channel");
    let wrong_width = context.narrow(2, 0, 1).unwrap();
    assert!(unet.prepare(&wrong_width).is_err(), "image tokens of another width");
}
