//! Prints a project.

use super::takes;
use crate::export::CutList;
use crate::project::{EntityKind, Format, Project, SceneId, StudioFiles, Take, TakeKind, entities};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The project as JSON: what scripts and other programs read. `files` are those of its studio, where they are known.
pub fn as_json(project: &Project, files: &StudioFiles) -> Value {
    let cut = CutList::new(project);
    let number = |id: &SceneId| project.scene_index(*id).map(|index| index + 1);
    let scenes: Vec<Value> = project
        .scenes
        .iter()
        .enumerate()
        .map(|(index, scene)| {
            let takes = scene.takes.iter().map(|take| takes::take_json(project, scene, take, files, false));
            let takes: Vec<Value> = takes.collect();
            json!({
                "number": index + 1,
                "prompt": scene.prompt,
                "foreground": scene.foreground,
                "background": scene.background,
                "camera": { "direction": scene.camera.direction, "speed": scene.camera.speed },
                "duration_secs": scene.duration_secs(),
                "dissolve_secs": f64::from(scene.dissolve_ms) / 1000.0,
                "frames": cut.cuts().get(index).map(|cut| cut.frames),
                "dissolve_frames": cut.cuts().get(index).map(|cut| cut.dissolve_frames),
                "seed": scene.seed,
                "locked": scene.locked,
                "settings": scene.still.as_ref().map(takes::settings_json),
                "clip_settings": scene.clip.as_ref().map(takes::clip_settings_json),
                "note": scene.note,
                "takes": takes,
            })
        })
        .collect();
    let entities: Vec<Value> = entities(project)
        .iter()
        .map(|entity| {
            let cast = project.cast_entry(entity.kind, &entity.name);
            let photo = cast.and_then(|cast| cast.reference.as_ref()).map(|r| r.picture.as_str());
            json!({
                "name": entity.name,
                "kind": entity.kind,
                "scenes": entity.scenes.iter().filter_map(number).collect::<Vec<_>>(),
                "description": cast.map_or("", |cast| &cast.description),
                "photo": photo,
            })
        })
        .collect();
    json!({
        "premise": project.premise,
        "style": project.style,
        "studio": project.studio,
        "format": {
            "width": project.format.width,
            "height": project.format.height,
            "fps": project.format.fps,
            "smooth": project.format.smooth,
        },
        "settings": takes::settings_json(&project.still),
        "clip_settings": takes::clip_settings_json(&project.clip),
        "frames": cut.total_frames(),
        "scenes": scenes,
        "entities": entities,
    })
}

/// What a film shows between the frames of a clip.
pub fn clips_text(format: Format) -> &'static str {
    match format.smooth {
        true => "smooth motion, frames in between estimated",
        false => "the nearest frame",
    }
}

/// The project for a person.
pub fn as_text(project: &Project) -> String {
    let cut = CutList::new(project);
    let mut text = String::new();
    let _ = writeln!(text, "{}", project.premise);
    let format = project.format;
    let scenes = project.scenes.len();
    let _ = writeln!(
        text,
        "{scenes} scenes, {:.1} s, {}×{} at {} fps",
        cut.duration_secs(),
        format.width,
        format.height,
        format.fps
    );
    let is_clip = |take: &Take| take.kind == TakeKind::Clip;
    if project.scenes.iter().any(|scene| scene.chosen_take().is_some_and(is_clip)) {
        let _ = writeln!(text, "clips: {}", clips_text(format));
    }
    for (index, scene) in project.scenes.iter().enumerate() {
        let names: Vec<&str> = [EntityKind::Foreground, EntityKind::Background]
            .into_iter()
            .flat_map(|kind| scene.entity_names(kind))
            .collect();
        let lock = if scene.locked { " (locked)" } else { "" };
        let _ = writeln!(text, "\n{:>3}  {}{lock}", index + 1, scene.prompt);
        let shows = match scene.chosen_take().map(|take| take.kind) {
            None => "",
            Some(TakeKind::Still) => " | still",
            Some(TakeKind::Clip) => " | clip",
        };
        let (camera, secs) = (scene.camera, scene.duration_secs());
        let _ = writeln!(text, "     {} | camera {camera} | {secs:.1} s{shows}", names.join(", "));
    }
    let common: Vec<String> = entities(project)
        .into_iter()
        .filter(|entity| entity.is_common())
        .map(|entity| format!("{} ({})", entity.name, entity.scenes.len()))
        .collect();
    if !common.is_empty() {
        let _ = writeln!(text, "\nrecurring: {}", common.join(", "));
    }
    text
}
