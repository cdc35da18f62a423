//! CLIP's vision tower, its text encoders and the preparation of photos.

use crate::fixture::{Fixture, Tensors, max_difference};
use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;
use image::RgbImage;
use reelboard::image::{ClipProcessor, ResizeTo, vid_square};
use reelboard::nets::clip::{
    TextConfig, TextModel, TextModelWithProjection, VisionConfig, VisionModel, VisionModelWithProjection,
};
use reelboard::nets::ops::Activation;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The names in the fixture's folder between `prefix` and `suffix`.
fn names(fixture: &Fixture, prefix: &str, suffix: &str) -> Vec<String> {
    let files = std::fs::read_dir(&fixture.folder).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        files.filter_map(|file| Some(file.strip_prefix(prefix)?.strip_suffix(suffix)?.to_owned())).collect();
    names.sort();
    assert!(!names.is_empty(), "{} has {prefix}…{suffix}", fixture.folder.display());
    names
}

/// The vision tower for each of the fixture's io files, which are named after their activation.
fn towers(fixture: &Fixture) -> Vec<(String, VisionConfig, Tensors)> {
    let tower = |name: String| {
        let config = VisionConfig {
            hidden_act: serde_json::from_value(Value::String(name.clone())).unwrap(),
            ..fixture.config("config")
        };
        let io = fixture.tensors(&format!("io_{name}.safetensors"));
        (name, config, io)
    };
    names(fixture, "io_", ".safetensors").into_iter().map(tower).collect()
}

#[test]
pub fn parity_clip_vision() {
    let fixture = Fixture::open("clip_vision");
    let weights = fixture.tensors("weights.safetensors").weights();
    for (name, config, io) in towers(&fixture) {
        let network = VisionModelWithProjection::new(&config, weights.clone()).unwrap();
        let pictures = io.f32("pixel_values");
        let (output, projected) = network.forward(&pictures).unwrap();
        for (key, ours) in [
            ("hidden_states_0", &network.model().embed(&pictures).unwrap()),
            ("hidden_states_-2", &output.penultimate),
            ("last_hidden_state", &output.last_hidden_state),
            ("pooler_output", &output.pooled),
            ("image_embeds", &projected),
        ] {
            fixture.compare(&format!("{name} {key}"), "model", ours, &io.f32(key));
        }
        let early = network.model().penultimate(&pictures).unwrap();
        assert_eq!(max_difference(&early, &output.penultimate), 0.0);

        // Rows do not know of each other.
        let one =
            VisionModel::new(&config, weights.clone()).unwrap().forward(&pictures.narrow(0, 0, 1).unwrap()).unwrap();
        fixture.compare(
            &format!("{name} pooler_output of one"),
            "model",
            &one.pooled,
            &io.f32("pooler_output").narrow(0, 0, 1).unwrap(),
        );
    }
}

#[test]
pub fn parity_clip_vision_in_half_precision() {
    let fixture = Fixture::open("clip_vision");
    for (name, config, io) in towers(&fixture) {
        let weights = fixture.tensors("weights.safetensors").0;
        let weights = VarBuilder::from_tensors(weights, DType::F16, &Device::Cpu);
        let network = VisionModelWithProjection::new(&config, weights).unwrap();
        let (output, projected) = network.forward(&io.get("pixel_values").to_dtype(DType::F16).unwrap()).unwrap();
        assert_eq!(projected.dtype(), DType::F16);
        near(
            &fixture,
            &format!("{name} last_hidden_state F16"),
            &output.last_hidden_state,
            &io.f32("last_hidden_state"),
        );
    }
}

#[test]
fn parity_clip_vision_keys_of_the_full_size() {
    let fixture = Fixture::open("clip_vision");
    let shapes = Shapes::default();
    let vb = VarBuilder::from_backend(Box::new(shapes.clone()), DType::F32, Device::Cpu);
    VisionModelWithProjection::new(&VisionConfig::clip_vit_h_14(), vb).unwrap();
    let shapes = shapes.0.lock().unwrap();
    let examples: BTreeMap<String, Vec<usize>> = fixture.config("vit_h_key_examples");
    for (key, shape) in &examples {
        assert_eq!(shapes.get(key), Some(shape), "{key}");
    }
    let parameters: usize = shapes.values().map(|shape| shape.iter().product::<usize>()).sum();
    assert_eq!(Some(parameters as u64), fixture.config["vit_h_params"].as_u64());
}

