//! The script writer: a premise becomes a script.
//!
//! A language model (any GGUF chat model of the [`FAMILIES`], run by candle on the CPU) speaks under a grammar, so that
//! whatever it says reads back as scenes: first the story in three sentences and the number of scenes, then each scene
//! as four lines. Every scene has a grammar of its own, made from the scenes before it: it forbids an action that was
//! there already, keeps the camera from making the same move twice in a row, and makes somebody come back in the third
//! scene at the latest. Words that earlier actions used up become less likely; a scene that still says much the same as
//! an earlier one is said again, in place. What the rules for names then change is in [`Writer::write`].
//!
//! [`script_from_text`] needs no model: it splits the user's own text into scenes. [`read_script`] takes scripts from
//! files, screenplays and shot lists among them, and [`write_script`] writes them; [`compat`] has the verdict of the
//! original's parser.
//!
//! ```no_run
//! use reelboard::progress::Silent;
//! use reelboard::writer::{WriteRequest, Writer};
//!
//! let mut writer = Writer::load("qwen2.5-1.5b-instruct-q4_k_m.gguf".as_ref(), &Silent)?;
//! let request = WriteRequest { premise: "A lighthouse keeper rescues a paper boat".to_owned(), ..Default::default() };
//! let written = writer.write(&request, &Silent, &mut |_, scene, finished| {
//!     if finished {
//!         println!("{}", scene.prompt);
//!     }
//! })?;
//! assert!(written.script.scenes.len() >= 4);
//! # Ok::<(), reelboard::writer::WriterError>(())
//! ```

pub mod compat;
mod decode;
mod describe;
mod error;
mod formats;
mod gguf;
mod grammar;
mod sampler;
mod script;
mod template;
mod text;
mod tidy;

pub use describe::DescribeRequest;
pub use error::{FAMILIES, WriterError};
pub use formats::{
    FormatError, ImportNote, Imported, ImportedScene, Intake, MOST_BYTES, MOST_COLUMNS, MOST_SCENES, ScriptFormat,
    read_script, read_script_file, save_script, write_script,
};
pub use script::{WriteRequest, Writer, Written};
pub use text::script_from_text;

use std::ops::RangeInclusive;

/// How many scenes a script can have.
pub const SCENES: RangeInclusive<u32> = 4..=10;

/// How alike two sentences are, from 0 (no common word) to 1 (the same words): shared words of all words, without the
/// small ones.
fn likeness(one: &str, other: &str) -> f32 {
    let words = |text: &str| -> std::collections::BTreeSet<String> {
        let lower = text.to_lowercase();
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 3).map(str::to_owned).collect()
    };
    let (one, other) = (words(one), words(other));
    let shared = one.intersection(&other).count();
    let all = one.union(&other).count();
    if all == 0 { 0.0 } else { shared as f32 / all as f32 }
}
