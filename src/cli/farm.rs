//! `reelboard farm`: rendering on a cluster.

use super::args::{SceneList, Stage as AskedStage};
use super::film::{Film, counted, show_status, start_engine};
use super::progress::{TerminalProgress, Unit};
use super::renders::PausedRender;
use super::run::{cache, out, registry, scene_numbers};
use crate::engine::{RenderStage, RunError, StudioModels};
use crate::farm::{
    self, Asked, Options, Outcome, Plan, Prepared, Record, Run, Scheduler as _, Slurm, StagePlan, Task, TaskError,
    check_models, command_line, prepare, record_of, send, status, submissions,
};
use crate::models::{ModelCache, Registry};
use crate::project::{StoreError, read_project};
use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Arguments of `reelboard farm`.
#[derive(Debug, Args)]
pub struct FarmArgs {
    #[command(subcommand)]
    command: FarmCommand,
}

#[derive(Debug, Subcommand)]
enum FarmCommand {
    /// Submit a render to Slurm: one task for each picture and each scene.
    ///
    /// The project, the models and this program must lie at the same paths on the cluster's machines. The project may
    /// stay open in a window: tasks do not change it, and their results are taken in by whoever has it open.
    Slurm(Box<SlurmArgs>),
    /// Tell how far a run is, task by task.
    Status {
        /// The project's folder.
        project: PathBuf,
        /// The run's number; the newest without it.
        #[arg(long, value_name = "N")]
        run: Option<u32>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// End the tasks of a run. What they have finished is kept.
    Cancel {
        /// The project's folder.
        project: PathBuf,
        /// The run's number; the newest without it.
        #[arg(long, value_name = "N")]
        run: Option<u32>,
    },
    /// Take finished results into the project. An open window and every command that changes the project do so too.
    Collect {
        /// The project's folder.
        project: PathBuf,
    },
    /// Do one task of a run: what the scheduler starts.
    #[command(hide = true)]
    Task {
        /// The run's folder.
        run: PathBuf,
        /// The stage's name.
        stage: String,
        /// The task's number; SLURM_ARRAY_TASK_ID without it.
        #[arg(long, value_name = "N")]
        index: Option<usize>,
    },
}

#[derive(Debug, Args)]
struct SlurmArgs {
    /// The project's folder.
    project: PathBuf,
    /// Scenes to render, such as 1,3-5; all without it.
    #[arg(long, value_name = "LIST", value_parser = super::args::parse_scene_list)]
    scenes: Option<SceneList>,
    /// The studio to render with in this run, as in models.ron; the project's without it.
    #[arg(long, value_name = "NAME")]
    studio: Option<String>,
    /// Only one stage; all without it.
    #[arg(long, value_name = "STAGE")]
    stage: Option<AskedStage>,
    /// The most tasks that run at the same time; as many as the cluster allows without it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    tasks: Option<u32>,
    /// The partition to run in.
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// The account that pays.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// The most time that a task may take, as Slurm writes it, such as 2:00:00.
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// What each task needs of the machine, such as gpu:1.
    #[arg(long, value_name = "LIST")]
    gres: Option<String>,
    /// Processors of each task.
    #[arg(long, value_name = "N")]
    cpus_per_task: Option<u32>,
    /// Memory of each task, such as 24G.
    #[arg(long, value_name = "SIZE")]
    mem: Option<String>,
    /// Reelboard on the cluster's machines; this very program without it.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Leave out the last job, which takes the results in.
    #[arg(long)]
    no_collect: bool,
    /// Only print the scripts and how they would be submitted.
    #[arg(long)]
    dry_run: bool,
    /// More options of sbatch, behind --, for all jobs.
    #[arg(last = true, value_name = "SBATCH OPTION")]
    sbatch: Vec<String>,
}

/// Does what was asked.
pub fn run(args: FarmArgs, cancel: Arc<AtomicBool>) -> Result<()> {
    match args.command {
        FarmCommand::Slurm(args) => slurm(*args, &cancel),
        FarmCommand::Status { project, run, json } => {
            let status = status(&Run::find(&project, run)?, Some(&Slurm))?;
            if json { out(&format!("{}\n", serde_json::to_string_pretty(&status)?)) } else { out(&status.to_string()) }
        }
        FarmCommand::Cancel { project, run } => {
            let run = Run::find(&project, run)?;
            Slurm.cancel(&run.jobs()?)?;
            println!("run {} ends; what it has finished is kept", run.number());
            Ok(())
        }
        FarmCommand::Collect { project } => collect(&project, cancel),
        FarmCommand::Task { run, stage, index } => task(&run, &stage, index_or_slurms(index)?, &cancel),
    }
}

fn slurm(args: SlurmArgs, cancel: &Arc<AtomicBool>) -> Result<()> {
    let folder = std::path::absolute(&args.project)?;
    let (registry, cache) = (Arc::new(registry()?), cache()?);
    let options = options(&args, &cache)?;
    // What earlier runs have made counts, whether or not somebody has taken it in.
    let waiting = farm::ready(&folder)?;
    let mut film = farm::project_with_records(read_project(&folder)?, waiting.iter().map(|ready| &ready.record));
    film.studio = args.studio.clone().unwrap_or(film.studio);
    let numbers = scene_numbers(args.scenes, film.scenes.len(), &folder)?;
    let only = args.stage.map(only);
    let studio = StudioModels::new(&film.studio, registry, cache)?;
    if !args.dry_run {
        let stages = only.as_ref().map_or(&RenderStage::ALL[..], std::slice::from_ref);
        check_models(&studio, stages, &TerminalProgress::new(Unit::Bytes, Arc::clone(cancel)))?;
    }
    let film = Arc::new(film);
    let plan = Plan::of(&film, &studio, &Asked { numbers, only })?;
    if plan.stages.is_empty() {
        eprintln!("nothing to render: what was asked for is finished");
        return Ok(());
    }
    if args.dry_run {
        return out(&dry_run(&folder, &plan, &options)?);
    }
    let (run, jobs) = send(&folder, &film, &plan, &options, &Slurm)?;
    println!("run {}", run.number());
    for job in jobs {
        let stage = plan.stages.iter().find(|stage| stage.stage.name() == job.name);
        let tasks = stage.map_or(String::new(), |stage| format!(", {}", counted(stage.tasks.len(), "task")));
        println!("{}: job {}{tasks}", job.name, job.id);
    }
    Ok(())
}

fn options(args: &SlurmArgs, cache: &ModelCache) -> Result<Options> {
    let here = Options::of_this_machine(cache.folder()).context("cannot tell where this program is")?;
    let given = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("--{name}={value}"));
    let all = [given("partition", &args.partition), given("account", &args.account), given("time", &args.time)];
    let cpus = args.cpus_per_task.map(|cpus| cpus.to_string());
    let tasks = [given("gres", &args.gres), given("cpus-per-task", &cpus), given("mem", &args.mem)];
    Ok(Options {
        program: args.program.clone().unwrap_or(here.program),
        at_a_time: args.tasks.map(|tasks| tasks as usize),
        for_tasks: tasks.into_iter().flatten().collect(),
        for_all: all.into_iter().flatten().chain(args.sbatch.iter().cloned()).collect(),
        collect: !args.no_collect,
        ..here
    })
}

