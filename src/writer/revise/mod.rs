//! The second draft: revisions of a script that is there, as proposals that the user accepts or rejects.
//!
//! Whatever is asked, the answer is a [`Proposal`]: scenes and descriptions with their old and new words, as data. Names
//! are changed by rules ([`Revision::by_rule`]); everything else is said by the model, under grammars as in a new script,
//! with the film's own names. Locked scenes are told to the model and never part of the answer.

mod asked;
mod examples;
mod propose;
mod rename;
mod say;
mod tell;

pub(super) use asked::{Asked, Rules, Slot};
pub(super) use examples::{LEAVE_OUT, ReviseExample, revise_examples};
pub(super) use propose::{Batch, SecondAuthor, propose};
pub(super) use say::{dialogue, examples_like};
pub(super) use tell::{Task, Told};

use super::sampler::Sampling;
use crate::project::{EntityKind, Project, Proposal, SceneId, entities};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// How many scenes a story is continued by at once.
pub const CONTINUED: RangeInclusive<u32> = 1..=5;
/// Most characters of what the user wants; more confuses a small model.
pub const WISH_CHARS: usize = 400;

/// What is to be done with a script.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Revision {
    /// Say one scene anew: "make it night".
    Rewrite {
        /// Which scene.
        scene: SceneId,
        /// What is to change, in the user's words.
        change: String,
    },
    /// A new scene.
    Insert {
        /// The scene that it comes behind; `None` is the beginning of the film.
        after: Option<SceneId>,
        /// What it shows, in the user's words; may be empty.
        wish: String,
    },
    /// Two scenes of one.
    Split {
        /// Which scene.
        scene: SceneId,
    },
    /// One scene of two.
    Merge {
        /// The first of the two.
        scene: SceneId,
    },
    /// More scenes at the end.
    Continue {
        /// How many, within [`CONTINUED`].
        scenes: u32,
        /// What happens, in the user's words; may be empty.
        wish: String,
    },
    /// Say every scene anew: "funnier", "for children".
    Film {
        /// What is to change, in the user's words.
        change: String,
    },
    /// Leave out the scenes that matter least, about a third of them.
    Shorten,
    /// Plan the camera of the whole film anew.
    Cameras,
    /// Another name for somebody or something, wherever the film has it.
    Rename {
        /// A place or not.
        kind: EntityKind,
        /// The present name.
        from: String,
        /// A name that nobody else has.
        to: String,
    },
    /// Two names become one.
    MergeNames {
        /// A place or not.
        kind: EntityKind,
        /// The name that goes.
        from: String,
        /// The name that stays.
        to: String,
    },
    /// Another description of somebody or something.
    Describe {
        /// A place or not.
        kind: EntityKind,
        /// Who or what.
        name: String,
        /// How it shall look, in the user's words; may be empty.
        wish: String,
    },
}

/// A revision that is not possible, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ReviseError {
    #[error("there are no scenes to revise yet; write a script first")]
    NoScenes,
    #[error("the scene is no longer in the film")]
    NoScene,
    #[error("scene {number} is locked; unlock it first")]
    Locked { number: usize },
    #[error("all scenes are locked; unlock those that shall change")]
    AllLocked,
    #[error("scene {number} is the last one; there is none to merge it with")]
    NoNext { number: usize },
    #[error("say what shall change, such as \"make it night\"")]
    NoWish,
    #[error("what shall change has {length} characters; say it in at most {WISH_CHARS}")]
    LongWish { length: usize },
    #[error("a story is continued by {} to {} scenes at once, not {asked}", CONTINUED.start(), CONTINUED.end())]
    Continued { asked: u32 },
    #[error("nothing can be left out: a film needs two scenes, and locked ones stay")]
    NothingToLeaveOut,
    #[error("no scene names \"{name}\", and neither does the cast")]
    NoEntity { name: String },
    #[error("type the new name")]
    NoName,
    #[error("that is the name already")]
    SameName,
    #[error("there is a \"{name}\" already; merge the two names, or choose another")]
    NameTaken { name: String },
}

/// A revision of a film.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviseRequest {
    /// The film.
    pub project: Arc<Project>,
    /// What is to be done.
    pub revision: Revision,
    /// The same seed gives the same proposal on the same machine.
    pub seed: u64,
    /// How boldly it is written.
    pub sampling: Sampling,
}

impl Revision {
    /// Whether a model has to be asked.
    pub fn needs_model(&self) -> bool {
        !matches!(self, Self::Rename { .. } | Self::MergeNames { .. })
    }

