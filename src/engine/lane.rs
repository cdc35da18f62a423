//! One thread with a queue.

use super::context::{EventSink, JobCx, Services, Shared};
use super::job::{JobEvent, JobSpec, Lane};
use super::run::{JobError, LaneState};
use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a model stays loaded after its last use.
const KEEP_MODELS: Duration = Duration::from_secs(60);
/// More waiting jobs than this are refused.
const CAPACITY: usize = 1024;

#[derive(Default)]
struct State {
    waiting: VecDeque<(Arc<Shared>, JobSpec)>,
    running: Option<Arc<Shared>>,
    closed: bool,
}

/// The queue that a client pushes to and a thread takes from.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a job, in place of a waiting one that it supersedes. `false` when the queue is full.
    pub fn push(&self, shared: Arc<Shared>, spec: JobSpec) -> bool {
        let mut state = self.state();
        if let Some(waiting) = state.waiting.iter_mut().find(|(_, waiting)| spec.supersedes(waiting)) {
            *waiting = (shared, spec);
        } else if state.waiting.len() >= CAPACITY {
            return false;
        } else {
            state.waiting.push_back((shared, spec));
        }
        self.changed.notify_one();
        true
    }

    /// Every running and waiting job, in the order in which they run.
    pub fn jobs(&self) -> Vec<Arc<Shared>> {
        let state = self.state();
        state.running.iter().chain(state.waiting.iter().map(|(shared, _)| shared)).cloned().collect()
    }

    /// Takes a waiting job out. `None` when it is running or over.
    pub fn remove(&self, shared: &Arc<Shared>) -> Option<JobSpec> {
        let mut state = self.state();
        let index = state.waiting.iter().position(|(waiting, _)| Arc::ptr_eq(waiting, shared))?;
        state.waiting.remove(index).map(|(_, spec)| spec)
    }

    /// Lets a waiting job run next. `false` when it is not waiting.
    pub fn put_first(&self, shared: &Arc<Shared>) -> bool {
        let mut state = self.state();
        let Some(index) = state.waiting.iter().position(|(waiting, _)| Arc::ptr_eq(waiting, shared)) else {
            return false;
        };
        let Some(job) = state.waiting.remove(index) else { return false };
        state.waiting.push_front(job);
        true
    }

    /// Ends the thread after cancelling what it does.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.waiting.clear();
        if let Some(running) = &state.running {
            running.cancelled.store(true, Relaxed);
        }
        self.changed.notify_all();
    }

    fn next(&self, idle: impl FnOnce()) -> Option<(Arc<Shared>, JobSpec)> {
        let mut idle = Some(idle);
        let mut state = self.state();
        state.running = None;
        loop {
            if state.closed {
                return None;
            }
            if let Some((shared, spec)) = state.waiting.pop_front() {
                shared.start();
                state.running = Some(Arc::clone(&shared));
                return Some((shared, spec));
            }
            state = match idle.take() {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(f) => {
                    let (state, timeout) =
                        self.changed.wait_timeout(state, KEEP_MODELS).unwrap_or_else(PoisonError::into_inner);
                    if timeout.timed_out() {
                        f()
                    } else {
                        idle = Some(f)
                    }
                    state
                }
            };
        }
    }
}

/// Starts the thread of a lane.
pub(super) fn start(
    lane: Lane,
    queue: Arc<Queue>,
    events: EventSink,
    services: Services,
    mut state: LaneState,
) -> std::io::Result<JoinHandle<()>> {
    let name = format!("reelboard {lane:?}").to_lowercase();
    std::thread::Builder::new().name(name).spawn(move || {
        while let Some((shared, spec)) = queue.next(|| state.free_models()) {
            let job = shared.id;
            events.send(JobEvent::Started(job));
            let cx = JobCx { shared, events: events.clone(), services: services.clone() };
            let result = catch_unwind(AssertUnwindSafe(|| state.run(spec, &cx)));
            let event = match result {
                Ok(Ok(output)) => JobEvent::Finished { job, output: Box::new(output) },
                Ok(Err(JobError::PutAside)) => JobEvent::Paused(job),
                Ok(Err(JobError::Cancelled(_))) if cx.is_put_aside() => JobEvent::Paused(job),
                Ok(Err(JobError::Cancelled(_))) => JobEvent::Cancelled(job),
                Ok(Err(error)) => JobEvent::Failed { job, message: error.to_string() },
                Err(panic) => {
                    state.free_models();
                    JobEvent::Failed { job, message: format!("stopped by an internal error: {}", panic_text(&*panic)) }
                }
            };
            queue.state().running = None;
            events.send(event);
        }
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it gave no reason")
}
