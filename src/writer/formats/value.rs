//! Values inside scripts: text that may need quotation marks, lists of names, lengths of time.
//!
//! A value that its surroundings could misread stands in double quotation marks, as a JSON string: `"Fish, Inc."`.

use std::fmt::Write as _;

/// A value as it is, or in quotation marks where it has one of `special` in it or would lose something.
pub(super) fn quoted(text: &str, special: &[char]) -> String {
    let plain = text == text.trim() && !text.starts_with('"') && !text.contains(char::is_control);
    if plain && !text.is_empty() && !text.contains(special) {
        return text.to_owned();
    }
    always_quoted(text)
}

/// A value in quotation marks, without the signs that end a note (`]]`) or begin a comment (`/*`).
pub(super) fn always_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() || matches!(c, '[' | ']' | '*') => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A value without the quotation marks that [`quoted`] gave it. Others stay: they belong to the text.
pub(super) fn unquoted(text: &str) -> String {
    let text = text.trim();
    let in_marks = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
    in_marks.then(|| serde_json::from_str(text).ok()).flatten().unwrap_or_else(|| text.to_owned())
}

/// The parts of a text between separators that stand outside of quotation marks. A mark counts where a value begins:
/// behind a separator, a comma or a colon; elsewhere it is part of the text, such as inches.
pub(super) fn split_outside_quotes(text: &str, is_separator: impl Fn(char) -> bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut open, mut escaped, mut begins) = (0, false, false, true);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if open => escaped = true,
            '"' if open || begins => open = !open,
            c if !open && is_separator(c) => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
        begins = is_separator(c) || matches!(c, ':' | ',') || begins && c.is_whitespace();
    }
    if open {
        // A mark that is never closed holds nothing together.
        return text.split(is_separator).collect();
    }
    parts.push(&text[start..]);
    parts
}

const BETWEEN_NAMES: [char; 7] = [',', ';', '|', '/', '&', '+', '\n'];

/// Names as a list that [`names_in`] reads back exactly.
pub(super) fn names_list(names: &[String]) -> String {
    let name = |name: &String| {
        let lower = format!(" {} ", name.to_lowercase());
        if lower.contains(" and ") || lower.contains(['[', ']', '*', '"']) {
            always_quoted(name)
        } else {
            quoted(name, &BETWEEN_NAMES)
        }
    };
    names.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The names of a list: between commas, semicolons, slashes, plus signs, line breaks, "and" and "&".
pub(super) fn names_in(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    if list.trim().is_empty() {
        return names;
    }
    for part in split_outside_quotes(list, |c| BETWEEN_NAMES.contains(&c)) {
        if part.trim().starts_with('"') {
            names.push(unquoted(part));
            continue;
        }
        let mut rest = part.trim();
        while let Some((one, more)) = split_at_and(rest) {
            names.push(one.trim().to_owned());
            rest = more.trim();
        }
        names.push(rest.to_owned());
    }
    names.retain(|name| !name.is_empty() || list.contains('"'));
    names
}

/// The names of a list in which only commas stand between names.
pub(super) fn names_between_commas(list: &str) -> Vec<String> {
    if list.trim().is_empty() {
        return Vec::new();
    }
    split_outside_quotes(list, |c| c == ',').into_iter().map(unquoted).collect()
}

fn split_at_and(text: &str) -> Option<(&str, &str)> {
    let at = text.char_indices().find(|(at, _)| {
        let word = text.as_bytes().get(*at..*at + 5);
        word.is_some_and(|word| word.eq_ignore_ascii_case(b" and "))
    })?;
    Some((&text[..at.0], &text[at.0 + 5..]))
}

/// A length of time in seconds: `4.5 s`.
pub(super) fn seconds(ms: u32) -> String {
    format!("{} s", bare_seconds(ms))
}

/// A length of time in seconds without its unit: `4.5`.
pub(super) fn bare_seconds(ms: u32) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A length of time as people write it (`4`, `4,5 s`, `0:04`, `00:00:04:12` with frames at 24 a second, `1 min 5 s`,
/// `500 ms`), in milliseconds.
pub(super) fn milliseconds(text: &str) -> Option<u32> {
    let text = text.trim().trim_start_matches(['~', '≈']).trim().to_lowercase().replace(',', ".");
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
    let in_ms = |secs: f64| {
        let ms = (secs * 1000.0).round();
        (ms <= f64::from(u32::MAX)).then_some(ms as u32)
    };
    if text.contains(':') {
        let parts: Vec<f64> = text.split(':').map(number).collect::<Option<_>>()?;
        return match parts[..] {
            [minutes, secs] => in_ms(minutes * 60.0 + secs),
            [hours, minutes, secs] => in_ms(hours * 3600.0 + minutes * 60.0 + secs),
            [hours, minutes, secs, frames] => in_ms(hours * 3600.0 + minutes * 60.0 + secs + frames / 24.0),
            _ => None,
        };
    }
    let mut total = 0.0;
    let mut rest = text.as_str();
    let mut any = false;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let value = number(&rest[..digits])?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(rest.len());
        total += value
            * match rest[..letters].trim_end_matches('.') {
                "" | "s" | "sec" | "secs" | "second" | "seconds" | "\"" | "''" | "″" => 1.0,
                "ms" | "msec" | "millisecond" | "milliseconds" => 0.001,
                "m" | "min" | "mins" | "minute" | "minutes" | "'" | "′" => 60.0,
                _ => return None,
            };
        rest = rest[letters..].trim_start();
        any = true;
    }
    any.then(|| in_ms(total)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        for (text, ms) in [
            ("4", 4000),
            ("4.5 s", 4500),
            ("4,5", 4500),
            ("0:04", 4000),
            ("1:05", 65_000),
            ("00:00:04:12", 4500),
            ("1 min 5 s", 65_000),
            ("2 sec.", 2000),
            ("500ms", 500),
            ("~3s", 3000),
        ] {
            assert_eq!(milliseconds(text), Some(ms), "{text}");
        }
        for text in ["", "long", "-4", "4 parsecs", "1:2:3:4:5", "nan", "inf", "1e99", "4 s later"] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
        for ms in [0, 1, 500, 4000, 4321, 60_000, u32::MAX] {
            assert_eq!(milliseconds(&seconds(ms)), Some(ms));
        }
    }

    #[test]
    fn any_list_of_names_reads_back() {
        let names: Vec<String> = ["Mia", "Fish, Inc.", "", " a ", "salt and pepper", "\"Ed\"", "AC/DC", "x\ny", "[z]"]
            .map(str::to_owned)
            .into();
        assert_eq!(names_in(&names_list(&names)), names);
        assert_eq!(names_in("Mia; Tom and a dog,cat & 5\" nail"), ["Mia", "Tom", "a dog", "cat", "5\" nail"]);
        assert!(names_in(" ").is_empty());
    }
}
