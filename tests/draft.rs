//! Drafts as a user sees them.

use image::{Rgba, RgbaImage};
use reelboard::draft::{
    EntityLook, StillBackground, StillEntity, StillSpec, draw_still, example_project, matched_picture, matched_setting,
    reference_picture,
};
use reelboard::project::EntityKind;
use std::sync::Arc;

fn entity(name: &str, description: &str) -> StillEntity {
    StillEntity { name: name.into(), description: description.into(), cutout: None }
}

fn scene() -> StillSpec {
    StillSpec {
        width: 320,
        height: 180,
        prompt: "The keeper lights the lamp".into(),
        seed: 7,
        background: StillBackground { name: "rocky shore".into(), ..StillBackground::default() },
        foreground: vec![entity("keeper", "An old woman in a yellow coat"), entity("dog", "")],
        ..StillSpec::default()
    }
}

/// Share of pixels that differ visibly.
fn difference(a: &RgbaImage, b: &RgbaImage) -> f32 {
    let changed = a.pixels().zip(b.pixels()).filter(|(a, b)| (0..3).any(|i| a[i].abs_diff(b[i]) > 12)).count();
    changed as f32 / a.pixels().len() as f32
}

fn reference(name: &str, description: &str) -> RgbaImage {
    let look = EntityLook { kind: EntityKind::Foreground, name: name.into(), description: description.into() };
    reference_picture(&look, 96)
}

#[test]
fn the_same_scene_and_seed_give_the_same_bytes() {
    let first = draw_still(&scene());
    reelboard::draft::forget_pictures();
    assert_eq!(first, draw_still(&scene()));
    assert_eq!(first.dimensions(), (320, 180));
    assert!(first.pixels().all(|p| p[3] == 255), "a still has no holes");
}

#[test]
fn every_edit_that_means_something_changes_the_picture() {
    let before = draw_still(&scene());
    let edits = [
        ("prompt", StillSpec { prompt: "At night the keeper lights the lamp".into(), ..scene() }),
        (
            "background",
            StillSpec {
                background: StillBackground { name: "kitchen".into(), ..StillBackground::default() },
                ..scene()
            },
        ),
        ("entity", StillSpec { foreground: vec![entity("robot", ""), entity("dog", "")], ..scene() }),
        (
            "coat",
            StillSpec {
                foreground: vec![entity("keeper", "An old woman in a red coat"), entity("dog", "")],
                ..scene()
            },
        ),
        ("style", StillSpec { style: "film noir".into(), ..scene() }),
    ];
    for (what, spec) in edits {
        let share = difference(&before, &draw_still(&spec));
        assert!(share > 0.005, "a changed {what} changed only {share} of the picture");
    }
    let arrangements: Vec<RgbaImage> = (0..6).map(|seed| draw_still(&StillSpec { seed, ..scene() })).collect();
    assert!(arrangements.windows(2).any(|pair| difference(&pair[0], &pair[1]) > 0.02), "no seed changes anything");
}

#[test]
fn a_person_looks_the_same_in_every_scene() {
    let once = reference("keeper", "An old woman with a yellow coat");
    assert_eq!(once, reference("keeper", "An old woman with a yellow coat"));
    assert!(difference(&once, &reference("keeper", "An old woman with a blue coat")) > 0.05);
}

#[test]
fn named_hair_and_coat_colours_are_seen() {
    let share = |picture: &RgbaImage, is: fn(&Rgba<u8>) -> bool| {
        picture.pixels().filter(|p| p[3] > 200 && is(p)).count() as f32 / picture.pixels().len() as f32
    };
    let blue = |p: &Rgba<u8>| p[2] > 150 && p[2] > p[0].saturating_add(60);
    let yellow = |p: &Rgba<u8>| p[0] > 180 && p[1] > 140 && p[2] < 110;
    assert!(share(&reference("young man with blue hair", ""), blue) > 0.02);
    assert!(share(&reference("keeper", "yellow oilskin coat"), yellow) > 0.08);
}

