//! CLIP: the text encoders of Stable Diffusion and the vision tower that turns reference pictures into tokens.
//!
//! - [Paper](https://arxiv.org/abs/2103.00020): learning transferable visual models from natural language supervision
//! - [Upstream code](https://github.com/huggingface/transformers): `models/clip/modeling_clip.py`, whose key names are
//!   kept
//!
//! Both towers are the same pre-norm transformer; they differ in how their tokens begin and in which token
//! is the pooled one. Files that hold a whole CLIP (text, vision and logit scale), as laion's do, can be read by either
//! tower: keys that belong to the other one are left alone, and so is the other half of their `config.json`.

mod encoder;
mod processor;
mod text;
mod tokenizer;
mod vision;

pub use processor::{ClipInputError, ClipProcessor, ResizeTo, vid_square};
pub use text::{TextConfig, TextModel, TextModelWithProjection, TextOutput};
pub use tokenizer::{ClipTokenizer, TokenizerError, TokenizerSettings, Tokens};
pub use vision::{VisionConfig, VisionModel, VisionModelWithProjection, VisionOutput};

use serde_json::{Map, Value};

/// The fields of one tower: those of its own `config.json`, or its part of a whole CLIP's with the projection's width
/// from the top, which is where the published files keep the true one.
fn tower_fields(mut file: Map<String, Value>, tower: &str) -> Value {
    if let Some(Value::Object(mut part)) = file.remove(tower) {
        part.extend(file.remove_entry("projection_dim"));
        return Value::Object(part);
    }
    Value::Object(file)
}
