//! What each job does.

use super::animate::render_clip;
use super::context::JobCx;
use super::job::{
    DrawJob, DrawTarget, ExportJob, IllustrateJob, JobOutput, JobSpec, PhotoJob, ReviseJob, TakeJob, WriteJob,
};
use super::pictures::{PictureError, Pictures, fitted};
use super::shown::Shown;
use super::studio::{LoadedStudio, StudioModels};
use crate::draft::render_shots;
use crate::export::{ClipFileError, CutList, ExportError, FrameError, export_film};
use crate::image::{
    CutOut, CutOutError, Finding, PhotoError, PictureError as StageError, mask_from_alpha, read_photo, read_photo_file,
};
use crate::models::{ComputeError, ModelCache, ModelError, ModelSpec, RegistryError, Role};
use crate::progress::{Cancelled, Progress};
use crate::project::{
    DRAFT_STUDIO, Entity, EntityKind, EntitySummary, Format, MediaName, Project, Proposal, RecipeEntity, Reference,
    ReferenceSource, SceneId, StoreError, entities, wanted_recipe,
};
use crate::video::AnimateError;
use crate::writer::{
    DescribeRequest, OnEvent, ReviseRequest, ServerWriter, WriteRequest, Writer, WriterError, WriterHome, Written,
};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, GenericImageView, GrayImage, ImageEncoder, RgbaImage};
use std::path::PathBuf;
use std::sync::Arc;

/// Width of a thumbnail, in pixels.
const THUMBNAIL: u32 = 480;
/// Stills of an exported film are drawn larger than its frames, since most camera moves show only a part of them.
const OVERSCAN: f32 = 1.25;

