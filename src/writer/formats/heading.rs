//! Scene headings: `INT. KITCHEN - NIGHT`.

/// The side of a place that a heading names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Inside,
    Outside,
}

/// A scene heading, taken apart.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Heading {
    /// In lower case where the heading is all capitals.
    pub place: String,
    pub side: Option<Side>,
    /// What a prompt says for the time of day.
    pub time: Option<&'static str>,
    /// It goes on at the time of the heading before.
    pub continues: bool,
}

/// The beginnings of headings, longest first, and the side they name.
const PREFIXES: [(&str, Option<Side>); 9] = [
    ("int./ext", None),
    ("ext./int", None),
    ("int/ext", None),
    ("ext/int", None),
    ("i./e", None),
    ("i/e", None),
    ("int", Some(Side::Inside)),
    ("ext", Some(Side::Outside)),
    ("est", Some(Side::Outside)),
];

/// Times of day in headings, and in prompts.
const TIMES: [(&str, &str); 14] = [
    ("DAY", "in daylight"),
    ("NIGHT", "at night"),
    ("MORNING", "in the morning"),
    ("EARLY MORNING", "in the early morning"),
    ("NOON", "at noon"),
    ("AFTERNOON", "in the afternoon"),
    ("EVENING", "in the evening"),
    ("DUSK", "at dusk"),
    ("DAWN", "at dawn"),
    ("SUNSET", "at sunset"),
    ("SUNRISE", "at sunrise"),
    ("MIDNIGHT", "at midnight"),
    ("LATE NIGHT", "late at night"),
    ("TWILIGHT", "at twilight"),
];

/// "Times" that mean: as before.
const CONTINUES: [&str; 7] = ["CONTINUOUS", "LATER", "MOMENTS LATER", "SAME", "SAME TIME", "CONT'D", "MEANWHILE"];

/// What stands between the parts of a heading.
const DASHES: [&str; 4] = [" - ", " – ", " — ", " -- "];

/// What follows the `INT.` of a heading, and the side; `None` for a line that does not begin like one.
pub(super) fn after_prefix(line: &str) -> Option<(&str, Option<Side>)> {
    PREFIXES.iter().find_map(|(prefix, side)| {
        let begins = line.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        let rest = line.get(prefix.len()..).filter(|_| begins)?;
        rest.starts_with(['.', ' ']).then(|| (rest.trim_start_matches(['.', ' ']), *side))
    })
}

impl Heading {
    /// Reads the plain text of a heading.
    pub fn parse(text: &str) -> Self {
        let mut text = text.trim();
        // The scene number of a shooting script: "#12A#".
        if let Some(open) = text.strip_suffix('#').and_then(|rest| rest.rfind('#'))
            && !text[open..].contains(' ')
        {
            text = text[..open].trim_end();
        }
        let prefix = after_prefix(text);
        let (mut rest, side) = prefix.unwrap_or((text, None));
        let mut heading = Self { side, ..Self::default() };
        while let Some((before, after)) =
            DASHES.iter().filter_map(|dash| rest.rsplit_once(dash)).max_by_key(|p| p.0.len())
        {
            let upper = after.trim_matches(['.', ' ']).to_uppercase();
            let time = TIMES.iter().find(|(word, _)| *word == upper).map(|(_, said)| *said);
            match time.filter(|_| heading.time.is_none()) {
                Some(said) => heading.time = Some(said),
                None if CONTINUES.contains(&upper.as_str()) => heading.continues = true,
                None => break,
            }
            rest = before;
        }
        let mut place = rest.trim().to_owned();
        if prefix.is_some() {
            // "HOUSE - KITCHEN" is the house's kitchen.
            DASHES.iter().for_each(|dash| place = place.replace(dash, " "));
        }
        heading.place = if place.chars().any(char::is_lowercase) { place } else { place.to_lowercase() };
        heading
    }
}

/// A time of day as a heading's last part says it (`NIGHT`), as a prompt says it.
pub(super) fn time_said(word: &str) -> Option<&'static str> {
    let upper = match word.trim().to_uppercase().as_str() {
        "D" => "DAY".to_owned(),
        "N" => "NIGHT".to_owned(),
        word => word.to_owned(),
    };
    TIMES.iter().find(|(known, said)| *known == upper || said.eq_ignore_ascii_case(word.trim())).map(|(_, said)| *said)
}

/// A prompt with the time of day, unless it speaks of one.
pub(super) fn with_time(prompt: &str, time: Option<&str>) -> String {
    let Some(time) = time else { return prompt.to_owned() };
    let lower = prompt.to_lowercase();
    let speaks = |word: &str| lower.split(|c: char| !c.is_alphanumeric()).any(|known| known == word);
    let known = ["night", "nighttime", "midnight", "morning", "noon", "evening", "dusk", "dawn", "sunset", "sunrise"];
    let other = ["day", "daylight", "afternoon", "twilight", "moonlight", "sunlight"];
    if prompt.is_empty() || known.iter().chain(&other).any(|word| speaks(word)) {
        return prompt.to_owned();
    }
    let body = prompt.trim_end_matches(['.', ' ']);
    // After a quotation mark or an exclamation the time would belong to what is said.
    if body.ends_with(['!', '?', '"', '”', '»', '…', ':']) {
        return format!("{prompt} {}.", capitalised(time));
    }
    format!("{body}, {time}{}", &prompt[body.len()..].trim_end())
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_taken_apart() {
        let parsed = |text| {
            let heading = Heading::parse(text);
            (heading.place, heading.side, heading.time)
        };
        let (inside, outside) = (Some(Side::Inside), Some(Side::Outside));
        assert_eq!(parsed("INT. KITCHEN - NIGHT"), ("kitchen".into(), inside, Some("at night")));
        assert_eq!(parsed("EXT. HOUSE - GARDEN — DUSK #12A#"), ("house garden".into(), outside, Some("at dusk")));
        assert_eq!(parsed("int. Mia's room - day"), ("Mia's room".into(), inside, Some("in daylight")));
        assert_eq!(parsed("INT./EXT. CAR - MOVING"), ("car moving".into(), None, None));
        assert_eq!(parsed("I/E TRAIN"), ("train".into(), None, None));
        assert_eq!(parsed("INTERESTING PLACE"), ("interesting place".into(), None, None));
        assert_eq!(parsed("Rocky shore - the north"), ("Rocky shore - the north".into(), None, None));
        let later = Heading::parse("INT. KITCHEN - NIGHT - LATER");
        assert!(later.continues && later.time == Some("at night") && later.place == "kitchen");
        assert_eq!(parsed(""), (String::new(), None, None));
    }

    #[test]
    fn a_prompt_gets_the_time_once() {
        let night = Some("at night");
        assert_eq!(with_time("Mia opens the door.", night), "Mia opens the door, at night.");
        assert_eq!(with_time("Mia opens the door", night), "Mia opens the door, at night");
        assert_eq!(with_time("Mia waits in the night.", night), "Mia waits in the night.");
        assert_eq!(with_time("Mia runs!", night), "Mia runs! At night.");
        assert_eq!(with_time("", night), "");
    }
}
