//! What of a text stayed, went and came, word by word.

/// Stands behind a word without a space, and is compared apart from it.
const PUNCTUATION: [char; 6] = ['.', ',', ';', ':', '!', '?'];

/// A run of words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// In both texts.
    Same(String),
    /// Only in the old one.
    Old(String),
    /// Only in the new one.
    New(String),
}

impl Words {
    /// Whether a space parts this run from the one before it.
    pub fn after_a_space(&self) -> bool {
        let (Self::Same(text) | Self::Old(text) | Self::New(text)) = self;
        !text.starts_with(PUNCTUATION)
    }
}

/// Texts of more words are not compared word by word.
const MOST_WORDS: usize = 2000;

/// The words of two texts side by side, in order: what went comes before what came in its place.
pub fn word_diff(old: &str, new: &str) -> Vec<Words> {
    let (old, new) = (pieces(old), pieces(new));
    let mut found = Vec::new();
    if old.len().max(new.len()) > MOST_WORDS {
        found.extend(old.into_iter().map(|word| Words::Old(word.to_owned())));
        found.extend(new.into_iter().map(|word| Words::New(word.to_owned())));
        return join(found);
    }
    // The longest common rest of every pair of ends.
    let columns = new.len() + 1;
    let mut common = vec![0_u32; (old.len() + 1) * columns];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * columns + j] = match old[i] == new[j] {
                true => common[(i + 1) * columns + j + 1] + 1,
                false => common[(i + 1) * columns + j].max(common[i * columns + j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            found.push(Words::Same(old[i].to_owned()));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[(i + 1) * columns + j] >= common[i * columns + j + 1] {
            found.push(Words::Old(old[i].to_owned()));
            i += 1;
        } else {
            found.push(Words::New(new[j].to_owned()));
            j += 1;
        }
    }
    join(found)
}

/// Words, and what stands behind them.
fn pieces(text: &str) -> Vec<&str> {
    let parts = text.split_whitespace().flat_map(|word| {
        let (bare, behind) = word.split_at(word.trim_end_matches(PUNCTUATION).len());
        [bare, behind]
    });
    parts.filter(|part| !part.is_empty()).collect()
}

/// Brings neighbours of a kind together; between two words that stay, what went comes first.
fn join(words: Vec<Words>) -> Vec<Words> {
    let mut joined: Vec<Words> = Vec::new();
    let (mut old, mut new) = (String::new(), String::new());
    for word in words {
        match word {
            Words::Old(text) => append(&mut old, &text),
            Words::New(text) => append(&mut new, &text),
            Words::Same(text) => {
                change(&mut old, &mut new, &mut joined);
                match joined.last_mut() {
                    Some(Words::Same(known)) => append(known, &text),
                    _ => joined.push(Words::Same(text)),
                }
            }
        }
    }
    change(&mut old, &mut new, &mut joined);
    joined
}

/// Ends what went and what came.
fn change(old: &mut String, new: &mut String, joined: &mut Vec<Words>) {
    joined.extend(Some(std::mem::take(old)).filter(|text| !text.is_empty()).map(Words::Old));
    joined.extend(Some(std::mem::take(new)).filter(|text| !text.is_empty()).map(Words::New));
}

fn append(text: &mut String, word: &str) {
    if !text.is_empty() && !word.starts_with(PUNCTUATION) {
        text.push(' ');
    }
    text.push_str(word);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_words_are_found_between_those_that_stay() {
        let text = |words: &[Words]| {
            let spelt = words.iter().map(|words| match words {
                Words::Same(text) => text.clone(),
                Words::Old(text) => format!("-{text}-"),
                Words::New(text) => format!("+{text}+"),
            });
            spelt.collect::<Vec<_>>().join(" ")
        };
        let diff = |old, new| text(&word_diff(old, new));
        assert_eq!(diff("The dog runs home.", "The old dog walks home."), "The +old+ dog -runs- +walks+ home.");
        assert_eq!(diff("", "a b"), "+a b+");
        assert_eq!(diff("a b", ""), "-a b-");
        assert_eq!(diff("a b", "a  b"), "a b");
        assert_eq!(diff("To the beach.", "To the beach, at night!"), "To the beach -.- +, at night!+");
        assert_eq!(diff("The dog runs.", "The dog runs home."), "The dog runs +home+ .");
        let parted = word_diff("The dog runs.", "The dog runs home.");
        assert_eq!(parted.iter().map(Words::after_a_space).collect::<Vec<_>>(), [true, true, false]);
        assert_eq!(diff("", ""), "");
        let long = "x ".repeat(3000);
        assert_eq!(word_diff(&long, "y").len(), 2);
    }
}
