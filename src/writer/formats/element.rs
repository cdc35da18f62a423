//! What screenplays are made of, whatever file they come in.
//!
//! A note of the form `[[shot | camera: left slow | length: 4 s | cast: Mia, dog]]` marks a scene that Reelboard wrote:
//! the action that follows is taken word for word, and nothing is guessed. The parts after `shot |` also work in a note
//! without that word, in any screenplay.

use super::camera::{camera_in_field, camera_text};
use super::fountain;
use super::value::{
    always_quoted, milliseconds, names_in, names_list, quoted, seconds, split_outside_quotes, unquoted,
};
use crate::project::CameraMove;

/// One paragraph of a screenplay.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Element {
    pub kind: Kind,
    /// Fountain markup without the signs that only tell the kind; the words of a [`Kind::Note`] as they are.
    pub text: String,
    /// Where it begins, counted from 1.
    pub line: usize,
}

/// What a paragraph is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Heading,
    Action,
    /// A speaker; `dual` speaks at the same time as the one before.
    Character {
        dual: bool,
    },
    Parenthetical,
    Dialogue,
    Lyrics,
    Transition,
    Centered,
    Section(usize),
    Synopsis,
    Note,
    /// Final Draft's "Shot": `ANGLE ON MIA`.
    Shot,
}

impl Element {
    pub fn new(kind: Kind, text: impl Into<String>, line: usize) -> Self {
        Self { kind, text: text.into(), line }
    }

    /// Whether it belongs to the speech that began with a cue.
    fn goes_on_speaking(&self) -> bool {
        matches!(self.kind, Kind::Parenthetical | Kind::Dialogue | Kind::Lyrics)
    }
}

/// What a note in double brackets says to us.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Directive {
    /// Begins a scene that is taken word for word.
    pub shot: bool,
    pub camera: Option<CameraMove>,
    pub length_ms: Option<u32>,
    pub dissolve_ms: Option<u32>,
    pub cast: Option<Vec<String>>,
    /// The next three only where the screenplay itself cannot hold them.
    pub place: Option<String>,
    pub action: Option<String>,
    pub note: Option<String>,
}

impl Directive {
    /// Reads a note; `None` is one for people.
    pub fn parse(text: &str) -> Option<Self> {
        let mut directive = Self::default();
        for (i, part) in split_outside_quotes(text, |c| c == '|').into_iter().enumerate() {
            if i == 0 && part.trim().eq_ignore_ascii_case("shot") {
                directive.shot = true;
                continue;
            }
            let (key, value) = part.split_once(':')?;
            match key.trim().to_lowercase().as_str() {
                "camera" => directive.camera = Some(camera_in_field(value)?.camera),
                "length" | "duration" => directive.length_ms = Some(milliseconds(value)?),
                "dissolve" => directive.dissolve_ms = Some(milliseconds(value)?),
                "cast" => directive.cast = Some(names_in(value)),
                "place" => directive.place = Some(unquoted(value)),
                "action" if directive.shot => directive.action = Some(unquoted(value)),
                "note" if directive.shot => directive.note = Some(unquoted(value)),
                _ => return None,
            }
        }
        Some(directive)
    }

    /// The note that reads back as this.
    pub fn text(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.shot.then(|| "shot".to_owned()));
        parts.extend(self.camera.map(|camera| format!("camera: {}", camera_text(camera))));
        parts.extend(self.length_ms.map(|ms| format!("length: {}", seconds(ms))));
        parts.extend(self.dissolve_ms.map(|ms| format!("dissolve: {}", seconds(ms))));
        parts.extend(self.cast.as_ref().map(|cast| format!("cast: {}", names_list(cast))));
        parts.extend(self.place.as_ref().map(|place| format!("place: {}", quoted(place, &['|', '[', ']', '*', '"']))));
        parts.extend(self.action.as_ref().map(|action| format!("action: {}", always_quoted(action))));
        parts.extend(self.note.as_ref().map(|note| format!("note: {}", always_quoted(note))));
        parts.join(" | ")
    }

    pub fn merge(&mut self, later: Self) {
        self.shot |= later.shot;
        self.camera = later.camera.or(self.camera);
        self.length_ms = later.length_ms.or(self.length_ms);
        self.dissolve_ms = later.dissolve_ms.or(self.dissolve_ms);
        self.cast = later.cast.or(self.cast.take());
        self.place = later.place.or(self.place.take());
    }
}

/// The text beside an action, as a screenplay prints it: what elements say, in paragraphs.
pub(super) fn note_text(elements: &[Element]) -> String {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut speech: Vec<&Element> = Vec::new();
    for (at, element) in elements.iter().enumerate() {
        let begins = matches!(element.kind, Kind::Character { .. });
        let goes_on = elements[at..].iter().find(|next| next.kind != Kind::Note).is_some_and(Element::goes_on_speaking);
        // A remark in the middle of a speech comes before it.
        if (begins || !goes_on) && !speech.is_empty() {
            paragraphs.push(fountain::block(&std::mem::take(&mut speech)));
        }
        match element.kind {
            Kind::Note => paragraphs.push(element.text.clone()),
            _ if begins || goes_on => speech.push(element),
            _ => paragraphs.push(fountain::block(&[element])),
        }
    }
    if !speech.is_empty() {
        paragraphs.push(fountain::block(&speech));
    }
    paragraphs.join("\n\n")
}

/// The paragraphs of a note as elements. With `as_screenplay`, those that are a screenplay's own (speech, sections,
/// centered text) become what they are; all others are notes in brackets.
pub(super) fn note_elements(note: &str, as_screenplay: bool) -> Vec<Element> {
    let mut elements = Vec::new();
    if note.is_empty() {
        return elements;
    }
    for paragraph in note.split("\n\n") {
        let parsed = if as_screenplay { fountain::parse_body(paragraph) } else { Vec::new() };
        let own = match parsed.as_slice() {
            [first, rest @ ..] if matches!(first.kind, Kind::Character { .. }) => {
                !rest.is_empty()
                    && rest
                        .iter()
                        .all(|element| matches!(element.kind, Kind::Parenthetical | Kind::Dialogue | Kind::Lyrics))
            }
            [one] => matches!(one.kind, Kind::Centered | Kind::Lyrics | Kind::Section(_) | Kind::Synopsis),
            _ => false,
        };
        if own && note_text(&parsed) == paragraph {
            elements.extend(parsed);
        } else {
            elements.push(Element::new(Kind::Note, paragraph, 0));
        }
    }
    elements
}
