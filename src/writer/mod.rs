//! The script writer: a premise becomes a script.

mod decode;
mod error;
mod gguf;
mod grammar;
mod sampler;
mod script;
mod template;
mod text;
mod tidy;

pub use error::{FAMILIES, WriterError};
pub use text::script_from_text;
pub use script::{WriteRequest, Writer, Written};

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
impl Writer { #[allow(missing_docs)] pub fn describe(&mut self, _: &WriteRequest, _: crate::project::EntityKind, _: &str, _: &dyn crate::progress::Progress) -> Result<String, WriterError> { todo!() } }