#[test]
fn the_text_encoders_of_stable_diffusion_have_their_full_size() {
    let parameters = |build: &dyn Fn(VarBuilder<'_>)| -> usize {
        let shapes = Shapes::default();
        build(VarBuilder::from_backend(Box::new(shapes.clone()), DType::F16, Device::Cpu));
        let shapes = shapes.0.lock().unwrap();
        shapes.values().map(|shape| shape.iter().product::<usize>()).sum()
    };
    let plain = |config: TextConfig| parameters(&|vb| drop(TextModel::new(&config, vb).unwrap()));
    assert_eq!(plain(TextConfig::stable_diffusion_1_5()), 123_060_480);
    assert_eq!(plain(TextConfig::stable_diffusion_2_1()), 340_387_840);
    assert_eq!(plain(TextConfig::stable_diffusion_xl()), 123_060_480);
    let big = TextConfig::stable_diffusion_xl_2();
    assert_eq!(parameters(&|vb| drop(TextModelWithProjection::new(&big, vb).unwrap())), 694_659_840);
}

#[test]
pub fn a_whole_clip_serves_both_towers() {
    let (text, vision) = (Fixture::open("sd_txt2img"), Fixture::open("clip_vision"));
    let mut weights = text.tensors("text_encoder.safetensors").0;
    weights.extend(vision.tensors("weights.safetensors").0);
    weights.insert("logit_scale".to_owned(), Tensor::new(2.6592f32, &Device::Cpu).unwrap());
    let weights = VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu);
    let file = json!({
        "model_type": "clip", "text_config": text.config["text_encoder"], "vision_config": vision.config["config"],
        "projection_dim": vision.config["config"]["projection_dim"],
    });
    TextModel::new(&serde_json::from_value(file.clone()).unwrap(), weights.clone()).unwrap();
    VisionModelWithProjection::new(&serde_json::from_value(file).unwrap(), weights).unwrap();
}

#[test]
fn parity_clip_vision_preprocessing() {
    let fixture = Fixture::open("clip_vision");
    let processor: &Value = &fixture.config["processor"];
    let settings = json!({
        "size": processor["size"], "crop_size": processor["crop_size"], "rescale_factor": processor["rescale"],
        "image_mean": processor["mean"], "image_std": processor["std"],
    });
    let processor: ClipProcessor = serde_json::from_value(settings).unwrap();
    let crops = fixture.tensors("preprocess_u8.safetensors");
    let values = fixture.tensors_if_there("preprocess.safetensors");
    for name in names(&fixture, "", ".png") {
        let photo = image::open(fixture.folder.join(format!("{name}.png"))).unwrap().into_rgb8();
        let crop = processor.crop(&photo).unwrap();
        let theirs = crops.get(&format!("{name}_crop_u8"));
        // Pillow's fixed-point filter is followed, so the levels are the same and not only near.
        fixture.row(&format!("{name} crop"), max_difference(&tensor_of(&crop), theirs), 0.0);

        let ours = processor.pixel_values(&photo).unwrap();
        // What the original makes of the crop: rescaled, normalised, channels first.
        let per_channel = |values: [f64; 3]| Tensor::new(&values, &Device::Cpu).unwrap();
        let expected = theirs.to_dtype(DType::F64).unwrap().affine(processor.rescale_factor, 0.0).unwrap();
        let expected = expected.broadcast_sub(&per_channel(processor.image_mean)).unwrap();
        let expected = expected.broadcast_div(&per_channel(processor.image_std)).unwrap();
        let expected = expected.permute((2, 0, 1)).unwrap().unsqueeze(0).unwrap();
        fixture.row(&format!("{name} from the crop"), max_difference(&ours, &expected), 1e-6);
        if let Some(values) = &values {
            fixture.row(&format!("{name} normalised"), max_difference(&ours, values.get(&name)), 1e-6);
        }
    }
}

