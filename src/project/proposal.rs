//! Proposed changes of the script: data that the user looks at, accepts in parts, and gets as one edit.

use super::names::replace_name;
use super::{Edit, Entity, EntityField, EntityKind, Project, SceneField, SceneId, ScriptScene};
use serde::{Deserialize, Serialize};

/// Changes that somebody proposes. Nothing of them is in the project yet.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Proposal {
    /// What it is, for a heading and for "Undo …", in lower case: "rewrite of scene 3".
    pub title: String,
    /// What can be accepted or rejected, in film order.
    pub items: Vec<ProposalItem>,
    /// What the user should know, in whole sentences: that locked scenes were left out, for example.
    pub notes: Vec<String>,
}

/// Changes that are accepted or rejected together, such as the two halves of a scene that is split.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ProposalItem {
    /// What it changes, as the user calls it: "Scene 3".
    pub title: String,
    /// The changes.
    pub changes: Vec<Change>,
}

/// One change of the script or the cast, with what is there now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// Other words for a scene.
    Scene {
        /// Which scene.
        id: SceneId,
        /// As it is.
        before: ScriptScene,
        /// As it would be.
        after: ScriptScene,
    },
    /// A new scene.
    Insert {
        /// The scene that it comes behind; `None` is the beginning of the film.
        after: Option<SceneId>,
        /// What it shows.
        scene: ScriptScene,
        /// The seed of its pictures.
        seed: u64,
    },
    /// A scene is taken out, with its takes.
    Remove {
        /// Which scene.
        id: SceneId,
        /// As it is.
        before: ScriptScene,
    },
    /// Another description of somebody or something.
    Describe {
        /// A place or not.
        kind: EntityKind,
        /// Who or what.
        name: String,
        /// The description that there is; may be empty.
        before: String,
        /// The proposed one.
        after: String,
    },
    /// Another name in the cast. The scenes' part of it are changes of their own.
    Rename {
        /// A place or not.
        kind: EntityKind,
        /// The present name.
        from: String,
        /// The new name; that of somebody else makes the two one.
        to: String,
        /// Whether locked scenes go on using the present name, so that it stays in the cast, too.
        stays: bool,
    },
}

/// Why a part of a proposal cannot be accepted any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Outdated {
    #[error("the scene is no longer there")]
    Gone,
    #[error("the scene was changed meanwhile")]
    Changed,
    #[error("the scene was locked meanwhile")]
    Locked,
    #[error("\"{0}\" was changed meanwhile")]
    Entity(String),
}

impl Project {
    /// What a scene's words are, as a script has them.
    pub fn script_scene(&self, id: SceneId) -> Option<ScriptScene> {
        let scene = self.scene(id)?;
        Some(ScriptScene {
            prompt: scene.prompt.clone(),
            foreground: scene.foreground.clone(),
            background: scene.background.clone(),
            camera: scene.camera,
        })
    }

    fn description(&self, kind: EntityKind, name: &str) -> &str {
        self.cast_entry(kind, name).map_or("", |known| &known.description)
    }
}

impl Proposal {
    /// Whether there is nothing to accept.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Why an item no longer fits the project; `None` while it does.
    pub fn outdated(&self, project: &Project, item: usize) -> Option<Outdated> {
        let item = self.items.get(item)?;
        item.changes.iter().find_map(|change| change.outdated(project))
    }

    /// The edit that makes the accepted items part of the project; `None` when none is left. Items that no longer fit are
    /// left out: what the user did meanwhile stays.
    ///
    /// `project` is only asked for numbers.
    pub fn to_edit(&self, project: &mut Project, accepted: &[usize]) -> Option<Edit> {
        let fits = |item: &usize| self.items.get(*item).is_some() && self.outdated(project, *item).is_none();
        let mut accepted: Vec<usize> = accepted.iter().copied().filter(fits).collect();
        accepted.sort_unstable();
        accepted.dedup();
        let changes: Vec<&Change> = accepted.iter().flat_map(|item| &self.items[*item].changes).collect();
        let mut edits = Vec::new();
        for change in &changes {
            match change {
                Change::Scene { id, after, .. } => edits.extend(scene_edits(project, *id, after)),
                Change::Describe { kind, name, after, .. } => {
                    edits.push(project.entity_edit(*kind, name, EntityField::Description(after.clone())));
                }
                Change::Rename { kind, from, to, stays } => {
                    edits.extend(rename_edits(project, *kind, from, to, *stays))
                }
                Change::Insert { .. } | Change::Remove { .. } => {}
            }
        }
        edits.extend(insert_edits(project, &changes));
        edits.extend(changes.iter().filter_map(|change| match change {
            Change::Remove { id, .. } => Some(Edit::RemoveScene(*id)),
            _ => None,
        }));
        match edits.len() {
            0 => None,
            1 => edits.pop(),
            _ => Some(Edit::Batch(edits)),
        }
    }

