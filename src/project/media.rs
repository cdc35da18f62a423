//! Names of the files in a project's `media/` folder.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The name of a media file: the BLAKE3 hash of its bytes and an extension, such as `9f2c….png`.
///
/// Nothing else can be spelt, so a project file cannot name a path outside its folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaName(String);

/// A media name that is not a BLAKE3 hash and an extension.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a media file name (64 hexadecimal digits, a dot and an extension, without any folder)")]
pub struct MediaNameError(pub String);

impl MediaName {
    /// Names `bytes` by their content. `extension` is written without the dot.
    pub fn of(bytes: &[u8], extension: &str) -> Result<Self, MediaNameError> {
        format!("{}.{extension}", blake3::hash(bytes).to_hex()).parse()
    }

    /// The name as it stands in the folder.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hash, in hexadecimal.
    pub fn hash(&self) -> &str {
        self.0.split('.').next().unwrap_or(&self.0)
    }
}

impl FromStr for MediaName {
    type Err = MediaNameError;
    fn from_str(name: &str) -> Result<Self, MediaNameError> {
        let valid = name.split_once('.').is_some_and(|(hash, extension)| {
            hash.len() == 64
                && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
                && (1..=8).contains(&extension.len())
                && extension.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        if valid { Ok(Self(name.to_owned())) } else { Err(MediaNameError(name.to_owned())) }
    }
}

impl TryFrom<String> for MediaName {
    type Error = MediaNameError;
    fn try_from(name: String) -> Result<Self, MediaNameError> {
        name.parse()
    }
}

impl From<MediaName> for String {
    fn from(name: MediaName) -> Self {
        name.0
    }
}

impl fmt::Display for MediaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_name_cannot_leave_the_project() {
        for bad in ["../x.png", "/etc/passwd", "a.png", "", &format!("{}/../b.png", "a".repeat(64))] {
            assert!(bad.parse::<MediaName>().is_err(), "{bad}");
        }
        let name = MediaName::of(b"picture", "png").unwrap();
        assert_eq!(name.as_str().parse::<MediaName>().unwrap(), name);
        assert_eq!(name.hash().len(), 64);
    }
}
