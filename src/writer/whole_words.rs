//! Keeping a model from gluing words together.
//!
//! A grammar that allows no more words still allows a longer last word, and a model that wanted to go on spells "the"
//! and "shore" as one. Behind a small word no word goes on.

use super::scenes::lean;
use super::tidy::HANGING;
use std::collections::HashSet;
use toktrie::TokEnv;

/// Taken from the scores of what would go on within a small word.
const GLUED: f32 = 15.0;

/// The tokens that matter for it.
pub(super) struct WholeWords {
    /// Small words, with the space before them.
    small: HashSet<u32>,
    /// What goes on within a word.
    inner: Vec<u32>,
}

impl WholeWords {
    pub fn new(tokens: &TokEnv) -> Self {
        let small = HANGING.iter().filter_map(|word| match tokens.tokenize(&format!(" {word}"))[..] {
            [token] => Some(token),
            _ => None,
        });
        let trie = tokens.tok_trie();
        let goes_on =
            |id: &u32| trie.token(*id).first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'-');
        Self { small: small.collect(), inner: (0..trie.vocab_size() as u32).filter(goes_on).collect() }
    }

    /// Weighs what may follow a text that ends with the token `last`.
    pub fn weigh(&self, last: Option<&u32>, scores: &mut [f32]) {
        if last.is_some_and(|last| self.small.contains(last)) {
            lean(self.inner.iter().map(|id| (*id, -GLUED)), scores);
        }
    }
}
