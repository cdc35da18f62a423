//! From a plan to what the scheduler is given: pure text.

use super::{FarmError, Plan, Run, StagePlan};
use crate::models::user_registry_file;
use std::io;
use std::path::{Path, PathBuf};

/// How a run is submitted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Reelboard on the machines of the cluster.
    pub program: PathBuf,
    /// The model folder there.
    pub models: PathBuf,
    /// The user's own list of models there, if there is one.
    pub model_list: Option<PathBuf>,
    /// Tasks that may run at the same time; as many as the cluster allows without it.
    pub at_a_time: Option<usize>,
    /// Options of sbatch for tasks that render, such as `--gres=gpu:1`.
    pub for_tasks: Vec<String>,
    /// Options of sbatch for every job, such as `--partition=gpu`.
    pub for_all: Vec<String>,
    /// Whether a last job takes the results in.
    pub collect: bool,
}

impl Options {
    /// This program with the models of this machine, for a cluster that has both at the same paths.
    pub fn of_this_machine(models: &Path) -> io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            models: std::path::absolute(models)?,
            model_list: user_registry_file().filter(|list| list.exists()).map(std::path::absolute).transpose()?,
            collect: true,
            ..Self::default()
        })
    }
}

/// One job for the scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The stage's name, or `collect`.
    pub name: &'static str,
    /// What is run.
    pub script: String,
    /// Options of sbatch, without those that depend on other jobs.
    pub arguments: Vec<String>,
    /// The file that holds the script.
    pub file: PathBuf,
}

/// The name of the job that takes the results in.
const COLLECT: &str = "collect";
/// How often a task that lost its machine or was killed is tried again by itself.
const RETRIES: u32 = 3;
/// How often a task whose time was up goes on.
const RENEWALS: u32 = 100;

/// Options that decide how a run hangs together, and what to use instead.
const RESERVED: [(&str, &str); 12] = [
    ("--array", "choose scenes with --scenes, and how many run at a time with --tasks"),
    ("-a", "choose scenes with --scenes, and how many run at a time with --tasks"),
    ("--chdir", "tasks run in the folder of their run"),
    ("-D", "tasks run in the folder of their run"),
    ("--dependency", "stages wait for each other by themselves"),
    ("-d", "stages wait for each other by themselves"),
    ("--error", "logs lie in the folder of the run"),
    ("-e", "logs lie in the folder of the run"),
    ("--output", "logs lie in the folder of the run"),
    ("-o", "logs lie in the folder of the run"),
    ("--wait", "ask with \"reelboard farm status\""),
    ("--wrap", "the tasks are Reelboard's"),
];

/// The jobs of a run, each waiting for the one before.
pub fn submissions(run: &Run, plan: &Plan, options: &Options) -> Result<Vec<Submission>, FarmError> {
    for option in options.for_tasks.iter().chain(&options.for_all) {
        let name = option.split('=').next().unwrap_or(option);
        // A short option may have its value right behind it.
        let reserved = RESERVED.iter().find(|(reserved, _)| match reserved.strip_prefix("--") {
            Some(_) => name == *reserved,
            None => !name.starts_with("--") && name.starts_with(reserved),
        });
        if let Some((_, instead)) = reserved {
            return Err(FarmError::Reserved { option: name.to_owned(), instead });
        }
    }
    let folder = text(run.folder())?;
    let mut jobs = Vec::new();
    for stage in &plan.stages {
        let name = stage.stage.name();
        // A minute before its time is up, a task keeps its last step and goes back into the queue.
        let mut arguments = vec![format!("--job-name=reelboard-{name}"), "--signal=B:USR1@60".to_owned()];
        arguments.extend(options.for_all.iter().chain(&options.for_tasks).cloned());
        arguments.extend([
            format!("--array={}", array(stage, options.at_a_time)),
            format!("--chdir={folder}"),
            format!("--output=logs/{name}-%a.log"),
            "--open-mode=append".to_owned(),
            "--requeue".to_owned(),
        ]);
        let (file, script) = (run.folder().join(format!("{name}.sh")), task_script(run, name, options)?);
        jobs.push(Submission { name, script, arguments, file });
    }
    if options.collect && !jobs.is_empty() {
        let mut arguments = vec![format!("--job-name=reelboard-{COLLECT}")];
        arguments.extend(options.for_all.iter().cloned());
        arguments.extend([
            format!("--chdir={folder}"),
            format!("--output=logs/{COLLECT}.log"),
            "--open-mode=append".to_owned(),
            "--requeue".to_owned(),
        ]);
        let project = text(run.project_folder())?;
        let script = format!(
            "#!/bin/sh\n# Takes the results of run {} in.\nexec {} farm collect {}\n",
            run.number(),
            quoted(text(&options.program)?),
            quoted(project)
        );
        jobs.push(Submission { name: COLLECT, script, arguments, file: run.folder().join(format!("{COLLECT}.sh")) });
    }
    Ok(jobs)
}