/// Why a job ended without a result.
#[derive(Debug, thiserror::Error)]
pub(super) enum JobError {
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error(transparent)]
    Writer(WriterError),
    #[error(transparent)]
    Model(ModelError),
    #[error(transparent)]
    Photo(#[from] PhotoError),
    #[error(transparent)]
    CutOut(CutOutError),
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Export(ExportError),
    #[error("scene {} is no longer in the project", .0.0)]
    NoScene(SceneId),
    #[error("the model list gives {0} no file")]
    NoFile(String),
    #[error("the {studio} studio has no {role}; choose another studio")]
    NoModel { studio: String, role: Role },
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Stage(StageError),
    #[error("{0}")]
    NoRoom(String),
    #[error("the device ran out of memory ({0}); close other programs, or choose a cheaper plan")]
    OutOfMemory(String),
    #[error(transparent)]
    Compute(#[from] ComputeError),
    #[error(transparent)]
    Animate(AnimateError),
    #[error("the still {still} is no take of scene {}; render the still first", .scene.0)]
    NoStill { scene: SceneId, still: MediaName },
    #[error("{}: no action prototypes: {reason}; use the release's file, or leave it out", path.display())]
    Prototypes { path: PathBuf, reason: String },
    #[error("cannot write the clip: {0}")]
    ClipFile(#[from] ClipFileError),
    #[error("cannot encode a picture as PNG: {0}")]
    Encode(#[from] image::ImageError),
    /// Its half-made picture is on the disk.
    #[error("put aside")]
    PutAside,
}

impl From<StageError> for JobError {
    fn from(error: StageError) -> Self {
        match error {
            StageError::Cancelled(cancelled) => Self::Cancelled(cancelled),
            StageError::Paused(_) => Self::PutAside,
            error if error.is_out_of_memory() => Self::OutOfMemory(error.to_string()),
            error => Self::Stage(error),
        }
    }
}

impl From<AnimateError> for JobError {
    fn from(error: AnimateError) -> Self {
        match error {
            AnimateError::Cancelled(cancelled) => Self::Cancelled(cancelled),
            AnimateError::Paused(_) => Self::PutAside,
            error if error.is_out_of_memory() => Self::OutOfMemory(error.to_string()),
            error => Self::Animate(error),
        }
    }
}

/// A stage's own "cancelled" is the job's.
macro_rules! from_cancellable {
    ($($error:ident => $variant:ident),*) => {$(
        impl From<$error> for JobError {
            fn from(error: $error) -> Self {
                match error {
                    $error::Cancelled(cancelled) => Self::Cancelled(cancelled),
                    error => Self::$variant(error),
                }
            }
        }
    )*};
}
from_cancellable!(WriterError => Writer, ModelError => Model, CutOutError => CutOut, ExportError => Export);

/// What a lane keeps from job to job.
pub(super) struct LaneState {
    pictures: Arc<Pictures>,
    writer: Option<(PathBuf, Writer)>,
    cut_out: Option<CutOut>,
    studio: LoadedStudio,
}

impl LaneState {
    pub fn new(pictures: Arc<Pictures>) -> Self {
        Self { pictures, writer: None, cut_out: None, studio: LoadedStudio::default() }
    }

    pub fn free_models(&mut self) {
        self.writer = None;
        self.cut_out = None;
        self.studio.clear();
    }

    pub fn run(&mut self, spec: JobSpec, cx: &JobCx) -> Result<JobOutput, JobError> {
        cx.step(0, 0)?;
        match spec {
            JobSpec::Write(job) => self.write(&job, cx),
            JobSpec::Revise(job) => {
                let ReviseJob { request, model, cache, home } = *job;
                let mut proposal = self.pen(&model, &cache, &home, cx)?.revise(&request, cx)?;
                proposal.notes.extend(cx.take_notes());
                Ok(JobOutput::Proposal(Box::new(proposal)))
            }
            JobSpec::ImportPhoto(job) => self.import_photo(job, cx),
            JobSpec::Illustrate(job) => self.illustrate(job, cx),
            JobSpec::Draw(job) => self.draw(job),
            JobSpec::RenderTake(job) => self.render_take(&job, cx),
            JobSpec::RenderClip(job) => {
                self.writer = None;
                render_clip(&mut self.studio, &job, cx)
            }
            JobSpec::Decode(job) => {
                let clip = self.pictures.clip(&job.media, &job.take, job.format)?;
                Ok(JobOutput::Clip { clip })
            }
            JobSpec::Follow(job) => {
                job.clip.follow(job.frame);
                Ok(JobOutput::Followed)
            }
            JobSpec::Export(job) => self.export(&job, cx),
            JobSpec::FetchModel(model, cache) => {
                cache.fetch(&model, cx)?;
                Ok(JobOutput::Model { id: model.id })
            }
            JobSpec::FreeModels => {
                self.free_models();
                Ok(JobOutput::Nothing)
            }
        }
    }

    /// The writer, loaded unless it is, with the user's prompts.
    fn ready_writer(
        &mut self,
        model: &ModelSpec,
        cache: &ModelCache,
        home: &WriterHome,
        cx: &JobCx,
    ) -> Result<&mut Writer, JobError> {
        let first = model.files.first().ok_or_else(|| JobError::NoFile(model.id.clone()))?;
        cx.stage("checking the writer");
        let path = match model.is_folder() {
            true => cache.checked_folder(model, cx)?,
            false => cache.checked_path(model, &first.name, cx)?,
        };
        let writer = match self.writer.take() {
            Some((loaded, writer)) if loaded == path => writer,
            // The old one is dropped before the new one takes its memory.
            other => {
                drop(other);
                Writer::load(&path, cx)?
            }
        };
        let checksums: Option<Vec<String>> = model.files.iter().map(|file| cache.sha256(model, &file.name)).collect();
        let writer = &mut self.writer.insert((path, writer)).1;
        writer.set_prompts(home.prompts()?);
        if let (Some(prefixes), Some(checksums)) = (&home.prefixes, checksums) {
            writer.keep_prefixes(prefixes.clone(), checksums.join(" "));
        }
        writer.limit_context(model.defaults.context_tokens.map_or(usize::MAX, |tokens| tokens as usize));
        Ok(writer)
    }

    /// Whoever writes, here or on a server, with the user's prompts.
    fn pen(
        &mut self,
        model: &ModelSpec,
        cache: &ModelCache,
        home: &WriterHome,
        cx: &JobCx,
    ) -> Result<Pen<'_>, JobError> {
        let Some(server) = &model.server else {
            return Ok(Pen::Here(self.ready_writer(model, cache, home, cx)?));
        };
        // The memory is better left to the server, which may be on this machine.
        self.writer = None;
        let mut writer = ServerWriter::new(server.clone());
        writer.set_prompts(home.prompts()?);
        Ok(Pen::Server(Box::new(writer)))
    }

    fn write(&mut self, job: &WriteJob, cx: &JobCx) -> Result<JobOutput, JobError> {
        write_with(&mut self.pen(&job.model, &job.cache, &job.home, cx)?, job, cx)
    }

    fn import_photo(&mut self, job: PhotoJob, cx: &JobCx) -> Result<JobOutput, JobError> {
        cx.stage("reading the photo");
        let file = job.path.display().to_string();
        let bytes = read_photo_file(&job.path)?;
        let photo = read_photo(&file, &bytes)?;
        let extension = match job.path.extension().and_then(|extension| extension.to_str()) {
            Some(extension) => extension.to_lowercase(),
            None => "photo".to_owned(),
        };
        let (mask, note) = match job.kind {
            // A place uses the whole picture.
            EntityKind::Background => (None, None),
            EntityKind::Foreground => self.mask(&photo, None, cx)?,
        };
        cx.step(1, 1)?;
        let picture = job.media.put(&bytes, &extension)?;
        let mask = mask.map(|mask| -> Result<MediaName, JobError> {
            Ok(job.media.put(&png(&DynamicImage::ImageLuma8(mask))?, "png")?)
        });
        let file_name = job.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let source = ReferenceSource::Photo { file_name };
        let reference = Reference { source, picture, mask: mask.transpose()? };
        Ok(JobOutput::Reference { kind: job.kind, name: job.name, reference, note })
    }

    /// The mask of a photo, or none and what to tell the user.
    fn mask(
        &mut self,
        photo: &DynamicImage,
        studio: Option<&StudioModels>,
        cx: &JobCx,
    ) -> Result<(Option<GrayImage>, Option<String>), JobError> {
        if photo.color().has_alpha()
            && let Some(mask) = mask_from_alpha(&photo.to_rgba8())
        {
            // Somebody cut it out already, and better than a network can.
            return Ok((Some(mask), None));
        }
        let photo = photo.to_rgb8();
        let network = studio.map_or_else(|| Some("built-in".to_owned()), StudioModels::segmenter_identity);
        let pixels = blake3::hash(photo.as_raw()).to_hex();
        let key = network.map(|network| format!("mask\n{network}\n{:?} {pixels}", photo.dimensions()));
        let cache = cx.services.cache.as_ref().zip(key);
        if let Some(known) = cache.as_ref().and_then(|(cache, key)| cache.get(key))
            && let Some(mask) = GrayImage::from_raw(photo.width(), photo.height(), known)
        {
            return Ok((Some(mask), None));
        }
        let of_studio = match studio {
            Some(studio) => self.studio.cut_out(studio, cx)?,
            None => None,
        };
        let network = match (of_studio, &mut self.cut_out) {
            (Some(network), _) => network,
            (None, Some(network)) => network,
            (None, none) => none.insert(CutOut::load_builtin()?),
        };
        cx.stage("cutting out");
        let finding = network.cut_out(&photo, cx)?;
        let note = finding.notice().map(str::to_owned);
        match finding {
            Finding::Subject { mask, .. } => {
                if let Some((cache, key)) = cache {
                    cache.put(&key, mask.as_raw());
                }
                Ok((Some(mask), note))
            }
            Finding::NothingStoodOut => Ok((None, note)),
        }
    }

    fn draw(&self, job: DrawJob) -> Result<JobOutput, JobError> {
        let project = &job.project;
        let picture = match &job.target {
            DrawTarget::Scene(id) => {
                let scene = project.scene(*id).ok_or(JobError::NoScene(*id))?;
                self.pictures.scene(project, scene, &job.media, job.size)?
            }
            DrawTarget::Entity(kind, name) => {
                self.pictures.entity(*kind, name, project.cast_entry(*kind, name), &job.media, job.size[0])?
            }
            DrawTarget::Take(id, take) => {
                let scene = project.scene(*id).ok_or(JobError::NoScene(*id))?;
                let take = scene.takes.iter().find(|t| t.id == *take).ok_or(JobError::NoScene(*id))?;
                fitted(&self.pictures.take(&job.media, take, project.format)?, job.size[0])
            }
            DrawTarget::Draft(id) => {
                let scene = project.scene(*id).ok_or(JobError::NoScene(*id))?;
                self.pictures.draft(project, scene, &job.media, job.size)?
            }
            DrawTarget::Used(used) => {
                let RecipeEntity { name, kind, description, reference } = (**used).clone();
                let then = Entity { name, kind, description, reference };
                self.pictures.entity(then.kind, &then.name, Some(&then), &job.media, job.size[0])?
            }
        };
        let thumbnail = Arc::new(fitted(&picture, THUMBNAIL));
        Ok(JobOutput::Picture { target: job.target, tag: job.tag, picture: Arc::new(picture), thumbnail })
    }

    fn illustrate(&mut self, job: IllustrateJob, cx: &JobCx) -> Result<JobOutput, JobError> {
        let entity = (job.kind, job.name.as_str());
        // A writer and a painter seldom fit into memory together.
        self.writer = None;
        let picture = self.studio.illustrate(&job.studio, &job.project, entity, job.seed, cx)?;
        let picture = DynamicImage::ImageRgb8(picture);
        let (mask, note) = match job.kind {
            EntityKind::Background => (None, None),
            EntityKind::Foreground => self.mask(&picture, Some(&job.studio), cx)?,
        };
        let mut notes = cx.take_notes();
        notes.extend(note);
        let mask = mask.map(|mask| -> Result<MediaName, JobError> {
            Ok(job.media.put(&png(&DynamicImage::ImageLuma8(mask))?, "png")?)
        });
        let picture = job.media.put(&png(&picture)?, "png")?;
        let reference = Reference { source: ReferenceSource::Generated, picture, mask: mask.transpose()? };
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        Ok(JobOutput::Reference { kind: job.kind, name: job.name, reference, note })
    }

    fn render_take(&mut self, job: &TakeJob, cx: &JobCx) -> Result<JobOutput, JobError> {
        let scene = job.project.scene(job.scene).ok_or(JobError::NoScene(job.scene))?;
        let (picture, recipe) = match &job.studio {
            None => {
                let Format { width, height, .. } = job.project.format;
                let picture = self.pictures.draft(&job.project, scene, &job.media, [width, height])?;
                cx.step(1, 2)?;
                (DynamicImage::ImageRgba8(picture), wanted_recipe(&job.project, scene, DRAFT_STUDIO, &[]))
            }
            Some(studio) => {
                self.writer = None;
                let picture = self.studio.compose(studio, &job.project, scene, &job.media, cx)?;
                let mut recipe = studio.wanted_recipe(&job.project, scene);
                recipe.made_on = self.studio.made_on();
                (DynamicImage::ImageRgb8(picture), recipe)
            }
        };
        let media = job.media.put(&png(&picture)?, "png")?;
        Ok(JobOutput::Take { scene: job.scene, media, recipe: Box::new(recipe), notes: cx.take_notes() })
    }

    fn export(&self, job: &ExportJob, cx: &JobCx) -> Result<JobOutput, JobError> {
        let settings = &job.settings;
        let mut project = Project::clone(&job.project);
        project.format.fps = settings.fps;
        let cut = CutList::new(&project);
        let overscan = |side: u32| (side as f32 * OVERSCAN) as u32;
        let size = [overscan(settings.width), overscan(settings.height)];
        // The scene that is shown, and the one that a dissolve leads away from.
        let mut scenes: Vec<(usize, Shown)> = Vec::new();
        let mut draw = |frame: u64, out: &mut RgbaImage| -> Result<(), FrameError> {
            let visible = cut.visible_at(frame).expect("every frame of the film shows a scene");
            let shown = visible.mix.map(|mix| (mix.scene, mix.t)).into_iter().chain([(visible.scene, visible.t)]);
            scenes.retain(|(scene, _)| shown.clone().any(|(index, _)| index == *scene));
            for (index, _) in shown {
                if !scenes.iter().any(|(scene, _)| *scene == index) {
                    let scene = &project.scenes[index];
                    let shown = Shown::of(&self.pictures, &project, scene, &job.media, size);
                    scenes.push((index, shown.map_err(|source| SceneError { number: index + 1, source })?));
                }
            }
            let shot = |index: usize, t: f32| {
                let found = scenes.iter().find(|(scene, _)| *scene == index);
                found.expect("visible scenes were just made ready").1.at(&project.scenes[index], t)
            };
            let (incoming, view) = shot(visible.scene, visible.t);
            let incoming = (&*incoming, view);
            match visible.mix {
                None => render_shots(incoming, None, out),
                Some(mix) => {
                    let (from, view) = shot(mix.scene, mix.t);
                    render_shots((&from, view), Some((incoming, mix.incoming)), out);
                }
            }
            Ok(())
        };
        let report = export_film(&mut draw, cut.total_frames(), settings, cx)?;
        Ok(JobOutput::Film { path: settings.path.clone(), report })
    }
}

/// A writer that is ready, here or on a server.
enum Pen<'a> {
    Here(&'a mut Writer),
    Server(Box<ServerWriter>),
}

impl Pen<'_> {
    fn write(&mut self, request: &WriteRequest, cx: &JobCx) -> Result<Written, WriterError> {
        let on_event: &mut OnEvent = &mut |event| cx.writer_event(event);
        match self {
            Self::Here(writer) => writer.write(request, cx, on_event),
            Self::Server(writer) => writer.write(request, cx, on_event),
        }
    }

    fn revise(&mut self, request: &ReviseRequest, cx: &JobCx) -> Result<Proposal, WriterError> {
        let on_event: &mut OnEvent = &mut |event| cx.writer_event(event);
        match self {
            Self::Here(writer) => writer.revise(request, cx, on_event),
            Self::Server(writer) => writer.revise(request, cx, on_event),
        }
    }

    fn describe(&mut self, request: &DescribeRequest, cx: &JobCx) -> Result<String, WriterError> {
        let on_event: &mut OnEvent = &mut |event| cx.writer_event(event);
        match self {
            Self::Here(writer) => writer.describe(request, cx, on_event),
            Self::Server(writer) => writer.describe(request, cx, on_event),
        }
    }
}

/// Writes the script, and describes who and what comes back in it.
fn write_with(pen: &mut Pen, job: &WriteJob, cx: &JobCx) -> Result<JobOutput, JobError> {
    let mut written = pen.write(&job.request, cx)?;
    let mut descriptions = Vec::new();
    if job.describe {
        let mut film = Project::new(&job.request.premise);
        for edit in written.script.insert_edits(&mut film, job.request.seed) {
            film.apply(edit).expect("a script's scenes fit an empty project");
        }
        let common: Vec<_> = entities(&film).into_iter().filter(|entity| entity.is_common()).collect();
        for (i, entity) in common.iter().enumerate() {
            cx.stage(&format!("describing {} ({} of {})", entity.name, i + 1, common.len()));
            let request = DescribeRequest {
                premise: written.english.as_ref().unwrap_or(&job.request.premise).clone(),
                name: entity.name.clone(),
                kind: entity.kind,
                scene: first_scene(&film, entity),
                seed: job.request.seed,
                sampling: job.request.sampling,
            };
            let text = pen.describe(&request, cx)?;
            descriptions.push((entity.kind, entity.name.clone(), text));
        }
    }
    written.notes.extend(cx.take_notes());
    Ok(JobOutput::Script { script: written.script, descriptions, notes: written.notes })
}

/// A scene of the film cannot be shown.
#[derive(Debug, thiserror::Error)]
#[error("scene {number}: {source}")]
struct SceneError {
    number: usize,
    source: PictureError,
}

/// The prompt of the first scene that shows an entity.
fn first_scene(film: &Project, entity: &EntitySummary) -> String {
    let first = entity.scenes.first().and_then(|id| film.scene(*id));
    first.map(|scene| scene.prompt.clone()).unwrap_or_default()
}

/// Encodes a picture without loss, in a fraction of a second for a film frame.
fn png(picture: &DynamicImage) -> Result<Vec<u8>, image::ImageError> {
    let mut bytes = Vec::new();
    let (width, height) = picture.dimensions();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive).write_image(
        picture.as_bytes(),
        width,
        height,
        picture.color().into(),
    )?;
    Ok(bytes)
}
