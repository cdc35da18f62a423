//! A project's `renders/` folder: the record of its queue, and the states of half-made pictures.

use super::item::RenderItem;
use super::state_file::StateFile;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const FOLDER: &str = "renders";
const RECORD: &str = "queue.ron-lines";
const STATE: &str = ".state";
/// The end of the name of a file that is still being written. Nobody reads such a file.
pub(super) const UNFINISHED: &str = ".unfinished";
const CHECK: usize = 16;

/// What a queue holds, to come back when the project is opened again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RenderRecord {
    /// What waited, was paused or was running, in its order.
    pub renders: Vec<RecordedRender>,
}

/// One render of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRender {
    /// What to render.
    pub item: RenderItem,
    /// Whether the user had paused it.
    #[serde(default)]
    pub paused: bool,
    /// Whether the user had put it in its place by hand.
    #[serde(default)]
    pub moved: bool,
    /// Denoising steps that are done and need not be made again, and steps in all.
    #[serde(skip)]
    pub steps: Option<(u64, u64)>,
}

/// The first line of the file.
#[derive(Serialize, Deserialize)]
struct Header {
    schema: u32,
    renders: usize,
}

const SCHEMA: u32 = 1;

/// The folder. Only who has the project open may write here.
#[derive(Debug, Clone)]
pub struct RenderFolder {
    folder: PathBuf,
}

impl RenderFolder {
    /// The folder of the project in `project`. Nothing is created before something is kept.
    pub fn of_project(project: &Path) -> Self {
        Self { folder: project.join(FOLDER) }
    }

    /// Where an item keeps its state.
    pub fn state_file(&self, item: &RenderItem) -> StateFile {
        StateFile::at(self.folder.join(item.file_name()))
    }

    /// What was left to render when the project was last open, and what to tell the user of a damaged record.
    pub fn read(&self) -> (RenderRecord, Option<String>) {
        let path = self.folder.join(RECORD);
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return (RenderRecord::default(), None),
            Err(error) => return (RenderRecord::default(), Some(format!("cannot read {}: {error}", path.display()))),
        };
        let mut lines = text.lines();
        let header: Option<Header> = lines.next().and_then(read_line);
        let known = header.as_ref().is_none_or(|header| header.schema == SCHEMA);
        let mut renders: Vec<RecordedRender> = if known { lines.filter_map(read_line).collect() } else { Vec::new() };
        for render in &mut renders {
            render.steps = self.state_file(&render.item).steps();
        }
        let note = match &header {
            Some(_) if !known => Some("the queue was written by a newer program, and is left out".to_owned()),
            Some(header) if renders.len() < header.renders => {
                Some(format!("the queue was damaged: {} of {} renders are left", renders.len(), header.renders))
            }
            Some(_) => None,
            None => Some(format!("the queue was damaged: {} renders are left of it", renders.len())),
        };
        (RenderRecord { renders }, note)
    }

    /// Replaces the record, and removes the states of what is no longer in it.
    pub fn write(&self, record: &RenderRecord) -> io::Result<()> {
        let path = self.folder.join(RECORD);
        if !self.folder.exists() {
            if record.renders.is_empty() {
                return Ok(());
            }
            fs::create_dir_all(&self.folder)?;
        }
        let header = Header { schema: SCHEMA, renders: record.renders.len() };
        let mut text = line(&header);
        record.renders.iter().for_each(|render| text += &line(render));
        let mut unfinished = path.clone().into_os_string();
        unfinished.push(UNFINISHED);
        fs::write(&unfinished, text)?;
        fs::rename(&unfinished, &path)?;
        let needed: Vec<String> = record.renders.iter().map(|render| render.item.file_name()).collect();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let of = name.strip_suffix(UNFINISHED).unwrap_or(&name);
            if of.ends_with(STATE) && !needed.iter().any(|needed| needed == of) {
                // A cancelled job may be moving it at this moment; then the next record removes it.
                let _ = fs::remove_file(entry.path());
            }
        }
        if record.renders.is_empty() {
            fs::remove_file(&path)?;
            // Something else may lie there.
            let _ = fs::remove_dir(&self.folder);
        }
        Ok(())
    }
}

fn line(value: &impl Serialize) -> String {
    let text = ron::to_string(value).expect("a record has no type that RON cannot write");
    format!("{} {text}\n", check(&text))
}

fn read_line<T: serde::de::DeserializeOwned>(line: &str) -> Option<T> {
    let (found, text) = line.split_once(' ')?;
    (found == check(text)).then(|| ron::from_str(text).ok())?
}

fn check(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..CHECK].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{EntityKind, SceneId};

    fn record() -> RenderRecord {
        let render = |item, paused| RecordedRender { item, paused, moved: false, steps: None };
        let name = "keeper\nof \"the\" light".to_owned();
        let reference = RenderItem::Reference { kind: EntityKind::Foreground, name, replaces: None };
        let stills = (1..4).map(|id| render(RenderItem::Still(SceneId(id)), id == 2));
        RenderRecord { renders: std::iter::once(render(reference, false)).chain(stills).collect() }
    }

    #[test]
    fn a_queue_comes_back_with_its_states() {
        let project = tempfile::tempdir().unwrap();
        let folder = RenderFolder::of_project(project.path());
        assert_eq!(folder.read(), (RenderRecord::default(), None));
        let mut record = record();
        folder.write(&record).unwrap();
        let states: Vec<StateFile> = record.renders.iter().map(|render| folder.state_file(&render.item)).collect();
        states.iter().for_each(|state| state.write("m", (3, 8), b"x").unwrap());
        record.renders.iter_mut().for_each(|render| render.steps = Some((3, 8)));
        assert_eq!(folder.read(), (record.clone(), None));
        // What is done takes its state with it.
        record.renders.remove(1);
        folder.write(&record).unwrap();
        let kept: Vec<bool> = states.iter().map(|state| state.path().exists()).collect();
        assert_eq!(kept, [true, false, true, true]);
        folder.write(&RenderRecord::default()).unwrap();
        assert!(std::fs::read_dir(project.path()).unwrap().next().is_none(), "nothing stays");
    }

    #[test]
    fn a_torn_record_keeps_the_rest_and_says_so() {
        let project = tempfile::tempdir().unwrap();
        let folder = RenderFolder::of_project(project.path());
        folder.write(&record()).unwrap();
        let path = project.path().join("renders/queue.ron-lines");
        let whole = fs::read(&path).unwrap();
        for end in 0..whole.len() - 1 {
            fs::write(&path, &whole[..end]).unwrap();
            let (read, note) = folder.read();
            let lines = whole[..end].iter().filter(|byte| **byte == b'\n').count();
            // A line without its end is whole, too, when nothing else is missing.
            assert!((lines.saturating_sub(1)..=lines).contains(&read.renders.len()), "{end}: {read:?}");
            assert_eq!(read.renders, record().renders[..read.renders.len()]);
            assert_eq!(note.is_some(), read.renders.len() < 4, "{end}: {note:?}");
        }
        // A damaged line in the middle costs that line only.
        let mut spoilt = whole.clone();
        let second = whole.iter().position(|byte| *byte == b'\n').unwrap() + 20;
        spoilt[second] ^= 1;
        fs::write(&path, &spoilt).unwrap();
        let (read, note) = folder.read();
        assert_eq!(read.renders, record().renders[1..]);
        assert!(note.unwrap().contains("3 of 4"));
    }
}
