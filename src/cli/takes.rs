//! Takes on the command line: listing, choosing, starring, comparing, copying.

use super::args::{SceneList, TakeArg, TakeCommand, TakeOf};
use super::film::Film;
use super::run::scene_numbers;
use crate::project::{
    ClipRecipe, ClipSettings, Edit, EntityKind, MediaName, Project, Recipe, Reference, Scene, SceneId, StillSettings,
    StudioFiles, Take, TakeId, TakeKind, TakePart, differences, stale_reasons, wanted_in_place_of,
};
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Why a take is stale, in words.
pub(super) fn stale(project: &Project, scene: &Scene, take: &Take, files: &StudioFiles) -> Vec<String> {
    let wanted = wanted_in_place_of(project, scene, take, files);
    stale_reasons(&take.recipe, &wanted).iter().map(ToString::to_string).collect()
}

/// The takes of scenes for a person, the newest first.
pub(super) fn as_text(project: &Project, numbers: &[usize], files: &StudioFiles) -> String {
    let mut text = String::new();
    for number in numbers {
        let scene = &project.scenes[number - 1];
        let lock = if scene.locked { " (locked)" } else { "" };
        let _ = writeln!(text, "{number:>3}  {}{lock}", scene.prompt);
        if scene.takes.is_empty() {
            let _ = writeln!(text, "     no takes: the film shows the draft");
        }
        for (index, take) in scene.takes.iter().enumerate().rev() {
            let star = if take.starred { "★" } else { " " };
            let used = if scene.chosen == Some(take.id) { ", in the film" } else { "" };
            let stale = match stale(project, scene, take, files) {
                _ if scene.locked => String::new(),
                reasons if reasons.is_empty() => String::new(),
                reasons => format!("; stale: {}", reasons.join(", ")),
            };
            let _ = writeln!(text, "     take {}{star} {}{used}{stale}", index + 1, about(take));
        }
    }
    text
}

fn about(take: &Take) -> String {
    let recipe = &take.recipe;
    let mut settings = recipe.still.as_ref().map_or(String::new(), |still| format!(", {still}"));
    if let Some(clip) = &recipe.clip {
        settings += &format!(", clip: camera {}, {}", clip.camera, clip.settings);
    }
    let [width, height] = recipe.size;
    format!("{} by {}, {width}×{height}, seed {}{settings}", kind_text(take.kind), recipe.studio, recipe.seed)
}

fn kind_text(kind: TakeKind) -> &'static str {
    match kind {
        TakeKind::Still => "still",
        TakeKind::Clip => "clip",
    }
}

/// A take for programs; `whole` with everything that decided it.
pub(super) fn take_json(project: &Project, scene: &Scene, take: &Take, files: &StudioFiles, whole: bool) -> Value {
    let mut value = json!({
        "number": scene.take_number(take.id),
        "kind": kind_text(take.kind),
        "media": take.media.as_str(),
        "studio": take.recipe.studio,
        "seed": take.recipe.seed,
        "starred": take.starred,
        "chosen": scene.chosen == Some(take.id),
        "stale": stale(project, scene, take, files),
    });
    if whole && let Value::Object(fields) = &mut value {
        fields.insert("recipe".to_owned(), recipe_json(&take.recipe));
    }
    value
}

fn recipe_json(recipe: &Recipe) -> Value {
    let references: Vec<Value> = recipe
        .entities
        .iter()
        .map(|entity| {
            let picture = entity.reference.as_ref();
            json!({
                "name": entity.name,
                "kind": match entity.kind { EntityKind::Foreground => "foreground", EntityKind::Background => "background" },
                "description": entity.description,
                "picture": picture.map(|picture| picture.picture.as_str()),
                "is_photo": picture.is_some_and(Reference::is_photo),
            })
        })
        .collect();
    json!({
        "prompt": recipe.prompt,
        "style": recipe.style,
        "size": recipe.size,
        "references": references,
        "settings": recipe.still.as_ref().map(settings_json),
        "clip": recipe.clip.as_ref().map(clip_json),
        "models": recipe.models.iter().map(|(role, sha256)| json!({ "role": role, "sha256": sha256 })).collect::<Vec<_>>(),
    })
}

/// Settings of a still for programs.
pub(super) fn settings_json(still: &StillSettings) -> Value {
    let share = |hundredths: u32| f64::from(hundredths) / 100.0;
    json!({
        "negative": still.negative,
        "steps": still.steps,
        "guidance": share(still.guidance_hundredths),
        "cast": share(still.foreground_hundredths),
        "place": share(still.background_hundredths),
    })
}

fn clip_json(clip: &ClipRecipe) -> Value {
    json!({
        "still": clip.still.as_ref().map(MediaName::as_str),
        "camera": { "direction": clip.camera.direction, "speed": clip.camera.speed },
        "settings": clip_settings_json(&clip.settings),
        "models": clip.models.iter().map(|(role, sha256)| json!({ "role": role, "sha256": sha256 })).collect::<Vec<_>>(),
    })
}

