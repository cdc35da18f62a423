//! The client's side of the engine.

use super::cache::Cache;
use super::context::{EventSink, Services, Shared};
use super::job::{JobEvent, JobId, JobOutput, JobSpec, JobStatus, Lane};
use super::lane::{self, Queue};
use super::pictures::Pictures;
use super::renders::StateFile;
use super::run::LaneState;
use crossbeam_channel::{Receiver, bounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

/// Events that may wait for a client before the lanes wait for it.
const EVENTS: usize = 1024;

/// Runs jobs in the background. Dropping it cancels everything and waits for the threads.
pub struct Engine {
    lanes: Vec<(Lane, Arc<Queue>, JoinHandle<()>)>,
    events: Option<Receiver<JobEvent>>,
    sink: EventSink,
    pictures: Arc<Pictures>,
    next: AtomicU64,
}

/// What an engine may use.
#[derive(Default)]
pub struct EngineOptions {
    /// Where results are kept from run to run; without it they are worked out each time.
    pub cache: Option<Cache>,
    /// Ends all work when it is raised: jobs that can be paused are, others are cancelled.
    pub interrupt: Option<Arc<AtomicBool>>,
}

/// More jobs wait than the engine takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue is full; wait for some jobs to finish or cancel them")]
pub struct QueueFull;

impl Engine {
    /// Starts the threads. `wake` is called from them after every event.
    pub fn start(wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Self> {
        Self::start_with(EngineOptions::default(), wake)
    }

    /// Starts the threads with more to use.
    pub fn start_with(options: EngineOptions, wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Self> {
        let services = Services { cache: options.cache.map(Arc::new), interrupt: options.interrupt };
        let (sender, receiver) = bounded(EVENTS);
        let sink = EventSink { sender, wake: Arc::new(wake) };
        let pictures = Arc::new(Pictures::default());
        let mut lanes = Vec::new();
        for lane in [Lane::Models, Lane::Pictures, Lane::Films, Lane::Transfers] {
            let queue = Arc::new(Queue::default());
            let state = LaneState::new(Arc::clone(&pictures));
            let thread = lane::start(lane, Arc::clone(&queue), sink.clone(), services.clone(), state)?;
            lanes.push((lane, queue, thread));
        }
        Ok(Self { lanes, events: Some(receiver), sink, pictures, next: AtomicU64::new(1) })
    }

    fn queue(&self, lane: Lane) -> &Queue {
        let found = self.lanes.iter().find(|(l, ..)| *l == lane);
        &found.expect("every lane is started").1
    }

    /// Queues a job.
    pub fn submit(&self, spec: JobSpec) -> Result<JobId, QueueFull> {
        self.push(spec, None)
    }

    /// Queues a job that keeps its half-made picture in `state` after every denoising step, and goes on from what is
    /// there. It can be paused, and survives the end of the program. No two such jobs may have one file.
    pub fn submit_kept(&self, spec: JobSpec, state: StateFile) -> Result<JobId, QueueFull> {
        self.push(spec, Some(state))
    }

    fn push(&self, spec: JobSpec, state: Option<StateFile>) -> Result<JobId, QueueFull> {
        let id = JobId(self.next.fetch_add(1, Relaxed));
        let lane = spec.lane();
        let shared = Shared::new(id, lane, spec.title(), spec.is_brief(), state);
        if self.queue(lane).push(shared, spec) { Ok(id) } else { Err(QueueFull) }
    }

    fn find(&self, id: JobId) -> Option<(&Queue, Arc<Shared>)> {
        self.lanes.iter().find_map(|(_, queue, _)| {
            let shared = queue.jobs().into_iter().find(|shared| shared.id == id)?;
            Some((&**queue, shared))
        })
    }

    /// Cancels a job: a waiting one at once, a running one at its next step.
    pub fn cancel(&self, id: JobId) {
        let Some((queue, shared)) = self.find(id) else { return };
        shared.cancelled.store(true, Relaxed);
        if queue.remove(&shared).is_some() {
            self.sink.send(JobEvent::Cancelled(id));
        }
    }

    /// Puts a job aside: a waiting one at once, a running one at its next step. Its half-made picture stays on the disk.
    ///
    /// Returns whether it can be put aside: only jobs of [`Self::submit_kept`] can.
    pub fn pause(&self, id: JobId) -> bool {
        let Some((queue, shared)) = self.find(id) else { return false };
        if shared.state.is_none() {
            return false;
        }
        shared.paused.store(true, Relaxed);
        if queue.remove(&shared).is_some() {
            self.sink.send(JobEvent::Paused(id));
        }
        true
    }

    /// Lets a waiting job be the next one of its lane. Returns whether it was waiting.
    pub fn put_first(&self, id: JobId) -> bool {
        self.find(id).is_some_and(|(queue, shared)| queue.put_first(&shared))
    }

    /// The events since the last call, oldest first. Never waits.
    pub fn drain(&self) -> Vec<JobEvent> {
        self.events.iter().flat_map(Receiver::try_iter).collect()
    }

    /// Running and waiting jobs, without those that take an instant.
    pub fn jobs(&self) -> Vec<JobStatus> {
        let all = self.lanes.iter().flat_map(|(_, queue, _)| queue.jobs());
        all.filter(|shared| !shared.brief).map(|shared| shared.status()).collect()
    }

    /// The status of one job that waits or runs.
    pub fn job(&self, id: JobId) -> Option<JobStatus> {
        let mut all = self.lanes.iter().flat_map(|(_, queue, _)| queue.jobs());
        all.find(|shared| shared.id == id).map(|shared| shared.status())
    }

    /// Decoded photos, shared by all jobs.
    pub fn pictures(&self) -> &Arc<Pictures> {
        &self.pictures
    }

    /// Runs one job to its end on the calling thread's time, for clients that have nothing else to do.
    ///
    /// `on_event` sees every event of the job; returning `false` cancels it.
    pub fn run(
        &self,
        spec: JobSpec,
        mut on_event: impl FnMut(&JobEvent, Option<JobStatus>) -> bool,
    ) -> Result<JobOutput, RunError> {
        let id = self.submit(spec)?;
        self.wait(id, &mut on_event)
    }

    /// [`Self::run`] for a job of [`Self::submit_kept`].
    pub fn run_kept(
        &self,
        spec: JobSpec,
        state: StateFile,
        mut on_event: impl FnMut(&JobEvent, Option<JobStatus>) -> bool,
    ) -> Result<JobOutput, RunError> {
        let id = self.submit_kept(spec, state)?;
        self.wait(id, &mut on_event)
    }

    fn wait(
        &self,
        id: JobId,
        on_event: &mut dyn FnMut(&JobEvent, Option<JobStatus>) -> bool,
    ) -> Result<JobOutput, RunError> {
        let events = self.events.as_ref().expect("the receiver lives until the engine is dropped");
        loop {
            let event = events.recv().map_err(|_| RunError::Failed("the engine has stopped".to_owned()))?;
            if event.job() != id {
                continue;
            }
            if !on_event(&event, self.job(id)) {
                self.cancel(id);
            }
            match event {
                JobEvent::Finished { output, .. } => return Ok(*output),
                JobEvent::Failed { message, .. } => return Err(RunError::Failed(message)),
                JobEvent::Cancelled(_) => return Err(RunError::Cancelled),
                JobEvent::Paused(_) => return Err(RunError::Paused),
                _ => {}
            }
        }
    }
}

/// Why [`Engine::run`] has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The job failed, for the reason given in one line.
    #[error("{0}")]
    Failed(String),
    /// The client cancelled it.
    #[error("cancelled")]
    Cancelled,
    /// It was put aside.
    #[error("paused")]
    Paused,
    /// It was not started.
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
}

impl Drop for Engine {
    fn drop(&mut self) {
        for (_, queue, _) in &self.lanes {
            queue.close();
        }
        // A lane that waits for room in the channel goes on when the receiver is gone.
        self.events = None;
        for (lane, _, thread) in self.lanes.drain(..) {
            if thread.join().is_err() {
                log::error!("the {lane:?} thread ended with a panic");
            }
        }
    }
}
