//! Another name for somebody or something, by rule: in the lists of the scenes, in their words, and in the cast.

use super::locked_note;
use crate::project::{Change, EntityKind, Project, Proposal, ProposalItem, Scene, entities, replace_name};

/// The proposal that renames `from` wherever it is, or makes it one with whoever is called `to`. It is one item: half of
/// it would make two of one.
pub(super) fn proposal(title: String, project: &Project, kind: EntityKind, from: &str, to: &str) -> Proposal {
    let known = entities(project);
    // "man" in "snow man" is somebody else.
    let others: Vec<&str> = known.iter().map(|known| known.name.as_str()).filter(|name| *name != from).collect();
    let mut locked = Vec::new();
    let mut changes = Vec::new();
    for (index, scene) in project.scenes.iter().enumerate() {
        let shows = scene.entity_names(kind).any(|name| name == from);
        if scene.locked {
            locked.extend(shows.then_some(index + 1));
            continue;
        }
        let Some(before) = project.script_scene(scene.id) else { continue };
        let mut after = before.clone();
        after.prompt = replace_name(&before.prompt, from, to, &others);
        match kind {
            EntityKind::Background if shows => to.clone_into(&mut after.background),
            EntityKind::Foreground if shows => after.foreground = renamed(scene, from, to),
            _ => {}
        }
        if after != before {
            changes.push(Change::Scene { id: scene.id, before, after });
        }
    }
    let stays = !locked.is_empty();
    if project.cast_entry(kind, from).is_some() {
        changes.push(Change::Rename { kind, from: from.to_owned(), to: to.to_owned(), stays });
    }
    let notes = locked_note(&locked, &format!("keeps the name \"{from}\"")).into_iter().collect();
    let item = ProposalItem { title: format!("{from} → {to}"), changes };
    let items = if item.changes.is_empty() { Vec::new() } else { vec![item] };
    Proposal { title, items, notes }
}

fn renamed(scene: &Scene, from: &str, to: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in &scene.foreground {
        let name = if name == from { to } else { name };
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}
