//! Which kind of place a background is, and what such a place consists of.

use super::library::lines;
use super::words;
use std::collections::HashMap;
use std::sync::LazyLock;

static PLACES: &str = include_str!("../../assets/pictures/places.txt");

/// What one stands on outdoors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    Grass,
    Sand,
    Snow,
    Rock,
    Water,
    Pavement,
    Earth,
    Planks,
    Moon,
    Clouds,
    Seabed,
    Void,
}

/// One plane of scenery, far to near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// Open water to the horizon.
    Sea,
    Swell,
    Hills,
    Peaks,
    Mesas,
    Dunes,
    Skyline,
    Houses,
    Pines,
    Trees,
    Palms,
    Leaves,
    Rocks,
    Cliff,
    Pier,
    Graves,
    Fence,
    Furrows,
    Road,
    Rails,
    Stands,
    Walls,
    Parapet,
    Ice,
    Craters,
    Stars,
    Cave,
    Bunting,
    River,
    Flowers,
}

/// A library picture as scenery: name, middle as share of the width, height as share of the frame's, distance.
pub(super) type Prop = (&'static str, f32, f32, f32);

/// An outdoor place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outdoor {
    /// Height of the horizon, as share of the frame from the top.
    pub horizon: f32,
    pub ground: Ground,
    pub layers: &'static [Layer],
    pub props: &'static [Prop],
}

/// How a wall is finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wall {
    Plain,
    Panels,
    Stripes,
    Wood,
    Stone,
    Tiles,
    Metal,
    Glass,
    Curtain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Floor {
    Planks,
    Checks,
    Carpet,
    Slabs,
}

/// A fixed part of a room that is drawn rather than placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fixture {
    Window,
    WideWindow,
    ArchWindow,
    Portholes,
    Shelf,
    Counter,
    Rug,
    PendantLamps,
    Board,
    Columns,
    Beams,
    Screens,
    LanternLens,
    Spotlights,
    Seats,
}

/// An indoor place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub wall_color: u32,
    pub wall: Wall,
    pub floor_color: u32,
    pub floor: Floor,
    pub fixtures: &'static [Fixture],
    /// Library pictures: name, middle as share of the width, lower edge and height as shares of the frame's height.
    pub props: &'static [(&'static str, f32, f32, f32)],
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Setting {
    Outdoor(&'static str, Outdoor),
    Indoor(&'static str, Room),
}

impl Setting {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Outdoor(name, _) | Self::Indoor(name, _) => name,
        }
    }

    /// The setting that the words of a background mean: its name from the last word, then its description, then the prompt.
    pub fn read(name: &str, description: &str, prompt: &str) -> Self {
        let key =
            find(name, true).or_else(|| find(description, false)).or_else(|| find(prompt, false)).unwrap_or("open");
        let inside =
            |text: &str| words::split(text).iter().any(|w| matches!(w.as_str(), "interior" | "inside" | "indoors"));
        let key = match key {
            "village" | "city" | "castle" | "farm" if inside(name) => "livingroom",
            key => key,
        };
        SETTINGS.iter().find(|setting| setting.name() == key).copied().unwrap_or(Self::Outdoor("open", OPEN))
    }

    /// Whether nothing in the words said what kind of place it is.
    pub fn is_unknown(&self) -> bool {
        self.name() == "open"
    }
}

static WORDS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let mut found = HashMap::new();
    for (key, phrases) in lines(PLACES).filter_map(|line| line.split_once(':')) {
        for phrase in phrases.split(',') {
            found.entry(phrase.trim()).or_insert(key);
        }
    }
    found
});

