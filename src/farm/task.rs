//! What one task does, on whatever machine.

use super::{FarmError, Outcome, Plan, Record, Run, Stage, Task, Work, project_with_records};
use crate::engine::{ClipJob, IllustrateJob, JobOutput, JobSpec, StudioModels, TakeJob, illustration_seed};
use crate::models::{ModelCache, Registry};
use crate::project::{DRAFT_STUDIO, EntityKind, Project, Take};
use std::sync::Arc;

/// Why a task has no result.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// It would fail everywhere.
    #[error("{0}")]
    Failed(String),
    /// This machine lacks something that another one may have.
    #[error("{0}; another machine may have it")]
    Elsewhere(String),
}

impl TaskError {
    /// The exit code that asks the scheduler for another try: `EX_TEMPFAIL` of sysexits.h.
    pub const ELSEWHERE_CODE: u8 = 75;
}

/// What there is to do for a task.
#[derive(Debug)]
pub enum Prepared {
    /// The task was done before.
    Done(Record),
    /// Run this, and turn its output into a record with [`record_of`].
    Job(Box<JobSpec>),
}

/// Finds out what there is to do. `registry` and `cache` are those of this machine.
pub fn prepare(
    run: &Run,
    plan: &Plan,
    stage: Stage,
    task: &Task,
    registry: Arc<Registry>,
    cache: ModelCache,
) -> Result<Prepared, TaskError> {
    let elsewhere = |error: FarmError| TaskError::Elsewhere(error.to_string());
    let records = run.records(plan).map_err(elsewhere)?;
    let media = run.media();
    let is_whole = |record: &Record| match &record.outcome {
        Outcome::Reference { reference, .. } => {
            std::iter::once(&reference.picture).chain(&reference.mask).all(|name| media.read(name).is_ok())
        }
        Outcome::Take { media: name, .. } => media.read(name).is_ok(),
        Outcome::Failed(_) => false,
    };
    if let Some((_, record)) = records.iter().find(|(_, record)| record.work == task.work && is_whole(record)) {
        return Ok(Prepared::Done(record.clone()));
    }
    let of_earlier = records.iter().map(|(_, record)| record).filter(|record| {
        let of = plan.tasks().find(|(_, task)| task.work == record.work);
        of.is_some_and(|(earlier, _)| earlier < stage) && !matches!(record.outcome, Outcome::Failed(_))
    });
    let snapshot = run.snapshot().map_err(elsewhere)?;
    let project = Arc::new(project_with_records(snapshot, of_earlier));
    let studio =
        StudioModels::new(&plan.studio, registry, cache).map_err(|error| TaskError::Failed(error.to_string()))?;
    let missing = studio.missing(stage.roles());
    if !missing.is_empty() {
        let titles = missing.iter().map(|model| model.title.as_str()).collect::<Vec<_>>().join(", ");
        let folder = studio.cache().folder().display().to_string();
        return Err(TaskError::Elsewhere(format!("{folder} lacks {titles}")));
    }
    match &task.work {
        Work::Reference { kind, name } => Ok(Prepared::Job(Box::new(JobSpec::Illustrate(IllustrateJob {
            kind: *kind,
            seed: illustration_seed(*kind, name, None),
            name: name.clone(),
            project,
            media,
            studio,
        })))),
        Work::Still { scene: id, number } => {
            let scene = project.scene(*id).ok_or_else(|| no_scene(*number))?;
            let needs = |kind: EntityKind, name: &str| scene.entity_names(kind).any(|shown| shown == name);
            if let Some(work) = lacking_pictures(plan, &project).find(|work| match work {
                Work::Reference { kind, name } => needs(*kind, name),
                Work::Still { .. } | Work::Clip { .. } => false,
            }) {
                return Err(missing_before(work, &records));
            }
            let files = studio.known_files();
            let fresh = scene.fresh_still(|take| files.is_fresh_still(&project, scene, studio.name(), take));
            if let Some(take) = fresh {
                return Ok(Prepared::Done(known(task, take)));
            }
            let studio = (studio.name() != DRAFT_STUDIO).then_some(studio);
            Ok(Prepared::Job(Box::new(JobSpec::RenderTake(TakeJob { scene: *id, project, media, studio }))))
        }
        Work::Clip { scene: id, number, still } => {
            let scene = project.scene(*id).ok_or_else(|| no_scene(*number))?;
            let made = Work::Still { scene: *id, number: *number };
            let of_run = records.iter().find(|(_, record)| record.work == made);
            let still = still.as_ref().or_else(|| of_run.and_then(|(_, record)| record.outcome.media()));
            let still = still.and_then(|media| scene.takes.iter().find(|take| take.media == *media));
            let still = still.ok_or_else(|| missing_before(&made, &records))?;
            if let Some(clip) = studio.known_files().fresh_clip(&project, scene, studio.name(), still) {
                return Ok(Prepared::Done(known(task, clip)));
            }
            let still = still.media.clone();
            Ok(Prepared::Job(Box::new(JobSpec::RenderClip(ClipJob { scene: *id, still, project, media, studio }))))
        }
    }
}

fn no_scene(number: usize) -> TaskError {
    TaskError::Failed(format!("the run has no scene {number}"))
}

/// The record of a take that was there already.
fn known(task: &Task, take: &Take) -> Record {
    let (media, recipe) = (take.media.clone(), Box::new(take.recipe.clone()));
    Record { work: task.work.clone(), outcome: Outcome::Take { media, recipe, notes: Vec::new() } }
}

/// Why a task cannot begin: `work` of an earlier stage has no result.
fn missing_before(work: &Work, records: &[(String, Record)]) -> TaskError {
    let outcome = records.iter().find(|(_, record)| record.work == *work).map(|(_, record)| &record.outcome);
    let why = match outcome {
        Some(Outcome::Failed(message)) => message.as_str(),
        _ => "its task has ended without a result",
    };
    let work = match work {
        Work::Still { number, .. } => format!("still of scene {number}"),
        other => other.to_string(),
    };
    TaskError::Failed(format!("there is no {work}: {why}"))
}

/// The pictures that the run was to make and that are not there.
fn lacking_pictures<'a>(plan: &'a Plan, project: &Project) -> impl Iterator<Item = &'a Work> {
    plan.tasks().map(|(_, task)| &task.work).filter(|work| match work {
        Work::Reference { kind, name } => {
            project.cast_entry(*kind, name).and_then(|entity| entity.reference.as_ref()).is_none()
        }
        Work::Still { .. } | Work::Clip { .. } => false,
    })
}

/// The record of what a task's job has made.
pub fn record_of(work: &Work, output: JobOutput) -> Result<Record, TaskError> {
    let outcome = match output {
        JobOutput::Reference { reference, note, .. } => {
            Outcome::Reference { reference, notes: note.into_iter().collect() }
        }
        JobOutput::Take { media, recipe, notes, .. } => Outcome::Take { media, recipe: Box::new(recipe), notes },
        _ => return Err(TaskError::Failed(format!("the {work} gave neither a picture nor a take"))),
    };
    Ok(Record { work: work.clone(), outcome })
}
