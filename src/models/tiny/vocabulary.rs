//! A vocabulary that has every byte, and a few common English pieces so that a sentence fits into 77 tokens.

use serde_json::{Map, Value};

/// Pairs that are joined, the first ones first; each of the two is a character or was made before.
const MERGES: [(&str, &str); 40] = [
    ("t", "h"),
    ("i", "n"),
    ("a", "n"),
    ("e", "r"),
    ("o", "n"),
    ("r", "e"),
    ("s", "t"),
    ("o", "u"),
    ("e", "n"),
    ("a", "r"),
    ("o", "r"),
    ("l", "l"),
    ("e", "a"),
    ("o", "o"),
    ("c", "h"),
    ("s", "h"),
    ("l", "e"),
    ("r", "o"),
    ("w", "i"),
    ("a", "t"),
    ("th", "e</w>"),
    ("in", "g</w>"),
    ("an", "d</w>"),
    ("o", "f</w>"),
    ("t", "o</w>"),
    ("i", "n</w>"),
    ("i", "s</w>"),
    ("o", "n</w>"),
    ("e", "r</w>"),
    ("e", "d</w>"),
    ("e", "s</w>"),
    ("l", "y</w>"),
    ("a", "t</w>"),
    ("l", "e</w>"),
    ("s", "e</w>"),
    ("t", "h</w>"),
    ("wi", "th</w>"),
    ("o", "r</w>"),
    ("c", "e</w>"),
    ("r", "e</w>"),
];

/// The characters that stand for the bytes in CLIP's vocabulary, in its order: first those that can be seen.
fn byte_characters() -> Vec<char> {
    let is_seen = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let unseen = (0..=u8::MAX).filter(|byte| !is_seen(byte)).count() as u32;
    let seen = (0..=u8::MAX).filter(is_seen).map(char::from);
    seen.chain((256..256 + unseen).filter_map(char::from_u32)).collect()
}

fn tokens() -> Vec<String> {
    let characters = byte_characters();
    let inside = characters.iter().map(|c| c.to_string());
    let last = characters.iter().map(|c| format!("{c}</w>"));
    let merged = MERGES.iter().map(|(left, right)| format!("{left}{right}"));
    // The end has the highest number: the text encoder finds it so.
    let special = ["<|startoftext|>", "<|endoftext|>"].map(str::to_owned);
    inside.chain(last).chain(merged).chain(special).collect()
}

/// How many tokens there are.
pub fn len() -> usize {
    tokens().len()
}

/// `vocab.json`
pub fn vocab_json() -> String {
    let tokens = tokens().into_iter().enumerate().map(|(id, token)| (token, Value::from(id)));
    Value::Object(tokens.collect::<Map<_, _>>()).to_string()
}

/// `merges.txt`, whose first line is a version.
pub fn merges_txt() -> String {
    let merges = MERGES.iter().map(|(left, right)| format!("{left} {right}\n"));
    std::iter::once("#version: 0.2\n".to_owned()).chain(merges).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_token_has_one_number_and_every_merge_its_parts() {
        let tokens = tokens();
        let mut known: HashSet<String> = tokens[..512].iter().cloned().collect();
        for (left, right) in MERGES {
            assert!(known.contains(left) && known.contains(right), "{left} {right}");
            assert!(known.insert(format!("{left}{right}")), "{left}{right}");
        }
        assert_eq!(known.len() + 2, tokens.len());
    }
}
