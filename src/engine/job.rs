//! What can be asked of the engine, and what it answers.

use super::clip::Clip;
use super::studio::StudioModels;
use crate::export::{ExportReport, ExportSettings};
use crate::models::{ModelCache, ModelSpec};
use crate::project::{
    CameraMove, EntityKind, Format, MediaFolder, MediaName, Project, Proposal, Recipe, RecipeEntity, Reference,
    SceneId, Script, ScriptScene, Take, TakeId,
};
use crate::writer::{DescribeRound, ReviseRequest, WriteRequest, WriterHome};
use image::RgbaImage;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A job, for as long as the engine lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub(in crate::engine) u64);

/// A thread of the engine, with a queue of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Owns every loaded model: writing, cutting out, the stages of studios.
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
    /// Writes a script.
    Write(WriteJob),
    /// Makes a proposal of how to revise a script.
    Revise(Box<ReviseJob>),
    /// Takes a photo into the project as a reference.
    ImportPhoto(PhotoJob),
    /// Makes a picture of an entity and stores it in the project's media.
    Illustrate(IllustrateJob),
    /// Draws a scene or an entity as it is now. A newer one for the same thing replaces one that still waits.
    Draw(DrawJob),
    /// Makes a take of a scene and stores it in the project's media.
    RenderTake(TakeJob),
    /// Makes a clip of a scene's still and stores it in the project's media.
    RenderClip(ClipJob),
    /// Decodes the clip of a scene.
    Decode(DecodeJob),
    /// Finds out how a frame of a clip becomes the next one.
    Follow(FollowJob),
    /// Writes the film to a file.
    Export(ExportJob),
    /// Downloads the files of a model.
    FetchModel(Box<ModelSpec>, ModelCache),
    /// Gives the memory of all loaded models back.
    FreeModels,
}

/// Writes a script for a premise.
#[derive(Debug, Clone)]
pub struct WriteJob {
    /// What to write.
    pub request: WriteRequest,
    /// The writer: a GGUF file, or the files of a published folder.
    pub model: Box<ModelSpec>,
    /// Where its files are.
    pub cache: ModelCache,
    /// Also describe the entities that appear in several scenes.
    pub describe: bool,
    /// The user's prompts, and what was read before.
    pub home: WriterHome,
}

/// Makes a proposal of how to revise a script.
#[derive(Debug, Clone)]
pub struct ReviseJob {
    /// What to do, with a snapshot of the film.
    pub request: ReviseRequest,
    /// The writer: a GGUF file, or the files of a published folder.
    pub model: Box<ModelSpec>,
    /// Where its files are.
    pub cache: ModelCache,
    /// The user's prompts, and what was read before.
    pub home: WriterHome,
}

/// Takes a photo into a project as the reference of an entity.
#[derive(Debug, Clone)]
pub struct PhotoJob {
    /// Whether the photo is of a place, which uses the whole of it.
    pub kind: EntityKind,
    /// The entity, as the scenes spell it.
    pub name: String,
    /// The photo's file.
    pub path: PathBuf,
    /// The project's pictures.
    pub media: MediaFolder,
}

/// Makes a picture of an entity with a studio's illustrator.
#[derive(Debug, Clone)]
pub struct IllustrateJob {
    /// A snapshot of the project.
    pub project: Arc<Project>,
    /// Whether it is a place, which is not cut out.
    pub kind: EntityKind,
    /// The entity, as the scenes spell it.
    pub name: String,
    /// Another seed makes another picture.
    pub seed: u64,
    /// The project's pictures.
    pub media: MediaFolder,
    /// The models.
    pub studio: StudioModels,
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
    /// A scene's draft, whatever take the film uses.
    Draft(SceneId),
    /// An entity as a take used it.
    Used(Box<RecipeEntity>),
}

/// Draws one scene or entity of a project as it is now.
#[derive(Debug, Clone)]
pub struct DrawJob {
    /// A snapshot of the project; only the target and what it refers to are looked at.
    pub project: Arc<Project>,
    /// What to draw.
    pub target: DrawTarget,
    /// The project's pictures.
    pub media: MediaFolder,
    /// Pixels: width, height.
    pub size: [u32; 2],
    /// Given back with the picture, so that the client knows what it shows.
    pub tag: u64,
}

