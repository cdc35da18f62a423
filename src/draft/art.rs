//! What stands for an entity: one vector drawing, the same in every scene.

use super::color::Rgb;
use super::figure;
use super::library::{self, Kind};
use super::matching::{Meaning, meaning};
use super::person::{Age, Person};
use super::raster::{self, Crop};
use super::svg::{Canvas, recolor};
use super::words;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The drawing of an entity and how it stands in a scene.
#[derive(Debug, Clone)]
pub(super) struct Art {
    pub svg: Arc<str>,
    /// The part of the drawing that it covers.
    pub crop: Crop,
    pub kind: Kind,
    /// Share of the frame's height.
    pub height: f32,
    /// What was found: a picture's name, `person`, or `letter`.
    pub id: String,
    /// The person drawn, if it is one.
    pub person: Option<Person>,
    /// How many are drawn, up to three.
    pub count: usize,
}

impl Art {
    fn new(svg: String, kind: Kind, height: f32, id: String) -> Self {
        let crop = raster::content_box(&svg).unwrap_or([0.0, 0.0, 32.0, 32.0]);
        Self { svg: svg.into(), crop, kind, height, id, person: None, count: 1 }
    }

    /// Width by height.
    pub fn aspect(&self) -> f32 {
        self.crop[2] / self.crop[3]
    }
}

/// Drawings by name and description.
type Arts = HashMap<(String, String), Arc<Art>>;

/// Drawings made so far. Cleared when it grows past any film's cast.
static ARTS: LazyLock<Mutex<Arts>> = LazyLock::new(Mutex::default);
const ARTS_KEPT: usize = 512;

/// The drawing of an entity.
pub(super) fn art(name: &str, description: &str) -> Arc<Art> {
    // Very long texts are read only in part, so they need not be kept whole.
    let start = |text: &str| text.chars().take(2000).collect::<String>();
    let key = (start(name), start(description));
    if let Some(art) = ARTS.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return art.clone();
    }
    let art = Arc::new(draw(&key.0, &key.1));
    let mut arts = ARTS.lock().unwrap_or_else(PoisonError::into_inner);
    if arts.len() >= ARTS_KEPT {
        arts.clear();
    }
    arts.insert(key, art.clone());
    art
}

