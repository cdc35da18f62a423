//! Sends a run to the scheduler.

use super::{FarmError, Options, Plan, Run, Scheduler, SubmittedJob, status, submissions};
use crate::engine::{RenderItem, RenderStage, StudioModels};
use crate::models::{ModelSpec, ModelStatus};
use crate::progress::Progress;
use crate::project::Project;
use std::path::Path;

/// Makes sure that the models of these stages are there and were read in full: recipes hold their checksums, and tasks
/// that begin together would all read all of them. Random models are made; nothing is fetched.
///
/// # Errors
/// When a model is missing or damaged.
pub fn check_models(studio: &StudioModels, stages: &[RenderStage], progress: &dyn Progress) -> Result<(), FarmError> {
    let roles: Vec<_> = stages.iter().flat_map(|stage| stage.roles().iter().copied()).collect();
    let missing = studio.missing(&roles);
    let to_fetch: Vec<&ModelSpec> = missing.iter().filter(|model| !model.is_made()).copied().collect();
    if !to_fetch.is_empty() {
        let joined = |of: fn(&ModelSpec) -> &str, by| to_fetch.iter().map(|m| of(m)).collect::<Vec<_>>().join(by);
        return Err(FarmError::LacksModels {
            studio: studio.name().to_owned(),
            models: joined(|model| &model.title, ", "),
            ids: joined(|model| &model.id, " "),
        });
    }
    for model in missing {
        progress.stage(&format!("making {}: its weights are random, what it makes is noise", model.title));
        studio.cache().fetch(model, progress)?;
    }
    for model in studio.models(&roles) {
        if studio.cache().status(model) == ModelStatus::Unverified {
            studio.cache().verify(model, progress)?;
        }
    }
    Ok(())
}

/// Writes a run of `plan` into the project's folder and submits it. `snapshot` is the film that `plan` was made of.
///
/// # Errors
/// When some of it is under way already, when the disk refuses, or when the scheduler does.
pub fn send(
    project: &Path,
    snapshot: &Project,
    plan: &Plan,
    options: &Options,
    scheduler: &dyn Scheduler,
) -> Result<(Run, Vec<SubmittedJob>), FarmError> {
    check_not_under_way(project, plan, scheduler)?;
    let run = Run::create(project, snapshot, plan, |run| {
        let jobs = submissions(run, plan, options)?;
        Ok(jobs.into_iter().map(|job| (format!("{}.sh", job.name), job.script)).collect())
    })?;
    let mut jobs: Vec<SubmittedJob> = Vec::new();
    for submission in submissions(&run, plan, options)? {
        let submitted = scheduler.submit(&submission, jobs.last());
        let noted = submitted.and_then(|job| {
            jobs.push(job);
            // At once, so that a job is known whatever happens next.
            run.write_jobs(&jobs)
        });
        if let Err(error) = noted {
            take_back(run, &jobs, scheduler);
            return Err(error);
        }
    }
    Ok((run, jobs))
}

/// Ends what was submitted of a run that the scheduler refused to take whole.
fn take_back(run: Run, jobs: &[SubmittedJob], scheduler: &dyn Scheduler) {
    let cancelled = if jobs.is_empty() { Ok(()) } else { scheduler.cancel(jobs) };
    match cancelled {
        Ok(()) => run.discard(),
        // Then the folder is needed, to know them and to end them.
        Err(left) => log::warn!("the jobs of run {} that were submitted are still there: {left}", run.number()),
    }
}

/// Refuses what another run of the project is making: the result would be the same, and the time spent twice.
fn check_not_under_way(project: &Path, plan: &Plan, scheduler: &dyn Scheduler) -> Result<(), FarmError> {
    let is_wanted = |item: &RenderItem| plan.tasks().any(|(_, task)| task.item.is_same(item));
    for run in Run::all(project)? {
        let earlier = run.plan()?;
        if !earlier.tasks().any(|(_, task)| is_wanted(&task.item)) {
            continue;
        }
        let states = status(&run, Some(scheduler))?;
        if let Some(problem) = states.scheduler_problem {
            return Err(FarmError::Unknown { run: run.number(), problem });
        }
        for ((_, task), now) in earlier.tasks().zip(&states.tasks) {
            if now.state.is_under_way() && is_wanted(&task.item) {
                return Err(FarmError::UnderWay { work: task.to_string(), run: run.number() });
            }
        }
    }
    Ok(())
}
