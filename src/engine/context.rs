//! What a running job reports to.

use super::cache::Cache;
use super::job::{JobEvent, JobId, JobStatus, Lane};
use super::renders::StateFile;
use crate::nets::denoise::Denoising;
use crate::progress::{Cancelled, Progress, Rgb8, StateError, Watch};
use crate::writer::WriterEvent;
use crossbeam_channel::Sender;
use image::{DynamicImage, RgbImage, RgbaImage};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Least time between two progress events of one job.
const EVENT_INTERVAL: Duration = Duration::from_millis(80);

/// What both sides know of a job: the client reads and cancels, the lane writes.
pub(super) struct Shared {
    pub id: JobId,
    pub lane: Lane,
    pub title: String,
    pub brief: bool,
    pub cancelled: AtomicBool,
    /// Whether it shall be put aside. Only jobs with a `state` can be.
    pub paused: AtomicBool,
    /// Where its half-made picture is kept.
    pub state: Option<StateFile>,
    done: AtomicU64,
    total: AtomicU64,
    timing: Mutex<Timing>,
    /// The newest look at what is being made.
    preview: Mutex<Option<Arc<RgbaImage>>>,
    notes: Mutex<Vec<String>>,
}

#[derive(Default)]
struct Timing {
    started: Option<Instant>,
    /// When the present stage began, and how many steps were done then.
    stage_started: Option<(Instant, u64)>,
    stage: String,
    last_event: Option<Instant>,
}

impl Shared {
    pub fn new(id: JobId, lane: Lane, title: String, brief: bool, state: Option<StateFile>) -> Arc<Self> {
        Arc::new(Self {
            id,
            lane,
            title,
            brief,
            cancelled: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            state,
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            timing: Mutex::default(),
            preview: Mutex::default(),
            notes: Mutex::default(),
        })
    }

    fn timing(&self) -> MutexGuard<'_, Timing> {
        self.timing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn start(&self) {
        self.timing().started = Some(Instant::now());
    }

