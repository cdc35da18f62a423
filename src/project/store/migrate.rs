//! The text of `project.ron`, and how older schemas become the current one.
//!
//! A schema number stands for the shape of `project.ron` and of the edits in the journal beside it. To change the shape:
//! keep the old types in a private module named after their schema, raise [`SCHEMA`], and add an arm to both functions
//! below that parses the old types and turns them into the current ones.

use super::StoreError;
use crate::project::{Edit, Project};
use ron::error::SpannedError;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The schema that this program writes.
pub const SCHEMA: u32 = 1;

/// What `project.ron` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ProjectFile {
    pub schema: u32,
    /// How many edits have made the project what it is here. Journal entries up to this number are in it already.
    pub revision: u64,
    pub project: Project,
}

/// The part of `project.ron` that every schema has.
#[derive(Deserialize)]
struct Header {
    schema: u32,
}

/// Reads the text of `project.ron`, of the current schema or an older one. `schema` in the result is that of the text.
pub(super) fn read_project_file(text: &str, file: &Path) -> Result<ProjectFile, StoreError> {
    let header: Header = ron::from_str(text).map_err(|error| malformed(error, text, file))?;
    match header.schema {
        SCHEMA => ron::from_str(text).map_err(|error| malformed(error, text, file)),
        found if found > SCHEMA => Err(StoreError::NewerSchema { file: file.to_owned(), found, known: SCHEMA }),
        found => Err(StoreError::UnknownSchema { file: file.to_owned(), found, known: SCHEMA }),
    }
}

/// Reads the edit of a journal line that lies beside a `project.ron` of `schema`.
pub(super) fn read_edit(schema: u32, line: &str) -> Result<Edit, String> {
    #[derive(Deserialize)]
    struct Line {
        edit: Edit,
    }
    match schema {
        SCHEMA => {
            ron::from_str::<Line>(line).map(|line| line.edit).map_err(|error| lowercase_start(&error.code.to_string()))
        }
        _ => Err(format!("no Reelboard wrote edits of schema {schema}")),
    }
}

/// The text of `project.ron`, for people to read too.
pub(super) fn write_project_file(file: &ProjectFile) -> String {
    let pretty = ron::ser::PrettyConfig::new().new_line("\n");
    let text = ron::ser::to_string_pretty(file, pretty).expect("project data has no type that RON cannot write");
    text + "\n"
}

const REST_IS_MISSING: &str = "the rest of the file is missing";

/// The content of `project.ron` as text, or where it stops being text.
pub(super) fn text(bytes: Vec<u8>, file: &Path) -> Result<String, StoreError> {
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|&&byte| byte == b'\n').count();
        let last_line = good.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
        let column = 1 + String::from_utf8_lossy(last_line).chars().count();
        let cut_off = error.utf8_error().error_len().is_none();
        let problem = if cut_off { REST_IS_MISSING } else { "this is not text" }.to_owned();
        StoreError::Malformed { file: file.to_owned(), line, column, problem }
    })
}

fn malformed(error: SpannedError, text: &str, file: &Path) -> StoreError {
    let end = text.trim_end();
    let end_line = end.lines().count();
    let end_column = end.lines().last().map_or(1, |line| line.chars().count() + 1);
    let at_end = (error.span.end.line, error.span.end.col) >= (end_line, end_column);
    let about_end = !matches!(error.code, ron::Error::TrailingCharacters | ron::Error::MissingStructField { .. });
    // The span of a string without an end is its beginning.
    let problem = if at_end && about_end || error.code == ron::Error::ExpectedStringEnd {
        REST_IS_MISSING.to_owned()
    } else {
        lowercase_start(&error.code.to_string())
    };
    // RON's span ends behind what it could not read; people look for its beginning.
    let at = error.span.start;
    StoreError::Malformed { file: file.to_owned(), line: at.line, column: at.col, problem }
}

fn lowercase_start(message: &str) -> String {
    let mut chars = message.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