    /// What it is called, in lower case: "rewrite of scene 3".
    pub fn title(&self, project: &Project) -> String {
        let number = |id: &SceneId| project.scene_index(*id).map_or(0, |index| index + 1);
        match self {
            Self::Rewrite { scene, .. } => format!("rewrite of scene {}", number(scene)),
            Self::Insert { after: None, .. } => "new first scene".to_owned(),
            Self::Insert { after: Some(after), .. } => format!("new scene after {}", number(after)),
            Self::Split { scene } => format!("split of scene {}", number(scene)),
            Self::Merge { scene } => format!("merge of scenes {} and {}", number(scene), number(scene) + 1),
            Self::Continue { .. } => "continued story".to_owned(),
            Self::Film { change } => format!("rewrite of the film: {change}"),
            Self::Shorten => "shorter film".to_owned(),
            Self::Cameras => "new camera plan".to_owned(),
            Self::Rename { from, to, .. } => format!("new name of \"{from}\": \"{to}\""),
            Self::MergeNames { from, to, .. } => format!("merge of \"{from}\" into \"{to}\""),
            Self::Describe { name, .. } => format!("description of \"{name}\""),
        }
    }

    /// Refuses what is not possible in this film, before a model is loaded for it.
    pub fn check(&self, project: &Project) -> Result<(), ReviseError> {
        let free = |id: &SceneId| match project.scene_index(*id) {
            None => Err(ReviseError::NoScene),
            Some(index) if project.scenes[index].locked => Err(ReviseError::Locked { number: index + 1 }),
            Some(index) => Ok(index),
        };
        let some_free = || match project.scenes.iter().any(|scene| !scene.locked) {
            _ if project.scenes.is_empty() => Err(ReviseError::NoScenes),
            true => Ok(()),
            false => Err(ReviseError::AllLocked),
        };
        let known = |kind: EntityKind, name: &str| entities(project).iter().any(|e| e.kind == kind && e.name == name);
        let must_know = |kind: EntityKind, name: &str| match known(kind, name) {
            true => Ok(()),
            false => Err(ReviseError::NoEntity { name: name.to_owned() }),
        };
        match self {
            Self::Rewrite { scene, change } => free(scene).and_then(|_| wish(change, true)),
            Self::Insert { after, wish: text } => match after {
                Some(id) if project.scene(*id).is_none() => Err(ReviseError::NoScene),
                _ if project.scenes.is_empty() => Err(ReviseError::NoScenes),
                _ => wish(text, false),
            },
            Self::Split { scene } => free(scene).map(drop),
            Self::Merge { scene } => {
                let index = free(scene)?;
                let next = project.scenes.get(index + 1).ok_or(ReviseError::NoNext { number: index + 1 })?;
                free(&next.id).map(drop)
            }
            Self::Continue { scenes, .. } if !CONTINUED.contains(scenes) => {
                Err(ReviseError::Continued { asked: *scenes })
            }
            Self::Continue { .. } if project.scenes.is_empty() => Err(ReviseError::NoScenes),
            Self::Continue { wish: text, .. } => wish(text, false),
            Self::Film { change } => some_free().and_then(|()| wish(change, true)),
            Self::Cameras => some_free(),
            Self::Shorten => {
                some_free()?;
                if asked::left_out_of(project).is_empty() { Err(ReviseError::NothingToLeaveOut) } else { Ok(()) }
            }
            Self::Describe { kind, name, wish: text } => must_know(*kind, name).and_then(|()| wish(text, false)),
            Self::Rename { kind, from, to } | Self::MergeNames { kind, from, to } => {
                must_know(*kind, from)?;
                match (self, to.trim()) {
                    (_, "") => Err(ReviseError::NoName),
                    (_, to) if to == from => Err(ReviseError::SameName),
                    (Self::MergeNames { .. }, to) => must_know(*kind, to),
                    (_, to) if known(*kind, to) => Err(ReviseError::NameTaken { name: to.to_owned() }),
                    _ => Ok(()),
                }
            }
        }
    }

    /// The proposal for what needs no model; `None` for what needs one.
    pub fn by_rule(&self, project: &Project) -> Option<Result<Proposal, ReviseError>> {
        match self {
            Self::Rename { kind, from, to } | Self::MergeNames { kind, from, to } => {
                let proposal = || rename::proposal(self.title(project), project, *kind, from, to.trim());
                Some(self.check(project).map(|()| proposal()))
            }
            _ => None,
        }
    }
}

fn wish(text: &str, needed: bool) -> Result<(), ReviseError> {
    match text.trim().chars().count() {
        0 if needed => Err(ReviseError::NoWish),
        length if length > WISH_CHARS => Err(ReviseError::LongWish { length }),
        _ => Ok(()),
    }
}

/// "Scene 2 is locked and stays as it is."
fn locked_note(numbers: &[usize], stays: &str) -> Option<String> {
    let list = numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    match numbers {
        [] => None,
        [_] => Some(format!("Scene {list} is locked and {stays}.")),
        _ => Some(format!("Scenes {list} are locked and {}.", stays.replace("stays", "stay").replace("keeps", "keep"))),
    }
}

/// The locked ones among all scenes, counted from 1.
fn locked_numbers(project: &Project) -> Vec<usize> {
    let scenes = project.scenes.iter().enumerate();
    scenes.filter(|(_, scene)| scene.locked).map(|(index, _)| index + 1).collect()
}