/// Forgets every drawing, so that a benchmark can measure a cold start.
pub(super) fn clear() {
    ARTS.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

fn draw(name: &str, description: &str) -> Art {
    match meaning(name, description) {
        Meaning::Person { looks, count } => {
            let who = Person::read(&looks, name, description);
            let height = match who.age {
                Age::Child => 0.5,
                Age::Old => 0.6,
                Age::Young | Age::Adult => 0.64,
            };
            let id = who.picture.clone().or_else(|| who.bust.as_ref().map(|b| format!("person-{b}")));
            let svg = if count > 1 { group(&looks, name, description, count) } else { figure::person(&who) };
            let mut art = Art::new(svg, Kind::Person, height, id.unwrap_or_else(|| "person".into()));
            if art.id == "baby" {
                art.height = 0.34;
            }
            art.person = Some(who).filter(|_| count == 1);
            art
        }
        Meaning::Picture { id, count } => {
            let stance = library::stance(&id);
            let svg = library::open(&id).unwrap_or_else(|| Arc::from(letter('?')));
            let tinted = match color_of(name, description, stance.kind) {
                Some(color) => {
                    // No animal is as red as paint.
                    let fur = matches!(stance.kind, Kind::Animal | Kind::Critter) && Some(color) == Rgb::named("red");
                    let color = if fur { Rgb::hex(0xc4552a) } else { color };
                    let from = figure::dominant(&svg);
                    recolor(&svg, |c| figure::retint(c, from, color))
                }
                None => svg.to_string(),
            };
            let drawn = match stance.kind {
                Kind::Critter => figure::critter(&tinted),
                Kind::Figure => figure::being(&id, &tinted).unwrap_or(tinted),
                _ => tinted,
            };
            let mut art = Art::new(drawn, stance.kind, stance.height * size_word(name, description), id);
            art.count = count;
            art
        }
        Meaning::Unknown { initial } => Art::new(letter(initial), Kind::Small, 0.26, "letter".into()),
    }
}

/// Several people side by side, each one different.
fn group(looks: &str, name: &str, description: &str, count: usize) -> String {
    let wide = 22.0;
    let mut c = Canvas::new(wide * count as f32 + 12.0, 48.0);
    // The one in the middle of three stands in front.
    let order: &[usize] = if count == 2 { &[0, 1] } else { &[0, 2, 1] };
    for &n in order {
        let sexes = ["female", "male"];
        let mixed = if looks.contains("male") { looks.to_owned() } else { format!("{looks} {}", sexes[n % 2]) };
        let who = Person::read(&mixed, &format!("{name} {n}"), description);
        let lower = if n == 1 { 1.5 } else { 0.0 };
        c.picture(&figure::person(&who), 16.0 + wide * n as f32, 32.0 + lower, 32.0, false, |color| color);
    }
    c.finish()
}

/// "giant", "tiny": how much larger or smaller than its kind.
fn size_word(name: &str, description: &str) -> f32 {
    let mut all = words::split(name);
    all.extend(words::split(description).into_iter().take(6));
    let has = |any: &[&str]| all.iter().any(|word| any.contains(&word.as_str()));
    if has(&["giant", "huge", "enormous", "gigantic", "massive", "towering", "colossal"]) {
        1.5
    } else if has(&["big", "large", "great", "tall"]) {
        1.15
    } else if has(&["tiny", "miniature", "minuscule"]) {
        0.72
    } else if has(&["small", "little", "baby"]) {
        0.88
    } else {
        1.0
    }
}

/// The colour that the words give to a thing as a whole.
fn color_of(name: &str, description: &str, kind: Kind) -> Option<Rgb> {
    let of_a_part = |word: &str| {
        matches!(
            word,
            "eyes"
                | "eye"
                | "ear"
                | "ears"
                | "collar"
                | "nose"
                | "spots"
                | "spot"
                | "tail"
                | "paws"
                | "paw"
                | "scarf"
                | "stripes"
                | "stripe"
                | "wings"
                | "lights"
                | "light"
                | "handle"
                | "trim"
                | "wheels"
                | "label"
                | "ribbon"
                | "roof"
                | "edges"
                | "icing"
                | "frosting"
                | "saddle"
                | "belly"
                | "feathers"
                | "beak"
                | "horns"
                | "mane"
                | "hat"
                | "boots"
                | "door"
        ) || word.ends_with("eyed")
    };
    let find = |text: &str, limit: usize| {
        let all = words::split(text);
        (0..all.len().min(limit)).find_map(|at| {
            let color = Rgb::named(&all[at])?;
            (!all[at + 1..].iter().take(2).any(|word| of_a_part(word))).then_some(color)
        })
    };
    // Descriptions of things and animals begin with their colour; later colours belong to parts.
    let from_description = || if kind == Kind::Sky { None } else { find(description, 9) };
    let id_says_it =
        |text: &str| matches!(text, "black cat" | "polar bear" | "goldfish" | "golden retriever" | "red panda");
    if id_says_it(name.trim().to_lowercase().as_str()) {
        return None;
    }
    find(name, 8).or_else(from_description)
}

/// Strokes of capital letters and digits in a box of 4 × 6, as polylines.
const STROKES: [(char, &str); 36] = [
    ('A', "M0 6L2 0L4 6M.700 4H3.300"),
    ('B', "M0 0V6H2.500A1.600 1.600 0 0 0 2.500 2.900H0M2.300 2.900A1.450 1.450 0 0 0 2.300 0H0"),
    ('C', "M4 1A2.500 3 0 1 0 4 5"),
    ('D', "M0 0V6H1.500A2.500 3 0 0 0 1.500 0Z"),
    ('E', "M4 0H0V6H4M0 3H3"),
    ('F', "M4 0H0V6M0 3H3"),
    ('G', "M4 1A2.500 3 0 1 0 4 5V3.400H2.500"),
    ('H', "M0 0V6M4 0V6M0 3H4"),
    ('I', "M2 0V6M1 0H3M1 6H3"),
    ('J', "M3.500 0V4.200A1.750 1.800 0 0 1 0 4.200"),
    ('K', "M0 0V6M4 0L0 3.400M1.300 2.400L4 6"),
    ('L', "M0 0V6H4"),
    ('M', "M0 6V0L2 3.500L4 0V6"),
    ('N', "M0 6V0L4 6V0"),
    ('O', "M2 0A2 3 0 0 0 2 6A2 3 0 0 0 2 0"),
    ('P', "M0 6V0H2.400A1.600 1.600 0 0 1 2.400 3.200H0"),
    ('Q', "M2 0A2 3 0 0 0 2 6A2 3 0 0 0 2 0M2.400 4.200L4.200 6.400"),
    ('R', "M0 6V0H2.400A1.600 1.600 0 0 1 2.400 3.200H0M2 3.200L4 6"),
    ('S', "M3.800 1A1.900 1.500 0 0 0 2 0A1.600 1.500 0 0 0 2 3A1.600 1.500 0 0 1 2 6A1.900 1.500 0 0 1 .200 5"),
    ('T', "M0 0H4M2 0V6"),
    ('U', "M0 0V4A2 2 0 0 0 4 4V0"),
    ('V', "M0 0L2 6L4 0"),
    ('W', "M0 0L1 6L2 2L3 6L4 0"),
    ('X', "M0 0L4 6M4 0L0 6"),
    ('Y', "M0 0L2 3L4 0M2 3V6"),
    ('Z', "M0 0H4L0 6H4"),
    ('0', "M2 0A2 3 0 0 0 2 6A2 3 0 0 0 2 0"),
    ('1', "M.800 1.200L2 0V6M1 6H3"),
    ('2', "M.200 1.500A1.900 1.700 0 0 1 3.700 2.200L0 6H4"),
    ('3', "M.200 .800A1.800 1.500 0 1 1 2 3A1.700 1.600 0 1 1 .200 5.200"),
    ('4', "M3 6V0L0 4H4"),
    ('5', "M3.800 0H.500L.300 2.600A1.900 1.900 0 1 1 .200 5.200"),
    ('6', "M3.400 .300Q0 2 .200 4.300A1.800 1.700 0 1 0 .300 3.700"),
    ('7', "M0 0H4L1.500 6"),
    ('8', "M2 0A1.500 1.400 0 0 0 2 2.800A1.700 1.600 0 0 1 2 6A1.700 1.600 0 0 1 2 2.800A1.500 1.400 0 0 0 2 0"),
    ('9', "M.600 5.700Q4 4 3.800 1.700A1.800 1.700 0 1 0 3.700 2.300"),
];

/// A neutral object: a wooden block with an initial, or with a diamond when there is no letter for it.
fn letter(initial: char) -> String {
    let mut c = Canvas::new(32.0, 32.0);
    c.path("M4 9L9 4H29V23L24 28Z", Rgb::hex(0xa98d6c), 1.0);
    c.path("M4 9L9 4H29L24 9Z", Rgb::hex(0xe9d5b4), 1.0);
    c.rect([3.5, 8.5, 21.0, 21.0], 2.0, Rgb::hex(0xd8bd94));
    c.rect([5.7, 10.7, 16.6, 16.6], 1.2, Rgb::hex(0xf2e3c8));
    let ink = Rgb::hex(0x46608f);
    match STROKES.iter().find(|(c, _)| *c == initial) {
        Some((_, d)) => c.raw(&format!(
            r#"<path transform="translate(10.300 13.200) scale(1.860 1.900)" d="{d}" fill="none" stroke="{ink}" stroke-width="1.050" stroke-linecap="round" stroke-linejoin="round"/>"#
        )),
        None => c.path("M14 13L20 19L14 25L8 19Z", ink, 1.0),
    }
    c.finish()
}
