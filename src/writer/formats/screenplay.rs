//! How a screenplay becomes scenes.
//!
//! A screenplay's scene is a place with any number of actions; a scene here is one action. So the heading gives the
//! background, every paragraph of action becomes a scene (a long one several), whoever speaks stands in the foreground,
//! and what is said stays beside the action, in the scene's note, as a screenplay prints it.

use super::camera::{Found, camera_in_action, camera_in_field, is_only_camera};
use super::element::{Directive, Element, Kind, note_text};
use super::guess::recurring;
use super::heading::{Heading, Side, with_time};
use super::inline::plain;
use super::people::{People, calmed, speaker};
use super::{ImportNote, MOST_SCENES, Shot};
use crate::writer::text::{NAMES, phrases, sentences};
use crate::writer::tidy::flat;
use crate::writer::tidy::tidy_name;
use std::collections::BTreeSet;

/// A dissolve whose length nobody gave.
pub(super) const DISSOLVE_MS: u32 = 500;
/// A paragraph of action with more words than this becomes several scenes.
const ACTION_WORDS: usize = 32;

/// A scene that is being put together.
#[derive(Default)]
struct Open {
    line: usize,
    directive: Directive,
    /// Markup.
    action: Vec<String>,
    beside: Vec<Element>,
    speakers: Vec<String>,
    place: String,
    heading: Option<usize>,
    time: Option<&'static str>,
    dissolve_ms: u32,
}

/// Reads elements one by one.
struct Stage<'a> {
    people: People,
    notes: &'a mut Vec<ImportNote>,
    /// The place of scenes that are taken word for word.
    place: String,
    headings: Vec<Heading>,
    time: Option<&'static str>,
    dissolve_ms: u32,
    /// Remarks and a directive for the scene that comes next.
    beside: Vec<Element>,
    directive: Directive,
    open: Option<Open>,
    done: Vec<Open>,
}

/// The scenes of a screenplay, and what was mended on the way. `None` when there are more than [`MOST_SCENES`].
pub(super) fn shots(elements: &[Element], notes: &mut Vec<ImportNote>) -> Option<Vec<Shot>> {
    let mut people = People::default();
    for element in elements {
        match element.kind {
            Kind::Character { .. } => {
                speaker(&plain(&element.text)).into_iter().for_each(|(name, _)| people.meet(&name));
            }
            Kind::Action => people.meet_introduced(&plain(&element.text)),
            _ => {}
        }
    }
    let mut stage = Stage {
        people,
        notes,
        place: String::new(),
        headings: Vec::new(),
        time: None,
        dissolve_ms: 0,
        beside: Vec::new(),
        directive: Directive::default(),
        open: None,
        done: Vec::new(),
    };
    for element in elements {
        stage.take(element);
        if stage.done.len() > MOST_SCENES {
            return None;
        }
    }
    Some(stage.finish())
}

