//! Finding who and what a sentence shows, without a model: articles and adjectives before known nouns, and capitalised
//! names.

use super::words::{ADJECTIVES, NUMBERS, PLACES, SMALL, THINGS, UNSEEN, base_noun, base_verb, is_finite_verb};

/// A noun phrase of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::writer) struct Phrase {
    /// Without its article: "old fisherman".
    pub name: String,
    /// Its last word, singular, in lower case.
    pub head: String,
    /// The word before it, in lower case: "on" in "on the beach".
    pub before: String,
    /// Whether it is a capitalised name.
    pub proper: bool,
}

impl Phrase {
    pub fn is_place(&self) -> bool {
        !self.proper && PLACES.contains(&self.head)
    }

    pub fn is_thing(&self) -> bool {
        THINGS.contains(&self.head)
    }
}

/// A word and what stands around it.
struct Word {
    text: String,
    /// Punctuation follows, so that a phrase ends here.
    stops: bool,
    first: bool,
}

const ARTICLES: [&str; 24] = [
    "a", "an", "the", "this", "that", "these", "those", "my", "your", "his", "her", "its", "our", "their", "some",
    "each", "every", "another", "both", "all", "many", "several", "no", "few",
];

/// Words in front of a name whose full stop does not end it.
const TITLES: [&str; 10] = ["mr", "mrs", "ms", "dr", "prof", "st", "capt", "miss", "sir", "lady"];

/// Most words of a name.
const NAME_WORDS: usize = 4;

fn words(sentence: &str) -> Vec<Word> {
    let mut first = true;
    sentence
        .split_whitespace()
        .filter_map(|raw| {
            let text = raw.trim_matches(|c: char| !c.is_alphanumeric());
            let text = text.strip_suffix("'s").or_else(|| text.strip_suffix("’s")).unwrap_or(text);
            let after = raw.chars().next_back().is_some_and(|c| !c.is_alphanumeric());
            let title = TITLES.contains(&text.to_lowercase().as_str());
            let possessive = raw.contains("'s") || raw.contains("’s");
            let word =
                (!text.is_empty()).then(|| Word { text: text.to_owned(), stops: after && !title || possessive, first });
            if word.is_some() && !title {
                // What follows a full stop or an opening quotation mark is capitalised without being a name.
                first = raw.ends_with(['.', '!', '?', '"', '”', ':']);
            }
            word
        })
        .collect()
}

fn is_known(word: &str) -> bool {
    let lower = word.to_lowercase();
    let noun = base_noun(&lower);
    SMALL.contains(&lower)
        || NUMBERS.contains(&lower)
        || ADJECTIVES.contains(&lower)
        || THINGS.contains(&noun)
        || PLACES.contains(&noun)
        || UNSEEN.contains(&noun)
        || base_verb(&lower).is_some()
        || lower.ends_with("ly")
}

fn is_capitalised(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_uppercase)
}

/// The noun phrases of a sentence, in order.
pub(in crate::writer) fn phrases(sentence: &str) -> Vec<Phrase> {
    let words = words(sentence);
    let mut found = Vec::new();
    let mut i = 0;
    while i < words.len() {
        let before = if i == 0 { String::new() } else { words[i - 1].text.to_lowercase() };
        if let Some((phrase, next)) = proper_name(&words, i, &before) {
            found.push(phrase);
            i = next;
            continue;
        }
        let lower = words[i].text.to_lowercase();
        let opens = ARTICLES.contains(&lower.as_str()) || NUMBERS.contains(&lower);
        let start = if opens { i + 1 } else { i };
        match common_phrase(&words, start, opens) {
            Some((name, next)) => {
                let counted = NUMBERS.contains(&lower);
                let name = if counted { format!("{lower} {name}") } else { name };
                let head = base_noun(name.rsplit(' ').next().unwrap_or_default());
                found.push(Phrase { name, head, before, proper: false });
                i = next;
            }
            None => i += 1,
        }
    }
    found
}

/// A run of capitalised words that are not merely the first of a sentence.
fn proper_name(words: &[Word], start: usize, before: &str) -> Option<(Phrase, usize)> {
    let is_name = |word: &Word| is_capitalised(&word.text) && !(word.first && is_known(&word.text)) && word.text != "I";
    if !is_name(&words[start]) || SMALL.contains(&words[start].text.to_lowercase()) {
        return None;
    }
    let mut end = start + 1;
    while end < words.len() && end - start < NAME_WORDS && !words[end - 1].stops && is_capitalised(&words[end].text) {
        end += 1;
    }
    let name = words[start..end].iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    let head = base_noun(&words[end - 1].text);
    let phrase = Phrase { proper: !PLACES.contains(&head), name, head, before: before.to_owned() };
    Some((phrase, end))
}

