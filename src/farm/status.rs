//! How far a run is, from the scheduler's word and from what tasks have left.

use super::run::result_name;
use super::{FarmError, JobState, Outcome, Record, Run, Scheduler, Task, TaskJob};
use serde::Serialize;
use std::fmt;

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunStatus {
    /// Its number.
    pub run: u32,
    /// The studio that renders.
    pub studio: String,
    /// In seconds since 1970.
    pub submitted_unix_secs: u64,
    /// Every task, in the order of the stages.
    pub tasks: Vec<TaskStatus>,
    /// Why the scheduler was not asked or did not answer; results are known all the same.
    pub scheduler_problem: Option<String>,
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskStatus {
    /// The stage's name.
    pub stage: &'static str,
    /// The task's number in its stage.
    pub number: usize,
    /// What it makes.
    pub work: String,
    /// Where it is.
    #[serde(flatten)]
    pub state: TaskState,
}

/// Where a task is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum TaskState {
    /// In the queue, or not known to it yet.
    Waiting {
        /// For what, in the scheduler's word.
        reason: Option<String>,
    },
    /// On a machine.
    Running {
        /// The machine's name.
        node: Option<String>,
        /// The last line that it has said: its step and its own estimate.
        said: Option<String>,
        /// Until the scheduler ends it.
        time_limit_left: Option<String>,
    },
    /// There is a result.
    Done {
        /// Whether it is part of the project.
        collected: bool,
    },
    /// There will be none.
    Failed {
        /// Why, in one line.
        reason: String,
    },
}

impl TaskState {
    /// Whether it may still bring a result.
    pub fn is_under_way(&self) -> bool {
        matches!(self, Self::Waiting { .. } | Self::Running { .. })
    }
}

impl RunStatus {
    /// How many tasks wait, run, are done, and have failed.
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for task in &self.tasks {
            counts[match task.state {
                TaskState::Waiting { .. } => 0,
                TaskState::Running { .. } => 1,
                TaskState::Done { .. } => 2,
                TaskState::Failed { .. } => 3,
            }] += 1;
        }
        counts
    }

    /// Whether it may still bring results.
    pub fn is_under_way(&self) -> bool {
        self.tasks.iter().any(|task| task.state.is_under_way())
    }
}

/// How far `run` is. Without a scheduler, only what tasks have left counts.
pub fn status(run: &Run, scheduler: Option<&dyn Scheduler>) -> Result<RunStatus, FarmError> {
    let plan = run.plan()?;
    let jobs = run.jobs()?;
    let is_done = |(_, record): &(String, Record)| !matches!(record.outcome, Outcome::Failed(_));
    let is_over = run.records(&plan)?.iter().filter(|record| is_done(record)).count() == plan.tasks().count();
    // Asked before the results are read again: a task that ends in between is then done, not lost. Of a run that is
    // over, the scheduler knows nothing that counts.
    let asked = scheduler.filter(|_| !is_over);
    let (known, scheduler_problem) = match asked.map(|scheduler| scheduler.states(&jobs)) {
        Some(Ok(known)) => (Some(known), None),
        Some(Err(error)) => (None, Some(error.to_string())),
        None => (None, None),
    };
    let (records, collected) = (run.records(&plan)?, run.collected()?);
    let mut tasks = Vec::new();
    for (stage, task) in plan.tasks() {
        let name = result_name(task);
        let record = records.iter().find(|(known, _)| *known == name).map(|(_, record)| record);
        let job = jobs.iter().find(|job| job.name == stage.name());
        let scheduled = known.as_ref().map(|known| {
            let mut of_job = known.iter().filter(|task| job.is_some_and(|job| job.id == task.job));
            of_job.find(|scheduled| scheduled.index == Some(task.number))
        });
        let state = match record {
            Some(Record { outcome: Outcome::Reference { .. } | Outcome::Take { .. }, .. }) => {
                TaskState::Done { collected: collected.contains(&name) }
            }
            failed => unfinished(run, task, failed, job.is_some(), scheduled),
        };
        tasks.push(TaskStatus { stage: stage.name(), number: task.number, work: task.to_string(), state });
    }
    let (studio, submitted_unix_secs) = (plan.studio, plan.submitted_unix_secs);
    Ok(RunStatus { run: run.number(), studio, submitted_unix_secs, tasks, scheduler_problem })
}

/// Where a task without a result is. `scheduled` is what the scheduler says of it, if it was asked.
fn unfinished(
    run: &Run,
    task: &Task,
    failed: Option<&Record>,
    is_submitted: bool,
    scheduled: Option<Option<&TaskJob>>,
) -> TaskState {
    let said = || run.last_log_line(task);
    match (scheduled.map(|task| task.map(|task| &task.state)), failed) {
        (Some(Some(JobState::Waiting { reason })), _) => {
            TaskState::Waiting { reason: Some(reason.clone()).filter(|reason| !reason.is_empty() && reason != "None") }
        }
        (Some(Some(JobState::Running { node, time_left })), _) => {
            TaskState::Running { node: Some(node.clone()), said: said(), time_limit_left: time_left.clone() }
        }
        // A failure is the task's own word; the log may go on with the scheduler's.
        (_, Some(Record { outcome: Outcome::Failed(reason), .. })) => TaskState::Failed { reason: reason.clone() },
        (Some(Some(JobState::Ended(word))), _) => {
            let word = word.to_lowercase().replace('_', " ");
            TaskState::Failed { reason: said().map_or(word.clone(), |line| format!("{word}: {line}")) }
        }
        (Some(Some(JobState::Completed) | None), _) if is_submitted => {
            let line = said().unwrap_or_else(|| "it has said nothing".to_owned());
            TaskState::Failed { reason: format!("ended without a result: {line}") }
        }
        (Some(_), _) => TaskState::Failed { reason: "it was not submitted".to_owned() },
        (None, _) => match said() {
            Some(line) => TaskState::Running { node: None, said: Some(line), time_limit_left: None },
            None => TaskState::Waiting { reason: None },
        },
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { reason: None } => f.write_str("waiting"),
            Self::Waiting { reason: Some(reason) } => write!(f, "waiting ({reason})"),
            Self::Running { node, said, time_limit_left } => {
                f.write_str("running")?;
                if let Some(node) = node {
                    write!(f, " on {node}")?;
                }
                if let Some(left) = time_limit_left {
                    write!(f, ", {left} left of its time")?;
                }
                said.as_ref().map_or(Ok(()), |said| write!(f, ": {said}"))
            }
            Self::Done { collected: true } => f.write_str("done"),
            Self::Done { collected: false } => f.write_str("done, not in the project yet"),
            Self::Failed { reason } => write!(f, "failed: {reason}"),
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [waiting, running, done, failed] = self.counts();
        let parts = [(done, "done"), (running, "running"), (waiting, "waiting"), (failed, "failed")];
        let parts: Vec<String> =
            parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
        writeln!(f, "run {} with the {} studio: {}", self.run, self.studio, parts.join(", "))?;
        for task in &self.tasks {
            writeln!(f, "  {:<12} {:<24} {}", task.stage, task.work, task.state)?;
        }
        match &self.scheduler_problem {
            Some(problem) => writeln!(f, "what the scheduler knows is missing: {problem}"),
            None => Ok(()),
        }
    }
}
