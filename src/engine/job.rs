//! What can be asked of the engine, and what it answers.

use crate::export::{ExportReport, ExportSettings};
use crate::models::{ModelCache, ModelSpec};
use crate::project::{EntityKind, MediaFolder, MediaName, Project, Recipe, Reference, SceneId, Script, ScriptScene, TakeId};
use crate::writer::WriteRequest;
use image::RgbaImage;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A job, for as long as the engine lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub(super) u64);

/// A thread of the engine, with a queue of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Owns every loaded model: writing, cutting out.
    Models,
    /// Draws drafts and decodes photos.
    Pictures,
    /// Encodes films.
    Films,
    /// Downloads model files.
    Transfers,
}

/// A job with everything it needs.
#[derive(Debug, Clone)]
pub enum JobSpec {
    Write(WriteJob),
    ImportPhoto(PhotoJob),
    /// Draws a scene or an entity as it is now. A newer one for the same thing replaces one that still waits.
    Draw(DrawJob),
    /// Makes a take of a scene and stores it in the project's media.
    RenderTake(TakeJob),
    Export(ExportJob),
    FetchModel(Box<ModelSpec>, ModelCache),
    /// Gives the memory of all loaded models back.
    FreeModels,
}

/// Writes a script for a premise.
#[derive(Debug, Clone)]
pub struct WriteJob {
    pub request: WriteRequest,
    /// The writer; its first file is the GGUF.
    pub model: Box<ModelSpec>,
    /// Where its file is.
    pub cache: ModelCache,
    /// Also describe the entities that appear in several scenes.
    pub describe: bool,
}

/// Takes a photo into a project as the reference of an entity.
#[derive(Debug, Clone)]
pub struct PhotoJob {
    pub kind: EntityKind,
    pub name: String,
    /// The photo's file.
    pub path: PathBuf,
    pub media: MediaFolder,
}

/// What a picture shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DrawTarget {
    /// A scene: its chosen take, or its draft.
    Scene(SceneId),
    /// An entity's reference: its own photo, cut out, or its draft.
    Entity(EntityKind, String),
    /// One of a scene's takes.
    Take(SceneId, TakeId),
}

/// Draws one scene or entity of a project as it is now.
#[derive(Debug, Clone)]
pub struct DrawJob {
    /// A snapshot of the project; only the target and what it refers to are looked at.
    pub project: Arc<Project>,
    pub target: DrawTarget,
    pub media: MediaFolder,
    /// Pixels: width, height.
    pub size: [u32; 2],
    /// Given back with the picture, so that the client knows what it shows.
    pub tag: u64,
}

/// Makes a take of one scene.
#[derive(Debug, Clone)]
pub struct TakeJob {
    pub project: Arc<Project>,
    pub scene: SceneId,
    pub media: MediaFolder,
}

/// Writes the film to a file.
#[derive(Debug, Clone)]
pub struct ExportJob {
    pub project: Arc<Project>,
    pub media: MediaFolder,
    pub settings: ExportSettings,
}

/// What a finished job made.
#[derive(Debug, Clone)]
pub enum JobOutput {
    /// The script, and one sentence on the looks of each recurring entity.
    Script {
        script: Script,
        descriptions: Vec<(EntityKind, String, String)>,
        notes: Vec<String>,
    },
    Reference {
        kind: EntityKind,
        name: String,
        reference: Reference,
        note: Option<String>,
    },
    Picture {
        target: DrawTarget,
        tag: u64,
        picture: Arc<RgbaImage>,
        /// The same picture, at most 480 pixels wide.
        thumbnail: Arc<RgbaImage>,
    },
    Take {
        scene: SceneId,
        media: MediaName,
        recipe: Recipe,
    },
    Film {
        path: PathBuf,
        report: ExportReport,
    },
    Model {
        id: String,
    },
    Nothing,
}

/// What happened to a job.
#[derive(Debug, Clone)]
pub enum JobEvent {
    Started(JobId),
    /// There is news in the job's [`JobStatus`].
    Progress(JobId),
    /// The writer has more of a scene; `complete` when it will not change any more.
    Scene {
        job: JobId,
        index: usize,
        scene: ScriptScene,
        complete: bool,
    },
    Finished {
        job: JobId,
        output: Box<JobOutput>,
    },
    /// The job ended without a result, for the reason given in one line.
    Failed {
        job: JobId,
        message: String,
    },
    Cancelled(JobId),
}

/// A waiting or running job, as the queue shows it.
#[derive(Debug, Clone)]
pub struct JobStatus {
    pub id: JobId,
    pub lane: Lane,
    pub title: String,
    pub running: bool,
    /// What it is doing now; may be empty.
    pub stage: String,
    pub done: u64,
    /// 0 when the end is not known.
    pub total: u64,
    pub elapsed: Duration,
    /// Estimated from the steps done so far.
    pub time_left: Option<Duration>,
}

impl JobSpec {
    pub(super) fn lane(&self) -> Lane {
        match self {
            Self::Write(_) | Self::ImportPhoto(_) | Self::FreeModels => Lane::Models,
            Self::Draw(_) | Self::RenderTake(_) => Lane::Pictures,
            Self::Export(_) => Lane::Films,
            Self::FetchModel(..) => Lane::Transfers,
        }
    }

    /// What the queue calls it.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Write(_) => "Write the script".to_owned(),
            Self::ImportPhoto(job) => format!("Cut out the photo of {}", job.name),
            Self::Draw(_) => "Draw a draft".to_owned(),
            Self::RenderTake(job) => match job.project.scene_index(job.scene) {
                Some(index) => format!("Render scene {}", index + 1),
                None => "Render a scene".to_owned(),
            },
            Self::Export(job) => match job.settings.path.file_name() {
                Some(name) => format!("Export {}", name.to_string_lossy()),
                None => "Export the film".to_owned(),
            },
            Self::FetchModel(model, _) => format!("Download {}", model.title),
            Self::FreeModels => "Free the models' memory".to_owned(),
        }
    }

    /// Whether this job makes a waiting `other` pointless.
    pub(super) fn supersedes(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Draw(a), Self::Draw(b)) if a.target == b.target && a.size == b.size)
    }

    /// Whether the job is too short to be worth a line in the queue.
    pub(super) fn is_brief(&self) -> bool {
        matches!(self, Self::Draw(_) | Self::FreeModels)
    }
}
