//! Where a text divides into scenes.

use super::words::ABBREVIATIONS;
use crate::writer::tidy::flat;

/// A line with at most this many words is a scene of its own where all lines are like that.
const SHORT_LINE_WORDS: usize = 30;
/// Longer runs of letters are no abbreviation.
const LONGEST_WORD: usize = 24;
/// Longer texts put several sentences into one scene.
const MOST_SCENES: usize = 100;

/// The scenes of a text: its lines where they are short (a shot list, a poem), otherwise its sentences.
pub(super) fn scenes(text: &str) -> Vec<String> {
    let lines: Vec<String> = text.lines().map(tidy_line).filter(|line| has_words(line)).collect();
    let sentences: Vec<Vec<String>> = lines.iter().map(|line| sentences(line)).collect();
    let one_each = lines.len() > 1
        && lines
            .iter()
            .zip(&sentences)
            .all(|(line, parts)| line.split_whitespace().count() <= SHORT_LINE_WORDS && parts.len() <= 2);
    let scenes = if one_each { lines } else { sentences.concat() };
    let together = scenes.len().div_ceil(MOST_SCENES).max(1);
    scenes.chunks(together).map(|chunk| chunk.join(" ")).collect()
}

/// A line without list marks and surplus spaces.
fn tidy_line(line: &str) -> String {
    let line = flat(line);
    let unmarked = line.trim_start_matches(['-', '*', '•', '–', '—', '#', '>']).trim_start();
    // "3. The door opens" and "3) The door opens".
    let digits = unmarked.chars().take_while(char::is_ascii_digit).count();
    match unmarked[digits..].strip_prefix(['.', ')', ':']) {
        Some(rest) if (1..=3).contains(&digits) && rest.starts_with(' ') => rest.trim_start().to_owned(),
        _ => unmarked.to_owned(),
    }
}

fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// Splits one line of running text into sentences.
pub(in crate::writer) fn sentences(line: &str) -> Vec<String> {
    let letters: Vec<char> = line.chars().collect();
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut i = 0;
    while i < letters.len() {
        let full = matches!(letters[i], '。' | '！' | '？');
        if !full && !matches!(letters[i], '.' | '!' | '?' | '…') {
            i += 1;
            continue;
        }
        let stop = i;
        while i < letters.len() && matches!(letters[i], '.' | '!' | '?' | '…' | '。' | '！' | '？') {
            i += 1;
        }
        while i < letters.len() && matches!(letters[i], '"' | '\'' | '”' | '’' | '»' | ')' | ']' | '」' | '』') {
            i += 1;
        }
        if full || ends_here(&letters, stop, i) {
            let said: String = letters[start..i].iter().collect();
            if !is_inside_quote(&said) {
                sentences.push(said.trim().to_owned());
                start = i;
            }
        }
    }
    let rest: String = letters[start..].iter().collect();
    sentences.push(rest.trim().to_owned());
    sentences.retain(|sentence| has_words(sentence));
    sentences
}

/// Whether the marks from `stop` up to `after` end a sentence.
fn ends_here(letters: &[char], stop: usize, after: usize) -> bool {
    let Some(next) = letters[after..].iter().find(|c| !c.is_whitespace()) else { return true };
    let spaced = letters[after].is_whitespace();
    // "3.5", "www.example.org", and a sentence that goes on: '"Run!" he said', "and so… they slept".
    if !spaced || next.is_lowercase() {
        return false;
    }
    let only_stop = letters[stop] == '.' && after == stop + 1;
    let word: String = letters[..stop].iter().rev().take(LONGEST_WORD).take_while(|c| !c.is_whitespace()).collect();
    let word: String = word.chars().rev().filter(|c| c.is_alphanumeric() || *c == '.').collect();
    let initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    !(only_stop && (initial || ABBREVIATIONS.contains(&word.to_lowercase())))
}

/// Whether a double quotation mark is still open.
fn is_inside_quote(said: &str) -> bool {
    let curly = said.matches(['“', '«', '„', '「']).count() > said.matches(['”', '»', '“', '」']).count();
    let straight = said.matches('"').count() % 2 == 1;
    // An unmatched mark must not swallow the text.
    (curly && !said.contains('„') || straight) && said.chars().count() < 240
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations_quotes_and_dots_do_not_end_a_scene() {
        let text = "Mr. Brown weighs 3.5 kilos of flour... and sighs. \"Stop! Now!\" cries J. Smith. Who's there? \
                    Dr. Who waits…";
        let scenes = scenes(text);
        assert_eq!(
            scenes,
            [
                "Mr. Brown weighs 3.5 kilos of flour... and sighs.",
                "\"Stop! Now!\" cries J. Smith.",
                "Who's there?",
                "Dr. Who waits…"
            ]
        );
    }

    #[test]
    fn short_lines_are_scenes() {
        assert_eq!(
            scenes("1. A dog wakes up\n2. It runs. It falls.\n\n- The end"),
            ["A dog wakes up", "It runs. It falls.", "The end"]
        );
        assert_eq!(scenes("女孩打开门。猫跑了！").len(), 2);
    }
}
