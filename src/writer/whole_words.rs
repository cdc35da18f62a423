//! Keeping a model from gluing words together.
//!
//! A grammar that allows no more words still allows a longer last word, and a model that wanted to go on spells "the"
//! and "shore" as one. Behind a small word no word goes on, and behind an apostrophe only as it is usual: "dog's", "O'Hara",
//! but no "thieves'hideaway".

use super::scenes::lean;
use super::tidy::HANGING;
use std::collections::HashSet;
use toktrie::TokEnv;

/// Taken from the scores of what would go on within a small word.
const GLUED: f32 = 15.0;
/// What ends a word behind an apostrophe.
const ENDINGS: [&[u8]; 7] = [b"s", b"t", b"d", b"m", b"re", b"ve", b"ll"];

/// The tokens that matter for it.
pub(super) struct WholeWords {
    /// Small words with the space before them, and endings with their apostrophe.
    whole: HashSet<u32>,
    /// What goes on within a word.
    inner: Vec<u32>,
    /// Apostrophes with nothing behind them.
    apostrophes: HashSet<u32>,
    /// What may not come behind these.
    no_endings: Vec<u32>,
    /// Apostrophes with what no word ends in.
    odd: Vec<u32>,
}

impl WholeWords {
    pub fn new(tokens: &TokEnv) -> Self {
        let small = HANGING.iter().filter_map(|word| match tokens.tokenize(&format!(" {word}"))[..] {
            [token] => Some(token),
            _ => None,
        });
        let mut words = Self {
            whole: small.collect(),
            inner: Vec::new(),
            apostrophes: HashSet::new(),
            no_endings: Vec::new(),
            odd: Vec::new(),
        };
        let trie = tokens.tok_trie();
        for id in 0..trie.vocab_size() as u32 {
            let token = trie.token(id);
            if token.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'-') {
                words.inner.push(id);
                if token[0].is_ascii_lowercase() && !ENDINGS.contains(&token) {
                    words.no_endings.push(id);
                }
            }
            match behind_apostrophe(token) {
                Some(b"") => _ = words.apostrophes.insert(id),
                Some(ending) if ENDINGS.contains(&ending) => _ = words.whole.insert(id),
                Some([first, ..]) if first.is_ascii_lowercase() => words.odd.push(id),
                _ => {}
            }
        }
        words
    }

    /// Weighs what may follow a text that ends with the token `last`.
    pub fn weigh(&self, last: Option<&u32>, scores: &mut [f32]) {
        let avoid = |ids: &[u32], scores: &mut [f32]| lean(ids.iter().map(|id| (*id, -GLUED)), scores);
        avoid(&self.odd, scores);
        match last {
            Some(last) if self.whole.contains(last) => avoid(&self.inner, scores),
            Some(last) if self.apostrophes.contains(last) => avoid(&self.no_endings, scores),
            _ => {}
        }
    }
}

/// What stands behind the apostrophe that a token begins with.
fn behind_apostrophe(token: &[u8]) -> Option<&[u8]> {
    token.strip_prefix(b"'").or_else(|| token.strip_prefix("’".as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use toktrie::{ApproximateTokEnv, TokRxInfo, TokTrie};

    /// What may follow a text that ends with `last`, of the tokens below.
    fn allowed(last: &str) -> Vec<&'static str> {
        const TOKENS: [&str; 11] = [" the", " thieves", "shore", "'", "'s", "'ars", "eille", "H", "s", ".", "-"];
        let words: Vec<Vec<u8>> = TOKENS.iter().map(|token| token.as_bytes().to_vec()).collect();
        let trie = TokTrie::from(&TokRxInfo::new(words.len() as u32, 9), &words);
        let tokens: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let at = TOKENS.iter().position(|token| *token == last).unwrap() as u32;
        let mut scores = [0.0; TOKENS.len()];
        WholeWords::new(&tokens).weigh(Some(&at), &mut scores);
        let fits = TOKENS.iter().zip(scores).filter(|(_, score)| *score == 0.0);
        fits.map(|(token, _)| *token).collect()
    }

    #[test]
    fn words_are_not_glued_behind_small_words_and_apostrophes() {
        let any = [" the", " thieves", "shore", "'", "'s", "eille", "H", "s", ".", "-"];
        assert_eq!(allowed(" thieves"), any, "all but what no word ends in");
        let whole = [" the", " thieves", "'", "'s", "."];
        assert_eq!(allowed(" the"), whole);
        assert_eq!(allowed("'s"), whole);
        assert_eq!(allowed("'"), [" the", " thieves", "'", "'s", "H", "s", ".", "-"]);
    }
}