fn only(asked: AskedStage) -> RenderStage {
    match asked {
        AskedStage::References => RenderStage::References,
        AskedStage::Stills => RenderStage::Stills,
        AskedStage::Clips => RenderStage::Clips,
    }
}

/// The scripts and the commands, for people.
fn dry_run(project: &Path, plan: &Plan, options: &Options) -> Result<String> {
    let mut text = String::new();
    let mut before = None;
    for submission in submissions(&Run::next(project)?, plan, options)? {
        writeln!(text, "# {}\n{}", submission.file.display(), submission.script)?;
        let after = before.map(|name| format!("JOB-OF-{name}"));
        writeln!(text, "# submitted by:\n{}\n", command_line(&submission, after.as_deref())?)?;
        before = Some(submission.name);
    }
    for StagePlan { stage, tasks } in &plan.stages {
        let works = tasks.iter().map(|task| format!("{} {task}", task.number)).collect::<Vec<_>>().join(", ");
        writeln!(text, "# {}: {works}", stage.name())?;
    }
    Ok(text)
}

fn collect(project: &Path, cancel: Arc<AtomicBool>) -> Result<()> {
    let mut film = match Film::open_as_it_is(project, cancel) {
        Err(error) if matches!(error.downcast_ref(), Some(StoreError::Locked { .. })) => {
            eprintln!("{} is open in another Reelboard, which takes the results in itself", project.display());
            return Ok(());
        }
        opened => opened?,
    };
    for (what, file) in film.collect()? {
        println!("{what}: {}", file.display());
    }
    Ok(())
}

