//! From the bytes of a file to its text.

use super::{FormatError, ImportNote, MOST_BYTES};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Share of bytes beyond ASCII up to which a text that is not UTF-8 can be Western European.
const WESTERN_SHARE: f64 = 0.25;

/// Windows-1252 from 0x80 on; `\0` where it has nothing. The rest is Latin-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”', '•',
    '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

/// The bytes of a script file, if it is one of a sensible size.
pub(super) fn bytes_of(path: &Path) -> Result<Vec<u8>, FormatError> {
    let failed = |source| FormatError::Read { path: path.to_owned(), source };
    // Looked at before it is opened: opening a pipe waits for its other end.
    let found = std::fs::metadata(path).map_err(failed)?;
    if !found.is_file() {
        return Err(FormatError::NotAFile { path: path.to_owned() });
    }
    let name = path.display().to_string();
    if found.len() > MOST_BYTES {
        return Err(FormatError::TooLarge { name });
    }
    let mut bytes = Vec::with_capacity(found.len() as usize);
    File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > MOST_BYTES { Err(FormatError::TooLarge { name }) } else { Ok(bytes) }
}

/// The text of a file in UTF-8, UTF-16 (with or without its mark) or Windows-1252, with line feeds alone as line ends.
pub(super) fn text_of(name: &str, bytes: &[u8], notes: &mut Vec<ImportNote>) -> Result<String, FormatError> {
    let encoding = |reason: &str| FormatError::Encoding { name: name.to_owned(), reason: reason.to_owned() };
    if bytes.len() as u64 > MOST_BYTES {
        return Err(FormatError::TooLarge { name: name.to_owned() });
    }
    let text = match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(encoding("UTF-32")),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes).ok_or_else(|| encoding("damaged UTF-16"))?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes).ok_or_else(|| encoding("damaged UTF-16"))?,
        [0xef, 0xbb, 0xbf, rest @ ..] => {
            std::str::from_utf8(rest).map_err(|_| encoding("marked as UTF-8, but damaged"))?.to_owned()
        }
        _ => unmarked(name, bytes, notes)?,
    };
    if let Some(at) = text.bytes().position(is_no_text) {
        let byte = text.as_bytes()[at];
        return Err(FormatError::NotText { name: name.to_owned(), at, byte });
    }
    if text.trim().is_empty() {
        return Err(FormatError::Empty { name: name.to_owned() });
    }
    Ok(with_line_feeds(&text))
}

/// Line ends of Windows and of old Macs as line feeds; the marks of old systems at the end of a file are dropped.
fn with_line_feeds(text: &str) -> String {
    text.trim_end_matches('\u{1a}').replace("\r\n", "\n").replace('\r', "\n")
}

/// Whether a byte of UTF-8 is a control code that no text has.
fn is_no_text(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | 0x1a) || byte == 0x7f
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    rest.is_empty().then(|| String::from_utf16(&units).ok()).flatten()
}

fn unmarked(name: &str, bytes: &[u8], notes: &mut Vec<ImportNote>) -> Result<String, FormatError> {
    // Western text in UTF-16 has a zero in every second byte.
    let zeros = |odd: usize| bytes.iter().take(512).skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let pairs = bytes.len().min(512) / 2;
    if pairs > 1 && bytes.len().is_multiple_of(2) {
        let found = match (zeros(0) * 10 / pairs, zeros(1) * 10 / pairs) {
            (0, 7..) => utf16(bytes, u16::from_le_bytes),
            (7.., 0) => utf16(bytes, u16::from_be_bytes),
            _ => None,
        };
        if let Some(text) = found {
            return Ok(text);
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    if let Some(at) = bytes.iter().position(|byte| is_no_text(*byte)) {
        return Err(FormatError::NotText { name: name.to_owned(), at, byte: bytes[at] });
    }
    let unknown = |reason: String| FormatError::Encoding { name: name.to_owned(), reason };
    let beyond = bytes.iter().filter(|byte| **byte >= 0x80).count();
    if beyond as f64 > bytes.len() as f64 * WESTERN_SHARE {
        return Err(unknown("neither UTF-8 nor UTF-16, and not Western European".to_owned()));
    }
    let letter = |(at, byte): (usize, &u8)| match byte {
        0x80..=0x9f => match WINDOWS_1252[usize::from(byte - 0x80)] {
            '\0' => Err(unknown(format!("byte {at} is {byte:#04x}"))),
            letter => Ok(letter),
        },
        byte => Ok(char::from(*byte)),
    };
    let text = bytes.iter().enumerate().map(letter).collect::<Result<String, _>>()?;
    notes.push(ImportNote::general("the file is not in UTF-8; it was read as Western European (Windows-1252)"));
    Ok(text)
}