impl Stage<'_> {
    fn note(&mut self, line: usize, text: impl Into<String>) {
        self.notes.push(ImportNote::at(line, text));
    }

    fn take(&mut self, element: &Element) {
        let line = element.line;
        match element.kind {
            Kind::Heading => self.heading(element),
            Kind::Note => match Directive::parse(&element.text) {
                Some(directive) => self.directive(directive, line),
                None => self.put_beside(element.clone()),
            },
            Kind::Action => self.action(element),
            Kind::Shot => {
                self.close();
                let text = plain(&element.text);
                if let Some(found) = camera_in_action(&text).or_else(|| camera_in_field(&text)) {
                    self.directive.camera = Some(found.camera);
                }
                self.beside.push(Element::new(Kind::Note, text, line));
            }
            Kind::Character { .. } => {
                let said = speaker(&plain(&element.text));
                let open = self.open_for_speech(line);
                if let Some((name, true)) = said
                    && !open.speakers.contains(&name)
                {
                    open.speakers.push(name);
                }
                open.beside.push(element.clone());
            }
            Kind::Parenthetical | Kind::Dialogue | Kind::Lyrics => {
                self.open_for_speech(line).beside.push(element.clone());
            }
            Kind::Centered => self.put_beside(element.clone()),
            Kind::Section(_) | Kind::Synopsis => {
                self.close();
                self.beside.push(element.clone());
            }
            Kind::Transition => self.transition(element),
        }
    }

    fn heading(&mut self, element: &Element) {
        self.close();
        let heading = Heading::parse(&plain(&element.text));
        self.time = if heading.continues { heading.time.or(self.time) } else { heading.time };
        self.place = heading.place.clone();
        if heading.place.is_empty() {
            self.note(element.line, "a heading without a place");
        }
        self.headings.push(heading);
    }

    fn directive(&mut self, directive: Directive, line: usize) {
        if directive.shot {
            self.close();
            if let Some(place) = &directive.place {
                self.place = place.clone();
            }
            let open = self.begin(line);
            open.directive = directive;
        } else if let Some(open) = &mut self.open {
            open.directive.merge(directive);
        } else {
            self.directive.merge(directive);
        }
    }

    fn action(&mut self, element: &Element) {
        if let Some(open) = self.open.as_mut().filter(|open| open.directive.shot) {
            open.action.push(element.text.clone());
            return;
        }
        let text = flat(&plain(&element.text));
        if !text.chars().any(char::is_alphanumeric) {
            return;
        }
        if is_only_camera(&text)
            && let Some(found) = camera_in_action(&text)
        {
            // It is about the action before it, which goes on, or about the one that comes.
            let open = self.open.as_mut().filter(|open| open.directive.camera.is_none());
            match open {
                Some(open) => open.directive.camera = Some(found.camera),
                None => self.directive.camera = Some(found.camera),
            }
            let text = Element::new(Kind::Note, text, element.line);
            return self.put_beside(text);
        }
        self.close();
        let parts = parts(&text);
        if parts.len() > 1 {
            self.note(element.line, format!("a long paragraph became {} scenes", parts.len()));
        }
        for part in parts {
            self.close();
            self.begin(element.line).action.push(part);
        }
    }

    fn transition(&mut self, element: &Element) {
        let text = plain(&element.text);
        let upper = text.to_uppercase();
        if upper.contains("DISSOLVE") || upper.contains("CROSSFADE") || upper.contains("CROSS FADE") {
            self.close();
            self.dissolve_ms = DISSOLVE_MS;
        } else if upper.contains("CUT") {
            self.close();
            self.dissolve_ms = 0;
        } else {
            if upper.starts_with("FADE IN") {
                self.close();
            }
            self.put_beside(Element::new(Kind::Note, text.clone(), element.line));
            self.note(element.line, format!("films have no \"{text}\" yet; it was kept as a note"));
            if !upper.starts_with("FADE IN") {
                self.close();
            }
        }
    }

    /// Puts a remark beside the action that it follows, else beside the next one.
    fn put_beside(&mut self, element: Element) {
        match &mut self.open {
            Some(open) => open.beside.push(element),
            None => self.beside.push(element),
        }
    }

    fn open_for_speech(&mut self, line: usize) -> &mut Open {
        if self.open.is_none() {
            self.begin(line);
        }
        self.open.get_or_insert_default()
    }

    /// Begins a scene with everything that waited for one.
    fn begin(&mut self, line: usize) -> &mut Open {
        self.close();
        let open = Open {
            line,
            directive: std::mem::take(&mut self.directive),
            beside: std::mem::take(&mut self.beside),
            place: self.place.clone(),
            heading: self.headings.len().checked_sub(1),
            time: self.time,
            dissolve_ms: std::mem::take(&mut self.dissolve_ms),
            ..Open::default()
        };
        self.open.insert(open)
    }

    fn close(&mut self) {
        self.done.extend(self.open.take());
    }

    fn finish(mut self) -> Vec<Shot> {
        self.close();
        let left = std::mem::take(&mut self.beside);
        if let Some(last) = self.done.last_mut() {
            last.beside.extend(left);
        }
        let places = self.places();
        let actions: Vec<String> =
            self.done.iter().filter(|open| !open.directive.shot).map(|open| open.action.join(" ")).collect();
        let recurring = recurring(actions.iter().map(String::as_str));
        let mut shots = Vec::with_capacity(self.done.len());
        for open in std::mem::take(&mut self.done) {
            let beside = note_text(&open.beside);
            let shot =
                if open.directive.shot { exact(open, beside) } else { self.shot(open, beside, &places, &recurring) };
            shots.push(shot);
        }
        shots
    }

    /// The place of every heading. One that is seen from inside and from outside is two places, which must not look the
    /// same.
    fn places(&mut self) -> Vec<String> {
        let of_side = |side| -> BTreeSet<String> {
            self.headings
                .iter()
                .filter(|heading| heading.side == Some(side))
                .map(|heading| heading.place.clone())
                .collect()
        };
        let (inside, outside) = (of_side(Side::Inside), of_side(Side::Outside));
        for place in inside.intersection(&outside).filter(|place| !place.is_empty()) {
            let text = format!("\"{place}\" is seen from inside and from outside: it became two places");
            self.notes.push(ImportNote::general(text));
        }
        let both = |place: &String| inside.contains(place) && outside.contains(place);
        let name = |heading: &Heading| {
            let place = self.people.restored(&heading.place.to_uppercase());
            // Names keep their capitals: "Mia's kitchen".
            let place = if heading.place.chars().any(char::is_uppercase) || place == heading.place.to_uppercase() {
                heading.place.clone()
            } else {
                uncapitalised(&place)
            };
            match heading.side {
                Some(Side::Inside) if both(&heading.place) => format!("{place} interior"),
                Some(Side::Outside) if both(&heading.place) => format!("{place} exterior"),
                _ => place,
            }
        };
        self.headings.iter().map(name).collect()
    }

    fn shot(&mut self, open: Open, note: String, places: &[String], recurring: &BTreeSet<String>) -> Shot {
        let action = open.action.join(" ");
        let mut foreground = Vec::new();
        let mut add = |name: String| {
            let known = foreground.contains(&name);
            if !known && foreground.len() < NAMES {
                foreground.push(name);
            }
        };
        self.people.named_in(&action).into_iter().for_each(&mut add);
        open.speakers.iter().cloned().for_each(&mut add);
        let calm = calmed(&self.people.restored(&action));
        for phrase in phrases(&calm) {
            let name = tidy_name(&phrase.name);
            if recurring.contains(&phrase.head) && !phrase.is_place() && self.people.known_as(&name).is_none() {
                add(name);
            }
        }
        let prompt = if action.is_empty() {
            let prompt = talk(&open.speakers);
            self.note(open.line, format!("speech without an action became the scene \"{prompt}\""));
            prompt
        } else {
            self.people.restored(&action)
        };
        let camera = open.directive.camera.or_else(|| {
            let Found { camera, guessed } =
                sentences(&action).iter().find_map(|sentence| camera_in_action(sentence))?;
            if guessed {
                self.note(open.line, format!("the camera move has no direction; it became {}", camera.direction));
            }
            Some(camera)
        });
        let background = match &open.directive.place {
            Some(place) => place.clone(),
            None => open.heading.map_or(String::new(), |heading| places[heading].clone()),
        };
        Shot {
            line: Some(open.line),
            prompt: with_time(&prompt, open.time),
            foreground: open.directive.cast.unwrap_or(foreground),
            background,
            camera,
            duration_ms: open.directive.length_ms,
            dissolve_ms: Some(open.directive.dissolve_ms.unwrap_or(open.dissolve_ms)),
            note,
        }
    }
}