/// The setting of the longest known phrase, later ones first: the head of a noun phrase comes last. In running text
/// (`is_name` unset) only what follows a preposition of place counts, or the whole text would be full of places.
fn find(text: &str, is_name: bool) -> Option<&'static str> {
    let all = words::split(text);
    let search = |all: &[String]| {
        for len in (1..=4.min(all.len())).rev() {
            for start in (0..=all.len() - len).rev() {
                let phrase = &all[start..start + len];
                let known =
                    WORDS.get(phrase.join(" ").as_str()).or_else(|| WORDS.get(words::singular_phrase(phrase).as_str()));
                if let Some(key) = known {
                    return Some(*key);
                }
            }
        }
        None
    };
    if is_name {
        // "kitchen of the castle", "beach at night": the head before the preposition first.
        return search(words::noun_phrase(&all)).or_else(|| search(&all));
    }
    let place = |word: &str| {
        matches!(
            word,
            "in" | "on"
                | "at"
                | "through"
                | "across"
                | "over"
                | "inside"
                | "into"
                | "under"
                | "along"
                | "beside"
                | "by"
        )
    };
    let after = all.iter().position(|word| place(word)).map(|i| &all[i + 1..]);
    after.and_then(|rest| search(&rest[..rest.len().min(6)])).or_else(|| search(&all))
}

const OPEN: Outdoor =
    Outdoor { horizon: 0.66, ground: Ground::Grass, layers: &[Layer::Hills, Layer::Trees], props: &[] };

macro_rules! outdoor {
    ($name:literal, $horizon:expr, $ground:ident, [$($layer:ident),*], [$($prop:expr),*]) => {
        Setting::Outdoor($name, Outdoor { horizon: $horizon, ground: Ground::$ground, layers: &[$(Layer::$layer),*], props: &[$($prop),*] })
    };
}

macro_rules! room {
    ($name:literal, $wall_color:expr, $wall:ident, $floor_color:expr, $floor:ident, [$($fixture:ident),*], [$($prop:expr),*]) => {
        Setting::Indoor($name, Room {
            wall_color: $wall_color, wall: Wall::$wall, floor_color: $floor_color, floor: Floor::$floor,
            fixtures: &[$(Fixture::$fixture),*], props: &[$($prop),*],
        })
    };
}