#[test]
pub fn parity_sd_txt2img_text_encoder() {
    let fixture = Fixture::open("sd_txt2img");
    let network =
        TextModel::new(&fixture.config("text_encoder"), fixture.tensors("text_encoder.safetensors").weights()).unwrap();
    let io = fixture.tensors("io.safetensors");
    for (ids, embeds) in [("input_ids", "prompt_embeds"), ("negative_input_ids", "negative_prompt_embeds")] {
        let output = network.forward(io.get(ids)).unwrap();
        fixture.compare(embeds, "text", &output.last_hidden_state, &io.f32(embeds));
    }
}

#[test]
pub fn parity_sd_txt2img_text_encoder_2() {
    let fixture = Fixture::open("sd_txt2img");
    let mut config: TextConfig = fixture.config("text_encoder_2");
    if fixture.config["text_encoder_2"]["eos_token_id"].is_null() {
        // The fixture's vocabulary is smaller than the one that the default is for; its last token is the end there, too.
        config.eos_token_id = config.vocab_size as u32 - 1;
    }
    let weights = fixture.tensors("text_encoder_2.safetensors").weights();
    let io = fixture.tensors("io.safetensors");
    let network = TextModelWithProjection::new(&config, weights.clone()).unwrap();
    let (output, projected) = network.forward(io.get("input_ids")).unwrap();
    for (key, ours) in [
        ("text2.hidden_states_-2", &output.penultimate),
        ("text2.last_hidden_state", &output.last_hidden_state),
        ("text2.text_embeds", &projected),
    ] {
        fixture.compare(key, "text", ours, &io.f32(key));
    }

    let network = TextModelWithProjection::new(&TextConfig { eos_token_id: 2, ..config }, weights).unwrap();
    let (_, projected) = network.forward(io.get("input_ids")).unwrap();
    let key = "text2.text_embeds_eos2_argmax";
    fixture.compare(key, "text", &projected, &io.f32(key));
}

fn text_encoder_in(dtype: DType) {
    let fixture = Fixture::open("sd_txt2img");
    let io = fixture.tensors("io.safetensors");
    let weights = fixture.tensors("text_encoder.safetensors").0;
    let weights = VarBuilder::from_tensors(weights, dtype, &Device::Cpu);
    let output =
        TextModel::new(&fixture.config("text_encoder"), weights).unwrap().forward(io.get("input_ids")).unwrap();
    assert_eq!(output.pooled.dtype(), dtype);
    near(&fixture, &format!("prompt_embeds {dtype:?}"), &output.last_hidden_state, &io.f32("prompt_embeds"));
}

#[test]
pub fn parity_sd_txt2img_text_encoder_in_f16() {
    text_encoder_in(DType::F16);
}

#[test]
fn parity_sd_txt2img_text_encoder_in_bf16() {
    text_encoder_in(DType::BF16);
}

#[test]
pub fn the_pooled_token_is_the_first_end_of_each_text() {
    let fixture = Fixture::open("sd_txt2img");
    let config: TextConfig = fixture.config("text_encoder");
    let weights = fixture.tensors("text_encoder.safetensors").weights();
    let pooled_at = |eos_token_id: u32, ids: &[&[u32]]| -> Vec<usize> {
        let network = TextModel::new(&TextConfig { eos_token_id, ..config.clone() }, weights.clone()).unwrap();
        let ids = Tensor::new(ids.iter().map(|text| text.to_vec()).collect::<Vec<_>>(), &Device::Cpu).unwrap();
        let output = network.forward(&ids).unwrap();
        let is_at = |text: usize, at: &usize| {
            let state = output.last_hidden_state.get(text).unwrap().get(*at).unwrap();
            max_difference(&state, &output.pooled.get(text).unwrap()) == 0.0
        };
        let length = ids.dim(1).unwrap();
        (0..ids.dim(0).unwrap()).map(|text| (0..length).find(|at| is_at(text, at)).unwrap()).collect()
    };
    assert_eq!(pooled_at(9, &[&[8, 3, 9, 9, 9], &[8, 9, 9, 9, 9]]), [2, 1]);
    // The old rule: the first of the highest tokens.
    assert_eq!(pooled_at(2, &[&[1, 2, 9, 9, 0], &[7, 2, 3, 4, 5]]), [2, 0]);
    // No end at all.
    assert_eq!(pooled_at(9, &[&[8, 3, 4, 5, 6]]), [0]);
}

