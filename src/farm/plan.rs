//! What a run does: stages in order, each a list of tasks that do not need one another.

use super::FarmError;
use crate::engine::{FilmNow, RenderItem, RenderPart, RenderStage, StudioModels};
use crate::project::{DRAFT_STUDIO, EntitySummary, Project, SceneId, StudioFiles, entities};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// One task of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its number in the scheduler's array: that of its scene when the run was submitted, so that the queue speaks of
    /// scenes; pictures of the cast are counted.
    pub number: usize,
    /// What it makes.
    pub item: RenderItem,
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.item {
            RenderItem::Reference { name, .. } => write!(f, "picture of {name}"),
            RenderItem::Still(_) => write!(f, "scene {}", self.number),
            RenderItem::Variation { seed, .. } => write!(f, "scene {} with seed {seed}", self.number),
            RenderItem::Clip { .. } => write!(f, "clip of scene {}", self.number),
        }
    }
}

/// A stage with its tasks. It begins when every task of the one before has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagePlan {
    /// Which stage.
    pub stage: RenderStage,
    /// At least one; sorted by their numbers.
    pub tasks: Vec<Task>,
}

/// Everything that a run makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The studio that renders.
    pub studio: String,
    /// When it was made, in seconds since 1970 by that machine's clock.
    pub submitted_unix_secs: u64,
    /// Those that have something to do, in order.
    pub stages: Vec<StagePlan>,
}

/// What the user wants to have rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Scenes, by their numbers from 1.
    pub numbers: Vec<usize>,
    /// Leaves all other stages out.
    pub only: Option<RenderStage>,
}

/// A film with what it is rendered with: what [`FilmNow`] looks at.
pub(super) struct Film<'a> {
    pub project: Arc<Project>,
    entities: Vec<EntitySummary>,
    studio: Option<&'a StudioModels>,
    files: StudioFiles,
    only: Option<RenderStage>,
}

impl<'a> Film<'a> {
    pub fn new(project: Arc<Project>, studio: &'a StudioModels, only: Option<RenderStage>) -> Self {
        let (entities, files) = (entities(&project), studio.known_files());
        Self { project, entities, studio: Some(studio).filter(|studio| studio.name() != DRAFT_STUDIO), files, only }
    }

    pub fn now(&self) -> FilmNow<'_> {
        let Self { project, entities, studio, files, only } = self;
        FilmNow { project, entities, studio: *studio, files, only: *only }
    }
}

impl Plan {
    /// What `project` lacks of what is asked for: what is finished already is not made again.
    ///
    /// Scenes whose numbers the project does not have are left out.
    ///
    /// # Errors
    /// When clips alone are asked for, and a scene has no still to start from.
    pub fn of(project: &Arc<Project>, studio: &StudioModels, asked: &Asked) -> Result<Self, FarmError> {
        let film = Film::new(Arc::clone(project), studio, asked.only);
        let scenes = asked.numbers.iter().filter_map(|number| project.scenes.get(number.checked_sub(1)?));
        let scenes: Vec<SceneId> = scenes.map(|scene| scene.id).collect();
        let part = match asked.only {
            None | Some(RenderStage::References) => RenderPart::All,
            Some(RenderStage::Stills) => RenderPart::Still,
            Some(RenderStage::Clips) => RenderPart::Clip,
        };
        let mut stages: Vec<StagePlan> = Vec::new();
        for item in film.now().lacking(&scenes, part) {
            if stages.last().is_none_or(|last| last.stage != item.stage()) {
                stages.push(StagePlan { stage: item.stage(), tasks: Vec::new() });
            }
            let tasks = &mut stages.last_mut().expect("one was just made").tasks;
            let of_scene = item.scene().and_then(|scene| project.scene_index(scene));
            tasks.push(Task { number: of_scene.unwrap_or(tasks.len()) + 1, item });
        }
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let plan = Self { studio: studio.name().to_owned(), submitted_unix_secs: seconds, stages };
        plan.check_starts(&film)?;
        Ok(plan)
    }

    /// Every clip has a still to start from, or the run makes it.
    fn check_starts(&self, film: &Film<'_>) -> Result<(), FarmError> {
        for (_, task) in self.tasks() {
            if let RenderItem::Clip { scene, any_still } = task.item
                && self.still_of(scene).is_none()
                && let Some(known) = film.project.scene(scene)
                && film.now().start(known, any_still).is_none()
            {
                return Err(FarmError::NoStill { number: task.number });
            }
        }
        Ok(())
    }

    /// Every task with its stage, in order.
    pub fn tasks(&self) -> impl Iterator<Item = (RenderStage, &Task)> {
        self.stages.iter().flat_map(|stage| stage.tasks.iter().map(move |task| (stage.stage, task)))
    }

    /// The task of this number.
    pub fn task(&self, stage: RenderStage, number: usize) -> Option<&Task> {
        self.tasks().find(|(of, task)| *of == stage && task.number == number).map(|(_, task)| task)
    }

    /// The task that makes the still of a scene.
    pub(super) fn still_of(&self, scene: SceneId) -> Option<&Task> {
        self.tasks().map(|(_, task)| task).find(|task| task.item == RenderItem::Still(scene))
    }
}
