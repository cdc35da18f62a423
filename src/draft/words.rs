//! Words of a name or description: splitting, heads of noun phrases, singular forms.

/// The longest text that is read for meaning; the rest of a longer one cannot change a draft.
const READ_LIMIT_CHARS: usize = 2000;

/// Lowercase words, without punctuation and possessive endings. Hyphens inside words stay.
pub(super) fn split(text: &str) -> Vec<String> {
    let text: String = text.chars().take(READ_LIMIT_CHARS).flat_map(char::to_lowercase).collect();
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '\'' | '’')))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .map(|word| word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Words that end the head of a noun phrase ("dog with a collar", "keeper who sings").
pub(super) fn ends_phrase(word: &str) -> bool {
    matches!(
        word,
        "of" | "in"
            | "with"
            | "on"
            | "at"
            | "from"
            | "wearing"
            | "who"
            | "that"
            | "which"
            | "near"
            | "under"
            | "holding"
            | "for"
            | "by"
            | "inside"
            | "above"
            | "behind"
            | "beside"
            | "and"
            | "is"
            | "has"
            | "made"
            | "full"
            | "into"
            | "to"
            | "over"
            | "without"
            | "carrying"
            | "between"
    )
}

/// Words before a noun that say nothing about what it is.
pub(super) fn is_determiner(word: &str) -> bool {
    matches!(
        word,
        "a" | "an"
            | "the"
            | "her"
            | "his"
            | "my"
            | "our"
            | "their"
            | "its"
            | "your"
            | "this"
            | "that"
            | "some"
            | "one"
            | "two"
            | "three"
            | "four"
            | "several"
            | "many"
            | "few"
            | "another"
            | "old-fashioned"
    )
}

/// "flock of birds" is about birds: containers that count, not hold.
pub(super) fn counts(word: &str) -> bool {
    matches!(
        word,
        "flock"
            | "group"
            | "pile"
            | "pair"
            | "bunch"
            | "herd"
            | "crowd"
            | "piece"
            | "slice"
            | "kind"
            | "lot"
            | "stack"
            | "swarm"
            | "pack"
            | "row"
            | "school"
            | "couple"
            | "number"
            | "heap"
            | "set"
            | "cup"
            | "glass"
            | "mug"
            | "loaf"
            | "bottle"
            | "sort"
            | "pieces"
            | "team"
            | "army"
            | "band"
    )
}

/// The singular of a noun; a singular noun mostly stays as it is.
pub(super) fn singular(word: &str) -> String {
    const IRREGULAR: &[(&str, &str)] = &[
        ("men", "man"),
        ("women", "woman"),
        ("children", "child"),
        ("mice", "mouse"),
        ("geese", "goose"),
        ("feet", "foot"),
        ("teeth", "tooth"),
        ("wolves", "wolf"),
        ("knives", "knife"),
        ("leaves", "leaf"),
        ("loaves", "loaf"),
        ("shelves", "shelf"),
        ("elves", "elf"),
        ("thieves", "thief"),
        ("scarves", "scarf"),
        ("oxen", "ox"),
        ("cacti", "cactus"),
        ("octopi", "octopus"),
    ];
    if let Some((_, one)) = IRREGULAR.iter().find(|(many, _)| *many == word) {
        return (*one).to_owned();
    }
    for (end, one) in [("fishermen", "fisherman"), ("men", "man"), ("ies", "y")] {
        if let Some(stem) = word.strip_suffix(end).filter(|stem| stem.len() > 2) {
            return format!("{stem}{one}");
        }
    }
    for end in ["ches", "shes", "sses", "xes", "zes", "oes"] {
        if word.ends_with(end) {
            return word[..word.len() - 2].to_owned();
        }
    }
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 2 && !stem.ends_with(['s', 'u', 'i']) => stem.to_owned(),
        _ => word.to_owned(),
    }
}

/// Whether the noun stands for several things.
pub(super) fn is_plural(word: &str) -> bool {
    singular(word) != word
}

/// The phrase with its last word in the singular.
pub(super) fn singular_phrase(words: &[String]) -> String {
    match words.split_last() {
        Some((last, [])) => singular(last),
        Some((last, rest)) => format!("{} {}", rest.join(" "), singular(last)),
        None => String::new(),
    }
}

/// The words that name a thing: without determiners, up to the first preposition, through counting words.
pub(super) fn noun_phrase(words: &[String]) -> &[String] {
    let start = words.iter().position(|word| !is_determiner(word)).unwrap_or(words.len());
    let words = &words[start..];
    let end = words.iter().skip(1).position(|word| ends_phrase(word)).map_or(words.len(), |i| i + 1);
    if words.get(end).is_some_and(|word| word == "of") && end > 0 && counts(&words[end - 1]) && words.len() > end + 1 {
        return noun_phrase(&words[end + 1..]);
    }
    &words[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_name_is_its_noun() {
        let head = |name: &str| noun_phrase(&split(name)).join(" ");
        assert_eq!(head("The keeper's old dog"), "keeper old dog");
        assert_eq!(head("bowl of flour"), "bowl");
        assert_eq!(head("a flock of white birds in the sky"), "white birds");
        assert_eq!(head("woman with grey hair"), "woman");
        assert_eq!(head(""), "");
    }

    #[test]
    fn plurals_become_singular_and_singulars_stay() {
        for (many, one) in [("dogs", "dog"), ("berries", "berry"), ("boxes", "box"), ("children", "child")] {
            assert_eq!(singular(many), one);
        }
        for one in ["bus", "glass", "octopus", "chess", "moss", "tennis"] {
            assert_eq!(singular(one), one);
        }
    }
}
