//! From what tasks have left to edits of the project.

use super::{FarmError, Outcome, Record, Run};
use crate::engine::RenderItem;
use crate::project::{
    DRAFT_STUDIO, Edit, EntityField, Project, Recipe, StudioFiles, Take, entities, stale_reasons, wanted_in_place_of,
};
use std::path::Path;

/// What a record means for a project.
#[derive(Debug, Clone, PartialEq)]
pub enum Intake {
    /// The edit that takes the result in.
    Edit(Edit),
    /// The project has the result already.
    Known,
    /// There is no place for the result any more, for the reason given in one line.
    Refused(String),
}

/// A result that is not part of its project yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Ready {
    /// The run that made it.
    pub run: Run,
    /// Its name there.
    pub name: String,
    /// The result.
    pub record: Record,
}

/// The results that the project in this folder could take in, in the order in which they depend on each other.
pub fn ready(project: &Path) -> Result<Vec<Ready>, FarmError> {
    let mut found = Vec::new();
    for run in Run::all(project)? {
        let plan = run.plan()?;
        let collected = run.collected()?;
        if collected.len() == plan.tasks().count() {
            continue;
        }
        let records = run.records(&plan)?.into_iter().filter(|(name, record)| {
            let has_failed = matches!(record.outcome, Outcome::Failed(_));
            !has_failed && !collected.contains(name)
        });
        found.extend(records.map(|(name, record)| Ready { run: run.clone(), name, record }));
    }
    Ok(found)
}

/// What `record` means for `project`, which is changed in nothing but its next number.
///
/// A take is chosen when it shows what its scene asks for, or when the scene has no other, and never in a locked scene:
/// what the user has done since the run was submitted counts more.
pub fn intake(project: &mut Project, record: &Record) -> Intake {
    match (&record.task.item, &record.outcome) {
        (_, Outcome::Failed(message)) => Intake::Refused(message.clone()),
        (RenderItem::Reference { kind, name, .. }, Outcome::Reference { reference, .. }) => {
            let known = project.cast_entry(*kind, name).and_then(|entity| entity.reference.as_ref());
            match known {
                Some(known) if known == reference => Intake::Known,
                Some(_) => Intake::Refused(format!("{name} has another picture by now; the cluster's stays in media")),
                None if entities(project).iter().any(|entity| entity.kind == *kind && entity.name == *name) => {
                    Intake::Edit(project.entity_edit(*kind, name, EntityField::Reference(Some(reference.clone()))))
                }
                None => Intake::Refused(format!("{name} is no longer in the film; its picture stays in media")),
            }
        }
        (RenderItem::Still(id) | RenderItem::Clip { scene: id, .. }, Outcome::Take { media, recipe, .. }) => {
            let Some(scene) = project.scene(*id) else {
                let number = record.task.number;
                return Intake::Refused(format!(
                    "scene {number} of the run is no longer in the film; its take stays in media"
                ));
            };
            if scene.takes.iter().any(|take| take.media == *media && take.recipe == **recipe) {
                return Intake::Known;
            }
            let (has_other, is_locked) = (scene.chosen.is_some(), scene.locked);
            let take = Take::new(project.new_take_id(), recipe.kind(), media.clone(), Recipe::clone(recipe));
            let wanted =
                project.scene(*id).map(|scene| wanted_in_place_of(project, scene, &take, &StudioFiles::default()));
            let is_wanted = wanted.is_some_and(|wanted| stale_reasons(&take.recipe, &wanted).is_empty());
            let choose = take.recipe.studio != DRAFT_STUDIO && !is_locked && (is_wanted || !has_other);
            Intake::Edit(Edit::AddTake { id: *id, take: Box::new(take), choose })
        }
        _ => Intake::Refused(format!("the result for the {} is of another kind", record.task)),
    }
}

/// `project` with these records taken in, for who may only look at it.
pub fn project_with_records<'a>(mut project: Project, records: impl IntoIterator<Item = &'a Record>) -> Project {
    for record in records {
        if let Intake::Edit(edit) = intake(&mut project, record)
            && let Err(error) = project.apply(edit)
        {
            log::warn!("cannot take the {} in: {error}", record.task);
        }
    }
    project
}
