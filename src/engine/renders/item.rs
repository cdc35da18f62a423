//! One thing to render, what it needs first, and the job that makes it.

use crate::engine::job::{ClipJob, IllustrateJob, JobSpec, TakeJob};
use crate::engine::studio::{StudioModels, illustration_seed};
use crate::models::Role;
use crate::project::{
    Edit, EntityKind, EntitySummary, MediaFolder, MediaName, Project, Scene, SceneField, SceneId, StudioFiles, Take,
    TakeId,
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
    /// A still of a scene with another seed than its own. The film uses it only when the user chooses it.
    Variation {
        /// Which scene.
        scene: SceneId,
        /// The seed.
        seed: u64,
    },
    /// A clip of a scene.
    Clip {
        /// Which scene.
        scene: SceneId,
        /// Whether it starts from the still there is, also where that is stale.
        any_still: bool,
    },
}

/// What to render of a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenderPart {
    /// The still, and the clip where the studio has an animator.
    All,
    /// The still.
    Still,
    /// The clip of the still there is.
    Clip,
}

/// Items of one stage use the same models. Earlier stages come first, so that each model is loaded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RenderStage {
    /// Pictures of entities.
    References,
    /// Stills of scenes.
    Stills,
    /// Clips of stills.
    Clips,
}

impl RenderStage {
    /// In the order in which they come.
    pub const ALL: [Self; 3] = [Self::References, Self::Stills, Self::Clips];

    /// As people name it, also in the names of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::References => "references",
            Self::Stills => "stills",
            Self::Clips => "clips",
        }
    }

    /// The roles whose models it works with.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Self::References => &[Role::Illustrator, Role::Segmenter],
            Self::Stills => &[Role::Compositor],
            Self::Clips => &[Role::Animator],
        }
    }
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
    /// The files that decide its takes, as far as they are known.
    pub files: &'a StudioFiles,
    /// Leaves everything else out, also what this stage would need first.
    pub only: Option<RenderStage>,
}