/// Makes a take of one scene.
#[derive(Debug, Clone)]
pub struct TakeJob {
    /// A snapshot of the project.
    pub project: Arc<Project>,
    /// The scene.
    pub scene: SceneId,
    /// The project's pictures.
    pub media: MediaFolder,
    /// The models; `None` keeps the draft.
    pub studio: Option<StudioModels>,
}

/// Makes a clip of one scene.
#[derive(Debug, Clone)]
pub struct ClipJob {
    /// A snapshot of the project, with the still among the scene's takes.
    pub project: Arc<Project>,
    /// The scene.
    pub scene: SceneId,
    /// The still that it starts from.
    pub still: MediaName,
    /// The project's pictures.
    pub media: MediaFolder,
    /// The models.
    pub studio: StudioModels,
}

/// Decodes one clip.
#[derive(Debug, Clone)]
pub struct DecodeJob {
    /// The clip.
    pub take: Take,
    /// The film that it is shown in.
    pub format: Format,
    /// The project's pictures.
    pub media: MediaFolder,
}

/// Finds out how a frame of a clip becomes the next one. That is then known to all who have the clip.
#[derive(Debug, Clone)]
pub struct FollowJob {
    /// The clip.
    pub clip: Arc<Clip>,
    /// The frame, counted from 0.
    pub frame: usize,
}

/// Writes the film to a file.
#[derive(Debug, Clone)]
pub struct ExportJob {
    /// A snapshot of the project.
    pub project: Arc<Project>,
    /// The project's pictures.
    pub media: MediaFolder,
    /// Where to, and how.
    pub settings: ExportSettings,
}

/// What a finished job made.
#[derive(Debug, Clone)]
pub enum JobOutput {
    /// The script, and a paragraph on the looks of each recurring entity.
    Script {
        /// The scenes in their final form.
        script: Script,
        /// Kind, name and looks.
        descriptions: Vec<(EntityKind, String, String)>,
        /// What the user should know.
        notes: Vec<String>,
    },
    /// What the writer proposes. Nothing of it is part of the project.
    Proposal(Box<Proposal>),
    /// A photo that is now in the project's media.
    Reference {
        /// Of a place or not.
        kind: EntityKind,
        /// The entity.
        name: String,
        /// What the entity gets.
        reference: Reference,
        /// What to tell the user.
        note: Option<String>,
    },
    /// A drawn picture.
    Picture {
        /// What it shows.
        target: DrawTarget,
        /// As given with the job.
        tag: u64,
        /// The picture.
        picture: Arc<RgbaImage>,
        /// The same picture, at most 480 pixels wide.
        thumbnail: Arc<RgbaImage>,
    },
    /// A finished still or clip in the media folder.
    Take {
        /// Its scene.
        scene: SceneId,
        /// Its file.
        media: MediaName,
        /// How it was made.
        recipe: Box<Recipe>,
        /// What to tell the user.
        notes: Vec<String>,
    },
    /// A decoded clip.
    Clip {
        /// Its frames.
        clip: Arc<Clip>,
    },
    /// The clip of a [`FollowJob`] knows more.
    Followed,
    /// A finished film.
    Film {
        /// Its file.
        path: PathBuf,
        /// Its length and size.
        report: ExportReport,
    },
    /// A downloaded model.
    Model {
        /// Its id.
        id: String,
    },
    /// There is nothing to hand over.
    Nothing,
}

