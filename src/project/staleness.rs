//! Whether a take still shows what its scene asks for, and if not, why.

use super::{
    DRAFT_STUDIO, Entity, EntityKind, MadeOn, Project, Recipe, RecipeEntity, Reference, ReferenceSource, Scene,
};
use std::fmt;

/// The recipe of the still that `scene` asks for now, from this studio.
///
/// `models` are the studio's model files: role and SHA-256. The camera and the duration are no part of it: they change
/// the clip and leave the still as it is.
pub fn wanted_recipe(project: &Project, scene: &Scene, studio: &str, models: &[(String, String)]) -> Recipe {
    let entity = |kind: EntityKind, name: &str| {
        let known: Option<&Entity> = project.cast_entry(kind, name);
        RecipeEntity {
            name: name.to_owned(),
            kind,
            description: known.map(|entity| entity.description.clone()).unwrap_or_default(),
            reference: known.and_then(|entity| entity.reference.clone()),
        }
    };
    let kinds = [EntityKind::Foreground, EntityKind::Background];
    Recipe {
        studio: studio.to_owned(),
        prompt: scene.prompt.clone(),
        style: project.style.clone(),
        size: [project.format.width, project.format.height],
        seed: scene.seed,
        entities: kinds.iter().flat_map(|&kind| scene.entity_names(kind).map(move |name| entity(kind, name))).collect(),
        still: (studio != DRAFT_STUDIO).then(|| project.still_settings(scene).clone()),
        models: models.to_vec(),
        made_on: MadeOn::default(),
        clip: None,
    }
}

/// One thing in which a take differs from what its scene asks for now. Its display is a line for the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StaleReason {
    /// Another prompt.
    Prompt,
    /// Other words on how everything should look.
    Style,
    /// Another seed.
    Seed,
    /// Another size of the film.
    Size,
    /// The take has one entity where the scene now asks for another.
    Replaced {
        /// The name in the take.
        from: String,
        /// The name in the scene.
        to: String,
    },
    /// The scene asks for an entity that the take lacks.
    Added(String),
    /// The take has an entity that the scene no longer asks for.
    Removed(String),
    /// The same entities in another order.
    Order,
    /// Another paragraph on this entity's looks.
    Description(String),
    /// Another picture of this entity.
    Picture {
        /// Which entity.
        name: String,
        /// What happened to it.
        change: PictureChange,
    },
    /// The same picture of this entity, cut out differently.
    CutOut(String),
    /// Made by another studio.
    Studio {
        /// The studio that made the take.
        from: String,
        /// The studio that the scene asks for.
        to: String,
    },
    /// Other settings of the denoising.
    Settings,
    /// Other model files for this role of the same studio.
    Model(String),
    /// Another still, where nothing else says why.
    Still,
    /// Another movement of the camera.
    Camera {
        /// Whether that is all: then only the last part of the clip is made again.
        alone: bool,
    },
    /// A still where a clip is asked for, or the other way round.
    Kind,
}

/// How the picture of an entity changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureChange {
    /// The user's photo took the place of another one.
    Photo,
    /// The user's photo took the place of a made or drawn picture.
    PhotoAdded,
    /// A made or drawn picture took the place of the user's photo.
    PhotoRemoved,
    /// One made or drawn picture took the place of another.
    Made,
}

/// Why a take made by `made` is stale when its scene asks for `wanted`. Empty when it is not.
pub fn stale_reasons(made: &Recipe, wanted: &Recipe) -> Vec<StaleReason> {
    let mut reasons = Vec::new();
    if made.prompt != wanted.prompt {
        reasons.push(StaleReason::Prompt);
    }
    compare_entities(made, wanted, &mut reasons);
    if made.style != wanted.style {
        reasons.push(StaleReason::Style);
    }
    if made.seed != wanted.seed {
        reasons.push(StaleReason::Seed);
    }
    if made.size != wanted.size {
        reasons.push(StaleReason::Size);
    }
    if made.studio == wanted.studio {
        if made.still != wanted.still {
            reasons.push(StaleReason::Settings);
        }
        compare_models(made, wanted, &mut reasons);
    } else {
        reasons.push(StaleReason::Studio { from: made.studio.clone(), to: wanted.studio.clone() });
    }
    compare_clips(made, wanted, &mut reasons);
    reasons
}

