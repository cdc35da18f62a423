//! The order in which renders are made.

use super::folder::{RecordedRender, RenderRecord};
use super::item::{FilmNow, RenderItem, RenderStage};
use crate::engine::job::JobId;
use crate::project::SceneId;
use std::time::{Duration, Instant};

/// A render, for as long as the queue lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RenderId(u64);

/// What a render is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenderState {
    /// Its turn will come.
    Waiting,
    /// The user has paused it.
    Paused,
    /// This job makes it.
    Running(JobId),
    /// This job makes it, and will put it aside after its present step.
    Pausing(JobId),
}

/// How a render's job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenderEnd {
    /// Its picture is in the project.
    Done,
    /// With an error.
    Failed,
    /// The user has cancelled it.
    Cancelled,
    /// It was put aside.
    Paused,
}

/// A line of the queue.
#[derive(Debug, Clone)]
pub struct RenderEntry {
    /// Its identity.
    pub id: RenderId,
    /// What is rendered.
    pub item: RenderItem,
    /// Steps that need not be made again, and steps in all, of one that was put aside.
    pub steps: Option<(u64, u64)>,
    paused: bool,
    moved: bool,
    running: Option<(JobId, Instant)>,
}

impl RenderEntry {
    /// What it is doing.
    pub fn state(&self) -> RenderState {
        match (self.running, self.paused) {
            (Some((job, _)), false) => RenderState::Running(job),
            (Some((job, _)), true) => RenderState::Pausing(job),
            (None, true) => RenderState::Paused,
            (None, false) => RenderState::Waiting,
        }
    }

    /// The job that makes it now.
    pub fn job(&self) -> Option<JobId> {
        self.running.map(|(job, _)| job)
    }
}

/// What is to be rendered, in order. It runs nothing itself: see the [module](super).
#[derive(Debug, Default)]
pub struct RenderQueue {
    entries: Vec<RenderEntry>,
    paused: bool,
    restored: bool,
    changed: bool,
    next: u64,
    /// How long the last render of each stage took.
    took: Vec<(RenderStage, Duration)>,
}

impl RenderQueue {
    /// The queue of a record: paused as a whole until [`Self::resume_all`] or [`Self::resume_restored`], since nothing is
    /// rendered unasked.
    pub fn restore(record: RenderRecord) -> Self {
        let mut queue = Self { paused: !record.renders.is_empty(), restored: true, ..Self::default() };
        for RecordedRender { item, paused, moved, steps } in record.renders {
            let id = queue.new_id();
            queue.entries.push(RenderEntry { id, item, steps, paused, moved, running: None });
        }
        queue.restored = queue.entries.iter().any(|entry| !entry.paused);
        queue
    }

    fn new_id(&mut self) -> RenderId {
        self.next += 1;
        RenderId(self.next)
    }

    /// What the queue holds, for the next time that the project is opened.
    pub fn record(&self) -> RenderRecord {
        let recorded = |entry: &RenderEntry| RecordedRender {
            item: entry.item.clone(),
            paused: entry.paused,
            moved: entry.moved,
            steps: None,
        };
        RenderRecord { renders: self.entries.iter().map(recorded).collect() }
    }

    /// Whether the record has changed since this was asked last.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Its lines: what runs first, then what waits, in order.
    pub fn entries(&self) -> &[RenderEntry] {
        &self.entries
    }

    /// One of its lines.
    pub fn entry(&self, id: RenderId) -> Option<&RenderEntry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    fn entry_mut(&mut self, id: RenderId) -> Option<&mut RenderEntry> {
        self.entries.iter_mut().find(|entry| entry.id == id)
    }

    /// The line that a job makes.
    pub fn of_job(&self, job: JobId) -> Option<&RenderEntry> {
        self.entries.iter().find(|entry| entry.job() == Some(job))
    }

    /// The line of an item.
    pub fn of_item(&self, item: &RenderItem) -> Option<&RenderEntry> {
        self.entries.iter().find(|entry| entry.item.is_same(item))
    }

