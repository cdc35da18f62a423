//! Holds the UNet over pictures and the content adapter to diffusers 0.24 and the released code.

use crate::fixture::{Fixture, Tensors};
use crate::manifest::{Manifest, weights_of};
use candle_core::{IndexOp, Tensor};
use reelboard::nets::unet::levels::CrossAttention;
use reelboard::nets::unet::{AddedConditions, Config, ContentAdapter, References, UNet2d};
use serde_json::Value;
use std::collections::BTreeMap;

/// A UNet with its adapter, and the inputs that all of its outputs share.
struct Adapted {
    fixture: Fixture,
    io: Tensors,
    unet: UNet2d,
    adapter: ContentAdapter,
}

impl Adapted {
    fn open() -> Self {
        let fixture = Fixture::open("ct_adapter");
        let config: Config = fixture.config("unet");
        let unet = UNet2d::new(&config, fixture.tensors("unet.safetensors").weights()).unwrap();
        let weights = fixture.tensors("adapter.safetensors").weights();
        let adapter = ContentAdapter::new(&config, weights.pp("ip_adapter")).unwrap();
        Self { io: fixture.tensors("io.safetensors"), fixture, unet, adapter }
    }

    fn predict(&self, text: &Tensor, references: &References) -> Tensor {
        let mut context = self.unet.prepare(text).unwrap();
        self.adapter.add(&mut context, references).unwrap();
        self.unet.forward(self.io.get("latents"), self.io.get("timestep"), &context, None).unwrap()
    }

    /// One foreground and one background, with these scales.
    fn references(&self, foreground_scale: f64, background_scale: f64) -> References {
        References {
            foregrounds: vec![self.io.f32("fg_tokens")],
            background: Some(self.io.f32("bg_tokens")),
            foreground_scale,
            background_scale,
        }
    }

    fn released(&self) -> References {
        let scale = |key: &str| self.fixture.config[key].as_f64().unwrap();
        self.references(scale("scale"), scale("scale_bg"))
    }

    fn compare(&self, what: &str, ours: &Tensor, theirs: &Tensor) {
        self.fixture.compare(what, "noise_pred", ours, theirs);
    }
}

#[test]
pub fn parity_of_the_content_adapter() {
    let all = Adapted::open();
    let (io, text) = (&all.io, all.io.f32("text"));
    all.compare("noise_pred", &all.predict(&text, &all.released()), io.get("noise_pred"));

    // noise_pred_scale<A>_bg<B>
    let scales = |key: &str| {
        let (foreground, background) = key.strip_prefix("noise_pred_scale")?.split_once("_bg")?;
        Some((foreground.parse::<f64>().ok()?, background.parse::<f64>().ok()?))
    };
    let mut ablations: Vec<_> = io.0.keys().filter_map(|key| Some((key, scales(key)?))).collect();
    ablations.sort_by_key(|(key, _)| *key);
    assert!(!ablations.is_empty(), "the fixture has ablations");
    for (key, (foreground, background)) in ablations {
        all.compare(key, &all.predict(&text, &all.references(foreground, background)), io.get(key));
    }

    // The context as the released code has it: [text | foreground | background].
    let parts = [text, io.f32("fg_tokens"), io.f32("bg_tokens")];
    all.fixture.compare("order", "order", &Tensor::cat(&parts, 1).unwrap(), io.get("encoder_hidden_states"));
}

#[test]
pub fn parity_of_resampled_tokens_in_the_content_adapter() {
    let all = Adapted::open();
    let Some(expected) = all.io.0.get("noise_pred_resampled") else { return };
    // [foreground | background], the unconditional row first.
    let rows = [all.io.f32("uncond_image_prompt_embeds"), all.io.f32("image_prompt_embeds")];
    let tokens = Tensor::cat(&rows, 0).unwrap();
    let count = tokens.dim(1).unwrap() / 2;
    let references = References {
        foregrounds: vec![tokens.narrow(1, 0, count).unwrap()],
        background: Some(tokens.narrow(1, count, count).unwrap()),
        ..all.released()
    };
    all.compare("noise_pred_resampled", &all.predict(&all.io.f32("text"), &references), expected);
}

#[test]
pub fn parity_of_two_foregrounds() {
    let all = Adapted::open();
    let (io, text) = (&all.io, all.io.f32("text"));
    // The release takes all but the last tokens for text, the first foreground too.
    let text_and_first = Tensor::cat(&[text.clone(), io.f32("fg_tokens")], 1).unwrap();
    let second = References { foregrounds: vec![io.f32("fg2_tokens")], ..all.released() };
    let key = "noise_pred_two_fg_official_slicing";
    all.compare(key, &all.predict(&text_and_first, &second), io.get(key));

    let Some(concat) = all.fixture.tensors_if_there("io_two_fg_concat.safetensors") else { return };
    let foregrounds = vec![concat.f32("fg_tokens"), concat.f32("fg2_tokens")];
    let ours = all.predict(&text, &References { foregrounds, ..all.released() });
    all.compare("noise_pred_two_fg_concat", &ours, concat.get("noise_pred_two_fg_concat"));
}

