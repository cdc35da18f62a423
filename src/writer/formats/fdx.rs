//! Final Draft screenplays (.fdx): XML with one `Paragraph` for each paragraph of the screenplay.
//!
//! Notes are `ScriptNote`s inside the paragraph that they belong to; those that newer versions keep in a list of their
//! own, by position, are read too.

use super::element::{Element, Kind};
use super::inline::{Style, escape, markup_of, runs};
use super::{FormatError, TitlePage};
use roxmltree::{Document, Node, ParsingOptions};
use std::fmt::Write as _;

/// More elements than a screenplay has.
const MOST_NODES: u32 = 2_000_000;
/// Elements inside of each other; a screenplay has eight. The parser goes down one level of the stack for each.
const DEEPEST: usize = 64;

/// Where lines begin, for messages: the parser itself would count from the start for each.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    fn at(&self, node: Node<'_, '_>) -> usize {
        self.0.partition_point(|end| *end < node.range().start) + 1
    }
}

/// The title page and the paragraphs of a Final Draft file.
pub(super) fn parse(name: &str, text: &str) -> Result<(TitlePage, Vec<Element>), FormatError> {
    if let Some(at) = too_deep(text) {
        let before = &text[..at];
        let line = before.matches('\n').count() as u32 + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u32 + 1;
        let reason = "its elements are nested deeper than any screenplay's".to_owned();
        return Err(FormatError::Xml { name: name.to_owned(), line, column, reason });
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| {
        let at = error.pos();
        FormatError::Xml { name: name.to_owned(), line: at.row, column: at.col, reason: reason(&error) }
    })?;
    let root = document.root_element();
    if root.tag_name().name() != "FinalDraft" {
        return Err(FormatError::NotFinalDraft { name: name.to_owned(), root: root.tag_name().name().to_owned() });
    }
    let lines = Lines::of(text);
    let mut reader = Reader { lines, elements: Vec::new(), starts: Vec::new(), offset: 0 };
    for paragraph in child(root, "Content").into_iter().flat_map(|content| content.children()) {
        reader.paragraph(paragraph, false);
    }
    if let Some(list) = child(root, "ScriptNotes") {
        reader.listed_notes(list);
    }
    let page = child(root, "TitlePage").and_then(|page| child(page, "Content"));
    let mut texts = page.into_iter().flat_map(|content| content.children()).map(|paragraph| plain_text(paragraph));
    let title = texts.find(|text| !text.trim().is_empty()).unwrap_or_default();
    Ok((TitlePage { title: title.trim().to_owned(), style: String::new() }, reader.elements))
}

/// Where elements are nested more than [`DEEPEST`] deep.
fn too_deep(text: &str) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    let behind = |mark: &str, from: usize| text[from..].find(mark).map(|found| from + found + mark.len());
    while let Some(open) = text[at..].find('<').map(|found| at + found) {
        let rest = &text[open..];
        // What is never closed is for the parser to complain of.
        at = if rest.starts_with("<!--") {
            behind("-->", open)?
        } else if rest.starts_with("<![CDATA[") {
            behind("]]>", open)?
        } else if rest.starts_with("<?") {
            behind("?>", open)?
        } else if rest.starts_with("</") {
            depth = depth.saturating_sub(1);
            open + 2
        } else {
            let end = tag_end(text, open)?;
            depth += usize::from(!text[..end].ends_with('/'));
            if depth > DEEPEST {
                return Some(open);
            }
            end + 1
        };
    }
    None
}

/// Where the `>` of a tag is; those inside of quotation marks do not count.
fn tag_end(text: &str, open: usize) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate().skip(open) {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(mark), byte) if mark == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// What the parser says, without the position, which the message gives itself.
fn reason(error: &roxmltree::Error) -> String {
    match error {
        roxmltree::Error::DtdDetected => "it declares entities of its own, which no screenplay does".to_owned(),
        roxmltree::Error::NodesLimitReached => "it has millions of elements".to_owned(),
        error => {
            let text = error.to_string();
            text.rsplit_once(" at ").map_or(text.clone(), |(what, _)| what.to_owned())
        }
    }
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.tag_name().name() == name)
}

/// The text of a paragraph's own `Text` elements, without looks.
fn plain_text(paragraph: Node<'_, '_>) -> String {
    paragraph.children().filter(|node| node.tag_name().name() == "Text").filter_map(|node| node.text()).collect()
}