/// A scene that is taken word for word.
fn exact(open: Open, note: String) -> Shot {
    let action = || open.action.iter().map(|action| plain(action)).collect::<Vec<_>>().join("\n\n");
    Shot {
        line: Some(open.line),
        prompt: open.directive.action.unwrap_or_else(action),
        foreground: open.directive.cast.unwrap_or_default(),
        background: open.directive.place.unwrap_or(open.place),
        camera: open.directive.camera,
        duration_ms: open.directive.length_ms,
        dissolve_ms: Some(open.directive.dissolve_ms.unwrap_or(open.dissolve_ms)),
        note: open.directive.note.unwrap_or(note),
    }
}

/// A paragraph of action, in pieces that are one scene each.
fn parts(text: &str) -> Vec<String> {
    let count = |text: &str| text.split_whitespace().count();
    if count(text) <= ACTION_WORDS {
        return vec![text.to_owned()];
    }
    let mut parts: Vec<String> = Vec::new();
    for sentence in sentences(text) {
        match parts.last_mut() {
            Some(last) if count(last) + count(&sentence) <= ACTION_WORDS => {
                last.push(' ');
                last.push_str(&sentence);
            }
            _ => parts.push(sentence),
        }
    }
    parts
}

/// What is seen while people talk.
fn talk(speakers: &[String]) -> String {
    match speakers {
        [] => "A voice is heard.".to_owned(),
        [one] => format!("{one} talks."),
        [first @ .., last] => format!("{} and {last} talk.", first.join(", ")),
    }
}

/// Names as they are, all else in lower case: `Mia's KITCHEN` as `Mia's kitchen`.
fn uncapitalised(text: &str) -> String {
    let word = |word: &str| if word.chars().any(char::is_lowercase) { word.to_owned() } else { word.to_lowercase() };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
