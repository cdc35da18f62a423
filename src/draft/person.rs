//! What a person looks like: age, sex, hair and coat, read from the words about them.

use super::color::Rgb;
use super::dice::Dice;
use super::words;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Age {
    Child,
    Young,
    Adult,
    Old,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sex {
    Female,
    Male,
}

/// How the drawn coat is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Outfit {
    Coat,
    Jumper,
    Overalls,
    Dress,
}

/// Everything that decides how a person is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Person {
    pub age: Age,
    pub sex: Sex,
    pub hair: Rgb,
    pub curly: bool,
    pub bald: bool,
    pub beard: bool,
    pub glasses: bool,
    /// Index into the five skin tones of the library, light to dark.
    pub skin: usize,
    pub coat: Rgb,
    /// Whether the words named the coat's colour, or the role has one.
    pub coat_is_named: bool,
    pub outfit: Outfit,
    pub scarf: Option<Rgb>,
    /// A dressed picture of the library: `cook` for `man-cook` and `woman-cook`.
    pub bust: Option<String>,
    /// One picture for everybody of this role.
    pub picture: Option<String>,
    pub hat: Option<String>,
}

/// Coats that go with each other and with every backdrop.
const COATS: [u32; 9] = [0xe0a526, 0xc4513b, 0x2f8f8b, 0x34558f, 0x4c7a4a, 0x7a4a86, 0xd3667f, 0x5b6b82, 0x4f9dd0];
const NATURAL_HAIR: [u32; 6] = [0x2b211c, 0x1d1a1e, 0x5a3825, 0x7a4a2b, 0xa55a2a, 0xd9a441];
const GREY_HAIR: Rgb = Rgb::hex(0xa7a9b0);

fn is_garment(word: &str) -> bool {
    matches!(
        word,
        "coat"
            | "oilskin"
            | "oilskins"
            | "jacket"
            | "dress"
            | "shirt"
            | "sweater"
            | "apron"
            | "robe"
            | "robes"
            | "cape"
            | "hoodie"
            | "suit"
            | "uniform"
            | "overalls"
            | "raincoat"
            | "cloak"
            | "kimono"
            | "clothes"
            | "jumper"
            | "cardigan"
            | "vest"
            | "blouse"
            | "t-shirt"
            | "tunic"
            | "gown"
            | "parka"
            | "pullover"
            | "jumpsuit"
            | "armor"
            | "armour"
            | "tuxedo"
            | "outfit"
            | "poncho"
            | "skirt"
            | "sari"
            | "blazer"
            | "trenchcoat"
            | "anorak"
            | "waistcoat"
            | "dungarees"
    )
}

fn is_hair(word: &str) -> bool {
    matches!(
        word,
        "hair"
            | "haired"
            | "curls"
            | "braid"
            | "braids"
            | "ponytail"
            | "locks"
            | "bun"
            | "beard"
            | "pigtails"
            | "bob"
            | "dreadlocks"
            | "afro"
            | "mustache"
            | "moustache"
            | "fringe"
            | "mohawk"
    )
}

/// A colour word's reading of what it colours.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Colors {
    Hair,
    Coat,
    Scarf,
    Other,
}

fn target_of(after: &[String]) -> Colors {
    for word in after.iter().take(4) {
        let tail = word.rsplit('-').next().unwrap_or(word);
        if is_hair(tail) {
            return Colors::Hair;
        }
        if is_garment(tail) {
            return Colors::Coat;
        }
        match tail {
            "scarf" | "shawl" | "bandana" => return Colors::Scarf,
            "eyes" | "eyed" | "hat" | "cap" | "boots" | "shoes" | "glasses" | "gloves" | "skin" | "skinned"
            | "beanie" | "helmet" | "umbrella" | "bag" | "trousers" | "jeans" | "pants" | "cheeks" | "lips"
            | "nose" | "bow" | "socks" => {
                return Colors::Other;
            }
            "with" | "in" | "who" => break,
            _ => {}
        }
    }
    Colors::Coat
}