impl FilmNow<'_> {
    /// What is rendered last for a part of a scene.
    pub fn target(&self, scene: SceneId, part: RenderPart) -> RenderItem {
        let animates = self.studio.is_some_and(|studio| studio.model(Role::Animator).is_some());
        match part {
            RenderPart::All | RenderPart::Clip if animates => {
                RenderItem::Clip { scene, any_still: part == RenderPart::Clip }
            }
            _ => RenderItem::Still(scene),
        }
    }

    /// The take that is just what an item would make.
    pub fn up_to_date_take(&self, item: &RenderItem) -> Option<TakeId> {
        let take = match item {
            RenderItem::Reference { .. } => None,
            RenderItem::Still(scene) => self.fresh_still(self.project.scene(*scene)?),
            RenderItem::Variation { scene, seed } => {
                let scene = self.project.scene(*scene)?;
                let varied = Scene { seed: *seed, ..scene.clone() };
                scene.takes.iter().find(|take| self.is_fresh(&varied, take))
            }
            RenderItem::Clip { scene, any_still } => {
                let scene = self.project.scene(*scene)?;
                let still = self.start(scene, *any_still)?;
                self.files.fresh_clip(self.project, scene, &self.project.studio, still)
            }
        };
        take.map(|take| take.id)
    }

    fn is_fresh(&self, scene: &Scene, take: &Take) -> bool {
        self.files.is_fresh_still(self.project, scene, &self.project.studio, take)
    }

    fn fresh_still<'a>(&self, scene: &'a Scene) -> Option<&'a Take> {
        scene.fresh_still(|take| self.is_fresh(scene, take))
    }

    /// The still that a clip of a scene would start from.
    pub fn start<'a>(&self, scene: &'a Scene, any_still: bool) -> Option<&'a Take> {
        let is_fresh = |take: &Take| self.is_fresh(scene, take);
        if any_still { scene.any_still(&self.project.studio, is_fresh) } else { scene.fresh_still(is_fresh) }
    }

    /// What a part of these scenes lacks, stage by stage.
    pub fn lacking(&self, scenes: &[SceneId], part: RenderPart) -> Vec<RenderItem> {
        if self.only == Some(RenderStage::References) {
            let of_scenes = |entity: &&EntitySummary| entity.scenes.iter().any(|scene| scenes.contains(scene));
            return self.lacking_pictures().filter(of_scenes).map(new_picture).collect();
        }
        let mut items = Vec::new();
        for scene in scenes {
            let target = self.target(*scene, part);
            if !target.is_over(self) {
                self.gather(target, &mut items);
            }
        }
        items.sort_by_key(RenderItem::stage);
        items
    }

    /// Adds an item behind all that it needs first.
    fn gather(&self, item: RenderItem, items: &mut Vec<RenderItem>) {
        for need in item.needs(self) {
            self.gather(need, items);
        }
        if !items.iter().any(|known| known.is_same(&item)) {
            items.push(item);
        }
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
            Self::Still(_) | Self::Variation { .. } => RenderStage::Stills,
            Self::Clip { .. } => RenderStage::Clips,
        }
    }

    /// The scene that it is a take of.
    pub fn scene(&self) -> Option<SceneId> {
        match self {
            Self::Reference { .. } => None,
            Self::Still(scene) | Self::Variation { scene, .. } | Self::Clip { scene, .. } => Some(*scene),
        }
    }

    /// Whether it is another seed of a scene, beside the one that the film shows.
    pub fn is_variation(&self) -> bool {
        matches!(self, Self::Variation { .. })
    }

    /// What the queue calls it.
    pub fn title(&self, project: &Project) -> String {
        let verb = match self {
            Self::Reference { name, .. } => return format!("Make a picture of {name}"),
            Self::Still(_) => "Render",
            Self::Variation { .. } => "Vary",
            Self::Clip { .. } => "Animate",
        };
        match self.scene().and_then(|scene| project.scene_index(scene)) {
            Some(index) => format!("{verb} scene {}", index + 1),
            None => format!("{verb} a scene"),
        }
    }

    /// Whether both would make the same thing.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Reference { kind, name, .. }, Self::Reference { kind: k, name: n, .. }) => (kind, name) == (k, n),
            (Self::Clip { scene, .. }, Self::Clip { scene: other, .. }) => scene == other,
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
            Self::Still(_) | Self::Variation { .. } | Self::Clip { .. } => self.scene() == Some(scene),
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
            Self::Still(scene) | Self::Variation { scene, .. } | Self::Clip { scene, .. } => {
                // A locked scene stays as it is.
                let can_be = film.project.scene(*scene).is_some_and(|scene| !scene.locked);
                // A take that lacks a picture of what it shows is made again with it.
                !can_be || (film.up_to_date_take(self).is_some() && self.needs(film).is_empty())
            }
        }
    }

    /// What has to be there first and is not.
    pub(super) fn needs(&self, film: &FilmNow<'_>) -> Vec<RenderItem> {
        let first = |stage| film.only.is_none_or(|only| only == stage);
        match self {
            Self::Still(scene) | Self::Variation { scene, .. } if first(RenderStage::References) => {
                film.lacking_pictures().filter(|entity| entity.scenes.contains(scene)).map(new_picture).collect()
            }
            Self::Clip { scene, any_still } if first(RenderStage::Stills) => {
                let Some(known) = film.project.scene(*scene) else { return Vec::new() };
                let still = Self::Still(*scene);
                let has_start = film.start(known, *any_still).is_some() && (*any_still || still.is_over(film));
                if has_start { Vec::new() } else { vec![still] }
            }
            Self::Reference { .. } | Self::Still(_) | Self::Variation { .. } | Self::Clip { .. } => Vec::new(),
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
            Self::Variation { scene, seed } => {
                let mut project = project;
                let edit = Edit::SetScene { id: *scene, field: SceneField::Seed(*seed) };
                Arc::make_mut(&mut project).apply(edit).ok()?;
                JobSpec::RenderTake(TakeJob { project, scene: *scene, media, studio: film.studio.cloned() })
            }
            Self::Clip { scene, any_still } => {
                let still = film.start(project.scene(*scene)?, *any_still)?.media.clone();
                JobSpec::RenderClip(ClipJob { project, scene: *scene, still, media, studio: film.studio?.clone() })
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
            Self::Variation { scene, seed } => format!("still-{}-{seed}.state", scene.0),
            Self::Clip { scene, .. } => format!("clip-{}.state", scene.0),
        }
    }
}