fn compare_clips(made: &Recipe, wanted: &Recipe, reasons: &mut Vec<StaleReason>) {
    let (then, now) = match (&made.clip, &wanted.clip) {
        (Some(then), Some(now)) => (then, now),
        (None, None) => return,
        _ => return reasons.push(StaleReason::Kind),
    };
    let change = then.change_to(now);
    if change.settings && !reasons.contains(&StaleReason::Settings) {
        reasons.push(StaleReason::Settings);
    }
    if change.still && reasons.is_empty() {
        reasons.push(StaleReason::Still);
    }
    if change.camera {
        reasons.push(StaleReason::Camera { alone: reasons.is_empty() });
    }
}

fn compare_entities(made: &Recipe, wanted: &Recipe, reasons: &mut Vec<StaleReason>) {
    for kind in [EntityKind::Foreground, EntityKind::Background] {
        let of_kind = |recipe: &Recipe| -> Vec<RecipeEntity> {
            recipe.entities.iter().filter(|entity| entity.kind == kind).cloned().collect()
        };
        let (made, wanted) = (of_kind(made), of_kind(wanted));
        let lacks = |list: &[RecipeEntity], name: &str| !list.iter().any(|entity| entity.name == name);
        let mut gone = made.iter().filter(|entity| lacks(&wanted, &entity.name));
        let mut new = wanted.iter().filter(|entity| lacks(&made, &entity.name));
        loop {
            match (gone.next(), new.next()) {
                (Some(from), Some(to)) => {
                    reasons.push(StaleReason::Replaced { from: from.name.clone(), to: to.name.clone() });
                }
                (None, Some(added)) => reasons.push(StaleReason::Added(added.name.clone())),
                (Some(removed), None) => reasons.push(StaleReason::Removed(removed.name.clone())),
                (None, None) => break,
            }
        }
        let kept_in_made = made.iter().filter(|entity| !lacks(&wanted, &entity.name)).map(|entity| &entity.name);
        let kept_in_wanted = wanted.iter().filter(|entity| !lacks(&made, &entity.name)).map(|entity| &entity.name);
        if !kept_in_made.eq(kept_in_wanted) {
            reasons.push(StaleReason::Order);
        }
        for now in &wanted {
            if let Some(then) = made.iter().find(|entity| entity.name == now.name) {
                compare_looks(then, now, reasons);
            }
        }
    }
}

fn compare_looks(made: &RecipeEntity, wanted: &RecipeEntity, reasons: &mut Vec<StaleReason>) {
    let name = &wanted.name;
    if made.description != wanted.description {
        reasons.push(StaleReason::Description(name.clone()));
    }
    let picture = |entity: &RecipeEntity| entity.reference.as_ref().map(|reference| reference.picture.clone());
    let mask = |entity: &RecipeEntity| entity.reference.as_ref().and_then(|reference| reference.mask.clone());
    if picture(made) != picture(wanted) {
        let photo = |entity: &RecipeEntity| entity.reference.as_ref().is_some_and(Reference::is_photo);
        let change = match (photo(made), photo(wanted)) {
            (true, true) => PictureChange::Photo,
            (false, true) => PictureChange::PhotoAdded,
            (true, false) => PictureChange::PhotoRemoved,
            (false, false) => PictureChange::Made,
        };
        reasons.push(StaleReason::Picture { name: name.clone(), change });
    } else if mask(made) != mask(wanted) {
        reasons.push(StaleReason::CutOut(name.clone()));
    }
}

/// The files that made a take: those of its still, and those of its animator.
fn all_models(recipe: &Recipe) -> impl Iterator<Item = &(String, String)> {
    recipe.models.iter().chain(recipe.clip.iter().flat_map(|clip| &clip.models))
}

fn compare_models(made: &Recipe, wanted: &Recipe, reasons: &mut Vec<StaleReason>) {
    let mut roles: Vec<&str> = Vec::new();
    for (role, _) in all_models(made).chain(all_models(wanted)) {
        if !roles.contains(&role.as_str()) {
            roles.push(role);
        }
    }
    for role in roles {
        // The order in which a studio lists the files of one role decides nothing.
        let files = |recipe: &Recipe| {
            let mut hashes: Vec<String> =
                all_models(recipe).filter(|(r, _)| r == role).map(|(_, sha256)| sha256.clone()).collect();
            hashes.sort_unstable();
            hashes
        };
        if files(made) != files(wanted) {
            reasons.push(StaleReason::Model(role.to_owned()));
        }
    }
}

