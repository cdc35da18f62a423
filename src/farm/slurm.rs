//! The scheduler's commands.

use super::script::arguments;
use super::{FarmError, Submission};
use serde::{Deserialize, Serialize};
use std::io;
use std::process::Command;

/// A job that the scheduler has taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmittedJob {
    /// The name of the submission: a stage's, or `collect`.
    pub name: String,
    /// The scheduler's number.
    pub id: String,
    /// The cluster, where there are several.
    #[serde(default)]
    pub cluster: Option<String>,
}

/// What the scheduler says of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskJob {
    /// The job's number.
    pub job: String,
    /// The task's number in the job's array; `None` for a job that has no tasks.
    pub index: Option<usize>,
    /// Where it is.
    pub state: JobState,
}

/// Where a task is, for the scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// In the queue.
    Waiting {
        /// In the scheduler's word, such as `Resources`.
        reason: String,
    },
    /// On a machine.
    Running {
        /// The machine's name.
        node: String,
        /// Until its time is up, as the scheduler writes it.
        time_left: Option<String>,
    },
    /// Ended by itself, without an error.
    Completed,
    /// Ended otherwise, in the scheduler's word, such as `TIMEOUT`.
    Ended(String),
}

/// What is needed of a scheduler.
pub trait Scheduler {
    /// Submits a job that starts when `after` has ended.
    ///
    /// # Errors
    /// When the scheduler refuses, with its own words.
    fn submit(&self, submission: &Submission, after: Option<&SubmittedJob>) -> Result<SubmittedJob, FarmError>;

    /// What the scheduler knows of these jobs. It forgets those that ended some time ago.
    ///
    /// # Errors
    /// When it does not answer.
    fn states(&self, jobs: &[SubmittedJob]) -> Result<Vec<TaskJob>, FarmError>;

    /// Ends jobs, running or not.
    ///
    /// # Errors
    /// When the scheduler refuses, with its own words.
    fn cancel(&self, jobs: &[SubmittedJob]) -> Result<(), FarmError>;
}

/// Slurm, by its own programs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Slurm;

impl Slurm {
    /// Whether jobs can be submitted from this machine.
    pub fn is_here() -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join("sbatch").is_file())
    }
}

impl Scheduler for Slurm {
    fn submit(&self, submission: &Submission, after: Option<&SubmittedJob>) -> Result<SubmittedJob, FarmError> {
        let arguments = arguments(submission, after.map(|job| job.id.as_str()))?;
        let answer = answer_of("sbatch", &arguments)?;
        let mut parts = answer.trim().split(';');
        let id = parts.next().unwrap_or_default();
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!("it gave no job number, but \"{}\"", answer.trim());
            return Err(FarmError::Scheduler { program: "sbatch", message });
        }
        let cluster = parts.next().map(str::to_owned);
        Ok(SubmittedJob { name: submission.name.to_owned(), id: id.to_owned(), cluster })
    }

    fn states(&self, jobs: &[SubmittedJob]) -> Result<Vec<TaskJob>, FarmError> {
        let mut found = Vec::new();
        for (cluster, ids) in by_cluster(jobs) {
            let mut arguments = cluster_argument(cluster);
            arguments.push(format!("--jobs={}", ids.join(",")));
            let mut squeue = arguments.clone();
            squeue.extend(["--noheader", "--array", "--states=all", "--format=%i|%T|%L|%r|%N"].map(str::to_owned));
            match answer_of("squeue", &squeue) {
                Ok(answer) => found.extend(answer.lines().filter_map(queued_task)),
                // It has forgotten all of them.
                Err(FarmError::Scheduler { message, .. }) if message.contains("Invalid job id") => {}
                Err(error) => return Err(error),
            }
            arguments.extend(["--noheader", "--parsable2", "--allocations", "--format=JobID,State"].map(str::to_owned));
            match answer_of("sacct", &arguments) {
                Ok(answer) => {
                    for task in answer.lines().filter_map(accounted_task) {
                        // The queue knows better what it still knows.
                        if !found.iter().any(|known| (&known.job, known.index) == (&task.job, task.index)) {
                            found.push(task);
                        }
                    }
                }
                // Many clusters keep no accounts; results and logs say what the queue has forgotten.
                Err(error) => log::debug!("no accounts: {error}"),
            }
        }
        Ok(found)
    }

    fn cancel(&self, jobs: &[SubmittedJob]) -> Result<(), FarmError> {
        for (cluster, ids) in by_cluster(jobs) {
            let mut arguments = cluster_argument(cluster);
            arguments.extend(ids.into_iter().map(str::to_owned));
            match answer_of("scancel", &arguments) {
                // Those that ended long ago need no end.
                Err(FarmError::Scheduler { message, .. }) if message.contains("Invalid job id") => {}
                other => drop(other?),
            }
        }
        Ok(())
    }
}

