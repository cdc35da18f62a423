//! Random edits from a fixed seed: the same seed and the same project give the same edit on every machine.

use crate::rng::Rng;
use reelboard::project::{
    CameraMove, ClipSettings, Direction, Edit, Entity, EntityField, EntityKind, Format, MediaName, Project, Reference,
    ReferenceSource, Scene, SceneField, SceneId, Speed, StillSettings, Take, TakeId, TakeKind, TakePart, wanted_recipe,
};

/// An edit for `project`; one in a few does not fit it. New scenes and takes are numbered from `fresh` on.
pub fn random_edit(rng: &mut Rng, project: &Project, fresh: u64) -> Edit {
    // Long films make slow tests and find nothing more.
    let crowded = project.scenes.len() > 8;
    match rng.below(25) {
        0 => Edit::SetPremise(text(rng)),
        1 => match (text(rng), fresh % 3) {
            // A camera from step 0 does not fit.
            (_, 0) => Edit::SetClip(ClipSettings { camera_from_step: fresh as u32 % 4, ..ClipSettings::default() }),
            (style, _) => Edit::SetStyle(style),
        },
        2 => {
            let side = |rng: &mut Rng| rng.one_of(&[64, 360, 720, 1280, 8192, 8194, 63]);
            Edit::SetFormat(Format {
                width: side(rng),
                height: side(rng),
                fps: rng.one_of(&[1, 24, 120, 0]),
                smooth: rng.one_of(&[true, false]),
            })
        }
        3 | 4 if !crowded => {
            let index = rng.below(project.scenes.len() + 2);
            Edit::InsertScene { index, scene: Box::new(scene(rng, project, fresh)) }
        }
        3..=5 => Edit::RemoveScene(scene_id(rng, project)),
        6 | 7 => Edit::MoveScene { id: scene_id(rng, project), index: rng.below(project.scenes.len() + 1) },
        8..=11 => {
            let id = scene_id(rng, project);
            Edit::SetScene { id, field: scene_field(rng, project, id) }
        }
        12 => Edit::InsertEntity { index: rng.below(project.cast.len() + 2), entity: entity(rng) },
        13 => {
            let (kind, name) = cast_name(rng, project);
            Edit::RemoveEntity { kind, name }
        }
        14 => {
            let (kind, name) = cast_name(rng, project);
            Edit::SetEntity { kind, name, field: entity_field(rng) }
        }
        15 => {
            let id = scene_id(rng, project);
            let take = take(rng, project, TakeId(fresh));
            Edit::AddTake { id, take: Box::new(take), choose: rng.one_in(2) }
        }
        16 => {
            let id = scene_id(rng, project);
            Edit::RemoveTake { id, take: take_id(rng, project, id), chosen: choice(rng, project, id) }
        }
        17 => {
            let (kind, from) = cast_name(rng, project);
            project.rename_edit(kind, &from, &name(rng))
        }
        18 => {
            let id = scene_id(rng, project);
            Edit::StarTake { id, take: take_id(rng, project, id), starred: rng.one_in(2) }
        }
        19 => Edit::SetStill(still(rng)),
        20 => several(rng, project),
        21 => {
            let id = scene_id(rng, project);
            let take = take_id(rng, project, id);
            match rng.below(3) {
                0 => project.choose_edit(id, Some(take)),
                1 => project.remove_take_edit(id, take),
                _ => {
                    let part = rng.one_of(&[TakePart::Seed, TakePart::Settings, TakePart::Prompt]);
                    project.copy_edit(id, take, part).unwrap_or(Edit::Batch(Vec::new()))
                }
            }
        }
        22 => Edit::SetClip(clip(rng)),
        _ => {
            // The parts are made for the project as it is now, so that some batches fail in the middle.
            let parts = rng.below(4) as u64;
            Edit::Batch((0..parts).map(|i| random_edit(rng, project, fresh + 10 * (i + 1))).collect())
        }
    }
}

/// An edit of several scenes at once.
fn several(rng: &mut Rng, project: &Project) -> Edit {
    let ids: Vec<SceneId> = (0..rng.below(4)).map(|_| scene_id(rng, project)).collect();
    let made = match rng.below(4) {
        0 => project.move_edit(&ids, rng.below(project.scenes.len() + 2)),
        1 => project.shift_edit(&ids, rng.one_in(2)),
        2 => project.set_edit(&ids, |_| Some(SceneField::DurationMs(rng.one_of(&[500, 2500])))),
        _ => project.clone().duplicate_edit(&ids).map(|(edit, _)| edit).filter(|_| project.scenes.len() < 8),
    };
    made.unwrap_or(Edit::Batch(Vec::new()))
}

fn still(rng: &mut Rng) -> StillSettings {
    let steps = rng.one_of(&[0, 1, 60, 1000, 1001]);
    StillSettings { negative: text(rng), steps, guidance_hundredths: rng.one_of(&[99, 100, 750]), ..Default::default() }
}

fn clip(rng: &mut Rng) -> ClipSettings {
    let (steps, camera_from_step) = (rng.one_of(&[1, 20, 70]), rng.one_of(&[0, 1, 5, 70]));
    ClipSettings { steps, camera_from_step, ..ClipSettings::default() }
}

