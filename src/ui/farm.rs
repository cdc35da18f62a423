//! The open project on a cluster: a thread that looks at its runs, and what it finds.

use super::app::App;
use super::command::Dialog;
use crate::engine::{RenderStage, StudioModels};
use crate::farm::{
    self, Asked, Intake, Options, Plan, Ready, Run, RunStatus, Scheduler as _, Slurm, check_models, intake,
};
use crate::models::{ModelCache, Registry};
use crate::progress::Silent;
use crate::project::{Edit, Project, read_project};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Between two looks into the project's folder. Somebody may submit a run, or a task may end, at any time.
const EVERY: Duration = Duration::from_secs(5);
/// Runs that are shown.
const SHOWN: usize = 4;

/// How a film is sent to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendFilm {
    /// Tasks that may run at the same time; as many as the cluster allows without it.
    pub at_a_time: Option<usize>,
    /// Options of sbatch.
    pub options: Vec<String>,
}

/// What the window asks its thread for.
enum Ask {
    /// Whether somebody looks at the runs: then the scheduler is asked too.
    Watched(bool),
    Send(Box<ToSend>),
    Cancel(u32),
    /// Results for which the project has no place.
    Refused(Box<Ready>),
}

/// A film on its way to a cluster.
struct ToSend {
    project: Arc<Project>,
    registry: Arc<Registry>,
    cache: ModelCache,
    how: SendFilm,
}

/// What the thread has found.
enum News {
    /// Results that the saved project does not have.
    Ready(Vec<Ready>),
    /// The newest runs, newest first.
    Runs(Vec<RunStatus>),
    /// Something that was asked for is over, for better or worse.
    Done(Result<String, String>),
}

/// The runs of the open project.
pub(super) struct Farm {
    asks: Sender<Ask>,
    news: Receiver<News>,
    /// Results that were looked at in this session, by run and name.
    seen: HashSet<(u32, String)>,
    /// The newest runs, newest first; kept up to date while they are shown.
    pub runs: Vec<RunStatus>,
    is_watched: bool,
    /// Something that was asked for is not over yet.
    pub is_busy: bool,
    /// Whether jobs can be submitted from this machine.
    pub has_slurm: bool,
    /// What the last thing that was asked for came to.
    pub last: Option<Result<String, String>>,
}

impl Farm {
    /// Starts looking. The thread ends by itself soon after this is dropped; it holds nothing that anybody waits for.
    pub fn start(project: PathBuf, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (asks, asked) = bounded(64);
        let (sender, news) = bounded(64);
        let thread = std::thread::Builder::new().name("reelboard cluster".to_owned());
        thread.spawn(move || {
            Watch { project, sender, wake, is_watched: false, shown: None, ready: Vec::new() }.run(&asked)
        })?;
        let (seen, has_slurm) = (HashSet::new(), Slurm::is_here());
        Ok(Self { asks, news, seen, runs: Vec::new(), is_watched: false, is_busy: false, has_slurm, last: None })
    }

    /// Whether the thread has taken the question.
    fn ask(&self, ask: Ask) -> bool {
        self.asks.try_send(ask).is_ok()
    }

    fn ask_and_wait(&mut self, ask: Ask) {
        self.is_busy = self.ask(ask);
        self.last = (!self.is_busy).then(|| Err("too much was asked for already; try again in a moment".to_owned()));
    }
}

/// The thread's side.
struct Watch<W> {
    project: PathBuf,
    sender: Sender<News>,
    wake: W,
    is_watched: bool,
    /// What was told last.
    shown: Option<Vec<RunStatus>>,
    ready: Vec<Ready>,
}