fn style_of(text: Node<'_, '_>) -> Style {
    let named = text.attribute("Style").unwrap_or_default();
    let has = |name: &str| named.split('+').any(|style| style.trim() == name);
    Style { bold: has("Bold"), italic: has("Italic"), underline: has("Underline") }
}

struct Reader {
    lines: Lines,
    elements: Vec<Element>,
    /// Where each paragraph begins, counted in characters as Final Draft does, and the elements before its end.
    starts: Vec<(usize, usize)>,
    offset: usize,
}

impl Reader {
    fn paragraph(&mut self, paragraph: Node<'_, '_>, dual: bool) {
        if paragraph.tag_name().name() != "Paragraph" {
            return;
        }
        if let Some(both) = child(paragraph, "DualDialogue") {
            let mut speakers = 0;
            for spoken in both.children() {
                speakers += usize::from(spoken.attribute("Type") == Some("Character"));
                self.paragraph(spoken, speakers > 1);
            }
            return;
        }
        let line = self.lines.at(paragraph);
        let (mut before, mut after): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        let mut pieces: Vec<(Style, &str)> = Vec::new();
        let mut synopsis = String::new();
        for node in paragraph.children() {
            match node.tag_name().name() {
                "Text" => pieces.push((style_of(node), node.text().unwrap_or_default())),
                "ScriptNote" if pieces.is_empty() => before.push(note_text(node)),
                "ScriptNote" => after.push(note_text(node)),
                "SceneProperties" => {
                    if let Some(summary) = child(node, "Summary") {
                        synopsis = note_text(summary).replace('\n', " ");
                    }
                }
                _ => {}
            }
        }
        self.starts.push((self.offset, self.elements.len()));
        self.offset += pieces.iter().map(|(_, text)| text.chars().count()).sum::<usize>() + 1;
        let notes = |elements: &mut Vec<Element>, notes: Vec<String>| {
            let notes = notes.into_iter().filter(|note| !note.is_empty());
            elements.extend(notes.map(|note| Element::new(Kind::Note, note, line)));
        };
        notes(&mut self.elements, before);
        let text = markup_of(pieces);
        if !text.trim().is_empty() {
            let centered = paragraph.attribute("Alignment") == Some("Center");
            let kind = match paragraph.attribute("Type").unwrap_or_default() {
                "Scene Heading" => Kind::Heading,
                "Character" => Kind::Character { dual },
                "Parenthetical" => Kind::Parenthetical,
                "Dialogue" => Kind::Dialogue,
                "Singing" | "Lyrics" => Kind::Lyrics,
                "Transition" => Kind::Transition,
                "Shot" => Kind::Shot,
                "New Act" | "End of Act" => Kind::Section(1),
                "Cast List" => Kind::Note,
                _ if centered => Kind::Centered,
                _ => Kind::Action,
            };
            // Only action may begin with spaces.
            let text = if kind == Kind::Action { text } else { text.trim().to_owned() };
            self.elements.push(Element::new(kind, text, line));
        }
        if !synopsis.is_empty() {
            self.elements.push(Element::new(Kind::Synopsis, escape(&synopsis), line));
        }
        notes(&mut self.elements, after);
    }

    /// Notes that say by `Range` where they belong: behind the paragraph that this begins in.
    fn listed_notes(&mut self, list: Node<'_, '_>) {
        let mut found: Vec<(usize, Element)> = Vec::new();
        for note in list.children().filter(|node| node.tag_name().name() == "ScriptNote") {
            let start = note.attribute("Range").and_then(|range| range.split(',').next()?.trim().parse::<usize>().ok());
            let paragraph = self.starts.partition_point(|(begin, _)| *begin <= start.unwrap_or(0));
            let at = self.starts.get(paragraph).map_or(self.elements.len(), |(_, before)| *before);
            let text = note_text(note);
            if !text.is_empty() {
                found.push((at, Element::new(Kind::Note, text, self.lines.at(note))));
            }
        }
        found.sort_by_key(|(at, _)| *at);
        let mut elements = Vec::with_capacity(self.elements.len() + found.len());
        let mut found = found.into_iter().peekable();
        for (i, element) in std::mem::take(&mut self.elements).into_iter().enumerate() {
            while let Some((_, note)) = found.next_if(|(at, _)| *at <= i) {
                elements.push(note);
            }
            elements.push(element);
        }
        elements.extend(found.map(|(_, note)| note));
        self.elements = elements;
    }
}