#[test]
pub fn inputs_that_do_not_fit_are_errors() {
    let fixture = Fixture::open("sd_txt2img");
    let config: TextConfig = fixture.config("text_encoder");
    let network = TextModel::new(&config, fixture.tensors("text_encoder.safetensors").weights()).unwrap();
    let message = |ids: Vec<u32>| {
        let ids = Tensor::new(ids, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
        network.forward(&ids).unwrap_err().to_string()
    };
    assert!(message(vec![config.vocab_size as u32]).contains("tokenizer"));
    let longest = config.max_position_embeddings;
    assert!(message(vec![0; longest + 1]).contains(&format!("{} tokens", longest + 1)));

    let fixture = Fixture::open("clip_vision");
    let weights = fixture.tensors("weights.safetensors").weights();
    let config: VisionConfig = fixture.config("config");
    let side = config.image_size + config.patch_size;
    let picture = Tensor::zeros((1, config.num_channels, side, side), DType::F32, &Device::Cpu).unwrap();
    let message = VisionModel::new(&config, weights.clone()).unwrap().forward(&picture).unwrap_err().to_string();
    assert!(message.contains(&format!("{side} × {side}")), "{message}");
    for config in [
        VisionConfig { patch_size: 0, ..config.clone() },
        VisionConfig { num_attention_heads: 0, ..config.clone() },
        VisionConfig { num_hidden_layers: 0, ..config.clone() },
        VisionConfig { num_hidden_layers: config.num_hidden_layers + 1, ..config.clone() },
        VisionConfig { hidden_size: config.hidden_size + 1, ..config },
    ] {
        assert!(VisionModel::new(&config, weights.clone()).is_err());
    }
}

#[test]
fn published_config_files_are_read() {
    // What leaves out everything is transformers' default.
    let text: TextConfig = serde_json::from_str("{}").unwrap();
    assert_eq!((text.hidden_size, text.eos_token_id, text.hidden_act), (512, 49_407, Activation::QuickGelu));
    let vision: VisionConfig = serde_json::from_str("{}").unwrap();
    assert_eq!((vision.hidden_size, vision.patch_size, vision.image_size), (768, 32, 224));

    // A text encoder's own file.
    let file = json!({
        "architectures": ["CLIPTextModelWithProjection"], "attention_dropout": 0.0, "bos_token_id": 0, "eos_token_id": 2,
        "hidden_act": "gelu", "hidden_size": 1280, "intermediate_size": 5120, "layer_norm_eps": 1e-05,
        "max_position_embeddings": 77, "model_type": "clip_text_model", "num_attention_heads": 20,
        "num_hidden_layers": 32, "pad_token_id": 1, "projection_dim": 1280, "torch_dtype": "float16", "vocab_size": 49408,
    });
    assert_eq!(serde_json::from_value::<TextConfig>(file).unwrap(), TextConfig::stable_diffusion_xl_2());

    // A whole CLIP's, whose parts do not know the projection.
    let file = json!({
        "model_type": "clip", "projection_dim": 1024, "logit_scale_init_value": 2.6592,
        "text_config": {
            "hidden_act": "gelu", "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16,
            "num_hidden_layers": 24, "projection_dim": 512, "eos_token_id": 2,
        },
        "text_config_dict": null,
        "vision_config": {
            "hidden_act": "gelu", "hidden_size": 1280, "intermediate_size": 5120, "num_attention_heads": 16,
            "num_hidden_layers": 32, "patch_size": 14,
        },
    });
    assert_eq!(serde_json::from_value::<VisionConfig>(file.clone()).unwrap(), VisionConfig::clip_vit_h_14());
    let whole = TextConfig { num_hidden_layers: 24, projection_dim: 1024, ..TextConfig::stable_diffusion_2_1() };
    assert_eq!(serde_json::from_value::<TextConfig>(file).unwrap(), whole);

    let error = serde_json::from_str::<TextConfig>(r#"{"hidden_act": "gelu_new"}"#).unwrap_err().to_string();
    assert!(error.contains("gelu_new"), "{error}");

    // The processor's files, old and new.
    for size in [json!(224), json!({"shortest_edge": 224})] {
        for crop in [json!(224), json!({"height": 224, "width": 224})] {
            let file = json!({"size": size, "crop_size": crop, "feature_extractor_type": "CLIPFeatureExtractor"});
            assert_eq!(serde_json::from_value::<ClipProcessor>(file).unwrap(), ClipProcessor::default());
        }
    }
}

#[test]
fn a_photo_smaller_than_the_crop_has_black_around() {
    let photo = RgbImage::from_pixel(3, 2, image::Rgb([200; 3]));
    let processor = ClipProcessor { do_resize: false, crop_size: (6, 6), ..ClipProcessor::default() };
    let crop = processor.crop(&photo).unwrap();
    for (x, y, pixel) in crop.enumerate_pixels() {
        let inside = (1..4).contains(&x) && (2..4).contains(&y);
        assert_eq!(pixel.0[0], if inside { 200 } else { 0 }, "{x} {y}");
    }
}

#[test]
fn photos_and_settings_that_cannot_be_followed_are_errors() {
    let processor = ClipProcessor::default();
    let photo = RgbImage::new(20, 20);
    assert!(processor.crop(&RgbImage::new(0, 5)).is_err());
    assert!(ClipProcessor { do_resize: false, ..processor.clone() }.crop(&RgbImage::new(0, 5)).is_err());
    assert!(processor.crop(&RgbImage::new(1, 16_000)).unwrap_err().to_string().contains("1 × 16000"));
    assert!(ClipProcessor { resample: 0, ..processor.clone() }.crop(&photo).is_err());
    assert!(ClipProcessor { crop_size: (0, 4), ..processor.clone() }.crop(&photo).is_err());
    assert!(ClipProcessor { size: ResizeTo::ShortestEdge(0), ..processor.clone() }.crop(&photo).is_err());
    assert!(ClipProcessor { image_std: [0.2, 0.0, 0.2], ..processor }.pixel_values(&photo).is_err());
}

#[test]
fn the_first_frame_of_a_video_becomes_a_square() {
    // Wider than high: columns name themselves, so that the cut shows.
    for (width, first) in [(10, 1), (11, 2), (13, 2), (15, 4)] {
        let photo = RgbImage::from_fn(width, 8, |x, _| image::Rgb([100 + x as u8; 3]));
        let square = vid_square(&photo, 8).unwrap();
        assert_eq!((square.dimensions(), square.get_pixel(0, 5).0[0]), ((8, 8), 100 + first));
    }
    // Through PyTorch's single precision and back, the levels from 1 to 63 lose one.
    for level in 0..=255u8 {
        let square = vid_square(&RgbImage::from_pixel(4, 4, image::Rgb([level; 3])), 4).unwrap();
        let expected = if (1..64).contains(&level) { level - 1 } else { level };
        assert_eq!(square.get_pixel(1, 1).0, [expected; 3]);
    }
}

/// Compares what was computed in a type of two or three significant digits.
fn near(fixture: &Fixture, what: &str, ours: &Tensor, expected: &Tensor) {
    let largest = max_difference(expected, &expected.zeros_like().unwrap());
    let tolerance = largest * if ours.dtype() == DType::F16 { 0.01 } else { 0.08 };
    fixture.row(what, max_difference(ours, expected), tolerance);
}

/// `[height, width, 3]`
fn tensor_of(picture: &RgbImage) -> Tensor {
    let shape = (picture.height() as usize, picture.width() as usize, 3);
    Tensor::from_slice(picture.as_raw(), shape, &Device::Cpu).unwrap()
}

/// Weights that take no memory, and the shapes that were asked for.
#[derive(Default, Clone)]
struct Shapes(Arc<Mutex<BTreeMap<String, Vec<usize>>>>);

impl SimpleBackend for Shapes {
    fn get(&self, s: Shape, name: &str, _: candle_nn::Init, dtype: DType, dev: &Device) -> candle_core::Result<Tensor> {
        self.0.lock().unwrap().insert(name.to_owned(), s.dims().to_vec());
        Tensor::zeros((), dtype, dev)?.broadcast_as(s)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("{name} was asked for without a shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}