    /// What became of the scenes of `before` in `after`, as a proposal with an item for each scene that differs.
    pub fn of_difference(title: impl Into<String>, before: &Project, after: &Project) -> Self {
        let changed = before.scenes.iter().enumerate().filter_map(|(index, scene)| {
            let (now, then) = (before.script_scene(scene.id)?, after.script_scene(scene.id)?);
            let change = Change::Scene { id: scene.id, before: now.clone(), after: then.clone() };
            let title = format!("Scene {}", index + 1);
            (now != then).then(|| ProposalItem { title, changes: vec![change] })
        });
        Self { title: title.into(), items: changed.collect(), notes: Vec::new() }
    }
}

impl Change {
    fn outdated(&self, project: &Project) -> Option<Outdated> {
        match self {
            Self::Scene { id, before, .. } | Self::Remove { id, before } => match project.scene(*id) {
                None => Some(Outdated::Gone),
                Some(scene) if scene.locked => Some(Outdated::Locked),
                Some(_) => (project.script_scene(*id).as_ref() != Some(before)).then_some(Outdated::Changed),
            },
            Self::Insert { after, .. } => after.filter(|id| project.scene(*id).is_none()).map(|_| Outdated::Gone),
            Self::Describe { kind, name, before, .. } => {
                (project.description(*kind, name) != before).then(|| Outdated::Entity(name.clone()))
            }
            Self::Rename { kind, from, .. } => {
                let known = super::entities(project).iter().any(|known| known.kind == *kind && known.name == *from);
                (!known).then(|| Outdated::Entity(from.clone()))
            }
        }
    }
}

fn scene_edits(project: &Project, id: SceneId, after: &ScriptScene) -> Vec<Edit> {
    let Some(scene) = project.scene(id) else { return Vec::new() };
    let fields = [
        (scene.prompt != after.prompt).then(|| SceneField::Prompt(after.prompt.clone())),
        (scene.foreground != after.foreground).then(|| SceneField::Foreground(after.foreground.clone())),
        (scene.background != after.background).then(|| SceneField::Background(after.background.clone())),
        (scene.camera != after.camera).then_some(SceneField::Camera(after.camera)),
    ];
    fields.into_iter().flatten().map(|field| Edit::SetScene { id, field }).collect()
}

/// The new scenes, each behind the one that it belongs to, those of one place in their order.
fn insert_edits(project: &mut Project, changes: &[&Change]) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut placed: Vec<usize> = Vec::new();
    for change in changes {
        let Change::Insert { after, scene, seed } = change else { continue };
        let place = after.and_then(|id| project.scene_index(id)).map_or(0, |index| index + 1);
        let background = place.checked_sub(1).map(|before| project.scenes[before].background.clone());
        let made = scene.to_scene(project, background.as_deref(), *seed);
        // Each of the earlier ones before or at this place has moved it on.
        let index = place + placed.iter().filter(|earlier| **earlier <= place).count();
        placed.push(place);
        edits.push(Edit::InsertScene { index, scene: Box::new(made) });
    }
    edits
}

