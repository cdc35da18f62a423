//! What can go wrong with a script file.

use super::{MOST_BYTES, MOST_COLUMNS, MOST_SCENES, ScriptFormat};
use std::path::PathBuf;

/// Why a script was not read or not written. `name` is the file as the user knows it.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The file cannot be opened or read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder, a device or a pipe.
    #[error("{path} is not a file; choose a script file")]
    NotAFile {
        /// What was chosen.
        path: PathBuf,
    },
    /// More than a script can be.
    #[error(
        "{name} is larger than {} MB, and a script is not; choose the right file or split it",
        MOST_BYTES / 1_000_000
    )]
    TooLarge {
        /// The file.
        name: String,
    },
    /// There is nothing in it.
    #[error("{name} is empty")]
    Empty {
        /// The file.
        name: String,
    },
    /// Not text at all.
    #[error("{name} is not a text file (byte {at} is {byte:#04x}); choose a script, not a picture or a document")]
    NotText {
        /// The file.
        name: String,
        /// The first byte that no text has, counted from 0.
        at: usize,
        /// That byte.
        byte: u8,
    },
    /// Text, but nobody says in which encoding.
    #[error("{name} has an unknown encoding ({reason}); save it as UTF-8")]
    Encoding {
        /// The file.
        name: String,
        /// What does not fit.
        reason: String,
    },
    /// Broken XML.
    #[error("{name}, line {line}, column {column}: broken XML ({reason}); save it again in Final Draft")]
    Xml {
        /// The file.
        name: String,
        /// Counted from 1.
        line: u32,
        /// Counted from 1.
        column: u32,
        /// What the parser said.
        reason: String,
    },
    /// XML of another program.
    #[error("{name} is XML, but not of Final Draft (its root is <{root}>); export it as .fdx")]
    NotFinalDraft {
        /// The file.
        name: String,
        /// The name of the outermost element.
        root: String,
    },
    /// A table that cannot be read.
    #[error("{name}, line {line}: {reason}")]
    Csv {
        /// The file.
        name: String,
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// More columns than a shot list has.
    #[error(
        "{name}, line {line}: a row has {columns} columns, and a shot list at most {MOST_COLUMNS}; is the separator right?"
    )]
    TooManyColumns {
        /// The file.
        name: String,
        /// Counted from 1.
        line: u64,
        /// How many there are.
        columns: usize,
    },
    /// A table without the one column that is needed.
    #[error(
        "{name} has no column for what happens; call one of its columns \"action\" or \"description\" (it has: {found})"
    )]
    NoActionColumn {
        /// The file.
        name: String,
        /// The columns that it has.
        found: String,
    },
    /// Readable, but without scenes.
    #[error("{name} has no scenes in it (read as {})", format.title())]
    NoScenes {
        /// The file.
        name: String,
        /// How it was read.
        format: ScriptFormat,
    },
    /// More scenes than the window can work with.
    #[error("{name} has more than {MOST_SCENES} scenes; split it into several files")]
    TooManyScenes {
        /// The file.
        name: String,
    },
    /// A file name that tells no format.
    #[error("the name {path} tells no format; end it in {} or name the format", endings())]
    UnknownEnding {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn endings() -> String {
    let endings: Vec<String> = ScriptFormat::ALL.iter().map(|format| format!(".{}", format.extension())).collect();
    endings.join(", ")
}