fn name(rng: &mut Rng) -> String {
    rng.one_of(&["Mia", "boat", "灯台守", "rocky shore", "beach", "the \"Star\"\n(ship)"]).to_owned()
}

fn text(rng: &mut Rng) -> String {
    let words = ["lamp", "wave", "keeper", "\"", "\\", "\n", "(", ")", "灯", "\u{2028}", "é"];
    let count = if rng.one_in(12) { 20_000 } else { rng.below(12) };
    (0..count).map(|_| rng.one_of(&words)).collect::<Vec<_>>().join(" ")
}

fn kind(rng: &mut Rng) -> EntityKind {
    rng.one_of(&[EntityKind::Foreground, EntityKind::Background])
}

fn scene_id(rng: &mut Rng, project: &Project) -> SceneId {
    if rng.one_in(12) || project.scenes.is_empty() {
        return SceneId(u64::MAX);
    }
    project.scenes[rng.below(project.scenes.len())].id
}

fn take_id(rng: &mut Rng, project: &Project, id: SceneId) -> TakeId {
    let takes = project.scene(id).map_or(&[][..], |scene| &scene.takes);
    if takes.is_empty() { TakeId(0) } else { takes[rng.below(takes.len())].id }
}

fn choice(rng: &mut Rng, project: &Project, id: SceneId) -> Option<TakeId> {
    if rng.one_in(2) { None } else { Some(take_id(rng, project, id)) }
}

fn cast_name(rng: &mut Rng, project: &Project) -> (EntityKind, String) {
    if rng.one_in(5) || project.cast.is_empty() {
        return (kind(rng), name(rng));
    }
    let entity = &project.cast[rng.below(project.cast.len())];
    (entity.kind, entity.name.clone())
}

fn media(rng: &mut Rng, extension: &str) -> MediaName {
    MediaName::of(&rng.next().to_le_bytes(), extension).unwrap()
}

fn reference(rng: &mut Rng) -> Reference {
    let photo = ReferenceSource::Photo { file_name: text(rng) };
    let mask = if rng.one_in(2) { Some(media(rng, "png")) } else { None };
    Reference { source: rng.one_of(&[photo, ReferenceSource::Generated]), picture: media(rng, "jpg"), mask }
}

fn entity(rng: &mut Rng) -> Entity {
    let reference = if rng.one_in(2) { Some(reference(rng)) } else { None };
    Entity { name: name(rng), kind: kind(rng), description: text(rng), reference }
}

fn entity_field(rng: &mut Rng) -> EntityField {
    match rng.below(4) {
        0 => EntityField::Name(name(rng)),
        1 => EntityField::Description(text(rng)),
        2 => EntityField::Reference(None),
        _ => EntityField::Reference(Some(reference(rng))),
    }
}

fn scene_field(rng: &mut Rng, project: &Project, id: SceneId) -> SceneField {
    match rng.below(15) {
        0 | 1 => SceneField::Prompt(text(rng)),
        2 => SceneField::Foreground((0..rng.below(4)).map(|_| name(rng)).collect()),
        3 => SceneField::Background(if rng.one_in(3) { String::new() } else { name(rng) }),
        4 => SceneField::Camera(CameraMove::new(rng.one_of(&Direction::ALL), rng.one_of(&Speed::ALL))),
        5 => SceneField::DurationMs(rng.one_of(&[500, 4000, 60_000, 0, 60_001])),
        6 => SceneField::DissolveMs(rng.below(2000) as u32),
        7 => SceneField::Seed(rng.next()),
        8 => SceneField::Locked(rng.one_in(2)),
        9 => SceneField::Still(Some(still(rng))),
        10 => SceneField::Still(None),
        11 => SceneField::Note(text(rng)),
        12 => SceneField::Clip(Some(clip(rng))),
        13 => SceneField::Clip(None),
        _ => SceneField::Chosen(choice(rng, project, id)),
    }
}

fn take(rng: &mut Rng, project: &Project, id: TakeId) -> Take {
    let mut recipe = wanted_recipe(project, &Scene::new(SceneId(1), "A lamp"), "draft", &[]);
    recipe.models = vec![("compositor".to_owned(), format!("{:x}", rng.next()))];
    let kind = rng.one_of(&[TakeKind::Still, TakeKind::Clip]);
    Take { starred: rng.one_in(2), ..Take::new(id, kind, media(rng, "png"), recipe) }
}

fn scene(rng: &mut Rng, project: &Project, fresh: u64) -> Scene {
    let id = if rng.one_in(12) { scene_id(rng, project) } else { SceneId(fresh) };
    let mut scene = Scene::new(id, text(rng));
    scene.foreground = (0..rng.below(3)).map(|_| name(rng)).collect();
    scene.takes = (0..rng.below(4) as u64).map(|i| take(rng, project, TakeId(fresh + 1 + i))).collect();
    scene.chosen = scene.takes.first().map(|take| take.id);
    scene.locked = rng.one_in(4);
    if rng.one_in(4) {
        scene.still = Some(still(rng));
    }
    if rng.one_in(12) {
        scene.chosen = Some(TakeId(u64::MAX));
    }
    scene
}
