//! Fountain screenplays (fountain.io): plain text that reads as a screenplay.

use super::element::{Element, Kind};
use super::heading::after_prefix;
use super::{ImportNote, TitlePage};
use crate::writer::tidy::flat;

/// Keys that begin a title page.
const TITLE_KEYS: [&str; 14] = [
    "title",
    "credit",
    "author",
    "authors",
    "source",
    "draft date",
    "date",
    "contact",
    "copyright",
    "notes",
    "revision",
    "style",
    "premise",
    "format",
];

/// A line of the file, or several where a note in brackets goes over line ends.
struct Line {
    number: usize,
    text: String,
}

/// Whether a text is surely Fountain: it has a title page, a heading with a blank line before it, or a scene of ours.
pub(super) fn is_likely(text: &str) -> bool {
    let mut blank = true;
    for (i, line) in text.lines().enumerate() {
        let heading = after_prefix(line.trim()).is_some_and(|(rest, _)| !rest.is_empty());
        let shouted = line.trim().get(..3).is_some_and(|start| start.chars().all(|c| c.is_uppercase() || c == '/'));
        if line.starts_with("[[shot |")
            || blank && heading && shouted
            || i == 0 && line.trim_start().to_lowercase().starts_with("title:")
        {
            return true;
        }
        blank = line.trim().is_empty();
    }
    false
}

/// The title page and the paragraphs of a screenplay.
pub(super) fn parse(text: &str, notes: &mut Vec<ImportNote>) -> (TitlePage, Vec<Element>) {
    let (title, skipped, body) = title_page(text, notes);
    let lines = lines(body, skipped + 1, notes);
    (title, Parser::default().parse(&lines))
}

/// The paragraphs of a text without a title page.
pub(super) fn parse_body(text: &str) -> Vec<Element> {
    Parser::default().parse(&lines(text, 1, &mut Vec::new()))
}

/// The title page, the number of lines it takes, and the rest.
fn title_page<'a>(text: &'a str, notes: &mut Vec<ImportNote>) -> (TitlePage, usize, &'a str) {
    let mut page = TitlePage::default();
    let key_of = |line: &str| {
        let (key, _) = line.split_once(':')?;
        let key = key.trim().to_lowercase();
        TITLE_KEYS.contains(&key.as_str()).then_some(key)
    };
    let blank_lines = text.lines().take_while(|line| line.trim().is_empty()).count();
    let first = text.lines().nth(blank_lines).unwrap_or_default();
    if key_of(first).is_none() {
        return (page, 0, text);
    }
    let (mut key, mut unused) = (String::new(), Vec::new());
    let mut taken = 0;
    let mut rest = text;
    for (i, line) in text.split_inclusive('\n').enumerate() {
        if i >= blank_lines && line.trim().is_empty() {
            break;
        }
        rest = &rest[line.len()..];
        taken += 1;
        let value = match line.split_once(':').filter(|_| !line.starts_with([' ', '\t'])) {
            Some((new, value)) => {
                key = new.trim().to_lowercase();
                if !matches!(key.as_str(), "title" | "style") {
                    unused.push(new.trim());
                }
                value
            }
            None => line,
        };
        let value = super::inline::plain(value.trim());
        let field = match key.as_str() {
            "title" => &mut page.title,
            "style" => &mut page.style,
            _ => continue,
        };
        if !value.is_empty() {
            if !field.is_empty() {
                field.push(' ');
            }
            field.push_str(&value);
        }
    }
    if !unused.is_empty() {
        let text = format!("films have no title page; left out were: {}", unused.join(", "));
        notes.push(ImportNote::at(blank_lines + 1, text));
    }
    (page, taken, rest)
}

