//! What of a text stayed, went and came, word by word.

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

/// Texts of more words are not compared word by word.
const MOST_WORDS: usize = 2000;

/// The words of two texts side by side, in order: what went comes before what came in its place.
pub fn word_diff(old: &str, new: &str) -> Vec<Words> {
    let old: Vec<&str> = old.split_whitespace().collect();
    let new: Vec<&str> = new.split_whitespace().collect();
    let mut found = Vec::new();
    let whole = |words: &[&str]| words.join(" ");
    if old.len().max(new.len()) > MOST_WORDS {
        return join(vec![Words::Old(whole(&old)), Words::New(whole(&new))]);
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

/// Brings neighbours of a kind together; between two words that stay, what went comes first.
fn join(words: Vec<Words>) -> Vec<Words> {
    let mut joined: Vec<Words> = Vec::new();
    let (mut old, mut new) = (Vec::new(), Vec::new());
    let flush = |old: &mut Vec<String>, new: &mut Vec<String>, joined: &mut Vec<Words>| {
        if !old.is_empty() {
            joined.push(Words::Old(std::mem::take(old).join(" ")));
        }
        if !new.is_empty() {
            joined.push(Words::New(std::mem::take(new).join(" ")));
        }
    };
    for word in words {
        match word {
            Words::Old(text) if text.is_empty() => {}
            Words::New(text) if text.is_empty() => {}
            Words::Old(text) => old.push(text),
            Words::New(text) => new.push(text),
            Words::Same(text) => {
                flush(&mut old, &mut new, &mut joined);
                match joined.last_mut() {
                    Some(Words::Same(known)) => {
                        known.push(' ');
                        known.push_str(&text);
                    }
                    _ => joined.push(Words::Same(text)),
                }
            }
        }
    }
    flush(&mut old, &mut new, &mut joined);
    joined
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
        assert_eq!(diff("", ""), "");
        let long = "x ".repeat(3000);
        assert_eq!(word_diff(&long, "y").len(), 2);
    }
}
