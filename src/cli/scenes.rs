//! Scenes on the command line: locks, order, copies, and how their stills are denoised.

use super::args::{SceneCommand, SceneList, SettingsArgs};
use super::film::Film;
use super::run::scene_numbers;
use crate::project::{ClipSettings, Edit, Project, Scene, SceneField, SceneId, StillSettings};
use anyhow::{Result, bail};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Carries out what is asked of scenes.
pub(super) fn run(command: SceneCommand, cancel: Arc<AtomicBool>) -> Result<String> {
    let (folder, list) = match &command {
        SceneCommand::Lock { project, scenes }
        | SceneCommand::Unlock { project, scenes }
        | SceneCommand::Delete { project, scenes }
        | SceneCommand::Duplicate { project, scenes }
        | SceneCommand::Move { project, scenes, .. } => (project.clone(), scenes.clone()),
    };
    let mut film = Film::open(&folder, cancel)?;
    let count = film.project().scenes.len();
    let numbers = scene_numbers(Some(list), count, &folder)?;
    let project = film.project();
    let ids = ids(project, &numbers);
    let edit = match command {
        SceneCommand::Lock { .. } => lock_edit(project, &ids, true),
        SceneCommand::Unlock { .. } => lock_edit(project, &ids, false),
        SceneCommand::Delete { .. } => {
            refuse_locked(project, &numbers, &folder)?;
            project.remove_edit(&ids)
        }
        SceneCommand::Duplicate { .. } => film.numbering().duplicate_edit(&ids).map(|(edit, _)| edit),
        SceneCommand::Move { before, .. } => {
            if before > count + 1 {
                bail!("{} has {count} scenes: --before is from 1 to {}", folder.display(), count + 1);
            }
            project.move_edit(&ids, before - 1)
        }
    };
    match edit {
        Some(edit) => film.change(edit)?,
        None => eprintln!("nothing to change"),
    }
    Ok(order_text(film.project()))
}

fn ids(project: &Project, numbers: &[usize]) -> Vec<SceneId> {
    numbers.iter().map(|number| project.scenes[number - 1].id).collect()
}

fn lock_edit(project: &Project, ids: &[SceneId], locked: bool) -> Option<Edit> {
    project.set_edit(ids, |scene: &Scene| (scene.locked != locked).then_some(SceneField::Locked(locked)))
}

/// An error that names the locked ones among scenes, counted from 1.
pub(super) fn refuse_locked(project: &Project, numbers: &[usize], folder: &Path) -> Result<()> {
    let locked = numbers.iter().filter(|number| project.scenes[**number - 1].locked);
    let locked: Vec<String> = locked.map(usize::to_string).collect();
    match locked.as_slice() {
        [] => Ok(()),
        [one] => bail!("scene {one} is locked; \"reelboard scene unlock {} {one}\" unlocks it", folder.display()),
        many => {
            let list = many.join(",");
            bail!("scenes {list} are locked; \"reelboard scene unlock {} {list}\" unlocks them", folder.display())
        }
    }
}

/// The scenes in their order, in a line each.
fn order_text(project: &Project) -> String {
    let mut text = String::new();
    for (index, scene) in project.scenes.iter().enumerate() {
        let lock = if scene.locked { " (locked)" } else { "" };
        let _ = writeln!(text, "{:>3}  {}{lock}", index + 1, scene.prompt);
    }
    text
}

/// Shows or changes how stills and clips are denoised, for the project or for scenes of it.
pub(super) fn settings(args: SettingsArgs, cancel: Arc<AtomicBool>) -> Result<String> {
    let (stills, clips) = (args.changes.is_any(), args.clip.is_any() || args.clip_changes.is_any());
    if !(stills || clips || args.release || args.as_project) {
        return Ok(settings_text(&crate::project::read_project(&args.project)?));
    }
    let mut film = Film::open(&args.project, cancel)?;
    let project = film.project();
    let still = |present: &StillSettings| {
        let base = if args.release { StillSettings::default() } else { present.clone() };
        (stills || args.release).then(|| args.changes.applied_to(&base))
    };
    let clip = |present: &ClipSettings| {
        let base = if args.release { ClipSettings::default() } else { present.clone() };
        (clips || args.release).then(|| args.clip_changes.applied_to(args.clip.applied_to(&base)))
    };
    let mut edits = Vec::new();
    match &args.scenes {
        None => {
            edits.extend(still(&project.still).map(Edit::SetStill));
            edits.extend(clip(&project.clip).map(Edit::SetClip));
        }
        Some(list) => {
            let numbers = scene_numbers(Some(list.clone()), project.scenes.len(), &args.project)?;
            refuse_locked(project, &numbers, &args.project)?;
            let ids = ids(project, &numbers);
            edits.extend(project.set_edit(&ids, |scene| match args.as_project {
                true => Some(SceneField::Still(None)),
                false => still(project.still_settings(scene)).map(|still| SceneField::Still(Some(still))),
            }));
            edits.extend(project.set_edit(&ids, |scene| match args.as_project {
                true => Some(SceneField::Clip(None)),
                false => clip(project.clip_settings(scene)).map(|clip| SceneField::Clip(Some(clip))),
            }));
        }
    }
    film.change(Edit::Batch(edits))?;
    Ok(settings_text(film.project()))
}

fn settings_text(project: &Project) -> String {
    let mut text = format!("project: {}\nproject, clips: {}\n", with_negative(&project.still), project.clip);
    for (index, scene) in project.scenes.iter().enumerate() {
        if let Some(own) = &scene.still {
            let _ = writeln!(text, "scene {}: {}", index + 1, with_negative(own));
        }
        if let Some(own) = &scene.clip {
            let _ = writeln!(text, "scene {}, clips: {own}", index + 1);
        }
    }
    text
}

fn with_negative(still: &StillSettings) -> String {
    if still.negative.is_empty() { still.to_string() } else { format!("{still} · not: {}", still.negative) }
}

/// Takes the locked ones out of scenes that were not named one by one, and says so.
pub(super) fn without_locked(project: &Project, numbers: Vec<usize>) -> Vec<usize> {
    let (locked, free): (Vec<usize>, Vec<usize>) =
        numbers.into_iter().partition(|number| project.scenes[number - 1].locked);
    if !locked.is_empty() {
        let list = SceneList(locked);
        eprintln!("locked scenes stay as they are: {list}");
    }
    free
}