impl<W: Fn()> Watch<W> {
    fn run(mut self, asked: &Receiver<Ask>) {
        loop {
            if let Err(error) = self.look() {
                log::warn!("{}: {error}", self.project.display());
            }
            match asked.recv_timeout(EVERY) {
                Ok(Ask::Watched(is_watched)) => self.is_watched = is_watched,
                Ok(Ask::Send(film)) => {
                    let sent = send(&self.project, &film).map_err(|error| error.to_string());
                    self.tell(News::Done(sent));
                }
                Ok(Ask::Cancel(number)) => {
                    let run = Run::find(&self.project, Some(number));
                    let cancelled = run.and_then(|run| Slurm.cancel(&run.jobs()?));
                    let text = |()| format!("run {number} ends; what it has finished is kept");
                    self.tell(News::Done(cancelled.map(text).map_err(|error| error.to_string())));
                }
                Ok(Ask::Refused(ready)) => {
                    if let Err(error) = ready.run.mark_collected([ready.name]) {
                        log::warn!("{error}");
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Looks for results, and for the state of runs while somebody wants to know it.
    fn look(&mut self) -> Result<(), farm::FarmError> {
        let mut ready = farm::ready(&self.project)?;
        if !ready.is_empty() {
            // What the saved project has is safe, and need not be looked at again.
            let mut saved = read_project(&self.project)?;
            let (safe, rest): (Vec<_>, Vec<_>) =
                ready.into_iter().partition(|ready| intake(&mut saved, &ready.record) == Intake::Known);
            for Ready { run, name, .. } in safe {
                run.mark_collected([name])?;
            }
            ready = rest;
        }
        if self.ready != ready {
            self.ready.clone_from(&ready);
            self.tell(News::Ready(ready));
        }
        if self.is_watched {
            let runs = Run::all(&self.project)?;
            let newest = runs.iter().rev().take(SHOWN);
            let scheduler: Option<&dyn farm::Scheduler> = if Slurm::is_here() { Some(&Slurm) } else { None };
            let states: Vec<RunStatus> = newest.map(|run| farm::status(run, scheduler)).collect::<Result<_, _>>()?;
            if self.shown.as_ref() != Some(&states) {
                self.shown = Some(states.clone());
                self.tell(News::Runs(states));
            }
        }
        Ok(())
    }

    fn tell(&self, news: News) {
        // A window that does not listen is one that has closed the project.
        let _ = self.sender.send(news);
        (self.wake)();
    }
}

/// Sends what the film lacks. Takes as long as reading the models through, the first time.
fn send(folder: &Path, film: &ToSend) -> Result<String, farm::FarmError> {
    let project = film.project.as_ref();
    let studio = StudioModels::new(&project.studio, Arc::clone(&film.registry), film.cache.clone())?;
    check_models(&studio, &RenderStage::ALL, &Silent)?;
    let asked = Asked { numbers: (1..=project.scenes.len()).collect(), only: None };
    let plan = Plan::of(&film.project, &studio, &asked)?;
    if plan.stages.is_empty() {
        return Ok("nothing to render: every scene has a take that is up to date".to_owned());
    }
    let models = film.cache.folder();
    let here =
        Options::of_this_machine(models).map_err(|source| farm::FarmError::Io { file: models.into(), source })?;
    let options = Options { at_a_time: film.how.at_a_time, for_all: film.how.options.clone(), ..here };
    let (run, _) = farm::send(folder, project, &plan, &options, &Slurm)?;
    Ok(format!("sent {} tasks as run {}", plan.tasks().count(), run.number()))
}

impl App {
    /// Begins to look at the runs of the open project.
    pub(super) fn watch_farm(&mut self) {
        let Some(doc) = &self.doc else { return };
        let ctx = self.ctx.clone();
        match Farm::start(doc.saver().folder().to_owned(), move || ctx.request_repaint()) {
            Ok(farm) => self.farm = Some(farm),
            Err(error) => self.complain(format!("results of a cluster are not taken in: {error}")),
        }
    }

    /// Sends the open film to a cluster.
    pub(super) fn send_film(&mut self, how: SendFilm) {
        let (Some(doc), Some(farm)) = (&self.doc, &mut self.farm) else { return };
        let (registry, cache) = (Arc::clone(&self.registry), self.cache.clone());
        farm.ask_and_wait(Ask::Send(Box::new(ToSend { project: Arc::clone(doc.project()), registry, cache, how })));
    }

    /// Ends the tasks of a run.
    pub(super) fn cancel_run(&mut self, number: u32) {
        if let Some(farm) = &mut self.farm {
            farm.ask_and_wait(Ask::Cancel(number));
        }
    }

    /// Takes in what the thread has found, and tells it whether somebody looks.
    pub(super) fn take_farm_news(&mut self) {
        let Some(farm) = &mut self.farm else { return };
        let is_watched = self.dialog == Some(Dialog::Farm);
        if farm.is_watched != is_watched && farm.ask(Ask::Watched(is_watched)) {
            farm.is_watched = is_watched;
        }
        let all: Vec<News> = farm.news.try_iter().collect();
        for news in all {
            match news {
                News::Ready(ready) => self.take_results(ready),
                News::Runs(runs) => {
                    if let Some(farm) = &mut self.farm {
                        farm.runs = runs;
                    }
                }
                News::Done(result) => {
                    if let Some(farm) = &mut self.farm {
                        (farm.is_busy, farm.last) = (false, Some(result));
                    }
                }
            }
        }
    }

    /// Makes results part of the project: pictures of the cast as steps of the history, takes as takes.
    fn take_results(&mut self, results: Vec<Ready>) {
        let (mut taken, mut words) = (0, Vec::new());
        for ready in results {
            let (Some(doc), Some(farm)) = (&mut self.doc, &mut self.farm) else { return };
            if !farm.seen.insert((ready.run.number(), ready.name.clone())) {
                continue;
            }
            match intake(doc.numbering(), &ready.record) {
                Intake::Edit(edit) => {
                    words.extend(ready.record.outcome.notes().iter().cloned());
                    taken += 1;
                    match edit {
                        take @ Edit::AddTake { .. } => {
                            if let Err(error) = doc.engine_edit(take) {
                                self.complain(error.to_string());
                            }
                        }
                        picture => self.edit(picture, None),
                    }
                }
                Intake::Known => {}
                Intake::Refused(why) => {
                    words.push(why);
                    farm.ask(Ask::Refused(Box::new(ready)));
                }
            }
        }
        if taken > 0 {
            let results = if taken == 1 { "1 result".to_owned() } else { format!("{taken} results") };
            words.insert(0, format!("{results} came in from the cluster"));
            self.rendering.look_at_models();
        }
        if !words.is_empty() {
            self.tell(words.join("; "));
        }
    }
}
