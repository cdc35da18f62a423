//! The script writer: a premise becomes a script.
//!
//! A language model (any GGUF chat model of the [`FAMILIES`], or ChatGLM3 from its published folder, run on the CPU) speaks under a grammar, so that whatever it
//! says reads back as a script. It knows the form from instructions and five examples ([`Prompts`]), which are read once
//! and kept ([`PrefixStore`]).
//!
//! First it plans: the story in three sentences, the cast, the places and the number of scenes. Cast and places begin with
//! those of the premise. Then each scene is three lines (`where`, `action`, `who`), each under a grammar of its own, made
//! from what was said before: it forbids an action that was there already, begins actions with the names of the cast,
//! makes somebody come back in the third scene at the latest, and lists as entities only what the action shows. Words that
//! earlier actions used up become less likely; a scene that still says much the same as an earlier one is said again, in
//! place. When all scenes are there, the camera of the whole film is planned ([`Writer::plan_cameras`] does so for a film
//! that is there already). Common entities are described in a dialogue of three rounds ([`Writer::describe`]).
//!
//! A script that is there is revised by [`Writer::revise`]: every [`Revision`] gives a
//! [`Proposal`](crate::project::Proposal) that the user accepts or rejects.
//!
//! [`script_from_text`] needs no model: it splits the user's own text into scenes. [`read_script`] takes scripts from
//! files, screenplays and shot lists among them, and [`write_script`] writes them; [`compat`] has the verdict of the
//! original's parser.
//!
//! ```no_run
//! use reelboard::progress::Silent;
//! use reelboard::writer::{WriteRequest, Writer, WriterEvent};
//!
//! let mut writer = Writer::load("qwen2.5-1.5b-instruct-q4_k_m.gguf".as_ref(), &Silent)?;
//! let request = WriteRequest { premise: "A lighthouse keeper rescues a paper boat".to_owned(), ..Default::default() };
//! let written = writer.write(&request, &Silent, &mut |event| {
//!     if let WriterEvent::Scene { scene, complete: true, .. } = event {
//!         println!("{}", scene.prompt);
//!     }
//! })?;
//! assert!(written.script.scenes.len() >= 4);
//! # Ok::<(), reelboard::writer::WriterError>(())
//! ```

mod camera;
mod casting;
mod chatglm;
mod check;
pub mod compat;
mod decode;
mod describe;
mod error;
mod examples;
mod family;
mod formats;
mod free;
mod gguf;
mod grammar;
mod loading;
mod plan;
mod prefix;
mod prompts;
mod revise;
mod sampler;
mod scenes;
mod script;
mod server;
mod template;
mod text;
mod tidy;
mod tokens;
mod whole_words;

pub use camera::CameraRequest;
pub use chatglm::{Bits, network_in};
pub use check::{Finding, Remark, Repair, check, repair_by_rules};
pub use decode::Effort;
pub use describe::DescribeRequest;
pub use error::{FAMILIES, WriterError};
pub use formats::{
    FormatError, ImportNote, Imported, ImportedScene, Intake, MOST_BYTES, MOST_COLUMNS, MOST_SCENES, ScriptFormat,
    read_script, read_script_file, save_script, write_script,
};
pub use free::FreelyWritten;
pub use gguf::network;
pub use prefix::PrefixStore;
pub use prompts::{PROMPT_FILES, PromptFile, Prompts, WriterHome, user_prompt_folder};
pub use revise::{CONTINUED, ReviseError, ReviseRequest, Revision, WISH_CHARS};
pub use sampler::Sampling;
pub use script::{DescribeRound, OnEvent, WriteRequest, Writer, WriterEvent, Written};
pub use server::{Patience, ServerError, ServerWriter};
pub use text::script_from_text;

use std::ops::RangeInclusive;

/// How many scenes a script can have. Left to itself, the writer makes five to seven.
pub const SCENES: RangeInclusive<u32> = 4..=10;

/// How alike two sentences are, from 0 (no common word) to 1 (the same words): shared words of all words, without the
/// small ones.
pub fn likeness(one: &str, other: &str) -> f32 {
    let (one, other) = (telling_words(one), telling_words(other));
    let shared = one.intersection(&other).count();
    let all = one.union(&other).count();
    if all == 0 { 0.0 } else { shared as f32 / all as f32 }
}

/// The words of a text in lower case, each once, without the small ones.
fn telling_words(text: &str) -> std::collections::BTreeSet<String> {
    let lower = text.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 3).map(str::to_owned).collect()
}