    pub fn status(&self) -> JobStatus {
        let (done, total) = (self.done.load(Relaxed), self.total.load(Relaxed));
        let timing = self.timing();
        let time_left = timing.stage_started.and_then(|(since, first)| {
            let steps = done.checked_sub(first).filter(|steps| *steps > 0 && total > done)?;
            Some(since.elapsed().mul_f64((total - done) as f64 / steps as f64))
        });
        JobStatus {
            id: self.id,
            lane: self.lane,
            title: self.title.clone(),
            running: timing.started.is_some(),
            can_pause: self.state.is_some(),
            stage: timing.stage.clone(),
            done,
            total,
            elapsed: timing.started.map_or(Duration::ZERO, |started| started.elapsed()),
            time_left,
            preview: self.preview.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// Where events go: a bounded channel, and a call that wakes the client up.
#[derive(Clone)]
pub(super) struct EventSink {
    pub sender: Sender<JobEvent>,
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

impl EventSink {
    /// Delivers an event. A client that is gone is not an error: the engine is shutting down.
    pub fn send(&self, event: JobEvent) {
        let _ = self.sender.send(event);
        (self.wake)();
    }
}

/// The running job's side of its status: progress, stage, cancellation and what it streams.
pub struct JobCx {
    pub(super) shared: Arc<Shared>,
    pub(super) events: EventSink,
    pub(super) services: Services,
}

/// What all jobs share.
#[derive(Clone, Default)]
pub(super) struct Services {
    pub cache: Option<Arc<Cache>>,
    /// Raised from outside to end all work: jobs that can be paused are, others are cancelled.
    pub interrupt: Option<Arc<AtomicBool>>,
}

impl JobCx {
    /// Tells the client what a writer says.
    pub fn writer_event(&self, event: WriterEvent) {
        let job = self.shared.id;
        self.events.send(match event {
            WriterEvent::Story(text) => JobEvent::Story { job, text: text.to_owned() },
            WriterEvent::Scene { index, scene, complete } => {
                JobEvent::Scene { job, index, scene: scene.clone(), complete }
            }
            WriterEvent::Proposal(proposal) => JobEvent::Proposal { job, proposal: Box::new(proposal.clone()) },
            WriterEvent::Camera { index, camera } => JobEvent::Camera { job, index, camera },
            WriterEvent::Description { kind, name, round, text, complete } => {
                let (name, text) = (name.to_owned(), text.to_owned());
                JobEvent::Description { job, kind, name, round, text, complete }
            }
        });
    }

    /// What the stages wanted the user to know, so far.
    pub(super) fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the job shall be put aside: asked for, or since all work is to end.
    pub(super) fn is_put_aside(&self) -> bool {
        let shared = &self.shared;
        let asked = shared.paused.load(Relaxed) || self.is_interrupted();
        shared.state.is_some() && asked && !shared.cancelled.load(Relaxed)
    }

    fn is_interrupted(&self) -> bool {
        self.services.interrupt.as_ref().is_some_and(|interrupt| interrupt.load(Relaxed))
    }

    /// The half-made picture that these models began, if there is a whole one.
    pub(super) fn kept(&self, models: &str) -> Option<Denoising> {
        let bytes = self.shared.state.as_ref()?.read(models)?;
        match Denoising::from_bytes(&bytes, &candle_core::Device::Cpu) {
            Ok(state) => Some(state),
            Err(error) => {
                log::warn!("{error}");
                None
            }
        }
    }

    /// Keeps the half-made picture. One that cannot be kept is made all the same.
    pub(super) fn keep(&self, models: &str, steps: (u64, u64), state: &dyn Fn() -> Result<Vec<u8>, StateError>) {
        let Some(file) = &self.shared.state else { return };
        let kept = state().and_then(|bytes| Ok(file.write(models, steps, &bytes)?));
        if let Err(error) = kept {
            log::warn!("{}: {error}", file.path().display());
            self.note(
                "the steps so far could not be kept on the disk; should the program end now, they are made again",
            );
        }
    }

    fn progress_event(&self, now: bool) {
        let mut timing = self.shared.timing();
        if now || timing.last_event.is_none_or(|last| last.elapsed() >= EVENT_INTERVAL) {
            timing.last_event = Some(Instant::now());
            drop(timing);
            self.events.send(JobEvent::Progress(self.shared.id));
        }
    }
}

impl Progress for JobCx {
    fn step(&self, done: u64, total: u64) -> Result<(), Cancelled> {
        // What was made so far is kept, so a pause may end the work here like a cancel.
        let ends = self.shared.cancelled.load(Relaxed) || self.is_put_aside() || self.is_interrupted();
        if ends {
            return Err(Cancelled);
        }
        self.shared.done.store(done, Relaxed);
        self.shared.total.store(total, Relaxed);
        self.shared.timing().stage_started.get_or_insert_with(|| (Instant::now(), done));
        self.progress_event(false);
        Ok(())
    }

    fn stage(&self, name: &str) {
        let mut timing = self.shared.timing();
        timing.stage = name.to_owned();
        timing.stage_started = None;
        drop(timing);
        self.shared.done.store(0, Relaxed);
        self.shared.total.store(0, Relaxed);
        self.progress_event(true);
    }
}

impl Watch for JobCx {
    fn preview(&self, frames: &dyn Fn() -> Vec<Rgb8>) {
        // Of a clip, the frame in the middle: the first is the still.
        let mut frames = frames();
        if frames.is_empty() {
            return;
        }
        let Rgb8 { width, height, pixels } = frames.swap_remove(frames.len() / 2);
        if let Some(picture) = RgbImage::from_raw(width, height, pixels) {
            let picture = Arc::new(DynamicImage::ImageRgb8(picture).into_rgba8());
            *self.shared.preview.lock().unwrap_or_else(PoisonError::into_inner) = Some(picture);
            self.progress_event(false);
        }
    }

    fn wants_pause(&self) -> bool {
        self.is_put_aside()
    }

    fn note(&self, text: &str) {
        let mut notes = self.shared.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.iter().any(|known| known == text) {
            notes.push(text.to_owned());
        }
    }
}
