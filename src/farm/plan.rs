//! What a run does: stages in order, each a list of tasks that do not need one another.

use super::FarmError;
use crate::engine::StudioModels;
use crate::models::Role;
use crate::project::{EntityKind, MediaName, Project, Scene, SceneId, Take, entities};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A stage of rendering. A stage begins when every task of the one before has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Pictures of what recurs.
    References,
    /// Pictures of scenes.
    Stills,
    /// Their frames.
    Clips,
}

impl Stage {
    /// In the order in which they run.
    pub const ALL: [Self; 3] = [Self::References, Self::Stills, Self::Clips];

    /// As in the names of files and jobs.
    pub fn name(self) -> &'static str {
        match self {
            Self::References => "references",
            Self::Stills => "stills",
            Self::Clips => "clips",
        }
    }

    /// The roles whose models its tasks load.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Self::References => &[Role::Illustrator, Role::Segmenter],
            Self::Stills => &[Role::Compositor],
            Self::Clips => &[Role::Animator],
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
    /// The clip of a scene.
    Clip {
        /// Which scene.
        scene: SceneId,
        /// Its number when the run was submitted, from 1.
        number: usize,
        /// The picture that it starts from; `None` is the one that the run makes.
        still: Option<MediaName>,
    },
}

impl Work {
    /// Whether two runs would make the same: scenes may have changed places in between.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Still { scene, .. }, Self::Still { scene: other, .. })
            | (Self::Clip { scene, .. }, Self::Clip { scene: other, .. }) => scene == other,
            _ => self == other,
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference { name, .. } => write!(f, "picture of {name}"),
            Self::Still { number, .. } => write!(f, "scene {number}"),
            Self::Clip { number, .. } => write!(f, "clip of scene {number}"),
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
    ///
    /// # Errors
    /// When clips alone are asked for, and a scene has no still to start from.
    pub fn of(project: &Project, studio: &StudioModels, asked: &Asked) -> Result<Self, FarmError> {
        let scenes = asked.numbers.iter().filter_map(|number| Some((*number, project.scenes.get(number - 1)?)));
        let wanted = Wanted { project, studio, asked, scenes: scenes.collect() };
        let references = wanted.references();
        let stills = wanted.stills(&references);
        let clips = wanted.clips(&stills)?;
        let stages = [(Stage::References, references), (Stage::Stills, stills), (Stage::Clips, clips)];
        let stages = stages.into_iter().filter(|(_, tasks)| !tasks.is_empty());
        Ok(Self {
            studio: studio.name().to_owned(),
            submitted_unix_secs: unix_secs(),
            stages: stages.map(|(stage, tasks)| StagePlan { stage, tasks }).collect(),
        })
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

/// What a plan is made of.
struct Wanted<'a> {
    project: &'a Project,
    studio: &'a StudioModels,
    asked: &'a Asked,
    /// With their numbers.
    scenes: Vec<(usize, &'a Scene)>,
}

impl Wanted<'_> {
    fn is_asked(&self, stage: Stage) -> bool {
        // What a studio has nobody for is the draft's.
        let can = match stage {
            Stage::References => self.studio.model(Role::Illustrator).is_some(),
            Stage::Stills => true,
            Stage::Clips => self.studio.model(Role::Animator).is_some(),
        };
        can && self.asked.stages.contains(&stage)
    }

    /// Pictures of what recurs, is shown, and has none.
    fn references(&self) -> Vec<Task> {
        if !self.is_asked(Stage::References) {
            return Vec::new();
        }
        let lacking = entities(self.project).into_iter().filter(|entity| {
            let is_shown = self.scenes.iter().any(|(_, scene)| entity.scenes.contains(&scene.id));
            is_shown && entity.lacks_picture(self.project)
        });
        let works = lacking.map(|entity| Work::Reference { kind: entity.kind, name: entity.name });
        (1..).zip(works).map(|(index, work)| Task { index, work }).collect()
    }

    /// Stills of scenes that have no fresh one, or will have none when the pictures in `coming` are there.
    fn stills(&self, coming: &[Task]) -> Vec<Task> {
        if !self.is_asked(Stage::Stills) {
            return Vec::new();
        }
        let will_change = |scene: &Scene| {
            coming.iter().any(|task| match &task.work {
                Work::Reference { kind, name } => scene.entity_names(*kind).any(|shown| shown == name),
                Work::Still { .. } | Work::Clip { .. } => false,
            })
        };
        let lacking = self.scenes.iter().filter(|(_, scene)| will_change(scene) || self.fresh_still(scene).is_none());
        let work = |(number, scene): &(usize, &Scene)| Work::Still { scene: scene.id, number: *number };
        lacking.map(|scene| Task { index: scene.0, work: work(scene) }).collect()
    }

    /// Clips of scenes that have no fresh one, or will have none when the stills in `coming` are there.
    fn clips(&self, coming: &[Task]) -> Result<Vec<Task>, FarmError> {
        if !self.is_asked(Stage::Clips) {
            return Ok(Vec::new());
        }
        let files = self.studio.known_files();
        let mut tasks = Vec::new();
        for (number, scene) in &self.scenes {
            let work = |still| Work::Clip { scene: scene.id, number: *number, still };
            let is_still = |task: &Task| matches!(task.work, Work::Still { scene: of, .. } if of == scene.id);
            if coming.iter().any(is_still) {
                tasks.push(Task { index: *number, work: work(None) });
                continue;
            }
            let is_fresh = |take: &Take| files.is_fresh_still(self.project, scene, self.studio.name(), take);
            // Who asks for clips alone takes the stills as they are.
            let start = match self.asked.stages.as_slice() {
                [Stage::Clips] => scene.any_still(self.studio.name(), is_fresh),
                _ => scene.fresh_still(is_fresh),
            };
            let Some(start) = start else { return Err(FarmError::NoStill { number: *number }) };
            if files.fresh_clip(self.project, scene, self.studio.name(), start).is_none() {
                tasks.push(Task { index: *number, work: work(Some(start.media.clone())) });
            }
        }
        Ok(tasks)
    }

    fn fresh_still<'b>(&self, scene: &'b Scene) -> Option<&'b Take> {
        let files = self.studio.known_files();
        scene.fresh_still(|take| files.is_fresh_still(self.project, scene, self.studio.name(), take))
    }
}