#[test]
fn own_photos_appear_in_place_of_pictures() {
    let magenta = Rgba([230, 10, 220, 255]);
    let mut cutout = RgbaImage::new(200, 300);
    for (x, y, p) in cutout.enumerate_pixels_mut() {
        if (60..140).contains(&x) && (20..260).contains(&y) {
            *p = magenta;
        }
    }
    let is_magenta = |p: &&Rgba<u8>| p[0] > 120 && p[2] > 120 && p[1] < 60;
    let mut spec = scene();
    assert_eq!(draw_still(&spec).pixels().filter(is_magenta).count(), 0);
    spec.foreground[1].cutout = Some(Arc::new(cutout));
    let shown = draw_still(&spec).pixels().filter(is_magenta).count();
    assert!(shown > 600, "the photo covers only {shown} pixels");

    let green = Arc::new(RgbaImage::from_pixel(64, 48, Rgba([20, 200, 60, 255])));
    spec.background.photo = Some(green);
    let still = draw_still(&spec);
    let green = still.pixels().filter(|p| p[1] > 90 && p[0] < 60 && p[2] < 90).count();
    assert!(green > 320 * 180 / 3, "the photo of the place covers only {green} pixels");
}

#[test]
fn empty_and_tiny_photos_do_no_harm() {
    for photo in [
        RgbaImage::new(0, 0),
        RgbaImage::new(1, 1),
        RgbaImage::from_pixel(1, 1, Rgba([9, 9, 9, 255])),
        RgbaImage::new(50, 50),
    ] {
        let photo = Some(Arc::new(photo));
        let mut spec = scene();
        spec.foreground[0].cutout = photo.clone();
        spec.background.photo = photo;
        assert_eq!(draw_still(&spec).dimensions(), (320, 180));
    }
}

#[test]
fn what_the_library_does_not_know_becomes_a_neutral_figure() {
    assert_eq!(matched_picture("Zorblax", ""), "person");
    assert_eq!(matched_picture("bassoonist", ""), "person");
    assert_eq!(matched_picture("gizmotron", ""), "letter");
    assert_eq!(matched_picture("", ""), "letter");
    assert_eq!(matched_setting("Zxqv", ""), "open");
    assert!(reference("gizmotron", "").pixels().any(|p| p[3] > 0));
}

#[test]
fn descriptions_tell_what_a_mere_name_is() {
    assert_eq!(matched_picture("Pip", "A small terrier with a red collar"), "dog");
    assert_eq!(matched_picture("Mara", "An old woman with short grey hair"), "person");
    assert_eq!(matched_picture("chef", "A raccoon in a white hat"), "raccoon");
    assert_eq!(matched_picture("Rose", "A girl with freckles"), "person");
    assert_eq!(matched_picture("rose", ""), "rose");
}

#[test]
fn no_words_make_a_scene_fail() {
    let names: Vec<String> = vec![
        String::new(),
        "   ".into(),
        "一位年轻的女孩和她的狗".into(),
        "лодка".into(),
        "x".repeat(10_000),
        "dog ".repeat(2_500),
        "((([[[{{{\"'\"'<>&;#%".into(),
        "</svg><script>".into(),
        "of of of of".into(),
        "the a an".into(),
        "-'-'-".into(),
        "🦊🚀".into(),
        "\u{202e}drawkcab\0".into(),
    ];
    for name in &names {
        let spec = StillSpec {
            prompt: name.clone(),
            style: name.clone(),
            background: StillBackground { name: name.clone(), description: name.clone(), photo: None },
            foreground: vec![entity(name, name), entity("", name), entity(name, "")],
            ..scene()
        };
        assert_eq!(draw_still(&spec).dimensions(), (320, 180));
    }
    let crowd = StillSpec { foreground: (0..40).map(|i| entity(&format!("person {i}"), "")).collect(), ..scene() };
    draw_still(&crowd);
    for place in ["kitchen", "open sea", "space", "sky"] {
        let things = ["boat", "bird", "cup", "house", "sun", "girl", "whale", "rocket"];
        let background = StillBackground { name: place.into(), ..StillBackground::default() };
        draw_still(&StillSpec { background, foreground: things.iter().map(|n| entity(n, "")).collect(), ..scene() });
    }
    for (width, height) in [(1, 1), (2, 300), (300, 2), (90, 160), (64, 64)] {
        assert_eq!(draw_still(&StillSpec { width, height, ..scene() }).dimensions(), (width, height));
    }
}

#[test]
fn the_example_film_is_drawn_whole() {
    let project = example_project();
    for scene in &project.scenes {
        assert_ne!(matched_setting(&scene.background, ""), "open", "{}", scene.background);
        for name in &scene.foreground {
            assert_ne!(matched_picture(name, ""), "letter", "{name}");
        }
    }
}