    /// The job that runs.
    pub fn running(&self) -> Option<JobId> {
        self.entries.iter().find_map(RenderEntry::job)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the whole queue is paused.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// How many renders of an earlier session wait to be resumed or discarded.
    pub fn restored(&self) -> usize {
        let waiting = self.entries.iter().filter(|entry| !entry.paused).count();
        if self.restored && self.paused { waiting } else { 0 }
    }

    /// An estimate of how long all that waits will take, from what the last renders took; `None` before there were any.
    pub fn time_left(&self) -> Option<Duration> {
        let waiting = self.entries.iter().filter(|entry| entry.state() == RenderState::Waiting);
        let took = |entry: &RenderEntry| self.took.iter().find(|(stage, _)| *stage == entry.item.stage()).map(|t| t.1);
        waiting.map(took).sum()
    }

    /// Adds what is not in it yet: behind all of its own and earlier stages. What is paused is resumed.
    pub fn add(&mut self, items: impl IntoIterator<Item = RenderItem>) {
        for item in items {
            self.changed = true;
            if let Some(known) = self.entries.iter_mut().find(|entry| entry.item.is_same(&item)) {
                known.paused = false;
                continue;
            }
            let before = self.entries.iter().rposition(|entry| entry.item.stage() <= item.stage());
            let id = self.new_id();
            let entry = RenderEntry { id, item, steps: None, paused: false, moved: false, running: None };
            self.entries.insert(before.map_or(0, |index| index + 1), entry);
        }
    }

    /// The render whose turn it is: none while one runs. Forgets what is over, and adds what others need first.
    ///
    /// What the user has put in front comes first, else the scene in view within the first stage that has something to
    /// do. Whatever comes first, what it needs comes before it.
    pub fn next(&mut self, film: &FilmNow<'_>, in_view: Option<SceneId>) -> Option<RenderId> {
        if self.paused || self.running().is_some() {
            return None;
        }
        let before = self.entries.len();
        self.entries.retain(|entry| !entry.item.is_over(film));
        self.changed |= self.entries.len() != before;
        let waiting = self.entries.iter().filter(|entry| !entry.paused);
        let needs: Vec<RenderItem> = waiting.flat_map(|entry| entry.item.needs(film)).collect();
        for need in needs {
            if self.of_item(&need).is_none() {
                self.add([need]);
            }
        }
        let (first, ready) = self.entries.iter().find_map(|entry| Some((entry, self.ready(entry, film)?)))?;
        if first.moved {
            return Some(ready);
        }
        let in_view = in_view.and_then(|scene| {
            let of_view = |entry: &&RenderEntry| {
                let item = &entry.item;
                !entry.moved && item.stage() == first.item.stage() && item.is_in(scene, film)
            };
            self.entries.iter().filter(of_view).find_map(|entry| self.ready(entry, film))
        });
        Some(in_view.unwrap_or(ready))
    }

    /// The first thing that can be done for an entry: itself, or what it needs. `None` when something of it is paused.
    fn ready(&self, entry: &RenderEntry, film: &FilmNow<'_>) -> Option<RenderId> {
        if entry.paused {
            return None;
        }
        let needs = entry.item.needs(film);
        let needed: Option<Vec<RenderId>> = needs.iter().map(|need| self.ready(self.of_item(need)?, film)).collect();
        Some(needed?.first().copied().unwrap_or(entry.id))
    }

    /// Whether something is being rendered, or will be without a word of the user.
    pub fn goes_on(&self, film: &FilmNow<'_>) -> bool {
        !self.paused && self.entries.iter().any(|entry| !self.is_held_up(entry, film))
    }

    /// Whether a render, or something that it needs, is paused.
    fn is_held_up(&self, entry: &RenderEntry, film: &FilmNow<'_>) -> bool {
        let needs = || entry.item.needs(film);
        entry.paused || needs().iter().filter_map(|need| self.of_item(need)).any(|need| self.is_held_up(need, film))
    }

    /// The paused renders that one waits for.
    pub fn held_up_by(&self, id: RenderId, film: &FilmNow<'_>) -> Vec<&RenderEntry> {
        let needs = self.entry(id).map(|entry| entry.item.needs(film)).unwrap_or_default();
        needs.iter().filter_map(|need| self.of_item(need)).filter(|entry| entry.paused).collect()
    }

    /// Notes that a job was submitted for a render.
    pub fn started(&mut self, id: RenderId, job: JobId) {
        let Some(index) = self.entries.iter().position(|entry| entry.id == id) else { return };
        let mut entry = self.entries.remove(index);
        entry.running = Some((job, Instant::now()));
        self.entries.insert(0, entry);
        self.changed = true;
    }

    /// Notes how a job ended, and returns what it was for. `steps` are those that were made of one that was put aside.
    ///
    /// What needs something that failed or was cancelled is forgotten with it.
    pub fn ended(
        &mut self,
        job: JobId,
        end: RenderEnd,
        steps: Option<(u64, u64)>,
        film: &FilmNow<'_>,
    ) -> Option<RenderItem> {
        let index = self.entries.iter().position(|entry| entry.job() == Some(job))?;
        self.changed = true;
        let entry = &mut self.entries[index];
        let (_, since) = entry.running.take()?;
        let item = entry.item.clone();
        if end == RenderEnd::Paused {
            entry.steps = steps;
            return Some(item);
        }
        self.entries.remove(index);
        if end == RenderEnd::Done {
            self.took.retain(|(stage, _)| *stage != item.stage());
            self.took.push((item.stage(), since.elapsed()));
        } else {
            self.forget_what_needs(&item, film);
        }
        Some(item)
    }

    fn forget_what_needs(&mut self, item: &RenderItem, film: &FilmNow<'_>) {
        let needs_it = |entry: &RenderEntry| {
            entry.running.is_none() && entry.item.needs(film).iter().any(|need| need.is_same(item))
        };
        let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.entries).into_iter().partition(needs_it);
        self.entries = kept;
        // A clip goes with its still.
        gone.iter().for_each(|entry| self.forget_what_needs(&entry.item, film));
    }