/// The cast's part of a new name. Who has the name already keeps description and picture, or gets those of the other.
fn rename_edits(project: &Project, kind: EntityKind, from: &str, to: &str, stays: bool) -> Vec<Edit> {
    let Some(old) = project.cast_entry(kind, from) else { return Vec::new() };
    let description = replace_name(&old.description, from, to, &[]);
    match project.cast_entry(kind, to) {
        None if stays => {
            let entity = Entity { name: to.to_owned(), description, ..old.clone() };
            vec![Edit::InsertEntity { index: project.cast.len(), entity }]
        }
        None => {
            let set = |name: &str, field| Edit::SetEntity { kind, name: name.to_owned(), field };
            let mut edits = vec![set(from, EntityField::Name(to.to_owned()))];
            if description != old.description {
                edits.push(set(to, EntityField::Description(description)));
            }
            edits
        }
        Some(known) => {
            let set = |field| Edit::SetEntity { kind, name: to.to_owned(), field };
            let mut edits = Vec::new();
            if known.description.is_empty() && !description.is_empty() {
                edits.push(set(EntityField::Description(description)));
            }
            if known.reference.is_none() && old.reference.is_some() {
                edits.push(set(EntityField::Reference(old.reference.clone())));
            }
            if !stays {
                edits.push(Edit::RemoveEntity { kind, name: from.to_owned() });
            }
            edits
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Script;

    fn film(prompts: &[&str]) -> Project {
        let scene = |prompt: &&str| ScriptScene { prompt: (*prompt).to_owned(), ..ScriptScene::default() };
        let script = Script { scenes: prompts.iter().map(scene).collect() };
        let mut project = Project::new("");
        for edit in script.insert_edits(&mut project.clone(), 0) {
            project.apply(edit).unwrap();
        }
        project
    }

    fn words(project: &Project) -> Vec<&str> {
        project.scenes.iter().map(|scene| scene.prompt.as_str()).collect()
    }

    fn insert(after: Option<SceneId>, prompt: &str) -> ProposalItem {
        let scene = ScriptScene { prompt: prompt.to_owned(), ..ScriptScene::default() };
        ProposalItem { title: String::new(), changes: vec![Change::Insert { after, scene, seed: 1 }] }
    }

    fn rewrite(project: &Project, index: usize, prompt: &str) -> ProposalItem {
        let id = project.scenes[index].id;
        let before = project.script_scene(id).unwrap();
        let after = ScriptScene { prompt: prompt.to_owned(), ..before.clone() };
        ProposalItem { title: String::new(), changes: vec![Change::Scene { id, before, after }] }
    }

    #[test]
    fn the_accepted_part_is_one_edit_and_undone_at_once() {
        let mut project = film(&["a", "b", "c"]);
        let before = project.clone();
        let (a, b) = (project.scenes[0].id, project.scenes[1].id);
        let mut items = vec![rewrite(&project, 0, "A"), insert(Some(a), "a1"), insert(Some(a), "a2")];
        items.push(ProposalItem {
            title: String::new(),
            changes: vec![Change::Remove { id: b, before: project.script_scene(b).unwrap() }],
        });
        items.extend([insert(None, "first"), insert(Some(b), "b1")]);
        let proposal = Proposal { items, ..Proposal::default() };
        for (accepted, expected) in [
            (&[0, 1, 2, 3, 4, 5][..], &["first", "A", "a1", "a2", "b1", "c"][..]),
            (&[2, 1], &["a", "a1", "a2", "b", "c"]),
            (&[2, 2, 9], &["a", "a2", "b", "c"]),
            (&[3], &["a", "c"]),
        ] {
            let edit = proposal.to_edit(&mut project, accepted).unwrap();
            let undo = project.apply(edit).unwrap();
            assert_eq!(words(&project), expected, "{accepted:?}");
            project.apply(undo).unwrap();
            assert_eq!(project.scenes, before.scenes);
        }
        assert_eq!(proposal.to_edit(&mut project, &[]), None);
    }

    #[test]
    fn what_changed_meanwhile_is_not_overwritten() {
        let mut project = film(&["a", "b", "c"]);
        let items = (0..3).map(|index| rewrite(&project, index, "new")).collect();
        let proposal = Proposal { items, ..Proposal::default() };
        project.scenes[0].prompt = "mine".to_owned();
        project.scenes[1].locked = true;
        let found: Vec<_> = (0..3).map(|item| proposal.outdated(&project, item)).collect();
        assert_eq!(found, [Some(Outdated::Changed), Some(Outdated::Locked), None]);
        let edit = proposal.to_edit(&mut project, &[0, 1, 2]).unwrap();
        project.apply(edit).unwrap();
        assert_eq!(words(&project), ["mine", "b", "new"]);
        project.scenes.clear();
        assert_eq!(proposal.outdated(&project, 2), Some(Outdated::Gone));
        assert_eq!(proposal.to_edit(&mut project, &[0, 1, 2]), None);
    }
}