fn by_cluster(jobs: &[SubmittedJob]) -> Vec<(Option<&str>, Vec<&str>)> {
    let mut found: Vec<(Option<&str>, Vec<&str>)> = Vec::new();
    for job in jobs {
        match found.iter_mut().find(|(cluster, _)| *cluster == job.cluster.as_deref()) {
            Some((_, ids)) => ids.push(&job.id),
            None => found.push((job.cluster.as_deref(), vec![&job.id])),
        }
    }
    found
}

fn cluster_argument(cluster: Option<&str>) -> Vec<String> {
    cluster.map(|name| format!("--clusters={name}")).into_iter().collect()
}

/// What a program of the scheduler's prints.
fn answer_of(program: &'static str, arguments: &[String]) -> Result<String, FarmError> {
    // Its messages are read here.
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output().map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            FarmError::NoProgram { program }
        } else {
            FarmError::Scheduler { program, message: error.to_string() }
        }
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let message = lines.collect::<Vec<_>>().join("; ");
    let message = if message.is_empty() { output.status.to_string() } else { message };
    Err(FarmError::Scheduler { program, message })
}

/// `12_3|RUNNING|1:00:00|None|node7`
fn queued_task(line: &str) -> Option<TaskJob> {
    let mut fields = line.trim().split('|');
    let (job, index) = task_number(fields.next()?)?;
    let (state, time_left, reason) = (fields.next()?, fields.next()?, fields.next()?);
    let node = fields.next().unwrap_or_default().to_owned();
    let time_left = time_left.starts_with(|c: char| c.is_ascii_digit()).then(|| time_left.to_owned());
    Some(TaskJob { job, index, state: state_of(state, reason, node, time_left) })
}

/// `12_3|CANCELLED by 0`
fn accounted_task(line: &str) -> Option<TaskJob> {
    let (id, state) = line.trim().split_once('|')?;
    let (job, index) = task_number(id)?;
    let state = state.split_whitespace().next()?;
    Some(TaskJob { job, index, state: state_of(state, "", String::new(), None) })
}

fn state_of(word: &str, reason: &str, node: String, time_left: Option<String>) -> JobState {
    match word {
        "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" | "RESV_DEL_HOLD" => {
            JobState::Waiting { reason: reason.to_owned() }
        }
        "RUNNING" | "COMPLETING" | "CONFIGURING" | "RESIZING" | "SIGNALING" | "STAGE_OUT" | "STOPPED" | "SUSPENDED" => {
            JobState::Running { node, time_left }
        }
        "COMPLETED" => JobState::Completed,
        ended => JobState::Ended(ended.to_owned()),
    }
}

/// `12_3` or `12`. A range of waiting tasks, `12_[3-5%2]`, is none.
fn task_number(id: &str) -> Option<(String, Option<usize>)> {
    let (job, index) = match id.split_once('_') {
        Some((job, index)) => (job, Some(index.parse().ok()?)),
        None => (id, None),
    };
    job.bytes().all(|byte| byte.is_ascii_digit()).then(|| (job.to_owned(), index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queues_lines_are_read() {
        let task = |line| queued_task(line).map(|task| (task.job, task.index, task.state));
        let waiting = JobState::Waiting { reason: "BeginTime".to_owned() };
        assert_eq!(task("12_3|PENDING|UNLIMITED|BeginTime|"), Some(("12".to_owned(), Some(3), waiting)));
        let running = JobState::Running { node: "vm".to_owned(), time_left: Some("1:00:00".to_owned()) };
        assert_eq!(task("12_4|RUNNING|1:00:00|None|vm"), Some(("12".to_owned(), Some(4), running)));
        let ended = JobState::Ended("TIMEOUT".to_owned());
        assert_eq!(task("13|TIMEOUT|0:00|TimeLimit|vm"), Some(("13".to_owned(), None, ended)));
        for strange in ["", "slurm_load_jobs error", "12_[3-5%2]|PENDING|UNLIMITED|Resources|"] {
            assert_eq!(task(strange), None, "{strange}");
        }
        assert_eq!(accounted_task("12_3|CANCELLED by 0").unwrap().state, JobState::Ended("CANCELLED".to_owned()));
        assert_eq!(accounted_task("12_5|COMPLETED").unwrap().state, JobState::Completed);
    }
}
