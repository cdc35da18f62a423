//! `journal.ron-lines`: every edit since the last save, one line each.
//!
//! A line is RON: `(check:"9f86d081884c7d65",revision:12,edit:SetStyle("noir"))`. The check is the first 8 bytes of the
//! BLAKE3 hash of everything after `check:"…",`, so that a line which a power cut tore is known as such. Revisions have
//! no gaps; they tell which lines a save has made superfluous.

use super::migrate::read_edit;
use crate::project::{Edit, Project};
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The journal, open for writing.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    /// Length of the part that holds whole, durable lines, in bytes.
    len: u64,
    /// Whether the file may hold something after `len`.
    torn: bool,
    /// Lines that could not be written yet. They go first, so that the journal never has a gap.
    pending: Vec<u8>,
}

impl Journal {
    /// Opens the journal, making an empty one if there is none, and reads it.
    pub fn open(path: &Path) -> io::Result<(Self, Vec<u8>)> {
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let len = bytes.len() as u64;
        Ok((Self { file, len, torn: false, pending: Vec::new() }, bytes))
    }

    /// Adds a line. Once this returned, the line and all before it survive a power cut.
    pub fn append(&mut self, revision: u64, edit: &Edit) -> io::Result<()> {
        self.pending.extend_from_slice(line(revision, edit).as_bytes());
        let written = self.write_pending();
        match written {
            Ok(()) => {
                self.len += self.pending.len() as u64;
                self.pending.clear();
            }
            // Half a line must not stay. If this fails too, the next append tries again, and so does the next opening.
            Err(_) => self.torn = self.file.set_len(self.len).is_err(),
        }
        written
    }

    fn write_pending(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.len)?;
        }
        self.torn = true;
        self.file.seek(SeekFrom::Start(self.len))?;
        self.file.write_all(&self.pending)?;
        self.file.sync_data()?;
        self.torn = false;
        Ok(())
    }

    /// Drops everything after the first `len` bytes, on the disk and in memory.
    pub fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.pending.clear();
        self.file.set_len(len)?;
        (self.len, self.torn) = (len, false);
        self.file.sync_all()
    }
}

const CHECK_START: &str = "(check:\"";
const CHECK_END: &str = "\",";
const CHECK_LEN: usize = 16;

fn check(rest: &str) -> String {
    blake3::hash(rest.as_bytes()).to_hex()[..CHECK_LEN].to_owned()
}

fn line(revision: u64, edit: &Edit) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        revision: u64,
        edit: &'a Edit,
    }
    let body = ron::to_string(&Line { revision, edit }).expect("edits have no type that RON cannot write");
    let rest = &body[1..];
    format!("{CHECK_START}{}{CHECK_END}{rest}\n", check(rest))
}

/// The revision of a line and the line as text, if it is as it was written.
fn whole_line(line: &[u8]) -> Option<(u64, &str)> {
    let line = std::str::from_utf8(line).ok()?;
    let (found, rest) = line.strip_prefix(CHECK_START)?.split_at_checked(CHECK_LEN)?;
    let rest = rest.strip_prefix(CHECK_END)?;
    if found != check(rest) {
        return None;
    }
    let (revision, _) = rest.strip_prefix("revision:")?.split_once(',')?;
    Some((revision.parse().ok()?, line))
}

/// What became of a project when its journal was replayed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replay {
    /// The revision that the project has now.
    pub revision: u64,
    /// How many edits were applied.
    pub edits: u64,
    /// Length of the part of the journal that can stay, in bytes.
    pub good_len: u64,
    pub torn: Torn,
}

/// What was wrong with the end of the journal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Torn {
    /// Nothing.
    Nothing,
    /// The last line was not finished: nobody was told that its edit is safe.
    LastLine,
    /// From this line (counted from 1) on it could not be replayed.
    From { line: usize, why: String },
}

