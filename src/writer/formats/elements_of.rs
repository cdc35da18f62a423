//! A project's scenes as the paragraphs of a screenplay.
//!
//! Every scene is a note that begins with `shot` (see [`Directive`]) and the action below it; the heading stands where
//! the place changes. What a file format cannot hold in its own way moves into that note: each scene is read back, in
//! the format that it will be written in, before it is accepted.

use super::element::{Directive, Element, Kind, note_elements};
use super::heading::Heading;
use super::inline::{escape, plain};
use super::screenplay::shots;
use super::{Shot, cleaned};
use crate::project::{Project, Scene};

/// Writes paragraphs in a file format and reads them again.
pub(super) type ReadBack<'a> = &'a dyn Fn(&[Element]) -> Vec<Element>;

/// The paragraphs of all scenes.
pub(super) fn elements_of(project: &Project, read_back: ReadBack<'_>) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut place = String::new();
    for scene in &project.scenes {
        let wanted = wanted(scene);
        if wanted.dissolve_ms != Some(0) {
            elements.push(Element::new(Kind::Transition, "DISSOLVE TO:", 0));
        }
        let moved = wanted.background != place || wanted.dissolve_ms != Some(0) && !place.is_empty();
        let heading = if moved { heading(&wanted.background, read_back) } else { None };
        let place_before = match &heading {
            Some(heading) => Heading::parse(&plain(&heading.text)).place,
            None => place.clone(),
        };
        let body = body(&wanted, &place_before, read_back);
        // Sections and synopses announce what follows them.
        let announced =
            body.iter().take_while(|element| matches!(element.kind, Kind::Section(_) | Kind::Synopsis)).count();
        let mut body = body.into_iter();
        elements.extend(body.by_ref().take(announced));
        elements.extend(heading);
        elements.extend(body);
        place = wanted.background;
    }
    elements
}

/// A scene as it is to be read back.
pub(super) fn wanted(scene: &Scene) -> Shot {
    Shot {
        line: None,
        prompt: cleaned(&scene.prompt),
        foreground: scene.foreground.iter().map(|name| cleaned(name)).collect(),
        background: cleaned(&scene.background),
        camera: Some(scene.camera),
        duration_ms: Some(scene.duration_ms),
        dissolve_ms: Some(scene.dissolve_ms),
        note: cleaned(&scene.note),
    }
}

/// A heading that names the place, in capitals where that loses nothing.
fn heading(place: &str, read_back: ReadBack<'_>) -> Option<Element> {
    let of_place = |text: &str| Heading::parse(text).place == place;
    let shouted = place.to_uppercase();
    let shouted = if of_place(&shouted) || !of_place(place) { shouted } else { place.to_owned() };
    let element = Element::new(Kind::Heading, escape(&shouted), 0);
    let read = read_back(std::slice::from_ref(&element));
    let holds = matches!(read.as_slice(), [one] if one.kind == element.kind && one.text == element.text);
    (holds && !place.trim().is_empty()).then_some(element)
}

/// The note and the action of a scene, and what stands beside it. The first of several forms that reads back as the
/// scene is taken; the last always does.
fn body(wanted: &Shot, place_before: &str, read_back: ReadBack<'_>) -> Vec<Element> {
    let place = (wanted.background != place_before).then(|| wanted.background.clone());
    let directive = Directive {
        shot: true,
        camera: wanted.camera,
        length_ms: wanted.duration_ms,
        dissolve_ms: wanted.dissolve_ms.filter(|ms| *ms != 0),
        cast: (!wanted.foreground.is_empty()).then(|| wanted.foreground.clone()),
        place,
        action: None,
        note: None,
    };
    let form = |plain_action: bool, note: Option<bool>| {
        let mut directive = directive.clone();
        let mut beside = Vec::new();
        match note {
            Some(as_screenplay) => beside = note_elements(&wanted.note, as_screenplay),
            None => directive.note = Some(wanted.note.clone()),
        }
        let announced =
            beside.iter().take_while(|element| matches!(element.kind, Kind::Section(_) | Kind::Synopsis)).count();
        let mut elements: Vec<Element> = beside.drain(..announced).collect();
        let mut action = Vec::new();
        if !plain_action {
            directive.action = Some(wanted.prompt.clone());
        } else if !wanted.prompt.is_empty() {
            let paragraphs = wanted.prompt.split("\n\n");
            action.extend(paragraphs.map(|paragraph| Element::new(Kind::Action, escape(paragraph), 0)));
        }
        elements.push(Element::new(Kind::Note, directive.text(), 0));
        elements.extend(action);
        elements.extend(beside);
        elements
    };
    let reads_back = |elements: &Vec<Element>| {
        let mut context = Vec::new();
        if !place_before.is_empty() {
            // The place that a heading further up has set.
            let set = Directive { shot: true, place: Some(place_before.to_owned()), ..Directive::default() };
            context.push(Element::new(Kind::Note, set.text(), 1));
        }
        // Another scene behind it must not get what belongs to this one.
        let next = Directive { shot: true, ..Directive::default() };
        let with_next = [elements.as_slice(), &[Element::new(Kind::Note, next.text(), 0)]].concat();
        context.extend(read_back(&with_next));
        let mut read = shots(&context, &mut Vec::new()).unwrap_or_default();
        let is_bare = read.pop().is_some_and(|next| next.note.is_empty() && next.prompt.is_empty());
        let this = read.pop().map(|shot| Shot { line: None, ..shot });
        is_bare && this.as_ref() == Some(wanted) && read.len() == usize::from(!place_before.is_empty())
    };
    let forms = [(true, Some(true)), (true, Some(false)), (false, Some(true)), (false, Some(false)), (true, None)];
    let found = forms.into_iter().map(|(action, note)| form(action, note)).find(reads_back);
    found.unwrap_or_else(|| form(false, None))
}
