//! Who speaks in a screenplay, and where the action names them.

use crate::project::entity_key;
use crate::writer::tidy::flat;

/// Those who speak, as scenes name them.
#[derive(Debug, Default)]
pub(super) struct People {
    known: Vec<Person>,
}

#[derive(Debug)]
struct Person {
    name: String,
    /// In lower case.
    words: Vec<String>,
}

/// A word of a text and where it stands.
struct Word<'a> {
    text: &'a str,
    start: usize,
}

/// The name of a cue, as a scene spells it, and whether its speaker is in the picture: `MRS. BROWN (V.O.)` is Mrs. Brown,
/// unseen.
pub(super) fn speaker(cue: &str) -> Option<(String, bool)> {
    let mut name = cue.trim();
    let mut seen = true;
    while let Some(open) = name.strip_suffix(')').and_then(|rest| rest.rfind('(')) {
        let said: String = name[open..].chars().filter(|c| c.is_alphabetic()).collect::<String>().to_uppercase();
        seen &= !matches!(said.as_str(), "VO" | "OS" | "OC" | "OFF" | "VOICEOVER" | "OFFSCREEN" | "OFFCAMERA");
        name = name[..open].trim_end();
    }
    let name = flat(name);
    let name = if name.chars().any(char::is_lowercase) { name } else { title_case(&name) };
    name.chars().any(char::is_alphanumeric).then_some((name, seen))
}

/// `OLD O'BRIEN` as `Old O'Brien`; numerals such as `III` stay.
pub(super) fn title_case(name: &str) -> String {
    let word = |word: &str| {
        if word.len() > 1 && word.chars().all(|c| matches!(c, 'I' | 'V' | 'X')) {
            return word.to_owned();
        }
        let mut begins = true;
        let mut cased = String::with_capacity(word.len());
        for c in word.chars() {
            if begins {
                cased.push(c);
            } else {
                cased.extend(c.to_lowercase());
            }
            begins = !c.is_alphanumeric();
        }
        // "Mia's", but "O'Brien".
        cased.replace("'S", "'s").replace("’S", "’s")
    };
    name.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(first)) => {
                words.push(Word { text: &text[first..at], start: first });
                start = None;
            }
            _ => {}
        }
    }
    words
}

impl Word<'_> {
    fn end(&self) -> usize {
        self.start + self.text.len()
    }

    fn is_shouted(&self) -> bool {
        !self.text.chars().any(char::is_lowercase) && self.text.chars().any(char::is_uppercase)
    }
}

impl People {
    /// More than a film can show; a file that has more is no screenplay, and looking for all of them takes forever.
    const MOST: usize = 500;

    /// Remembers somebody by the name that scenes are to use.
    pub fn meet(&mut self, name: &str) {
        if self.known.len() < Self::MOST
            && !self.known.iter().any(|person| entity_key(&person.name) == entity_key(name))
        {
            let words = words(name).iter().map(|word| word.text.to_lowercase()).collect::<Vec<_>>();
            if !words.is_empty() {
                self.known.push(Person { name: name.to_owned(), words });
            }
        }
    }

    /// Remembers those whom a text introduces: capitals before an age or a remark in parentheses, `JOHN (45)`.
    pub fn meet_introduced(&mut self, text: &str) {
        for (open, _) in text.match_indices(" (") {
            let near = text.floor_char_boundary(open.saturating_sub(80));
            let text = &text[near..];
            let open = open - near;
            let before = words(&text[..open]);
            let age = text[open + 2..].starts_with(|c: char| c.is_ascii_digit() || c.is_lowercase());
            let mut first = before.len();
            while first > 0
                && before.len() - first < 3
                && before[first - 1].is_shouted()
                && (first == before.len() || text[before[first - 1].end()..before[first].start].trim().is_empty())
            {
                first -= 1;
            }
            if age && first < before.len() && before.last().is_some_and(|word| word.end() == open) {
                self.meet(&title_case(&text[before[first].start..open]));
            }
        }
    }