impl Reference {
    /// Whether the user brought it.
    pub fn is_photo(&self) -> bool {
        matches!(self.source, ReferenceSource::Photo { .. })
    }
}

impl fmt::Display for StaleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prompt => f.write_str("prompt changed"),
            Self::Style => f.write_str("style changed"),
            Self::Seed => f.write_str("seed changed"),
            Self::Size => f.write_str("size changed"),
            Self::Replaced { from, to } => write!(f, "{from} was replaced by {to}"),
            Self::Added(name) => write!(f, "{name} was added"),
            Self::Removed(name) => write!(f, "{name} was removed"),
            Self::Order => f.write_str("order of the entities changed"),
            Self::Description(name) => write!(f, "{name}'s description changed"),
            Self::Picture { name, change } => match change {
                PictureChange::Photo => write!(f, "{name}'s photo changed"),
                PictureChange::PhotoAdded => write!(f, "{name}'s photo was added"),
                PictureChange::PhotoRemoved => write!(f, "{name}'s photo was removed"),
                PictureChange::Made => write!(f, "{name}'s picture changed"),
            },
            Self::CutOut(name) => write!(f, "{name}'s cut-out changed"),
            Self::Studio { from, to } => write!(f, "made by the {from} studio, not by {to}"),
            Self::Settings => f.write_str("render settings changed"),
            Self::Model(role) => write!(f, "the {role} model changed"),
            Self::Still => f.write_str("the still changed"),
            Self::Camera { alone: true } => f.write_str("camera changed: only the last part is redone"),
            Self::Camera { alone: false } => f.write_str("camera changed"),
            Self::Kind => f.write_str("a still is no clip"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{
        CameraMove, Direction, Edit, EditError, EntityField, Format, MediaName, SceneField, SceneId, Speed,
        StillSettings,
    };

    fn models() -> Vec<(String, String)> {
        vec![("compositor".to_owned(), "aa".to_owned()), ("segmenter".to_owned(), "bb".to_owned())]
    }

    fn film() -> Project {
        let mut project = Project::new("Mia finds a boat");
        let mut scene = Scene::new(project.new_scene_id(), "Mia lifts the boat");
        scene.foreground = vec!["Mia".to_owned(), "boat".to_owned()];
        scene.background = "rocky shore".to_owned();
        project.apply(Edit::InsertScene { index: 0, scene: Box::new(scene) }).unwrap();
        project
    }

    fn photo(bytes: &[u8], file_name: &str) -> Reference {
        let source = ReferenceSource::Photo { file_name: file_name.to_owned() };
        Reference { source, picture: MediaName::of(bytes, "jpg").unwrap(), mask: None }
    }

    fn recipe(project: &Project) -> Recipe {
        wanted_recipe(project, &project.scenes[0], "draft", &models())
    }

    /// What a card says about a take made before `edit`.
    fn card_after(project: &mut Project, edit: Edit) -> String {
        let made = recipe(project);
        project.apply(edit).unwrap();
        let reasons = stale_reasons(&made, &recipe(project));
        reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn render_settings_count_for_what_was_denoised() {
        let mut project = film();
        let draft = recipe(&project);
        let made = wanted_recipe(&project, &project.scenes[0], "videostudio", &models());
        let steps = StillSettings { steps: 20, ..StillSettings::default() };
        let undo = project.apply(Edit::SetStill(steps)).unwrap();
        let wanted = |project: &Project| wanted_recipe(project, &project.scenes[0], "videostudio", &models());
        assert_eq!(stale_reasons(&made, &wanted(&project)), [StaleReason::Settings]);
        assert_eq!(stale_reasons(&draft, &recipe(&project)), []);
        project.apply(undo).unwrap();
        assert_eq!(stale_reasons(&made, &wanted(&project)), []);
        let none = StillSettings { steps: 0, ..StillSettings::default() };
        assert_eq!(project.apply(Edit::SetStill(none)), Err(EditError::StillSettings));
    }

    fn set(field: SceneField) -> Edit {
        Edit::SetScene { id: SceneId(1), field }
    }

    #[test]
    fn a_card_says_what_changed_since_its_take() {
        let names = |names: &[&str]| SceneField::Foreground(names.iter().map(|&name| name.to_owned()).collect());
        for (edit, card) in [
            (set(SceneField::Prompt("Mia waves".to_owned())), "prompt changed"),
            (set(SceneField::Seed(7)), "seed changed"),
            (Edit::SetStyle("watercolour".to_owned()), "style changed"),
            (Edit::SetFormat(Format { width: 640, height: 360, ..Format::default() }), "size changed"),
            (set(SceneField::Background("beach".to_owned())), "rocky shore was replaced by beach"),
            (set(SceneField::Background(String::new())), "rocky shore was removed"),
            (set(names(&["Mia"])), "boat was removed"),
            (set(names(&["Mia", "boat", "dog"])), "dog was added"),
            (set(names(&["boat", "Mia"])), "order of the entities changed"),
            (set(names(&["dog", "boat"])), "Mia was replaced by dog"),
        ] {
            assert_eq!(card_after(&mut film(), edit), card);
        }
    }

    #[test]
    fn camera_duration_dissolve_and_frame_rate_leave_a_still_fresh() {
        let fps = Edit::SetFormat(Format { fps: 30, smooth: false, ..Format::default() });
        let camera = SceneField::Camera(CameraMove::new(Direction::Up, Speed::Fast));
        for edit in [set(camera), set(SceneField::DurationMs(9000)), set(SceneField::DissolveMs(700)), fps] {
            assert_eq!(card_after(&mut film(), edit), "");
        }
    }

    #[test]
    fn a_card_tells_a_photo_from_a_description_and_a_cut_out() {
        let mut project = film();
        let mia = |project: &Project, field| project.entity_edit(EntityKind::Foreground, "Mia", field);
        let edit = mia(&project, EntityField::Reference(Some(photo(b"1", "mia.jpg"))));
        assert_eq!(card_after(&mut project, edit), "Mia's photo was added");
        let edit = mia(&project, EntityField::Reference(Some(photo(b"1", "copy of mia.jpg"))));
        assert_eq!(card_after(&mut project, edit), "", "the same picture under another file name");
        let edit = mia(&project, EntityField::Reference(Some(photo(b"2", "mia.jpg"))));
        assert_eq!(card_after(&mut project, edit), "Mia's photo changed");
        let cut_out = Reference { mask: Some(MediaName::of(b"m", "png").unwrap()), ..photo(b"2", "mia.jpg") };
        let edit = mia(&project, EntityField::Reference(Some(cut_out)));
        assert_eq!(card_after(&mut project, edit), "Mia's cut-out changed");
        let edit = mia(&project, EntityField::Description("red coat".to_owned()));
        assert_eq!(card_after(&mut project, edit), "Mia's description changed");
        let generated = Reference { source: ReferenceSource::Generated, ..photo(b"3", "") };
        let edit = mia(&project, EntityField::Reference(Some(generated)));
        assert_eq!(card_after(&mut project, edit), "Mia's photo was removed");
        let edit = mia(&project, EntityField::Reference(None));
        assert_eq!(card_after(&mut project, edit), "Mia's picture changed");
        let edit = project.entity_edit(EntityKind::Foreground, "dog", EntityField::Description("brown".to_owned()));
        assert_eq!(card_after(&mut project, edit), "", "the scene does not show the dog");
    }

    #[test]
    fn a_card_names_the_model_or_the_studio_that_changed() {
        let project = film();
        let made = recipe(&project);
        let mut wanted = made.clone();
        wanted.models.reverse();
        assert_eq!(stale_reasons(&made, &wanted), []);
        wanted.models[1].1 = "cc".to_owned();
        assert_eq!(stale_reasons(&made, &wanted)[0].to_string(), "the compositor model changed");
        wanted.studio = "videostudio".to_owned();
        let reasons = stale_reasons(&made, &wanted);
        assert_eq!(reasons.len(), 1, "another studio has other models: {reasons:?}");
        assert_eq!(reasons[0].to_string(), "made by the draft studio, not by videostudio");
    }
}
