//! Writes a project to disk on a thread of its own.

use super::renders::{RenderFolder, RenderRecord};
use crate::project::{Edit, MediaFolder, Project, ProjectStore};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Edits that may wait for a slow disk before the client waits with them.
const WAITING: usize = 4096;

enum Message {
    Append(Edit),
    Save(Arc<Project>),
    Renders(RenderRecord),
}

/// What became of an append or a save.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaverEvent {
    /// As many more edits are in the journal and survive a power cut.
    Journaled(usize),
    /// The project file is up to date.
    Saved,
    /// Nothing was written, for the reason given in one line. The edits are kept and tried again with the next save.
    Failed(String),
}

/// The journal and the project file of an open project. Dropping it writes what is left.
pub struct Saver {
    sender: Option<Sender<Message>>,
    events: Receiver<SaverEvent>,
    thread: Option<JoinHandle<()>>,
    folder: PathBuf,
    media: MediaFolder,
    renders: RenderFolder,
}

impl Saver {
    /// Takes over an open project. `wake` is called after every event.
    pub fn start(mut store: ProjectStore, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (sender, receiver) = bounded::<Message>(WAITING);
        let (event_sender, events) = bounded(WAITING);
        let (folder, media) = (store.folder().to_owned(), store.media());
        let renders = RenderFolder::of_project(&folder);
        let renders_of_thread = renders.clone();
        let thread = std::thread::Builder::new().name("reelboard saver".to_owned()).spawn(move || {
            for message in receiver {
                let result = match message {
                    Message::Append(edit) => store.append(&edit).map(|()| SaverEvent::Journaled(1)),
                    Message::Save(project) => store.save(&project).map(|()| SaverEvent::Saved),
                    Message::Renders(record) => {
                        // Without it nothing is lost but the queue, should the program end now.
                        if let Err(error) = renders_of_thread.write(&record) {
                            log::warn!("the queue cannot be kept: {error}");
                        }
                        continue;
                    }
                };
                // A client that does not listen is one that is closing the project.
                let _ = event_sender.try_send(result.unwrap_or_else(|error| SaverEvent::Failed(error.to_string())));
                wake();
            }
        })?;
        Ok(Self { sender: Some(sender), events, thread: Some(thread), folder, media, renders })
    }

    /// The project's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The project's pictures.
    pub fn media(&self) -> &MediaFolder {
        &self.media
    }

    /// Where the project's queue and half-made pictures are kept.
    pub fn renders(&self) -> &RenderFolder {
        &self.renders
    }

    /// Keeps what is to be rendered for the next time: after all edits so far, so that a half-made picture goes only
    /// when the finished one is safe.
    pub fn keep_renders(&self, record: RenderRecord) {
        self.send(Message::Renders(record));
    }

    /// Puts an edit that was applied into the journal.
    pub fn append(&self, edit: Edit) {
        self.send(Message::Append(edit));
    }

    /// Writes the whole project.
    pub fn save(&self, project: Arc<Project>) {
        self.send(Message::Save(project));
    }

    fn send(&self, message: Message) {
        let alive = self.sender.as_ref().is_some_and(|sender| sender.send(message).is_ok());
        if !alive {
            log::error!("the saver has stopped; {} is no longer saved", self.folder.display());
        }
    }

    /// The events since the last call. Never waits.
    pub fn drain(&self) -> Vec<SaverEvent> {
        self.events.try_iter().collect()
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the saver of {} ended with a panic", self.folder.display());
        }
    }
}
