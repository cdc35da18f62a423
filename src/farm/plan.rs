//! What a run does: stages in order, each a list of tasks that do not need one another.

use crate::engine::StudioModels;
use crate::models::Role;
use crate::project::{EntityKind, Project, SceneId, entities};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A stage of rendering. A stage begins when every task of the one before has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Pictures of what recurs.
    References,
    /// Pictures of scenes.
    Stills,
}

impl Stage {
    /// In the order in which they run.
    pub const ALL: [Self; 2] = [Self::References, Self::Stills];

    /// As in the names of files and jobs.
    pub fn name(self) -> &'static str {
        match self {
            Self::References => "references",
            Self::Stills => "stills",
        }
    }

    /// The roles whose models its tasks load.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Self::References => &[Role::Illustrator, Role::Segmenter],
            Self::Stills => &[Role::Compositor],
        }
    }

    /// The stage of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

/// What one task makes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Work {
    /// The picture of an entity that has none.
    Reference {
        /// Person or object, or place.
        kind: EntityKind,
        /// As the scenes spell it.
        name: String,
    },
    /// A still of a scene.
    Still {
        /// Which scene.
        scene: SceneId,
        /// Its number when the run was submitted, from 1.
        number: usize,
    },
}

impl Work {
    /// Whether two runs would make the same: scenes may have changed places in between.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Still { scene, .. }, Self::Still { scene: other, .. }) => scene == other,
            _ => self == other,
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference { name, .. } => write!(f, "picture of {name}"),
            Self::Still { number, .. } => write!(f, "scene {number}"),
        }
    }
}

/// One task of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its number in the scheduler's array: the scene's own, so that the queue speaks of scenes.
    pub index: usize,
    /// What it makes.
    pub work: Work,
}

/// A stage with its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagePlan {
    /// Which stage.
    pub stage: Stage,
    /// At least one; sorted by their numbers.
    pub tasks: Vec<Task>,
}

/// Everything that a run makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The studio that renders.
    pub studio: String,
    /// When it was submitted, in seconds since 1970.
    pub submitted_unix_secs: u64,
    /// Those that have something to do, in order.
    pub stages: Vec<StagePlan>,
}

/// What the user wants to have rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Scenes, by their numbers from 1.
    pub numbers: Vec<usize>,
    /// The stages to run.
    pub stages: Vec<Stage>,
}

/// The time by this machine's clock, in seconds since 1970.
fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Plan {
    /// What `project` lacks of what is asked for: what is finished already is not made again.
    ///
    /// Scenes whose numbers the project does not have are left out.
    pub fn of(project: &Project, studio: &StudioModels, asked: &Asked) -> Self {
        let scenes: Vec<_> = asked.numbers.iter().filter_map(|n| Some((*n, project.scenes.get(n - 1)?))).collect();
        let mut stages: Vec<StagePlan> = Vec::new();
        let mut coming: HashSet<(EntityKind, String)> = HashSet::new();
        for stage in Stage::ALL.into_iter().filter(|stage| asked.stages.contains(stage)) {
            let tasks: Vec<Task> = match stage {
                Stage::References if studio.model(Role::Illustrator).is_none() => Vec::new(),
                Stage::References => {
                    let lacking = entities(project).into_iter().filter(|entity| {
                        let is_shown = scenes.iter().any(|(_, scene)| entity.scenes.contains(&scene.id));
                        is_shown && entity.lacks_picture(project)
                    });
                    let works = lacking.map(|entity| Work::Reference { kind: entity.kind, name: entity.name });
                    let tasks: Vec<Task> = (1..).zip(works).map(|(index, work)| Task { index, work }).collect();
                    coming.extend(tasks.iter().filter_map(|task| match &task.work {
                        Work::Reference { kind, name } => Some((*kind, name.clone())),
                        Work::Still { .. } => None,
                    }));
                    tasks
                }
                Stage::Stills => {
                    let lacking = scenes.iter().filter(|(_, scene)| {
                        let wanted = studio.wanted_recipe(project, scene);
                        let will_change = wanted.entities.iter().any(|e| coming.contains(&(e.kind, e.name.clone())));
                        will_change || !scene.takes.iter().any(|take| take.recipe == wanted)
                    });
                    let work = |number: usize, scene: SceneId| Work::Still { scene, number };
                    lacking.map(|(number, scene)| Task { index: *number, work: work(*number, scene.id) }).collect()
                }
            };
            if !tasks.is_empty() {
                stages.push(StagePlan { stage, tasks });
            }
        }
        Self { studio: studio.name().to_owned(), submitted_unix_secs: unix_secs(), stages }
    }

    /// Every task with its stage, in order.
    pub fn tasks(&self) -> impl Iterator<Item = (Stage, &Task)> {
        self.stages.iter().flat_map(|stage| stage.tasks.iter().map(move |task| (stage.stage, task)))
    }

    /// The task of this number.
    pub fn task(&self, stage: Stage, index: usize) -> Option<&Task> {
        self.tasks().find(|(of, task)| *of == stage && task.index == index).map(|(_, task)| task)
    }
}
