//! What one task does, on whatever machine.

use super::plan::Film;
use super::{FarmError, Outcome, Plan, Record, Run, Task, project_with_records};
use crate::engine::{JobOutput, JobSpec, RenderItem, StudioModels};
use crate::models::{ModelCache, Registry};
use crate::project::Project;
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
    Done(Box<Record>),
    /// Run this, and turn its output into a record with [`record_of`].
    Job(Box<JobSpec>),
}

/// Finds out what there is to do. `registry` and `cache` are those of this machine.
pub fn prepare(
    run: &Run,
    plan: &Plan,
    task: &Task,
    registry: Arc<Registry>,
    cache: ModelCache,
) -> Result<Prepared, TaskError> {
    let elsewhere = |error: FarmError| TaskError::Elsewhere(error.to_string());
    let records: Vec<Record> = run.records(plan).map_err(elsewhere)?.into_iter().map(|(_, record)| record).collect();
    if let Some(record) = records.iter().find(|record| record.task == *task && is_whole(run, record)) {
        return Ok(Prepared::Done(Box::new(record.clone())));
    }
    let studio =
        StudioModels::new(&plan.studio, registry, cache).map_err(|error| TaskError::Failed(error.to_string()))?;
    let missing = studio.missing(task.item.stage().roles());
    if !missing.is_empty() {
        let titles = missing.iter().map(|model| model.title.as_str()).collect::<Vec<_>>().join(", ");
        let folder = studio.cache().folder().display().to_string();
        return Err(TaskError::Elsewhere(format!("{folder} lacks {titles}")));
    }
    // Of tasks of the same stage nothing is known: they may run before or after this one.
    let earlier = records.iter().filter(|record| record.task.item.stage() < task.item.stage());
    let project = Arc::new(project_with_records(run.snapshot().map_err(elsewhere)?, earlier));
    if let Some(needed) = needed_before(plan, task, &project, &records) {
        return Err(missing_before(needed, &records));
    }
    let film = Film::new(project, &studio, None);
    let scene = task.item.scene().and_then(|scene| film.project.scene(scene));
    if let Some(take) = film.now().up_to_date_take(&task.item)
        && let Some(take) = scene.and_then(|scene| scene.takes.iter().find(|known| known.id == take))
    {
        let (media, recipe) = (take.media.clone(), Box::new(take.recipe.clone()));
        let outcome = Outcome::Take { media, recipe, notes: Vec::new() };
        return Ok(Prepared::Done(Box::new(Record { task: task.clone(), outcome })));
    }
    let job = task.item.job(&film.now(), &run.media());
    job.map(|job| Prepared::Job(Box::new(job)))
        .ok_or_else(|| TaskError::Failed(format!("the {} studio cannot make the {task}", plan.studio)))
}

/// Whether a record is a result whose files are there and undamaged.
fn is_whole(run: &Run, record: &Record) -> bool {
    let media = run.media();
    match &record.outcome {
        Outcome::Reference { reference, .. } => {
            std::iter::once(&reference.picture).chain(&reference.mask).all(|name| media.read(name).is_ok())
        }
        Outcome::Take { media: name, .. } => media.read(name).is_ok(),
        Outcome::Failed(_) => false,
    }
}

/// A task of an earlier stage that was to make what `task` needs, and has not.
fn needed_before<'a>(plan: &'a Plan, task: &Task, project: &Project, records: &[Record]) -> Option<&'a Task> {
    match &task.item {
        RenderItem::Reference { .. } => None,
        RenderItem::Still(id) | RenderItem::Variation { scene: id, .. } => {
            plan.tasks().map(|(_, task)| task).find(|task| {
                let RenderItem::Reference { kind, name, .. } = &task.item else { return false };
                let is_shown =
                    project.scene(*id).is_some_and(|scene| scene.entity_names(*kind).any(|shown| shown == name));
                let known = project.cast_entry(*kind, name).and_then(|entity| entity.reference.as_ref());
                is_shown && known.is_none()
            })
        }
        RenderItem::Clip { scene, .. } => {
            let still = plan.still_of(*scene)?;
            let is_there = records.iter().any(|record| record.task == *still && record.outcome.media().is_some());
            (!is_there).then_some(still)
        }
    }
}

/// Why a task cannot begin.
fn missing_before(needed: &Task, records: &[Record]) -> TaskError {
    let why = match records.iter().find(|record| record.task == *needed).map(|record| &record.outcome) {
        Some(Outcome::Failed(message)) => message.as_str(),
        _ => "its task has ended without a result",
    };
    let needed = match &needed.item {
        RenderItem::Still(_) => format!("still of {needed}"),
        RenderItem::Reference { .. } | RenderItem::Variation { .. } | RenderItem::Clip { .. } => needed.to_string(),
    };
    TaskError::Failed(format!("there is no {needed}: {why}"))
}

/// The record of what a task's job has made.
pub fn record_of(task: &Task, output: JobOutput) -> Result<Record, TaskError> {
    let outcome = match output {
        JobOutput::Reference { reference, note, .. } => {
            Outcome::Reference { reference, notes: note.into_iter().collect() }
        }
        JobOutput::Take { media, recipe, notes, .. } => Outcome::Take { media, recipe, notes },
        _ => return Err(TaskError::Failed(format!("the {task} gave neither a picture nor a take"))),
    };
    Ok(Record { task: task.clone(), outcome })
}