/// The lines of a text without what is commented out (`/* … */`), with notes in one piece.
fn lines(text: &str, first_line: usize, notes: &mut Vec<ImportNote>) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = Line { number: first_line, text: String::new() };
    let mut number = first_line;
    let mut rest = text;
    // Where the next closing marks are, so that a text full of opening ones is not searched again and again.
    let (mut comments_end, mut notes_end, mut blank_line) = (Some(0), Some(0), Some(0));
    let offset = |rest: &str| text.len() - rest.len();
    while let Some(c) = rest.chars().next() {
        if c == '\\' {
            let taken = rest.chars().take(2).map(char::len_utf8).sum();
            // A backslash at the end of a line escapes nothing.
            let taken = if rest[1..].starts_with('\n') { 1 } else { taken };
            line.text.push_str(&rest[..taken]);
            rest = &rest[taken..];
        } else if rest.starts_with("/*")
            && let Some(end) = next(text, "*/", offset(rest) + 2, &mut comments_end)
        {
            let cut = &text[offset(rest)..end + 2];
            notes.push(ImportNote::at(number, "what stands between /* and */ was left out"));
            number += cut.matches('\n').count();
            rest = &text[end + 2..];
        } else if rest.starts_with("[[")
            && let Some(end) = next(text, "]]", offset(rest) + 2, &mut notes_end)
            // One that is not closed before a blank line is not closed at all.
            && next(text, "\n\n", offset(rest) + 2, &mut blank_line).is_none_or(|blank| blank > end)
        {
            let note = &text[offset(rest)..end + 2];
            line.text.push_str(note);
            number += note.matches('\n').count();
            rest = &text[end + 2..];
        } else if c == '\n' {
            number += 1;
            lines.push(std::mem::replace(&mut line, Line { number, text: String::new() }));
            rest = &rest[1..];
        } else {
            line.text.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    lines.push(line);
    lines
}

/// The next place of `mark` at or after `from`; `known` is the one found last, `None` when there is no more.
fn next(text: &str, mark: &str, from: usize, known: &mut Option<usize>) -> Option<usize> {
    if known.is_some_and(|at| at < from) {
        *known = text[from..].find(mark).map(|at| from + at);
    }
    *known
}

/// Takes the notes out of a line: what is left, and their words.
fn without_notes(line: &str) -> (String, Vec<String>) {
    let mut kept = String::with_capacity(line.len());
    let mut notes = Vec::new();
    let mut rest = line;
    let (mut known, offset) = (Some(0), |rest: &str| line.len() - rest.len());
    while let Some(c) = rest.chars().next() {
        let taken = if c == '\\' { rest.chars().take(2).map(char::len_utf8).sum() } else { c.len_utf8() };
        if rest.starts_with("[[")
            && let Some(end) = next(line, "]]", offset(rest) + 2, &mut known)
        {
            notes.push(line[offset(rest) + 2..end].trim().to_owned());
            rest = &line[end + 2..];
            continue;
        }
        kept.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    (kept, notes)
}

#[derive(Default)]
struct Parser {
    elements: Vec<Element>,
    /// Notes in the middle of a paragraph wait for its end.
    waiting: Vec<Element>,
    /// The last element goes on with the next line.
    goes_on: bool,
    in_speech: bool,
}

impl Parser {
    fn parse(mut self, lines: &[Line]) -> Vec<Element> {
        let is_blank = |at: usize| lines.get(at).is_none_or(|line| line.text.trim().is_empty());
        for (at, line) in lines.iter().enumerate() {
            let (text, found) = without_notes(&line.text);
            let found = found.into_iter().map(|note| Element::new(Kind::Note, note, line.number));
            if text.trim().is_empty() && !line.text.trim().is_empty() {
                // A line of notes alone does not interrupt a speech.
                if !self.in_speech {
                    self.end_paragraph();
                }
                self.waiting.extend(found);
                if !self.in_speech {
                    self.flush();
                }
                continue;
            }
            // Two spaces keep a blank line inside a speech.
            if text.trim().is_empty() && !(self.in_speech && text.len() > 1) {
                self.end_paragraph();
                self.in_speech = false;
                continue;
            }
            self.line(&text, line.number, is_blank(at + 1));
            self.waiting.extend(found);
            if !self.goes_on && !self.in_speech {
                self.flush();
            }
        }
        self.end_paragraph();
        self.elements
    }

    fn flush(&mut self) {
        self.elements.append(&mut self.waiting);
    }

    fn end_paragraph(&mut self) {
        self.goes_on = false;
        self.flush();
    }

    fn push(&mut self, kind: Kind, text: &str, line: usize) {
        self.elements.push(Element::new(kind, text, line));
    }

    fn line(&mut self, raw: &str, number: usize, last: bool) {
        let text = raw.trim();
        let begins = !self.goes_on && !self.in_speech;
        if self.in_speech {
            let kind = match text.chars().next() {
                Some('(') if text.ends_with(')') => Kind::Parenthetical,
                Some('~') => Kind::Lyrics,
                _ => Kind::Dialogue,
            };
            let text = text.strip_prefix('~').filter(|_| kind == Kind::Lyrics).unwrap_or(text);
            match self.elements.last_mut() {
                Some(before) if kind == Kind::Dialogue && before.kind == kind && self.waiting.is_empty() => {
                    before.text.push('\n');
                    before.text.push_str(text);
                }
                _ => self.push(kind, text, number),
            }
            return;
        }
        if self.goes_on {
            // A paragraph of action keeps its line breaks; whatever else begins a line belongs to it.
            if let Some(before) = self.elements.last_mut() {
                before.text.push('\n');
                before.text.push_str(raw.trim_end());
            }
            return;
        }
        if text.len() > 2 && text.chars().all(|c| c == '=') {
            return;
        }
        let forced = |sign: char| text.strip_prefix(sign);
        if let Some(action) = forced('!') {
            self.push(Kind::Action, action, number);
            self.goes_on = true;
        } else if text.starts_with('#') {
            let level = text.chars().take_while(|c| *c == '#').count();
            self.push(Kind::Section(level), text[level..].trim(), number);
        } else if let Some(synopsis) = forced('=') {
            self.push(Kind::Synopsis, synopsis.trim(), number);
        } else if let Some(lyrics) = forced('~') {
            self.push(Kind::Lyrics, lyrics.trim(), number);
        } else if let Some(centered) = forced('>').and_then(|rest| rest.strip_suffix('<')) {
            self.push(Kind::Centered, centered.trim(), number);
        } else if let Some(transition) = forced('>') {
            self.push(Kind::Transition, transition.trim(), number);
        } else if let Some(heading) =
            forced('.').filter(|rest| rest.starts_with(|c: char| c != '.' && !c.is_whitespace()))
        {
            self.push(Kind::Heading, heading.trim(), number);
        } else if let Some(cue) = forced('@').filter(|_| begins) {
            self.cue(cue, number);
        } else if is_heading(text) {
            self.push(Kind::Heading, text, number);
        } else if last && is_transition(text) {
            self.push(Kind::Transition, text, number);
        } else if !last && is_cue(text) {
            self.cue(text, number);
        } else {
            self.push(Kind::Action, raw.trim_end(), number);
            self.goes_on = true;
        }
    }

    fn cue(&mut self, text: &str, number: usize) {
        let text = text.trim();
        let (name, dual) = match text.strip_suffix('^') {
            Some(name) => (name.trim_end(), true),
            None => (text, false),
        };
        self.push(Kind::Character { dual }, name, number);
        self.in_speech = true;
    }
}

fn is_heading(text: &str) -> bool {
    after_prefix(text).is_some_and(|(rest, _)| !rest.trim().is_empty())
}

fn is_transition(text: &str) -> bool {
    text.ends_with("TO:") && !text.chars().any(char::is_lowercase)
        || matches!(text, "FADE IN:" | "FADE OUT." | "FADE OUT:" | "FADE TO BLACK.")
}

/// Capitals outside of parentheses, and a letter among them.
fn is_cue(text: &str) -> bool {
    let name = text.split('(').next().unwrap_or_default();
    name.chars().any(char::is_uppercase) && !name.chars().any(char::is_lowercase) && !is_transition(text)
}

/// Paragraphs that follow each other without a blank line: those of a speech, or a single one.
pub(super) fn block(elements: &[impl std::borrow::Borrow<Element>]) -> String {
    let line = |element: &Element| {
        let text = &element.text;
        match element.kind {
            Kind::Heading if is_heading(text) => text.clone(),
            Kind::Heading => format!(".{text}"),
            Kind::Action | Kind::Shot => action(text),
            Kind::Character { dual } => {
                let forced =
                    if is_cue(text) && !text.starts_with(['!', '#', '=', '~', '>', '.', '@']) { "" } else { "@" };
                format!("{forced}{text}{}", if dual { " ^" } else { "" })
            }
            Kind::Parenthetical => text.clone(),
            // A blank line in a speech is kept by two spaces.
            Kind::Dialogue => {
                text.split('\n').map(|line| if line.is_empty() { "  " } else { line }).collect::<Vec<_>>().join("\n")
            }
            Kind::Lyrics => format!("~{text}"),
            Kind::Transition if is_transition(text) => text.clone(),
            Kind::Transition => format!("> {text}"),
            Kind::Centered => format!("> {text} <"),
            Kind::Section(level) => format!("{} {text}", "#".repeat(level)),
            Kind::Synopsis => format!("= {text}"),
            Kind::Note => format!("[[{text}]]"),
        }
    };
    elements.iter().map(|element| line(element.borrow())).collect::<Vec<_>>().join("\n")
}

/// A paragraph of action, with the sign that keeps it from being taken for something else.
fn action(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let trimmed = first.trim();
    let clear =
        !trimmed.starts_with(['!', '#', '=', '~', '>', '.', '@']) && !is_heading(trimmed) && !is_transition(trimmed);
    let no_cue = !is_cue(trimmed) || !text.contains('\n');
    if clear && no_cue { text.to_owned() } else { format!("!{text}") }
}

/// Paragraphs as a Fountain text.
pub(super) fn write_body(elements: &[Element]) -> String {
    let mut text = String::new();
    let mut previous: Option<Kind> = None;
    for element in elements {
        let joined = match (previous, element.kind) {
            (None, _) => "",
            (
                Some(Kind::Character { .. } | Kind::Parenthetical | Kind::Dialogue | Kind::Lyrics),
                Kind::Parenthetical | Kind::Dialogue | Kind::Lyrics,
            ) => "\n",
            // What a note says of a scene stands right on top of it.
            (Some(Kind::Note), Kind::Action) => "\n",
            _ => "\n\n",
        };
        text.push_str(joined);
        text.push_str(&block(&[element]));
        previous = Some(element.kind);
    }
    text.push('\n');
    text
}

/// A whole screenplay.
pub(super) fn write(title: &TitlePage, elements: &[Element]) -> String {
    let mut text = String::new();
    for (key, value) in [("Title", &title.title), ("Style", &title.style)] {
        let value = flat(value);
        if !value.is_empty() {
            text += &format!("{key}: {}\n", super::inline::escape(&value));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text + &write_body(elements)
}