/// Settings of a clip for programs.
pub(super) fn clip_settings_json(clip: &ClipSettings) -> Value {
    let share = |hundredths: u32| f64::from(hundredths) / 100.0;
    json!({
        "steps": clip.steps,
        "guidance": share(clip.guidance_hundredths),
        "frames": clip.frames,
        "fps": clip.fps,
        "camera_from_step": clip.camera_from_step,
        "camera_mode": clip.camera_mode.as_str(),
        "camera_strength": share(clip.camera_strength_hundredths),
        "action": clip.action,
        "score": share(clip.score_hundredths),
    })
}

/// `reelboard takes --json`.
pub(super) fn as_json(project: &Project, numbers: &[usize], files: &StudioFiles) -> Value {
    let scene = |number: &usize| {
        let scene = &project.scenes[number - 1];
        let takes = scene.takes.iter().map(|take| take_json(project, scene, take, files, true));
        json!({ "scene": number, "locked": scene.locked, "takes": takes.collect::<Vec<_>>() })
    };
    numbers.iter().map(scene).collect()
}

/// Carries out what is asked of a take; what it has to say is returned.
pub(super) fn run(command: TakeCommand, cancel: Arc<AtomicBool>) -> Result<String> {
    if let TakeCommand::Compare { project, scene, takes } = &command {
        return compare(&crate::project::read_project(project)?, project, *scene, takes);
    }
    let (TakeOf { project: folder, scene, take }, act) = match command {
        TakeCommand::Choose(of) => (of, Act::Choose),
        TakeCommand::Star(of) => (of, Act::Star(true)),
        TakeCommand::Unstar(of) => (of, Act::Star(false)),
        TakeCommand::Delete(of) => (of, Act::Delete),
        TakeCommand::CopySeed(of) => (of, Act::Copy(TakePart::Seed)),
        TakeCommand::CopySettings(of) => (of, Act::Copy(TakePart::Settings)),
        TakeCommand::CopyPrompt(of) => (of, Act::Copy(TakePart::Prompt)),
        TakeCommand::Compare { .. } => return Ok(String::new()),
    };
    let mut film = Film::open(&folder, cancel)?;
    let project = film.project();
    let (id, take) = match take {
        TakeArg::Number(number) => {
            let (scene, take) = find(project, &folder, scene, number)?;
            (scene.id, Some(take))
        }
        TakeArg::Draft => (scene_id(project, &folder, scene)?, None),
    };
    let edit = match (act, take) {
        (Act::Choose, take) => project.choose_edit(id, take),
        (_, None) => bail!("the draft is no take: name a take by its number, as \"reelboard takes\" lists them"),
        (Act::Star(starred), Some(take)) => Edit::StarTake { id, take, starred },
        (Act::Delete, Some(take)) => project.remove_take_edit(id, take),
        (Act::Copy(part), Some(take)) => match project.copy_edit(id, take, part) {
            Ok(edit) => edit,
            Err(nothing) => return Ok(format!("nothing to copy: {nothing}\n")),
        },
    };
    film.change(edit)?;
    let files = super::run::studio_files(film.project()).unwrap_or_default();
    Ok(as_text(film.project(), &[scene], &files))
}

enum Act {
    Choose,
    Star(bool),
    Delete,
    Copy(TakePart),
}

/// How takes of a scene differ from the first of them.
fn compare(project: &Project, folder: &Path, scene: usize, numbers: &[usize]) -> Result<String> {
    let mut text = String::new();
    let takes = numbers.iter().map(|number| {
        let (scene, id) = find(project, folder, scene, *number)?;
        Ok((*number, scene.take(id)))
    });
    let takes: Vec<(usize, Option<&Take>)> = takes.collect::<Result<_>>()?;
    let Some((first_number, Some(first))) = takes.first() else { bail!("name at least two takes") };
    for (number, take) in &takes[1..] {
        let Some(take) = take else { continue };
        let found = differences(&first.recipe, &take.recipe);
        let words: Vec<String> = found.iter().map(ToString::to_string).collect();
        let words = if words.is_empty() { "made of the same".to_owned() } else { words.join("; ") };
        let _ = writeln!(text, "take {first_number} → take {number}: {words}");
    }
    Ok(text)
}

fn scene_id(project: &Project, folder: &Path, number: usize) -> Result<SceneId> {
    let numbers = scene_numbers(Some(SceneList(vec![number])), project.scenes.len(), folder)?;
    Ok(project.scenes[numbers[0] - 1].id)
}

fn find<'a>(project: &'a Project, folder: &Path, scene: usize, take: usize) -> Result<(&'a Scene, TakeId)> {
    let id = scene_id(project, folder, scene)?;
    let Some(found) = project.scene(id) else { bail!("there is no scene {scene}") };
    match take.checked_sub(1).and_then(|index| found.takes.get(index)) {
        Some(take) => Ok((found, take.id)),
        None if found.takes.is_empty() => bail!("scene {scene} has no takes; render it first"),
        None => bail!("scene {scene} has takes 1 to {}, there is no take {take}", found.takes.len()),
    }
}