/// The task's number, as given or as the scheduler has it.
fn index_or_slurms(index: Option<usize>) -> Result<usize> {
    const VARIABLE: &str = "SLURM_ARRAY_TASK_ID";
    if let Some(index) = index {
        return Ok(index);
    }
    let value = std::env::var(VARIABLE).with_context(|| format!("{VARIABLE} is not set; give the task's --index"))?;
    value.parse().with_context(|| format!("{VARIABLE} is \"{value}\", not the number of a task"))
}

/// Does one task, and leaves its record.
fn task(folder: &Path, stage: &str, index: usize, cancel: &Arc<AtomicBool>) -> Result<()> {
    // A machine that does not see the project's folder is no reason to give the task up.
    let elsewhere = |error: anyhow::Error| TaskError::Elsewhere(format!("{error:#}"));
    let run = Run::in_folder(folder)?;
    let plan = run.plan().map_err(|error| elsewhere(error.into()))?;
    let known = RenderStage::ALL.into_iter().find(|known| known.name() == stage);
    let Some(task) = known.and_then(|stage| plan.task(stage, index)) else {
        bail!("run {} has no task {index} among its {stage}", run.number());
    };
    let (registry, cache) = registry().and_then(|registry| Ok((registry, cache()?))).map_err(elsewhere)?;
    match done(&run, &plan, task, registry, cache, cancel) {
        Ok(record) => {
            record.outcome.notes().iter().for_each(|note| eprintln!("{note}"));
            run.write_record(&plan, &record)?;
            run.forget_state(task);
            if let Some(media) = record.outcome.media() {
                println!("{task}: {media}");
            }
            Ok(())
        }
        Err(error) => {
            let may_come = error.is::<crate::progress::Cancelled>()
                || error.is::<PausedRender>()
                || matches!(error.downcast_ref(), Some(TaskError::Elsewhere(_)));
            if !may_come {
                let outcome = Outcome::Failed(format!("{error:#}"));
                run.write_record(&plan, &Record { task: task.clone(), outcome })?;
            }
            Err(error)
        }
    }
}

fn done(
    run: &Run,
    plan: &Plan,
    task: &Task,
    registry: Registry,
    cache: ModelCache,
    cancel: &Arc<AtomicBool>,
) -> Result<Record> {
    let spec = match prepare(run, plan, task, Arc::new(registry), cache)? {
        Prepared::Done(record) => return Ok(*record),
        Prepared::Job(spec) => spec,
    };
    let state = run.state_file(task);
    if let Some((done, total)) = state.steps() {
        eprintln!("on from step {done} of {total}");
    }
    let engine = start_engine(cancel)?;
    let progress = TerminalProgress::new(Unit::Steps, Arc::clone(cancel));
    let result = engine.run_kept(*spec, state.clone(), |_, status| {
        // A raised flag puts the job aside by itself.
        if let Some(status) = status {
            show_status(&progress, &status);
        }
        true
    });
    progress.clear();
    match result {
        Ok(output) => Ok(record_of(task, output)?),
        Err(RunError::Paused) => {
            let at = state.steps().map(|(done, total)| format!(" after step {done} of {total} of the {task}"));
            let go_on = "put the task back into the queue".to_owned();
            Err(PausedRender { at: at.unwrap_or_default(), go_on }.into())
        }
        Err(RunError::Cancelled) => Err(crate::progress::Cancelled.into()),
        Err(error) => Err(error.into()),
    }
}

/// Says on standard error that a project has results from a cluster that are not part of it yet.
pub(super) fn tell_what_waits(project: &Path) {
    match farm::ready(project) {
        Ok(ready) if ready.is_empty() => {}
        Ok(ready) => {
            let results = counted(ready.len(), "result");
            eprintln!("{results} of a cluster: take them in with \"reelboard farm collect {}\"", project.display());
        }
        Err(error) => log::warn!("{error}"),
    }
}