/// Applies to `project`, which is at `saved_revision`, the edits of the journal that came after that.
pub(super) fn replay(journal: &[u8], schema: u32, saved_revision: u64, project: &mut Project) -> Replay {
    let mut revision = saved_revision;
    let mut end = 0;
    // The first line that could not be replayed: its number, where it starts and why. A later line without a gap in the
    // revisions proves that nothing is missing, and clears it.
    let mut bad: Option<(usize, usize, String)> = None;
    for (number, line) in journal.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let start = end;
        let Some(line) = line.strip_suffix(b"\n") else { break };
        end += line.len() + 1;
        let why = match whole_line(line) {
            Some((found, _)) if found <= revision => continue,
            Some((found, text)) if found == revision + 1 => {
                match read_edit(schema, text).and_then(|edit| project.apply(edit).map_err(|error| error.to_string())) {
                    Ok(_) => {
                        revision = found;
                        bad = None;
                        continue;
                    }
                    Err(why) => why,
                }
            }
            Some((found, _)) => format!("edit {} is missing before edit {found}", revision + 1),
            None => "the line is not as it was written".to_owned(),
        };
        bad.get_or_insert((number + 1, start, why));
    }
    let (good_len, torn) = match bad {
        Some((line, start, why)) => (start, Torn::From { line, why }),
        None if end < journal.len() => (end, Torn::LastLine),
        None => (end, Torn::Nothing),
    };
    Replay { revision, edits: revision - saved_revision, good_len: good_len as u64, torn }
}

#[cfg(test)]
mod tests {
    use super::super::migrate::SCHEMA;
    use super::*;

    fn styles(journal: &[u8], saved_revision: u64) -> (Project, Replay) {
        let mut project = Project::new("");
        let replay = replay(journal, SCHEMA, saved_revision, &mut project);
        (project, replay)
    }

    fn style(revision: u64) -> String {
        line(revision, &Edit::SetStyle(format!("style {revision}")))
    }

    #[test]
    fn a_line_is_one_line_of_ron_whatever_the_text() {
        for text in ["a\nb\r\n", "\"quoted\" \\ #\"#", "\u{2028}\u{85}\0", "灯台守が船を救う", "(((]]]{{{", ""]
        {
            let line = line(7, &Edit::SetPremise(text.to_owned()));
            assert_eq!(line.matches('\n').count(), 1);
            assert!(line.starts_with("(check:\""), "{line}");
            let (revision, whole) = whole_line(line.trim_end_matches('\n').as_bytes()).unwrap();
            assert_eq!(revision, 7);
            assert_eq!(read_edit(SCHEMA, whole), Ok(Edit::SetPremise(text.to_owned())));
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let line = style(3);
        let line = line.trim_end_matches('\n').as_bytes();
        assert!(whole_line(line).is_some());
        for i in 0..line.len() {
            let mut changed = line.to_vec();
            changed[i] ^= 1;
            assert!(whole_line(&changed).is_none(), "byte {i}");
        }
    }

    #[test]
    fn edits_that_a_save_holds_already_are_skipped() {
        let journal = [style(1), style(2), style(3)].concat();
        let (project, replay) = styles(journal.as_bytes(), 2);
        assert_eq!((project.style.as_str(), replay.revision, replay.edits), ("style 3", 3, 1));
        let (project, replay) = styles(journal.as_bytes(), 5);
        assert_eq!((project.style.as_str(), replay.revision, replay.edits), ("", 5, 0));
        assert_eq!(replay.torn, Torn::Nothing);
    }

    #[test]
    fn damage_in_lines_that_a_save_holds_already_costs_nothing() {
        let journal = format!("{}###\n{}", style(1), style(3));
        let (project, replay) = styles(journal.as_bytes(), 2);
        assert_eq!((project.style.as_str(), replay.torn), ("style 3", Torn::Nothing));
    }

    #[test]
    fn replay_stops_at_damage_in_the_middle() {
        let journal = format!("{}###\n{}", style(1), style(3));
        let (project, replay) = styles(journal.as_bytes(), 0);
        assert_eq!((project.style.as_str(), replay.revision), ("style 1", 1));
        assert_eq!(replay.good_len, style(1).len() as u64);
        assert!(matches!(replay.torn, Torn::From { line: 2, .. }), "{replay:?}");
    }

    #[test]
    fn replay_stops_where_an_edit_does_not_fit() {
        let refused = line(2, &Edit::RemoveScene(crate::project::SceneId(4)));
        let journal = [style(1), refused, style(3)].concat();
        let (project, replay) = styles(journal.as_bytes(), 0);
        assert_eq!(project.style, "style 1");
        assert_eq!(replay.torn, Torn::From { line: 2, why: "there is no scene 4".to_owned() });
    }
}
