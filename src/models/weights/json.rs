//! Configuration files as Python writes them.

use super::WeightsError;
use serde::de::DeserializeOwned;
use std::path::Path;

/// No configuration is this long, and none is read into memory to find out.
const LONGEST_BYTES: u64 = 64 << 20;

/// Reads a JSON file. Python writes `NaN`, `Infinity` and `-Infinity` (a scheduler's `lambda_min_clipped`), which JSON
/// does not have: they are read as `null`.
///
/// # Errors
/// When the file is not there, is not JSON or does not hold what `T` needs.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, WeightsError> {
    let json = |reason: String| WeightsError::Json { path: path.to_owned(), reason };
    let data = std::fs::metadata(path).map_err(WeightsError::io(path))?;
    if !data.is_file() {
        return Err(WeightsError::NotAFile { path: path.to_owned() });
    }
    if data.len() > LONGEST_BYTES {
        return Err(json(format!("{} bytes are too many for a configuration", data.len())));
    }
    let bytes = std::fs::read(path).map_err(WeightsError::io(path))?;
    let text = String::from_utf8(bytes).map_err(|_| json("it is not text".to_owned()))?;
    serde_json::from_str(&without_special_numbers(&text)).map_err(|error| json(error.to_string()))
}

fn without_special_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut in_string) = (text, false);
    while let Some(c) = rest.chars().next() {
        let special = ["-Infinity", "Infinity", "NaN"].into_iter().find(|special| rest.starts_with(special));
        let taken = match (in_string, c, special) {
            (false, _, Some(special)) => {
                out.push_str("null");
                special.len()
            }
            (true, '\\', _) => {
                // What is escaped cannot end the string.
                let taken = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..taken]);
                taken
            }
            _ => {
                in_string ^= c == '"';
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::without_special_numbers;

    #[test]
    fn special_numbers_become_null_outside_of_strings() {
        let text = r#"{"a": -Infinity, "NaN": "Infinity \" NaN \\", "b": [NaN, Infinity], "é": 1}"#;
        let expected = r#"{"a": null, "NaN": "Infinity \" NaN \\", "b": [null, null], "é": 1}"#;
        assert_eq!(without_special_numbers(text), expected);
        for cut in 0..text.len() {
            if text.is_char_boundary(cut) {
                without_special_numbers(&text[..cut]);
            }
        }
    }
}