/// What happened to a job.
#[derive(Debug, Clone)]
pub enum JobEvent {
    /// The job runs.
    Started(JobId),
    /// There is news in the job's [`JobStatus`].
    Progress(JobId),
    /// The writer has more of a scene; `complete` when it will not change any more.
    Scene {
        /// The job.
        job: JobId,
        /// Which scene, from 0.
        index: usize,
        /// What there is of it.
        scene: ScriptScene,
        /// Whether it is final, but for its camera.
        complete: bool,
    },
    /// The writer has more of the story's plan.
    Story {
        /// The job.
        job: JobId,
        /// What there is of it.
        text: String,
    },
    /// The writer has more of a proposal.
    Proposal {
        /// The job.
        job: JobId,
        /// What there is of it.
        proposal: Box<Proposal>,
    },
    /// The writer has planned the camera of a scene.
    Camera {
        /// The job.
        job: JobId,
        /// Which scene, from 0.
        index: usize,
        /// How the camera moves.
        camera: CameraMove,
    },
    /// The writer has more to say on the looks of somebody or something.
    Description {
        /// The job.
        job: JobId,
        /// Of a place or not.
        kind: EntityKind,
        /// The entity.
        name: String,
        /// What is being said.
        round: DescribeRound,
        /// What there is of it.
        text: String,
        /// Whether this round is done; after the last one, the text is the description.
        complete: bool,
    },
    /// The job is done.
    Finished {
        /// The job.
        job: JobId,
        /// What it made.
        output: Box<JobOutput>,
    },
    /// The job ended without a result, for the reason given in one line.
    Failed {
        /// The job.
        job: JobId,
        /// The reason.
        message: String,
    },
    /// The user stopped it.
    Cancelled(JobId),
    /// It was put aside, and goes on from where it was when it is submitted again.
    Paused(JobId),
}

impl JobEvent {
    /// The job that it is about.
    pub fn job(&self) -> JobId {
        match self {
            Self::Started(job) | Self::Progress(job) | Self::Cancelled(job) | Self::Paused(job) => *job,
            Self::Story { job, .. }
            | Self::Scene { job, .. }
            | Self::Proposal { job, .. }
            | Self::Camera { job, .. }
            | Self::Description { job, .. }
            | Self::Finished { job, .. }
            | Self::Failed { job, .. } => *job,
        }
    }
}

/// A waiting or running job, as the queue shows it.
#[derive(Debug, Clone)]
pub struct JobStatus {
    /// The job.
    pub id: JobId,
    /// Where it runs.
    pub lane: Lane,
    /// What the queue calls it.
    pub title: String,
    /// Whether it runs or waits.
    pub running: bool,
    /// Whether it can be put aside and taken up again.
    pub can_pause: bool,
    /// What it is doing now; may be empty.
    pub stage: String,
    /// Steps that are done.
    pub done: u64,
    /// 0 when the end is not known.
    pub total: u64,
    /// Since it started.
    pub elapsed: Duration,
    /// Estimated from the steps done so far.
    pub time_left: Option<Duration>,
    /// A look at what there is so far, where the stage has one.
    pub preview: Option<Arc<RgbaImage>>,
}

impl JobSpec {
    pub(super) fn lane(&self) -> Lane {
        match self {
            Self::Write(_)
            | Self::Revise(_)
            | Self::ImportPhoto(_)
            | Self::Illustrate(_)
            | Self::RenderClip(_)
            | Self::FreeModels => Lane::Models,
            Self::RenderTake(job) if job.studio.is_some() => Lane::Models,
            Self::Draw(_) | Self::Decode(_) | Self::Follow(_) | Self::RenderTake(_) => Lane::Pictures,
            Self::Export(_) => Lane::Films,
            Self::FetchModel(..) => Lane::Transfers,
        }
    }

    /// What the queue calls it.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Write(_) => "Write the script".to_owned(),
            Self::Revise(job) => format!("Writer: {}", job.request.revision.title(&job.request.project)),
            Self::ImportPhoto(job) => format!("Cut out the photo of {}", job.name),
            Self::Illustrate(job) => format!("Make a picture of {}", job.name),
            Self::Draw(_) => "Draw a draft".to_owned(),
            Self::Decode(_) => "Decode a clip".to_owned(),
            Self::Follow(_) => "Follow what moves in a clip".to_owned(),
            Self::RenderTake(job) => match job.project.scene_index(job.scene) {
                Some(index) => format!("Render scene {}", index + 1),
                None => "Render a scene".to_owned(),
            },
            Self::RenderClip(job) => match job.project.scene_index(job.scene) {
                Some(index) => format!("Animate scene {}", index + 1),
                None => "Animate a scene".to_owned(),
            },
            Self::Export(job) => match job.settings.path.file_name() {
                Some(name) => format!("Export {}", name.to_string_lossy()),
                None => "Export the film".to_owned(),
            },
            Self::FetchModel(model, _) if model.is_made() => format!("Make {}", model.title),
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
        matches!(self, Self::Draw(_) | Self::Decode(_) | Self::Follow(_) | Self::FreeModels)
    }
}
