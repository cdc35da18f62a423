//! One thing to render, what it needs first, and the job that makes it.

use crate::engine::job::{IllustrateJob, JobSpec, TakeJob};
use crate::engine::studio::{StudioModels, illustration_seed};
use crate::models::Role;
use crate::project::{
    EntityKind, EntitySummary, MediaFolder, MediaName, Project, Scene, SceneId, TakeId, wanted_recipe,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Something to render.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RenderItem {
    /// A picture of an entity.
    Reference {
        /// Person or object, or place.
        kind: EntityKind,
        /// Its name.
        name: String,
        /// The picture that it takes the place of. Once the entity has another one, there is nothing left to do.
        #[serde(default)]
        replaces: Option<MediaName>,
    },
    /// A still of a scene.
    Still(SceneId),
}

/// Items of one stage use the same models. Earlier stages come first, so that each model is loaded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RenderStage {
    /// Pictures of entities.
    References,
    /// Stills of scenes.
    Stills,
}

/// The film as it is now, and what it is rendered with.
#[derive(Clone, Copy)]
pub struct FilmNow<'a> {
    /// The project.
    pub project: &'a Arc<Project>,
    /// Its entities.
    pub entities: &'a [EntitySummary],
    /// The models of the project's studio; `None` is the draft.
    pub studio: Option<&'a StudioModels>,
    /// Role and SHA-256 of the files that decide a still; `None` while they are not known.
    pub models: Option<&'a [(String, String)]>,
    /// Leaves everything else out, also what this stage would need first.
    pub only: Option<RenderStage>,
}

impl FilmNow<'_> {
    /// The take that is just what a scene asks for now.
    pub fn up_to_date_take(&self, scene: &Scene) -> Option<TakeId> {
        let wanted = wanted_recipe(self.project, scene, &self.project.studio, self.models?);
        scene.takes.iter().find(|take| take.recipe == wanted).map(|take| take.id)
    }

    /// What these scenes lack, stage by stage.
    pub fn lacking(&self, scenes: &[SceneId]) -> Vec<RenderItem> {
        let wanted = |stage| self.only.is_none_or(|only| only == stage);
        let stills: Vec<RenderItem> = scenes.iter().map(|scene| RenderItem::Still(*scene)).collect();
        let mut items: Vec<RenderItem> = Vec::new();
        if wanted(RenderStage::References) {
            let of_scenes = |entity: &EntitySummary| entity.scenes.iter().any(|scene| scenes.contains(scene));
            items.extend(self.lacking_pictures().filter(|entity| of_scenes(entity)).map(new_picture));
        }
        if wanted(RenderStage::Stills) {
            items.extend(stills.into_iter().filter(|still| !still.is_over(self)));
        }
        items
    }

    /// Entities that need a picture before a scene with them is rendered.
    fn lacking_pictures(&self) -> impl Iterator<Item = &EntitySummary> {
        let can = self.studio.is_some_and(|studio| studio.model(Role::Illustrator).is_some());
        self.entities.iter().filter(move |entity| can && entity.lacks_picture(self.project))
    }

    fn picture_of(&self, kind: EntityKind, name: &str) -> Option<&MediaName> {
        self.project.cast_entry(kind, name)?.reference.as_ref().map(|reference| &reference.picture)
    }
}

fn new_picture(entity: &EntitySummary) -> RenderItem {
    RenderItem::Reference { kind: entity.kind, name: entity.name.clone(), replaces: None }
}

impl RenderItem {
    /// A picture of an entity, in place of the one that it has.
    pub fn picture(project: &Project, kind: EntityKind, name: &str) -> Self {
        let known = project.cast_entry(kind, name).and_then(|entity| entity.reference.as_ref());
        Self::Reference { kind, name: name.to_owned(), replaces: known.map(|reference| reference.picture.clone()) }
    }

    /// Its stage.
    pub fn stage(&self) -> RenderStage {
        match self {
            Self::Reference { .. } => RenderStage::References,
            Self::Still(_) => RenderStage::Stills,
        }
    }

    /// What the queue calls it.
    pub fn title(&self, project: &Project) -> String {
        match self {
            Self::Reference { name, .. } => format!("Make a picture of {name}"),
            Self::Still(scene) => match project.scene_index(*scene) {
                Some(index) => format!("Render scene {}", index + 1),
                None => "Render a scene".to_owned(),
            },
        }
    }

    /// Whether both would make the same thing.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Reference { kind, name, .. }, Self::Reference { kind: k, name: n, .. }) => (kind, name) == (k, n),
            (a, b) => a == b,
        }
    }

    /// Whether it is seen in a scene.
    pub(super) fn is_in(&self, scene: SceneId, film: &FilmNow<'_>) -> bool {
        match self {
            Self::Reference { kind, name, .. } => {
                let of_name = |entity: &&EntitySummary| entity.kind == *kind && entity.name == *name;
                film.entities.iter().find(of_name).is_some_and(|entity| entity.scenes.contains(&scene))
            }
            Self::Still(still) => *still == scene,
        }
    }

    /// Whether there is nothing left to do: it is there, or what it was for is gone.
    pub fn is_over(&self, film: &FilmNow<'_>) -> bool {
        match self {
            Self::Reference { kind, name, replaces } => {
                let has_name = film.entities.iter().any(|entity| entity.kind == *kind && entity.name == *name);
                let can = film.studio.is_some_and(|studio| studio.model(Role::Illustrator).is_some());
                !can || !has_name || film.picture_of(*kind, name) != replaces.as_ref()
            }
            Self::Still(scene) => match film.project.scene(*scene) {
                Some(scene) => film.up_to_date_take(scene).is_some(),
                None => true,
            },
        }
    }

    /// What has to be there first and is not.
    pub(super) fn needs(&self, film: &FilmNow<'_>) -> Vec<RenderItem> {
        let first = |stage| film.only.is_none_or(|only| only == stage);
        match self {
            Self::Still(scene) if first(RenderStage::References) => {
                film.lacking_pictures().filter(|entity| entity.scenes.contains(scene)).map(new_picture).collect()
            }
            Self::Reference { .. } | Self::Still(_) => Vec::new(),
        }
    }

    /// The job that makes it of the film as it is now; `None` when it cannot be made.
    pub fn job(&self, film: &FilmNow<'_>, media: &MediaFolder) -> Option<JobSpec> {
        let (project, media) = (Arc::clone(film.project), media.clone());
        Some(match self {
            Self::Reference { kind, name, replaces } => JobSpec::Illustrate(IllustrateJob {
                project,
                kind: *kind,
                name: name.clone(),
                seed: illustration_seed(*kind, name, replaces.as_ref()),
                media,
                studio: film.studio?.clone(),
            }),
            Self::Still(scene) => {
                JobSpec::RenderTake(TakeJob { project, scene: *scene, media, studio: film.studio.cloned() })
            }
        })
    }

    /// A name for the file of its state.
    pub(super) fn file_name(&self) -> String {
        match self {
            Self::Reference { kind, name, .. } => {
                let hash = blake3::hash(format!("{kind:?}\0{name}").as_bytes()).to_hex();
                format!("reference-{}.state", &hash[..16])
            }
            Self::Still(scene) => format!("still-{}.state", scene.0),
        }
    }
}