const SETTINGS: &[Setting] = &[
    outdoor!("sea", 0.56, Water, [Sea, Swell], []),
    outdoor!("shore", 0.56, Sand, [Hills, Sea, Rocks], [("spiral-shell", 0.9, 0.05, 0.0)]),
    outdoor!("cliff", 0.6, Rock, [Sea, Cliff, Rocks], [("lighthouse", 0.8, 0.56, 0.3)]),
    outdoor!(
        "harbour",
        0.55,
        Planks,
        [Hills, Houses, Sea, Pier],
        [("sailboat", 0.78, 0.3, 0.5), ("ship", 0.2, 0.24, 0.6)]
    ),
    outdoor!("river", 0.58, Grass, [Hills, Trees, River, Flowers], []),
    outdoor!("lake", 0.56, Grass, [Peaks, Pines, Sea, Flowers], []),
    outdoor!(
        "underwater",
        0.74,
        Seabed,
        [],
        [
            ("coral", 0.12, 0.26, 0.25),
            ("coral", 0.9, 0.34, 0.1),
            ("tropical-fish", 0.72, 0.08, 0.4),
            ("fish", 0.28, 0.07, 0.5)
        ]
    ),
    outdoor!("forest", 0.66, Grass, [Pines, Trees, Pines], [("mushroom", 0.08, 0.08, 0.0)]),
    outdoor!("jungle", 0.68, Grass, [Hills, Palms, Leaves], []),
    outdoor!("meadow", 0.64, Grass, [Hills, Hills, Trees, Flowers], []),
    outdoor!(
        "garden",
        0.66,
        Grass,
        [Trees, Fence, Flowers],
        [("tulip", 0.06, 0.16, 0.05), ("sunflower", 0.94, 0.26, 0.05)]
    ),
    outdoor!(
        "farm",
        0.64,
        Grass,
        [Hills, Trees, Furrows, Fence],
        [("house", 0.84, 0.34, 0.35), ("windmill", 0.14, 0.4, 0.4)]
    ),
    outdoor!("mountains", 0.66, Rock, [Peaks, Peaks, Pines, Rocks], []),
    outdoor!("desert", 0.62, Sand, [Mesas, Dunes, Dunes], [("cactus", 0.9, 0.26, 0.15), ("cactus", 0.16, 0.14, 0.4)]),
    outdoor!("snow", 0.62, Snow, [Peaks, Pines, Ice], []),
    outdoor!("city", 0.68, Pavement, [Skyline, Skyline, Road], [("street-lamp", 0.92, 0.5, 0.1)]),
    outdoor!("village", 0.66, Grass, [Hills, Houses, Trees, Fence], []),
    outdoor!("rooftop", 0.72, Pavement, [Skyline, Skyline, Parapet], []),
    outdoor!("road", 0.62, Grass, [Hills, Trees, Road], [("signpost", 0.9, 0.3, 0.1)]),
    outdoor!("castle", 0.66, Grass, [Hills, Walls, Trees], [("castle", 0.76, 0.5, 0.4)]),
    outdoor!("graveyard", 0.64, Grass, [Hills, Trees, Graves, Fence], [("derelict-house", 0.82, 0.34, 0.5)]),
    outdoor!(
        "station",
        0.66,
        Pavement,
        [Hills, Houses, Rails],
        [("station", 0.82, 0.4, 0.25), ("street-lamp", 0.1, 0.5, 0.1)]
    ),
    outdoor!(
        "fair",
        0.66,
        Earth,
        [Hills, Trees, Bunting],
        [("ferris-wheel", 0.8, 0.56, 0.4), ("circus-tent", 0.2, 0.4, 0.35)]
    ),
    outdoor!("stadium", 0.6, Grass, [Stands], []),
    outdoor!("sky", 0.86, Clouds, [], []),
    outdoor!("space", 1.1, Void, [Stars], [("ringed-planet", 0.8, 0.34, 0.15)]),
    outdoor!("moon", 0.66, Moon, [Stars, Craters], [("globe-showing-europe-africa", 0.78, 0.22, 0.0)]),
    outdoor!("cave", 0.7, Rock, [Cave, Rocks], []),
    room!(
        "kitchen",
        0xf0dfc0,
        Plain,
        0xb98d63,
        Checks,
        [Window, Counter, Shelf, PendantLamps],
        [("stove", 0.86, 0.735, 0.25), ("teapot", 0.12, 0.505, 0.08), ("potted-plant", 0.3, 0.505, 0.11)]
    ),
    room!(
        "bakery",
        0xe7c9a5,
        Stripes,
        0x8d5e3f,
        Checks,
        [WideWindow, Shelf, PendantLamps],
        [("potted-plant", 0.93, 0.74, 0.2)]
    ),
    room!(
        "livingroom",
        0x9db3a6,
        Panels,
        0x9c6b45,
        Planks,
        [Window, Rug],
        [
            ("couch-and-lamp", 0.87, 0.75, 0.34),
            ("framed-picture", 0.52, 0.35, 0.16),
            ("potted-plant", 0.07, 0.74, 0.24)
        ]
    ),
    room!(
        "bedroom",
        0x8fa3c8,
        Stripes,
        0xa9805c,
        Planks,
        [Window, Rug],
        [("bed", 0.84, 0.78, 0.36), ("framed-picture", 0.5, 0.34, 0.14), ("teddy-bear", 0.06, 0.74, 0.13)]
    ),
    room!(
        "attic",
        0x8a5f40,
        Wood,
        0x6d4a32,
        Planks,
        [Beams, Window],
        [("barrel", 0.07, 0.75, 0.22), ("package", 0.92, 0.75, 0.17), ("package", 0.84, 0.755, 0.13)]
    ),
    room!(
        "bathroom",
        0xb9dde0,
        Tiles,
        0x8fa9b5,
        Checks,
        [Window],
        [("bathtub", 0.84, 0.76, 0.3), ("mirror", 0.48, 0.42, 0.2)]
    ),
    room!(
        "office",
        0xc6ccd6,
        Plain,
        0x6f7a8a,
        Carpet,
        [WideWindow],
        [("file-cabinet", 0.92, 0.75, 0.26), ("potted-plant", 0.06, 0.75, 0.24)]
    ),
    room!(
        "library",
        0x7a5a3f,
        Panels,
        0x6b452d,
        Planks,
        [ArchWindow, Rug, PendantLamps],
        [("bookshelf", 0.1, 0.74, 0.56), ("bookshelf", 0.9, 0.74, 0.56), ("bookshelf", 0.28, 0.72, 0.48)]
    ),
    room!("classroom", 0xe2d7b6, Panels, 0xb08a5f, Planks, [Board, Window], [("potted-plant", 0.93, 0.74, 0.22)]),
    room!(
        "workshop",
        0xb98f68,
        Wood,
        0x7b5a41,
        Planks,
        [Window, Shelf, PendantLamps],
        [("toolbox", 0.1, 0.75, 0.16), ("ladder", 0.93, 0.75, 0.42), ("carpentry-saw", 0.66, 0.36, 0.11)]
    ),
    room!("lab", 0xcfe0e4, Tiles, 0x8fa3ad, Slabs, [WideWindow, Screens], [("alembic", 0.09, 0.75, 0.22)]),
    room!(
        "shop",
        0xe3c6b0,
        Stripes,
        0xa97f5a,
        Checks,
        [WideWindow, Shelf, PendantLamps],
        [("shopping-bags", 0.92, 0.75, 0.18), ("basket", 0.07, 0.75, 0.16)]
    ),
    room!(
        "museum",
        0xa33f45,
        Panels,
        0xcbb494,
        Slabs,
        [Columns, Spotlights],
        [("framed-picture", 0.3, 0.42, 0.2), ("framed-picture", 0.68, 0.42, 0.2)]
    ),
    room!(
        "throne",
        0x6f6a80,
        Stone,
        0x7d3341,
        Slabs,
        [Columns, ArchWindow],
        [("throne", 0.82, 0.74, 0.46), ("shield", 0.3, 0.36, 0.14)]
    ),
    room!(
        "church",
        0xa89d92,
        Stone,
        0x7c6e62,
        Slabs,
        [ArchWindow, Columns],
        [("candle", 0.08, 0.74, 0.2), ("candle", 0.92, 0.74, 0.2)]
    ),
    room!("theatre", 0x7d1f33, Curtain, 0x6d4530, Planks, [Spotlights], []),
    room!("spaceship", 0x56627a, Metal, 0x39435a, Slabs, [Portholes, Screens], []),
    room!("lanternroom", 0x8d9aa6, Glass, 0x6a5546, Planks, [LanternLens], []),
    room!(
        "greenhouse",
        0x9fc7b0,
        Glass,
        0x8d7356,
        Slabs,
        [],
        [
            ("potted-plant", 0.06, 0.76, 0.3),
            ("palm-tree", 0.92, 0.75, 0.52),
            ("cactus", 0.2, 0.74, 0.2),
            ("hibiscus", 0.8, 0.755, 0.16)
        ]
    ),
    room!("train", 0x5d7f79, Panels, 0x584a44, Carpet, [WideWindow, Seats], []),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_word_has_a_setting() {
        for key in WORDS.values() {
            assert!(SETTINGS.iter().any(|setting| setting.name() == *key), "places.txt: {key}");
        }
    }

    #[test]
    fn every_setting_uses_pictures_that_exist() {
        for setting in SETTINGS {
            let props = match setting {
                Setting::Outdoor(_, place) => place.props,
                Setting::Indoor(_, room) => room.props,
            };
            for prop in props {
                assert!(super::super::library::contains(prop.0), "{}: {}", setting.name(), prop.0);
            }
        }
    }

    #[test]
    fn the_head_of_the_name_decides_the_place() {
        for (name, key) in [
            ("stormy sea", "sea"),
            ("the castle kitchen", "kitchen"),
            ("lighthouse gallery", "lanternroom"),
            ("rocky shore", "shore"),
            ("a forest at night", "forest"),
            ("beach house kitchen", "kitchen"),
            ("Zxqv", "open"),
        ] {
            assert_eq!(Setting::read(name, "", "").name(), key, "{name}");
        }
    }
}
