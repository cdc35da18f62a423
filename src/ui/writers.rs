//! Writers of the user's own: adding, removing, and where the list is kept.

use super::app::App;
use super::carry_out::Browse;
use super::command::Command;
use crate::models::{ModelCache, OwnWriter, Registry};
use std::sync::Arc;

/// The writers that the user has added, and the models without them.
pub(super) struct OwnWriters {
    pub list: Vec<OwnWriter>,
    listed: Arc<Registry>,
}

impl OwnWriters {
    /// Those beside the models of `cache`; and why there are none, where the list cannot be read.
    pub fn open(listed: &Arc<Registry>, cache: &ModelCache) -> (Self, Option<String>) {
        let (list, problem) = match OwnWriter::remembered(cache.folder()) {
            Ok(list) => (list, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        (Self { list, listed: Arc::clone(listed) }, problem)
    }

    /// All models.
    pub fn registry(&self) -> Arc<Registry> {
        match self.list.as_slice() {
            [] => Arc::clone(&self.listed),
            list => Arc::new((*self.listed).clone().with_writers(list)),
        }
    }
}

impl App {
    /// Reads the list beside the models, and complains where it cannot be read.
    pub(super) fn open_own_writers(&mut self) {
        let (writers, problem) = OwnWriters::open(&self.own_writers.listed, &self.cache);
        self.own_writers = writers;
        self.registry = self.own_writers.registry();
        if let Some(problem) = problem {
            self.complain(problem);
        }
    }

    /// Adds the writer that a path or an address names, and uses it.
    pub(super) fn use_own_writer(&mut self, named: &str, any_host: bool) {
        match OwnWriter::named(named, any_host) {
            Ok(Some(own)) => {
                let id = own.id();
                let mut list = self.own_writers.list.clone();
                list.retain(|known| known.id() != id);
                list.push(own);
                self.keep_own_writers(list);
                self.remembered.writer = Some(id);
                self.panel_state.own_writer = Default::default();
            }
            Ok(None) => {
                self.complain(format!("{named} is no GGUF file, whose names end with .gguf, and no path of a folder"))
            }
            Err(error) => self.complain(error.to_string()),
        }
    }

    /// Takes a writer off the list; nothing of it is deleted.
    pub(super) fn remove_own_writer(&mut self, own: &OwnWriter) {
        let mut list = self.own_writers.list.clone();
        list.retain(|known| known != own);
        if self.remembered.writer.as_deref() == Some(&own.id()) {
            self.remembered.writer = None;
        }
        self.keep_own_writers(list);
    }

    fn keep_own_writers(&mut self, list: Vec<OwnWriter>) {
        if let Err(error) = OwnWriter::remember(self.cache.folder(), &list) {
            self.complain(error.to_string());
        }
        self.own_writers.list = list;
        self.registry = self.own_writers.registry();
    }

    pub(super) fn browse_writer(&mut self, what: Browse) {
        let then = |path: std::path::PathBuf| Command::UseOwnWriter(path.to_string_lossy().into_owned(), false);
        self.browse("Choose a writer", what, then);
    }
}