/// `1-3,7%2`: the tasks' numbers, and how many at a time.
fn array(stage: &StagePlan, at_a_time: Option<usize>) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for task in &stage.tasks {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == task.number => *last = task.number,
            _ => ranges.push((task.number, task.number)),
        }
    }
    let range =
        |(first, last): &(usize, usize)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    let list = ranges.iter().map(range).collect::<Vec<_>>().join(",");
    at_a_time.map_or(list.clone(), |most| format!("{list}%{most}"))
}

/// What every task of a stage runs.
///
/// The shell stays beside the worker, so that somebody is there who can ask for another try when the worker was killed.
fn task_script(run: &Run, stage: &str, options: &Options) -> Result<String, FarmError> {
    let mut exports = format!("export REELBOARD_MODELS={}\n", quoted(text(&options.models)?));
    if let Some(list) = &options.model_list {
        exports += &format!("export REELBOARD_MODELS_RON={}\n", quoted(text(list)?));
    }
    let program = quoted(text(&options.program)?);
    let folder = quoted(text(run.folder())?);
    let number = run.number();
    Ok(format!(
        r#"#!/bin/sh
# One task of run {number}: {stage}.
{exports}# No more threads than the task has processors.
[ -z "${{SLURM_CPUS_PER_TASK:-}}" ] || export RAYON_NUM_THREADS="$SLURM_CPUS_PER_TASK"

ended= out_of_time=
{program} farm task {folder} {stage} &
worker=$!
trap 'ended=yes; kill -TERM "$worker" 2>/dev/null' TERM INT
trap 'out_of_time=yes; kill -TERM "$worker" 2>/dev/null' USR1
# A signal ends the waiting, not the worker.
while :; do
    wait "$worker"
    code=$?
    kill -0 "$worker" 2>/dev/null || break
done

restarts=${{SLURM_RESTART_COUNT:-0}} most=0
case $code in
# This machine cannot do it, another one may; or the worker was killed, for want of memory perhaps.
75 | 132 | 134 | 135 | 137 | 139) most={RETRIES} ;;
# It has kept its last step, and will go on from there.
130) [ -z "$out_of_time" ] || most={RENEWALS} ;;
esac
if [ -z "$ended" ] && [ "$restarts" -lt "$most" ]; then
    echo "the worker ended with code $code; back into the queue" >&2
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
elif [ "$code" -gt 130 ]; then
    echo "the worker was killed by signal $((code - 128)), $((restarts + 1)) times in all" >&2
fi
exit "$code"
"#
    ))
}

/// What a person would type to submit a job.
pub fn command_line(submission: &Submission, after: Option<&str>) -> Result<String, FarmError> {
    let mut words = vec!["sbatch".to_owned()];
    words.extend(arguments(submission, after)?.iter().map(|argument| quoted(argument)));
    Ok(words.join(" "))
}

/// What sbatch is given.
pub(super) fn arguments(submission: &Submission, after: Option<&str>) -> Result<Vec<String>, FarmError> {
    let mut arguments = vec!["--parsable".to_owned()];
    arguments.extend(submission.arguments.iter().cloned());
    // Also after a failure: scenes that do not need what failed are rendered all the same.
    arguments.extend(after.map(|job| format!("--dependency=afterany:{job}")));
    arguments.push(text(&submission.file)?.to_owned());
    Ok(arguments)
}

fn text(path: &Path) -> Result<&str, FarmError> {
    path.to_str().ok_or_else(|| FarmError::Name { path: path.to_owned() })
}

/// `text` as one word of a shell, whatever is in it.
pub fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,%+@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