#[test]
fn places_are_recognised() {
    for (name, setting) in [
        ("stormy sea", "sea"),
        ("sandy beach", "shore"),
        ("rocky shore", "shore"),
        ("lighthouse gallery", "lanternroom"),
        ("lighthouse", "cliff"),
        ("old harbour", "harbour"),
        ("river bank", "river"),
        ("frozen lake", "snow"),
        ("deep forest", "forest"),
        ("woods at night", "forest"),
        ("flower field", "meadow"),
        ("city park", "garden"),
        ("busy city street", "city"),
        ("Tokyo alley in the rain", "city"),
        ("small village", "village"),
        ("the castle kitchen", "kitchen"),
        ("her kitchen", "kitchen"),
        ("bakery", "bakery"),
        ("coffee shop", "bakery"),
        ("cozy living room", "livingroom"),
        ("child's bedroom", "bedroom"),
        ("dusty attic", "attic"),
        ("school classroom", "classroom"),
        ("inventor's workshop", "workshop"),
        ("science lab", "lab"),
        ("art museum", "museum"),
        ("train station", "station"),
        ("mountain top", "mountains"),
        ("desert at sunset", "desert"),
        ("outer space", "space"),
        ("surface of the moon", "moon"),
        ("dark cave", "cave"),
        ("haunted graveyard", "graveyard"),
        ("bottom of the sea", "underwater"),
        ("rooftop", "rooftop"),
        ("circus", "fair"),
        ("concert hall", "theatre"),
        ("spaceship cockpit", "spaceship"),
    ] {
        assert_eq!(matched_setting(name, ""), setting, "{name}");
    }
}