/// Adjectives and nouns from `start`. After an article the first unknown word is taken for a noun; without one only
/// known nouns count.
fn common_phrase(words: &[Word], start: usize, after_article: bool) -> Option<(String, usize)> {
    let mut taken: Vec<&str> = Vec::new();
    let mut has_noun = false;
    let mut i = start;
    while i < words.len() && taken.len() < NAME_WORDS {
        let word = &words[i].text;
        let lower = word.to_lowercase();
        // "A couple of" counts, "an elderly couple" does not.
        let counts = NUMBERS.contains(&lower) && (taken.is_empty() || !THINGS.contains(&lower));
        if SMALL.contains(&lower) && !ADJECTIVES.contains(&lower) || counts {
            break;
        }
        let is_noun = is_noun(&lower);
        let adjective = ADJECTIVES.contains(&lower);
        if has_noun {
            // "rows" after "the fisherman" is what he does, "boat" after "the paper" is what it is.
            if !is_noun || is_finite_verb(&lower) {
                break;
            }
        } else if is_noun && !after_article && taken.is_empty() && is_finite_verb(&lower) {
            // "waits and waves": without an article this is what somebody does.
            break;
        } else if !is_noun && !adjective {
            let participle = lower.ends_with("ing") || lower.ends_with("ed");
            let describes = participle && after_article && words.get(i + 1).is_some_and(|_| !words[i].stops);
            if !after_article || lower.ends_with("ly") || is_finite_verb(&lower) && !describes {
                break;
            }
            has_noun = !describes;
        }
        if is_noun && !(adjective && !words[i].stops && followed_by_noun(words, i)) {
            has_noun = true;
        }
        taken.push(word);
        i += 1;
        if words[i - 1].stops {
            break;
        }
    }
    (has_noun && !taken.is_empty()).then(|| (taken.join(" ").to_lowercase(), i))
}

fn followed_by_noun(words: &[Word], i: usize) -> bool {
    words.get(i + 1).is_some_and(|next| {
        let noun = base_noun(&next.text);
        THINGS.contains(&noun) || PLACES.contains(&noun)
    })
}

/// Whether the lists know a word, so that its capitals mean nothing.
pub(in crate::writer) fn is_common_word(word: &str) -> bool {
    is_known(word)
}

/// The share of a text's words that the lists know.
pub(in crate::writer) fn share_of_english(text: &str) -> f32 {
    let words = words(text);
    let known = words.iter().filter(|word| is_known(&word.text)).count();
    known as f32 / words.len().max(1) as f32
}

/// Whether a sentence speaks of somebody by a pronoun only.
pub(super) fn has_pronoun_subject(sentence: &str) -> bool {
    words(sentence).iter().any(|word| matches!(word.text.to_lowercase().as_str(), "he" | "she" | "it" | "they"))
}

/// What a text says of the looks of `name` right behind it: "with blue hair" in "A young man with blue hair sings".
pub(in crate::writer) fn looks_behind(text: &str, name: &str) -> Option<String> {
    let words = words(text);
    let lower: Vec<String> = words.iter().map(|word| word.text.to_lowercase()).collect();
    // The text may call "young man" a "man" or the other way round: the last word decides.
    let head = base_noun(name.split_whitespace().next_back()?);
    (0..words.len()).filter(|i| base_noun(&lower[*i]) == head && !words[*i].stops).find_map(|i| {
        let link = lower.get(i + 1).filter(|word| matches!(word.as_str(), "with" | "in" | "wearing"))?;
        let mut taken = vec![link.as_str()];
        let mut shown = false;
        for j in i + 2..words.len().min(i + 8) {
            let article = j == i + 2 && ARTICLES.contains(&lower[j].as_str());
            let small = SMALL.contains(&lower[j]) && !ADJECTIVES.contains(&lower[j]);
            if !article && (small || NUMBERS.contains(&lower[j]) || is_finite_verb(&lower[j]) && !is_noun(&lower[j])) {
                break;
            }
            // "in the kitchen" is where, "in the rain" is when.
            if link == "in" && (PLACES.contains(&base_noun(&lower[j])) || UNSEEN.contains(&base_noun(&lower[j]))) {
                return None;
            }
            shown |= !article;
            taken.push(&lower[j]);
            if words[j].stops {
                break;
            }
        }
        shown.then(|| taken.join(" "))
    })
}

fn is_noun(lower: &str) -> bool {
    let noun = base_noun(lower);
    THINGS.contains(&noun) || PLACES.contains(&noun) || UNSEEN.contains(&noun)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_stand_right_behind_a_name() {
        let looks = |text, name| looks_behind(text, name);
        let cake = "A young man with blue hair is making cake in the kitchen";
        assert_eq!(looks(cake, "young man").as_deref(), Some("with blue hair"));
        assert_eq!(looks(cake, "cake"), None);
        let sea = "An old fisherman with a red cap and his cat find a girl in a yellow raincoat.";
        assert_eq!(looks(sea, "fisherman").as_deref(), Some("with a red cap"));
        assert_eq!(looks(sea, "girl").as_deref(), Some("in a yellow raincoat"));
        assert_eq!(looks("A girl in the rain", "girl"), None);
        assert_eq!(looks("", ""), None);
    }
}