/// The words of a note: the text of its paragraphs, one a line.
fn note_text(note: Node<'_, '_>) -> String {
    let paragraphs = note.children().filter(|node| node.tag_name().name() == "Paragraph");
    paragraphs.map(plain_text).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// A whole Final Draft file.
pub(super) fn write(title: &TitlePage, elements: &[Element]) -> String {
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\" ?>\n\
                   <FinalDraft DocumentType=\"Script\" Template=\"No\" Version=\"1\">\n  <Content>\n"
        .to_owned();
    let mut at = 0;
    let mut note_id = 0;
    while at < elements.len() {
        let notes = elements[at..].iter().take_while(|element| element.kind == Kind::Note).count();
        // A note belongs to the action below it, else to a paragraph of its own.
        let of_action = elements.get(at + notes).filter(|next| next.kind == Kind::Action);
        let mut marks = String::new();
        for note in &elements[at..at + notes] {
            note_id += 1;
            let _ = write!(marks, "<ScriptNote ID=\"{note_id}\">");
            for line in note.text.split('\n') {
                let _ = write!(marks, "<Paragraph><Text>{}</Text></Paragraph>", xml_text(line));
            }
            marks += "</ScriptNote>";
        }
        at += notes;
        match of_action.or_else(|| elements.get(at).filter(|_| notes == 0)) {
            Some(element) => {
                at += 1;
                let second = elements.get(at..).and_then(second_speaker);
                match second.filter(|_| matches!(element.kind, Kind::Character { dual: false })) {
                    Some(length) => {
                        xml += "    <Paragraph>\n      <DualDialogue>\n";
                        for spoken in &elements[at - 1..at + length] {
                            paragraph(&mut xml, "        ", spoken, "");
                        }
                        xml += "      </DualDialogue>\n    </Paragraph>\n";
                        at += length;
                    }
                    None => paragraph(&mut xml, "    ", element, &marks),
                }
            }
            None => {
                let _ = writeln!(xml, "    <Paragraph Type=\"Action\">{marks}</Paragraph>");
            }
        }
    }
    xml += "  </Content>\n";
    if !title.title.is_empty() {
        let _ = write!(
            xml,
            "  <TitlePage>\n    <Content>\n      <Paragraph Alignment=\"Center\"><Text>{}</Text></Paragraph>\n    \
             </Content>\n  </TitlePage>\n",
            xml_text(&title.title)
        );
    }
    xml + "</FinalDraft>\n"
}

/// How many elements follow a cue until both of two who speak at once have spoken; `None` when one speaks alone.
fn second_speaker(after_cue: &[Element]) -> Option<usize> {
    let spoken = |element: &&Element| matches!(element.kind, Kind::Parenthetical | Kind::Dialogue | Kind::Lyrics);
    let first = after_cue.iter().take_while(spoken).count();
    after_cue.get(first).filter(|element| element.kind == Kind::Character { dual: true })?;
    Some(first + 1 + after_cue[first + 1..].iter().take_while(spoken).count())
}

fn paragraph(xml: &mut String, indent: &str, element: &Element, marks: &str) {
    let kind = match element.kind {
        Kind::Heading => "Scene Heading",
        Kind::Character { .. } => "Character",
        Kind::Parenthetical => "Parenthetical",
        Kind::Dialogue => "Dialogue",
        Kind::Lyrics => "Singing",
        Kind::Transition => "Transition",
        Kind::Shot => "Shot",
        Kind::Section(_) => "New Act",
        Kind::Action | Kind::Centered | Kind::Synopsis | Kind::Note => "Action",
    };
    let centered = if element.kind == Kind::Centered { " Alignment=\"Center\"" } else { "" };
    let _ = write!(xml, "{indent}<Paragraph{centered} Type=\"{kind}\">{marks}");
    for (style, text) in runs(&element.text) {
        let named: Vec<&str> = [(style.bold, "Bold"), (style.italic, "Italic"), (style.underline, "Underline")]
            .into_iter()
            .filter_map(|(on, name)| on.then_some(name))
            .collect();
        let style = if named.is_empty() { String::new() } else { format!(" Style=\"{}\"", named.join("+")) };
        let _ = write!(xml, "<Text{style}>{}</Text>", xml_text(&text));
    }
    xml.push_str("</Paragraph>\n");
}

fn xml_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            c => safe.push(c),
        }
    }
    safe
}
