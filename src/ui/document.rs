//! The open project: its data, its history, and its way to the disk.

use crate::engine::{Saver, SaverEvent};
use crate::export::CutList;
use crate::project::{
    CoalesceKey, Edit, EditError, EntitySummary, History, Opened, Project, ProjectStore, StoreError, entities,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Quiet time after an edit before the whole project is written. Until then the journal has the edit.
const SAVE_AFTER: Duration = Duration::from_secs(2);

/// An open project. Only this changes it, so that history, journal and what is derived never miss an edit.
pub struct Document {
    project: Arc<Project>,
    history: History,
    saver: Saver,
    revision: u64,
    cut: CutList,
    entities: Vec<EntitySummary>,
    unsaved_since: Option<Instant>,
    /// Why the last write failed; `None` when all is well.
    pub save_error: Option<String>,
}

/// A project that did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the saving thread did not start: {0}")]
    Thread(#[from] std::io::Error),
}

impl Document {
    /// Opens a project folder, with what had to be mended.
    pub fn open(folder: &Path, wake: impl Fn() + Send + 'static) -> Result<(Self, Opened), OpenError> {
        let (store, project, opened) = ProjectStore::open(folder)?;
        Ok((Self::new(project, store, wake)?, opened))
    }

    /// Makes a new project folder.
    pub fn create(folder: &Path, project: Project, wake: impl Fn() + Send + 'static) -> Result<Self, OpenError> {
        let store = ProjectStore::create(folder, &project)?;
        Self::new(project, store, wake)
    }

    fn new(project: Project, store: ProjectStore, wake: impl Fn() + Send + 'static) -> Result<Self, OpenError> {
        let saver = Saver::start(store, wake)?;
        let (cut, entities) = (CutList::new(&project), entities(&project));
        Ok(Self {
            project: Arc::new(project),
            history: History::default(),
            saver,
            revision: 1,
            cut,
            entities,
            unsaved_since: None,
            save_error: None,
        })
    }

    pub fn project(&self) -> &Arc<Project> {
        &self.project
    }

    /// Where every frame of the film comes from.
    pub fn cut(&self) -> &CutList {
        &self.cut
    }

    pub fn entities(&self) -> &[EntitySummary] {
        &self.entities
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    pub fn saver(&self) -> &Saver {
        &self.saver
    }

    /// Grows with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The folder's name without `.reel`.
    pub fn name(&self) -> String {
        let folder: PathBuf = self.saver.folder().into();
        folder.file_stem().map_or_else(|| "Untitled".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// Reserves numbers for new scenes and takes.
    pub fn numbering(&mut self) -> &mut Project {
        Arc::make_mut(&mut self.project)
    }

    /// Applies an edit of the user's.
    pub fn edit(&mut self, edit: Edit, key: Option<CoalesceKey>) -> Result<(), EditError> {
        let inverse = Arc::make_mut(&mut self.project).apply(edit.clone())?;
        self.history.record(inverse, key);
        self.changed(edit);
        Ok(())
    }

    /// Applies an edit of the user's that the menu calls `label`: "deletion of 3 scenes" for "Undo deletion of 3 scenes".
    pub fn edit_as(&mut self, label: String, edit: Edit, key: Option<CoalesceKey>) -> Result<(), EditError> {
        let inverse = Arc::make_mut(&mut self.project).apply(edit.clone())?;
        self.history.record_as(label, inverse, key);
        self.changed(edit);
        Ok(())
    }

    /// Applies an edit that is not the user's to undo: a finished take.
    pub fn engine_edit(&mut self, edit: Edit) -> Result<(), EditError> {
        Arc::make_mut(&mut self.project).apply(edit.clone())?;
        self.changed(edit);
        Ok(())
    }

    /// Ends the present step of the history.
    pub fn seal(&mut self) {
        self.history.seal();
    }

    /// Undoes the last step. `false` when there is none.
    pub fn undo(&mut self) -> Result<bool, EditError> {
        let applied = self.history.undo(Arc::make_mut(&mut self.project))?;
        Ok(applied.map(|edit| self.changed(edit)).is_some())
    }

    /// Does the last undone step again. `false` when there is none.
    pub fn redo(&mut self) -> Result<bool, EditError> {
        let applied = self.history.redo(Arc::make_mut(&mut self.project))?;
        Ok(applied.map(|edit| self.changed(edit)).is_some())
    }

    fn changed(&mut self, edit: Edit) {
        self.saver.append(edit);
        self.revision += 1;
        self.cut = CutList::new(&self.project);
        self.entities = entities(&self.project);
        self.unsaved_since = Some(Instant::now());
    }

    /// Takes the saver's news in and writes the project when edits have paused. Returns when it wants to be called again.
    pub fn tick(&mut self) -> Option<Duration> {
        for event in self.saver.drain() {
            match event {
                SaverEvent::Journaled(_) => {}
                SaverEvent::Saved => self.save_error = None,
                SaverEvent::Failed(message) => self.save_error = Some(message),
            }
        }
        let since = self.unsaved_since?.elapsed();
        if since >= SAVE_AFTER {
            self.save();
            return None;
        }
        Some(SAVE_AFTER - since)
    }

    /// Writes the project now.
    pub fn save(&mut self) {
        if self.unsaved_since.take().is_some() {
            self.saver.save(Arc::clone(&self.project));
        }
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        self.save();
    }
}