#[test]
pub fn parity_of_the_sdxl_unet() {
    let fixture = Fixture::open("sdxl_unet");
    let io = fixture.tensors("io.safetensors");
    let unet = UNet2d::new(&fixture.config("config"), fixture.tensors("weights.safetensors").weights()).unwrap();
    let added = AddedConditions { text_embeds: io.f32("text_embeds"), time_ids: io.f32("time_ids") };
    let context = unet.prepare(io.get("encoder_hidden_states")).unwrap();
    let ours = unet.forward(io.get("sample"), io.get("timestep"), &context, Some(&added)).unwrap();
    fixture.compare("noise_pred", "noise_pred", &ours, io.get("noise_pred"));
}

#[test]
pub fn parity_of_the_text_to_image_unet() {
    let fixture = Fixture::open("sd_txt2img");
    let io = fixture.tensors("io.safetensors");
    let unet = UNet2d::new(&fixture.config("unet"), fixture.tensors("unet.safetensors").weights()).unwrap();
    // The first step of the chain: the same noise with the negative and the positive prompt.
    let text = Tensor::cat(&[io.f32("negative_prompt_embeds"), io.f32("prompt_embeds")], 0).unwrap();
    let latents = Tensor::cat(&[io.f32("latents"), io.f32("latents")], 0).unwrap();
    let timestep = io.get("timesteps").i(..1).unwrap();
    let ours = unet.forward(&latents, &timestep, &unet.prepare(&text).unwrap(), None).unwrap();
    fixture.compare("unet_single.noise_pred", "unet", &ours, io.get("unet_single.noise_pred"));
}

/// Every tensor of the small checkpoints is read.
#[test]
fn parity_of_the_keys() {
    for (name, file, key) in [
        ("ct_adapter", "unet.safetensors", "unet"),
        ("sdxl_unet", "weights.safetensors", "config"),
        ("sd_txt2img", "unet.safetensors", "unet"),
    ] {
        let fixture = Fixture::open(name);
        let shapes = fixture.tensors(file).0.into_iter().map(|(key, tensor)| (key, tensor.dims().to_vec()));
        let (weights, used) = weights_of(&shapes.collect());
        UNet2d::new(&fixture.config(key), weights).unwrap();
        used.assert_all_used();
    }
    let fixture = Fixture::open("ct_adapter");
    let tensors = fixture.tensors("adapter.safetensors").0;
    let shapes = tensors.into_iter().filter_map(|(key, tensor)| {
        key.strip_prefix("ip_adapter.").map(|key| (key.to_owned(), tensor.dims().to_vec()))
    });
    let (weights, used) = weights_of(&shapes.collect());
    ContentAdapter::new(&fixture.config("unet"), weights).unwrap();
    used.assert_all_used();
}

#[test]
fn parity_of_the_full_size_keys() {
    let (weights, used) = Manifest::open("sd15_unet").weights();
    UNet2d::new(&Config::sd15(), weights).unwrap();
    used.assert_all_used();
}

#[test]
fn parity_of_the_adapters_order() {
    // The small network: module names by index, and the list of all attentions.
    let fixture = Fixture::open("ct_adapter");
    let ours = fixture.config::<Config>("unet").cross_attentions().unwrap();
    let modules: BTreeMap<usize, String> = fixture.config("ip_adapter_index_to_module");
    let names = |at: &CrossAttention| (at.index, format!("{}.processor", at.name));
    assert_eq!(ours.iter().map(names).collect::<BTreeMap<_, _>>(), modules);
    let order: Vec<String> = fixture.config("attn_processor_order");
    assert!(ours.iter().all(|at| order[at.index] == names(at).1));

    // SD 1.5, with the shapes of all matrices.
    let bytes = std::fs::read(fixture.folder.join("sd15_order.json")).unwrap();
    let json: Value = serde_json::from_slice(&bytes).unwrap();
    let table: BTreeMap<usize, Value> = serde_json::from_value(json["sd15_ip_adapter_index_table"].clone()).unwrap();
    let ours = Config::sd15().cross_attentions().unwrap();
    assert_eq!(ours.len(), table.len());
    for at in &ours {
        assert_eq!(table[&at.index]["module"], at.name.as_str());
        assert_eq!(table[&at.index]["hidden_size"], at.width);
    }
    let mut shapes = BTreeMap::new();
    for (index, entry) in &table {
        let weights: BTreeMap<String, Vec<usize>> = serde_json::from_value(entry["weights"].clone()).unwrap();
        shapes.extend(weights.into_iter().map(|(name, shape)| (format!("{index}.{name}.weight"), shape)));
    }
    let (weights, used) = weights_of(&shapes);
    ContentAdapter::new(&Config::sd15(), weights).unwrap();
    used.assert_all_used();
}
