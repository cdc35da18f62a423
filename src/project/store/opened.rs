//! What opening a project found and mended.

use super::journal::Torn;
use crate::project::{EditError, Project, SceneId, TakeId};
use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

/// What opening a project found. Its display is one line for the status bar or the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// How many edits have made the project what it is, over its whole life.
    pub revision: u64,
    /// How many of them were not saved and came from the journal: the program was killed, or the power cut.
    pub replayed: u64,
    /// What was not in order, and what was done about it.
    pub mended: Vec<Mended>,
}

/// Something that was not in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mended {
    /// The last line of the journal was cut off while it was written. Nobody had been told that its edit is safe.
    UnfinishedEdit,
    /// Edits in the journal could not be read.
    DamagedJournal {
        /// The first line that could not be replayed, counted from 1.
        line: usize,
        /// What was wrong with it.
        why: String,
        /// The file that keeps it and all after it; `None` where nothing may be written.
        kept_in: Option<PathBuf>,
    },
    /// A scene used a take that it does not have, and shows its draft now.
    LostChoice {
        /// The scene.
        scene: SceneId,
        /// The take.
        take: TakeId,
    },
    /// The next number for scenes and takes was in use already, and has been raised.
    NextId {
        /// What it is now.
        now: u64,
    },
}

impl Opened {
    /// Whether the project was closed in order the last time.
    pub fn in_order(&self) -> bool {
        self.replayed == 0 && self.mended.is_empty()
    }
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match self.replayed {
            0 => {}
            1 => parts.push("recovered 1 edit made after the last save".to_owned()),
            n => parts.push(format!("recovered {n} edits made after the last save")),
        }
        parts.extend(self.mended.iter().map(ToString::to_string));
        if parts.is_empty() { f.write_str("nothing to recover") } else { f.write_str(&parts.join("; ")) }
    }
}

impl fmt::Display for Mended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnfinishedEdit => f.write_str("dropped an edit that was being written when the program was stopped"),
            Self::DamagedJournal { line, why, kept_in } => {
                write!(f, "the journal is damaged from line {line} on ({why})")?;
                match kept_in {
                    Some(file) => {
                        write!(f, ", so the edits from there on are missing; they are kept in {}", file.display())
                    }
                    None => f.write_str(", so the edits from there on are missing"),
                }
            }
            Self::LostChoice { scene, take } => {
                write!(f, "scene {} used take {}, which it does not have, and shows its draft now", scene.0, take.0)
            }
            Self::NextId { now } => write!(f, "new scenes and takes are numbered from {now} on"),
        }
    }
}

/// What [`Mended`] says about the end of a journal.
pub(super) fn about_journal(torn: Torn, kept_in: Option<PathBuf>) -> Option<Mended> {
    match torn {
        Torn::Nothing => None,
        Torn::LastLine => Some(Mended::UnfinishedEdit),
        Torn::From { line, why } => Some(Mended::DamagedJournal { line, why, kept_in }),
    }
}

/// Mends what a text editor may have left inconsistent in `project.ron`, or says why that is impossible.
///
/// Edits keep these rules by themselves, and rely on them.
pub(super) fn mend(project: &mut Project) -> Result<Vec<Mended>, EditError> {
    let mut mended = Vec::new();
    project.format.check()?;
    project.still.check()?;
    project.clip.check()?;
    let (mut scenes, mut takes, mut cast) = (HashSet::new(), HashSet::new(), HashSet::new());
    for scene in &mut project.scenes {
        if let Some(take) = scene.chosen
            && scene.chosen_take().is_none()
        {
            scene.chosen = None;
            mended.push(Mended::LostChoice { scene: scene.id, take });
        }
        scene.check()?;
        if !scenes.insert(scene.id) {
            return Err(EditError::SceneExists(scene.id));
        }
        if let Some(twice) = scene.takes.iter().find(|take| !takes.insert(take.id)) {
            return Err(EditError::TakeExists(twice.id));
        }
    }
    if let Some(twice) = project.cast.iter().find(|entity| !cast.insert((entity.kind, &entity.name))) {
        return Err(EditError::EntityExists(twice.name.clone()));
    }
    let highest = scenes.iter().map(|id| id.0).chain(takes.iter().map(|id| id.0)).max().unwrap_or(0);
    if project.next_id <= highest {
        project.next_id = highest.saturating_add(1);
        mended.push(Mended::NextId { now: project.next_id });
    }
    Ok(mended)
}