/// A colour word, alone or as the first part of a compound ("blue-haired").
fn color_at(all: &[String], at: usize) -> Option<Rgb> {
    let word = &all[at];
    let before = at.checked_sub(1).map_or("", |i| all[i].as_str());
    let base = Rgb::named(word).or_else(|| Rgb::named(word.split('-').next()?))?;
    Some(match before {
        "dark" | "deep" => base.darker(0.35),
        "light" | "pale" => base.lighter(0.4),
        "bright" => {
            let [h, s, l] = base.hsl();
            Rgb::from_hsl([h, s + 0.15, l + 0.04])
        }
        _ => base,
    })
}

impl Person {
    /// Reads a person from the looks that their name implies (see `people.txt`) and the words about them. What no word
    /// says follows from the name, so that it stays the same in every scene.
    pub fn read(looks: &str, name: &str, description: &str) -> Self {
        let mut dice = Dice::of(&format!("person {}", crate::project::entity_key(name)));
        let mut about = words::split(name);
        about.extend(words::split(description));
        let has = |any: &[&str]| about.iter().any(|word| any.contains(&word.as_str()));
        let look = |word: &str| looks.split_whitespace().any(|l| l == word);
        let last_value = |key: &str| {
            let values = looks.split_whitespace().filter_map(|l| l.split_once(':'));
            values.filter(|(k, _)| *k == key).map(|(_, v)| v.to_owned()).next_back()
        };

        let default_sex = if dice.chance(0.5) { Sex::Female } else { Sex::Male };
        // The words about a person outrank the usual sex of a first name or role.
        let sex = if has(&["woman", "girl", "lady", "female", "mother", "grandmother", "she"]) {
            Sex::Female
        } else if has(&["man", "boy", "male", "father", "grandfather", "he"]) {
            Sex::Male
        } else if look("female") {
            Sex::Female
        } else if look("male") {
            Sex::Male
        } else if has(&["her", "hers"]) {
            Sex::Female
        } else if has(&["his", "him", "beard", "bearded", "moustache", "mustache"]) {
            Sex::Male
        } else {
            default_sex
        };
        let age = if look("old")
            || has(&["old", "elderly", "aged", "ancient", "retired", "wrinkled", "grandmotherly", "seventy"])
        {
            Age::Old
        } else if look("child") || has(&["child", "kid", "schoolboy", "schoolgirl"]) {
            Age::Child
        } else if look("young") || has(&["young", "teenage", "youthful"]) {
            Age::Young
        } else {
            Age::Adult
        };

        let skin = if has(&["dark-skinned", "african", "nigerian", "kenyan"]) {
            4
        } else if has(&["brown-skinned", "indian", "ethiopian"]) {
            3
        } else if has(&["tanned", "olive-skinned", "mexican", "arab", "sunburnt", "weathered"]) {
            2
        } else if has(&["pale", "fair", "freckled", "freckles", "redhead"]) {
            0
        } else {
            [0, 0, 0, 1, 1, 1, 2, 2, 3, 4][dice.below(10)]
        };

        let natural: &[u32] = if skin >= 3 { &NATURAL_HAIR[..2] } else { &NATURAL_HAIR };
        let mut hair = Rgb::hex(dice.pick(natural));
        let default_coat = Rgb::hex(dice.pick(&COATS));
        let mut coat = last_value("coat").and_then(|c| Rgb::named(&c));
        let mut coat_is_named = coat.is_some();
        let mut scarf = None;
        if age == Age::Old || has(&["grey-haired", "gray-haired"]) {
            hair = GREY_HAIR;
        }
        if has(&["blond", "blonde", "fair-haired"]) {
            hair = Rgb::hex(0xe2b65a);
        }
        if has(&["redhead", "redheaded", "red-haired"]) {
            hair = Rgb::hex(0xc4552a);
        }
        let mut said_coat = None;
        for at in 0..about.len() {
            let Some(color) = color_at(&about, at) else { continue };
            let compound = about[at].split_once('-').map(|(_, tail)| tail.to_owned());
            let target = match &compound {
                Some(tail) if is_hair(tail) => Colors::Hair,
                Some(tail) if tail.ends_with("eyed") || tail.ends_with("skinned") => Colors::Other,
                _ => target_of(&about[at + 1..]),
            };
            match target {
                // Red hair is copper, white hair is not paper.
                Colors::Hair if color == Rgb::named("red").unwrap_or(color) => hair = Rgb::hex(0xc4552a),
                Colors::Hair => hair = color,
                Colors::Coat if said_coat.is_none() => said_coat = Some(color),
                Colors::Scarf => scarf = Some(color),
                _ => {}
            }
        }
        if let Some(said) = said_coat {
            coat = Some(said);
            coat_is_named = true;
        }

        let outfit = if has(&["dress", "gown", "skirt", "sari"]) {
            Outfit::Dress
        } else if has(&["overalls", "dungarees", "apron"]) {
            Outfit::Overalls
        } else if has(&["sweater", "jumper", "hoodie", "pullover", "t-shirt", "shirt"]) {
            Outfit::Jumper
        } else if has(&["coat", "jacket", "oilskin", "robe", "suit", "raincoat", "uniform", "cloak"]) || coat_is_named {
            Outfit::Coat
        } else if sex == Sex::Female && dice.chance(0.3) {
            Outfit::Dress
        } else {
            dice.pick(&[Outfit::Coat, Outfit::Jumper, Outfit::Overalls])
        };

        let hat = last_value("hat").or_else(|| {
            let hats: [(&[&str], &str); 8] = [
                (&["souwester", "sou'wester"], "hat-souwester"),
                (&["beanie", "bobble"], "hat-beanie"),
                (&["crown", "tiara"], "crown"),
                (&["cap"], "billed-cap"),
                (&["straw"], "hat-straw"),
                (&["top-hat", "bowler"], "top-hat"),
                (&["helmet"], "hat-knight"),
                (&["hat"], "hat-straw"),
            ];
            hats.iter().find(|(any, _)| has(any)).map(|(_, id)| (*id).to_owned())
        });
        Self {
            age,
            sex,
            hair,
            curly: has(&["curly", "curls", "frizzy", "afro", "wavy", "tousled"]),
            bald: has(&["bald", "balding", "hairless"]),
            beard: sex == Sex::Male && (look("beard") || has(&["beard", "bearded", "moustache", "mustache"])),
            glasses: look("glasses") || has(&["glasses", "spectacles", "bespectacled"]),
            skin,
            coat: coat.unwrap_or(default_coat),
            coat_is_named,
            outfit,
            scarf: scarf.or_else(|| has(&["scarf"]).then_some(Rgb::hex(0xc4513b))),
            bust: last_value("bust"),
            picture: last_value("picture"),
            hat,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_decide_hair_and_coat() {
        let man = Person::read("male", "young man with blue hair", "");
        assert_eq!((man.sex, man.age), (Sex::Male, Age::Young));
        assert_eq!(man.hair, Rgb::named("blue").unwrap());
        let keeper =
            Person::read("adult", "keeper", "An old woman with short grey hair, yellow oilskin coat, calm eyes");
        assert_eq!((keeper.sex, keeper.age), (Sex::Female, Age::Old));
        assert_eq!(keeper.coat, Rgb::named("yellow").unwrap());
        assert_eq!(keeper.hair, Rgb::named("grey").unwrap());
    }

    #[test]
    fn eyes_do_not_colour_a_coat() {
        let girl = Person::read("child female", "girl", "a girl with green eyes and a red scarf");
        assert!(!girl.coat_is_named);
        assert_eq!(girl.scarf, Rgb::named("red"));
    }
}