    /// Takes a render out, and what needs it. Returns its job, to be cancelled, when it runs: it is out when that ends.
    pub fn cancel(&mut self, id: RenderId, film: &FilmNow<'_>) -> Option<JobId> {
        let index = self.entries.iter().position(|entry| entry.id == id)?;
        if let Some(job) = self.entries[index].job() {
            return Some(job);
        }
        let entry = self.entries.remove(index);
        self.changed = true;
        self.forget_what_needs(&entry.item, film);
        None
    }

    /// Takes everything out. Returns the job to be cancelled.
    pub fn cancel_all(&mut self) -> Option<JobId> {
        self.entries.retain(|entry| entry.running.is_some());
        (self.paused, self.restored, self.changed) = (false, false, true);
        self.running()
    }

    /// Pauses a render. Returns its job, to be paused, when it runs.
    pub fn pause(&mut self, id: RenderId) -> Option<JobId> {
        self.hold(id);
        self.entry(id)?.job()
    }

    /// Notes that a render is paused, and nothing else.
    pub fn hold(&mut self, id: RenderId) {
        self.changed = true;
        if let Some(entry) = self.entry_mut(id) {
            entry.paused = true;
        }
    }

    /// Lets a paused render go on when its turn comes, with what it needs; also when the whole queue was paused.
    pub fn resume(&mut self, id: RenderId, film: &FilmNow<'_>) {
        if self.paused {
            // The others stay as they were.
            self.paused = false;
            self.restored = false;
            self.entries.iter_mut().for_each(|entry| entry.paused |= entry.id != id);
        }
        self.resume_one(id);
        let needs = self.entry(id).map(|entry| entry.item.needs(film)).unwrap_or_default();
        for need in needs.iter().filter_map(|need| self.of_item(need).map(|entry| entry.id)).collect::<Vec<_>>() {
            self.resume(need, film);
        }
    }

    /// Takes back that a render was paused, and nothing else.
    pub fn resume_one(&mut self, id: RenderId) {
        self.changed = true;
        if let Some(entry) = self.entry_mut(id) {
            entry.paused = false;
        }
    }

    /// Pauses the whole queue. Returns the job to be paused.
    pub fn pause_all(&mut self) -> Option<JobId> {
        (self.paused, self.changed) = (true, true);
        self.running()
    }

    /// Lets everything go on.
    pub fn resume_all(&mut self) {
        (self.paused, self.restored, self.changed) = (false, false, true);
        self.entries.iter_mut().for_each(|entry| entry.paused = false);
    }

    /// Lets everything go on but what the user had paused by itself.
    pub fn resume_restored(&mut self) {
        (self.paused, self.restored, self.changed) = (false, false, true);
    }

    /// Moves a render to a place among those that wait, counted from 0; there it stays before whatever is in view.
    pub fn move_to(&mut self, id: RenderId, place: usize) {
        let Some(index) = self.entries.iter().position(|entry| entry.id == id) else { return };
        if self.entries[index].running.is_some() {
            return;
        }
        let mut entry = self.entries.remove(index);
        entry.moved = true;
        let running = self.entries.iter().filter(|entry| entry.running.is_some()).count();
        let place = (running + place).min(self.entries.len());
        self.entries.insert(place, entry);
        // All before it were left where they are by hand, too.
        self.entries[..place].iter_mut().for_each(|entry| entry.moved = true);
        self.changed = true;
    }

    /// The place of a render among those that wait, counted from 0.
    pub fn place(&self, id: RenderId) -> Option<usize> {
        self.entries.iter().filter(|entry| entry.running.is_none()).position(|entry| entry.id == id)
    }
}
