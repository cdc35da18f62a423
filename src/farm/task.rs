//! What one task does, on whatever machine.

use super::{FarmError, Outcome, Plan, Record, Run, Stage, StagePlan, Task, Work, project_with_records};
use crate::engine::{IllustrateJob, JobOutput, JobSpec, StudioModels, TakeJob, illustration_seed};
use crate::models::{ModelCache, Registry};
use crate::project::{DRAFT_STUDIO, Project, TakeKind};
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
            let scene =
                project.scene(*id).ok_or_else(|| TaskError::Failed(format!("the run has no scene {number}")))?;
            let wanted = studio.wanted_recipe(&project, scene);
            if let Some((kind, name)) = lacking_pictures(plan, &project)
                .find(|(kind, name)| wanted.entities.iter().any(|entity| (entity.kind, &entity.name) == (*kind, name)))
            {
                let work = Work::Reference { kind, name };
                let why = records.iter().find(|(_, record)| record.work == work).map(|(_, record)| &record.outcome);
                let why = match why {
                    Some(Outcome::Failed(message)) => message.as_str(),
                    _ => "its task has ended without a result",
                };
                return Err(TaskError::Failed(format!("there is no {work}: {why}")));
            }
            if let Some(take) = scene.takes.iter().find(|take| take.recipe == wanted) {
                let (media, recipe) = (take.media.clone(), Box::new(take.recipe.clone()));
                let outcome = Outcome::Take { kind: take.kind, media, recipe, notes: Vec::new() };
                return Ok(Prepared::Done(Record { work: task.work.clone(), outcome }));
            }
            let studio = (studio.name() != DRAFT_STUDIO).then_some(studio);
            Ok(Prepared::Job(Box::new(JobSpec::RenderTake(TakeJob { scene: *id, project, media, studio }))))
        }
    }
}

/// The entities that the run was to make pictures of and that have none.
fn lacking_pictures<'a>(
    plan: &'a Plan,
    project: &'a Project,
) -> impl Iterator<Item = (crate::project::EntityKind, String)> + 'a {
    let tasks = plan.stages.iter().flat_map(|StagePlan { tasks, .. }| tasks);
    tasks.filter_map(|task| match &task.work {
        Work::Reference { kind, name } => {
            let known = project.cast_entry(*kind, name).and_then(|entity| entity.reference.as_ref());
            known.is_none().then(|| (*kind, name.clone()))
        }
        Work::Still { .. } => None,
    })
}

/// The record of what a task's job has made.
pub fn record_of(work: &Work, output: JobOutput) -> Result<Record, TaskError> {
    let outcome = match output {
        JobOutput::Reference { reference, note, .. } => {
            Outcome::Reference { reference, notes: note.into_iter().collect() }
        }
        JobOutput::Take { media, recipe, notes, .. } => {
            Outcome::Take { kind: TakeKind::Still, media, recipe: Box::new(recipe), notes }
        }
        _ => return Err(TaskError::Failed(format!("the {work} gave neither a picture nor a take"))),
    };
    Ok(Record { work: work.clone(), outcome })
}