    /// The name of somebody who is known, however capitals and articles stand.
    pub fn known_as(&self, name: &str) -> Option<&str> {
        let key = entity_key(name);
        self.known.iter().find(|person| entity_key(&person.name) == key).map(|person| person.name.as_str())
    }

    /// Where a text names people: the person, and the place of the name in bytes. Ordinary words that are also names
    /// ("will", "may") count only where they are capitalised or follow an article.
    fn mentions<'a>(&'a self, text: &str) -> Vec<(&'a Person, std::ops::Range<usize>)> {
        let words = words(text);
        let lower: Vec<String> = words.iter().map(|word| word.text.to_lowercase()).collect();
        let mut found = Vec::new();
        let mut at = 0;
        while at < words.len() {
            let fits = |person: &&Person| {
                lower[at..].starts_with(&person.words)
                    && (words[at].text.starts_with(char::is_uppercase)
                        || at > 0 && matches!(lower[at - 1].as_str(), "a" | "an" | "the"))
            };
            match self.known.iter().filter(fits).max_by_key(|person| person.words.len()) {
                Some(person) => {
                    let last = &words[at + person.words.len() - 1];
                    found.push((person, words[at].start..last.end()));
                    at += person.words.len();
                }
                None => at += 1,
            }
        }
        found
    }

    /// Those whom a text names, in order.
    pub fn named_in(&self, text: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (person, _) in self.mentions(text) {
            if !names.contains(&person.name) {
                names.push(person.name.clone());
            }
        }
        names
    }

    /// A text with shouted names (`MIA`) as scenes spell them.
    pub fn restored(&self, text: &str) -> String {
        let mut restored = String::with_capacity(text.len());
        let mut from = 0;
        for (person, range) in self.mentions(text) {
            if !text[range.clone()].chars().any(char::is_lowercase) {
                restored += &text[from..range.start];
                restored += &person.name;
                from = range.end;
                // The full stop of "MRS." is part of both.
                if person.name.ends_with('.') && text[from..].starts_with('.') {
                    from += 1;
                }
            }
        }
        restored + &text[from..]
    }
}

/// A text with other shouted words in lower case, so that they are not taken for names; the first letter stays.
pub(super) fn calmed(text: &str) -> String {
    let mut calm = String::with_capacity(text.len());
    let mut from = 0;
    for word in words(text) {
        if word.is_shouted() && word.text.chars().count() > 1 {
            calm += &text[from..word.start];
            let mut letters = word.text.chars();
            if word.start == 0 {
                calm.extend(letters.next());
            }
            calm += &letters.as_str().to_lowercase();
            from = word.end();
        }
    }
    calm + &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cues_become_names() {
        for (cue, name, seen) in [
            ("MIA", "Mia", true),
            ("MRS. BROWN (V.O.)", "Mrs. Brown", false),
            ("OLD O'BRIEN (CONT'D)", "Old O'Brien", true),
            ("McCLANE (O. S.)", "McCLANE", false),
            ("COP #2", "Cop #2", true),
            ("HENRY VIII", "Henry VIII", true),
            ("MIA'S MOTHER", "Mia's Mother", true),
            ("JEAN-LUC", "Jean-Luc", true),
        ] {
            assert_eq!(speaker(cue), Some((name.to_owned(), seen)), "{cue}");
        }
        assert_eq!(speaker("(V.O.)"), None);
    }

    #[test]
    fn people_are_found_in_the_action() {
        let mut people = People::default();
        for name in ["Mia", "Will", "Waiter", "Mrs. Brown"] {
            people.meet(name);
        }
        people.meet_introduced("JOHN SMITH (45) and a DOG enter. TOM (tired) waits. BANG (loud");
        assert_eq!(people.named_in("MIA will pay the waiter. Mrs. Brown, John Smith and Tom wait for Will."), {
            ["Mia", "Waiter", "Mrs. Brown", "John Smith", "Tom", "Will"]
        });
        assert_eq!(people.restored("MIA sees MRS. BROWN. A DOG sees Mia."), "Mia sees Mrs. Brown. A DOG sees Mia.");
        assert_eq!(calmed("BANG! The DOG runs. I see."), "Bang! The dog runs. I see.");
    }
}