#[test]
fn common_names_find_sensible_pictures() {
    let table = [
        ("dog", "dog"),
        ("the old dog", "dog"),
        ("golden retriever", "dog"),
        ("terrier", "dog"),
        ("puppies", "dog"),
        ("cat", "cat"),
        ("kitten", "cat"),
        ("horse", "horse"),
        ("white horse", "horse"),
        ("cow", "cow"),
        ("sheep", "ewe"),
        ("goat", "goat"),
        ("pig", "pig"),
        ("hen", "chicken"),
        ("rooster", "rooster"),
        ("duck", "duck"),
        ("swan", "swan"),
        ("owl", "owl"),
        ("crow", "blackbird"),
        ("seagull", "dove"),
        ("parrot", "parrot"),
        ("penguin", "penguin"),
        ("fox", "fox"),
        ("wolf", "wolf"),
        ("wolves", "wolf"),
        ("bear", "bear"),
        ("polar bear", "polar-bear"),
        ("lion", "lion"),
        ("tiger", "tiger"),
        ("elephant", "elephant"),
        ("giraffe", "giraffe"),
        ("monkey", "monkey"),
        ("rabbit", "rabbit"),
        ("mouse", "mouse"),
        ("mice", "mouse"),
        ("squirrel", "chipmunk"),
        ("hedgehog", "hedgehog"),
        ("deer", "deer"),
        ("frog", "frog"),
        ("turtle", "turtle"),
        ("snake", "snake"),
        ("whale", "whale"),
        ("dolphin", "dolphin"),
        ("shark", "shark"),
        ("goldfish", "tropical-fish"),
        ("octopus", "octopus"),
        ("crab", "crab"),
        ("butterfly", "butterfly"),
        ("bee", "honeybee"),
        ("spider", "spider"),
        ("dragon", "dragon"),
        ("unicorn", "unicorn"),
        ("dinosaur", "t-rex"),
        ("robot", "robot"),
        ("old robot", "robot"),
        ("alien", "alien"),
        ("ghost", "ghost"),
        ("monster", "alien-monster"),
        ("man", "person"),
        ("young man with blue hair", "person"),
        ("old woman", "person"),
        ("girl", "person"),
        ("boy", "person"),
        ("grandmother", "person"),
        ("lighthouse keeper", "person"),
        ("the keeper", "person"),
        ("captain", "person"),
        ("pirate", "person"),
        ("knight", "person"),
        ("sailor", "person"),
        ("fisherman", "person"),
        ("barista", "person"),
        ("chef", "person-cook"),
        ("baker", "person-cook"),
        ("astronaut", "person-astronaut"),
        ("detective", "person-detective"),
        ("wizard", "person-mage"),
        ("firefighter", "person-firefighter"),
        ("farmer", "person-farmer"),
        ("doctor", "person-health-worker"),
        ("scientist", "person-scientist"),
        ("police officer", "person-police-officer"),
        ("painter", "person-artist"),
        ("queen", "princess"),
        ("king", "person-with-crown"),
        ("mermaid", "woman-merpeople"),
        ("vampire", "person-vampire"),
        ("paper boat", "paper-boat"),
        ("small red paper boat", "paper-boat"),
        ("boat", "sailboat"),
        ("sailing boat", "sailboat"),
        ("rowing boat", "rowing-boat"),
        ("pirate ship", "ship"),
        ("submarine", "submarine"),
        ("car", "automobile"),
        ("red car", "automobile"),
        ("taxi", "taxi"),
        ("bus", "bus"),
        ("steam train", "locomotive"),
        ("bicycle", "bicycle"),
        ("motorbike", "motorcycle"),
        ("tractor", "tractor"),
        ("airplane", "airplane"),
        ("helicopter", "helicopter"),
        ("hot air balloon", "hot-air-balloon"),
        ("rocket", "rocket"),
        ("spaceship", "spaceship"),
        ("ufo", "flying-saucer"),
        ("house", "house"),
        ("cabin", "log-cabin"),
        ("castle", "castle"),
        ("lighthouse", "lighthouse"),
        ("windmill", "windmill"),
        ("church", "church"),
        ("tent", "tent"),
        ("table", "table"),
        ("chair", "chair"),
        ("armchair", "chair"),
        ("bed", "bed"),
        ("bookshelf", "bookshelf"),
        ("oven", "stove"),
        ("fridge", "fridge"),
        ("lamp", "lantern"),
        ("lantern", "lantern"),
        ("mirror", "mirror"),
        ("door", "door"),
        ("television", "television"),
        ("laptop", "laptop"),
        ("phone", "mobile-phone"),
        ("radio", "radio"),
        ("camera", "camera"),
        ("clock", "mantelpiece-clock"),
        ("piano", "piano"),
        ("violin", "violin"),
        ("guitar", "guitar"),
        ("drum", "drum"),
        ("trumpet", "trumpet"),
        ("cake", "birthday-cake"),
        ("chocolate cake", "birthday-cake"),
        ("piece of cake", "shortcake"),
        ("bread", "bread"),
        ("loaf of bread", "bread"),
        ("pizza", "pizza"),
        ("apple", "red-apple"),
        ("eggs", "egg"),
        ("bowl of flour", "bowl-with-spoon"),
        ("bag of flour", "flour"),
        ("flour", "flour"),
        ("whisk", "whisk"),
        ("frying pan", "cooking"),
        ("cup of tea", "hot-beverage"),
        ("coffee", "hot-beverage"),
        ("teapot", "teapot"),
        ("wine", "wine-glass"),
        ("letter", "envelope"),
        ("map", "world-map"),
        ("treasure map", "world-map"),
        ("book", "open-book"),
        ("diary", "open-book"),
        ("newspaper", "newspaper"),
        ("pencil", "pencil"),
        ("key", "key"),
        ("golden key", "old-key"),
        ("sword", "crossed-swords"),
        ("shield", "shield"),
        ("magic wand", "magic-wand"),
        ("crystal ball", "crystal-ball"),
        ("treasure chest", "treasure-chest"),
        ("diamond", "gem-stone"),
        ("ring", "ring"),
        ("crown", "crown"),
        ("umbrella", "umbrella"),
        ("suitcase", "luggage"),
        ("backpack", "backpack"),
        ("hat", "top-hat"),
        ("teddy bear", "teddy-bear"),
        ("red balloon", "balloon"),
        ("kite", "kite"),
        ("football", "soccer-ball"),
        ("snowman", "snowman"),
        ("campfire", "fire"),
        ("candle", "candle"),
        ("telescope", "telescope"),
        ("moon", "full-moon"),
        ("sun", "sun"),
        ("star", "star"),
        ("storm clouds", "cloud-with-lightning-and-rain"),
        ("tree", "deciduous-tree"),
        ("pine tree", "evergreen-tree"),
        ("sunflowers", "sunflower"),
        ("rose", "rose"),
        ("flock of birds", "bird"),
        ("pile of books", "books"),
        ("bottle", "bottle-with-popping-cork"),
        ("rope", "knot"),
        ("anchor", "anchor"),
        ("ladder", "ladder"),
        ("bridge", "bridge"),
        ("well", "well"),
        ("scarecrow", "scarecrow"),
        ("street lamp", "street-lamp"),
        ("park bench", "bench"),
        ("paper plane", "paper-plane"),
        ("drone", "drone"),
    ];
    assert!(table.len() > 150);
    let wrong: Vec<String> = table
        .iter()
        .map(|(name, wanted)| (name, wanted, matched_picture(name, "")))
        .filter(|(_, wanted, got)| got != *wanted)
        .map(|(name, wanted, got)| format!("{name}: {got} instead of {wanted}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
