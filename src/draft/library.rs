//! The picture library: vector pictures by name, packed into the program and opened when first needed.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use zip::ZipArchive;

static ARCHIVE: &[u8] = include_bytes!("../../assets/pictures/pictures.zip");
static KINDS: &str = include_str!("../../assets/pictures/kinds.txt");

/// How a picture stands in a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A drawn person, head to foot.
    Person,
    /// A whole figure of the library.
    Figure,
    Animal,
    /// An animal of which the library has only the head.
    Critter,
    Flyer,
    Swimmer,
    Boat,
    Vehicle,
    Building,
    Furniture,
    Plant,
    /// Something that fits on a table.
    Small,
    Sky,
}

/// How a picture stands in a scene, and the share of the frame's height that it takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stance {
    pub kind: Kind,
    pub height: f32,
}

struct Library {
    archive: Mutex<ZipArchive<Cursor<&'static [u8]>>>,
    stances: HashMap<&'static str, Stance>,
    /// Name → category, as packed.
    index: HashMap<String, String>,
    opened: Mutex<HashMap<String, Arc<str>>>,
}

static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let mut archive = ZipArchive::new(Cursor::new(ARCHIVE)).expect("the picture archive is packed by our script");
    let mut index = String::new();
    archive
        .by_name("index.txt")
        .expect("the picture archive has an index")
        .read_to_string(&mut index)
        .expect("the picture index is text");
    let index =
        index.lines().filter_map(|line| line.split_once(' ')).map(|(n, c)| (n.to_owned(), c.to_owned())).collect();
    Library { archive: Mutex::new(archive), stances: stances(), index, opened: Mutex::default() }
});

fn stances() -> HashMap<&'static str, Stance> {
    let mut found = HashMap::new();
    for (head, names) in lines(KINDS).filter_map(|line| line.split_once(':')) {
        let Some((kind, height)) = head.split_once(' ') else { continue };
        let kind = match kind {
            "animal" => Kind::Animal,
            "critter" => Kind::Critter,
            "flyer" => Kind::Flyer,
            "swimmer" => Kind::Swimmer,
            "boat" => Kind::Boat,
            "vehicle" => Kind::Vehicle,
            "building" => Kind::Building,
            "furniture" => Kind::Furniture,
            "plant" => Kind::Plant,
            "sky" => Kind::Sky,
            "figure" => Kind::Figure,
            _ => Kind::Small,
        };
        let height = height.trim().parse().unwrap_or(0.2);
        for name in names.split_whitespace() {
            found.entry(name).or_insert(Stance { kind, height });
        }
    }
    found
}

/// The lines of a table that say something.
pub(super) fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The names of all pictures.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    LIBRARY.index.keys().map(String::as_str)
}

pub(super) fn contains(name: &str) -> bool {
    LIBRARY.index.contains_key(name)
}

/// The picture as SVG text, 32 × 32 units; `None` when the library has none of this name.
pub(super) fn open(name: &str) -> Option<Arc<str>> {
    if let Some(svg) = LIBRARY.opened.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
        return Some(svg.clone());
    }
    if !contains(name) {
        return None;
    }
    let mut svg = String::new();
    let mut archive = LIBRARY.archive.lock().unwrap_or_else(PoisonError::into_inner);
    archive.by_name(&format!("{name}.svg")).ok()?.read_to_string(&mut svg).ok()?;
    let svg: Arc<str> = svg.into();
    LIBRARY.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), svg.clone());
    Some(svg)
}

/// How the picture stands in a scene: from the table, or by its category.
pub(super) fn stance(name: &str) -> Stance {
    if let Some(stance) = LIBRARY.stances.get(name) {
        return *stance;
    }
    let (kind, height) = match LIBRARY.index.get(name).map_or("", String::as_str) {
        "food" => (Kind::Small, 0.15),
        "object" | "activity" | "own" => (Kind::Small, 0.19),
        "place" => (Kind::Furniture, 0.34),
        "person" | "emotion" => (Kind::Figure, 0.5),
        _ => (Kind::Small, 0.18),
    };
    Stance { kind, height }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_opens_and_draws() {
        for name in names() {
            let svg = open(name).unwrap_or_else(|| panic!("{name} does not open"));
            assert!(super::super::raster::content_box(&svg).is_some(), "{name} draws nothing");
        }
    }

    #[test]
    fn every_table_entry_names_a_picture() {
        for name in LIBRARY.stances.keys() {
            assert!(contains(name), "kinds.txt: {name}");
        }
    }
}
