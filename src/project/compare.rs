//! How two takes differ, in words.

use super::{ClipSettings, Recipe, StaleReason, StillSettings, TakeKind, stale_reasons};
use std::fmt;

/// One thing in which two recipes differ. Its display is a line for people: "seed 3 → 7".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Something short enough to be shown on both sides.
    Value {
        /// What it is.
        what: &'static str,
        /// In the first recipe.
        from: String,
        /// In the second one.
        to: String,
    },
    /// Text that is too long for that; a window shows it on hover.
    Text {
        /// What it is.
        what: &'static str,
        /// In the first recipe.
        from: String,
        /// In the second one.
        to: String,
    },
    /// What a card would say of a take of the first recipe whose scene asks for the second.
    Reason(StaleReason),
}

/// Texts up to this many characters are shown on both sides.
const SHORT: usize = 28;

impl Difference {
    fn of_text(what: &'static str, from: &str, to: &str) -> Self {
        let (from, to) = (from.to_owned(), to.to_owned());
        let is_short = |text: &str| !text.is_empty() && text.chars().count() <= SHORT;
        if is_short(&from) && is_short(&to) { Self::Value { what, from, to } } else { Self::Text { what, from, to } }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { what, from, to } => write!(f, "{what} {from} → {to}"),
            Self::Text { what, from, .. } if from.is_empty() => write!(f, "{what} added"),
            Self::Text { what, to, .. } if to.is_empty() => write!(f, "{what} removed"),
            Self::Text { what, .. } => write!(f, "{what} changed"),
            Self::Reason(reason) => reason.fmt(f),
        }
    }
}

fn value<T: PartialEq + ToString>(what: &'static str, from: T, to: T) -> Option<Difference> {
    (from != to).then(|| Difference::Value { what, from: from.to_string(), to: to.to_string() })
}

/// A fraction that is kept in hundredths.
fn share(hundredths: u32) -> f64 {
    f64::from(hundredths) / 100.0
}

/// What has to change for `from` to become `to`. Empty when both would give the same picture.
pub fn differences(from: &Recipe, to: &Recipe) -> Vec<Difference> {
    let size = |recipe: &Recipe| format!("{}×{}", recipe.size[0], recipe.size[1]);
    let mut found = Vec::new();
    for reason in stale_reasons(from, to) {
        match reason {
            StaleReason::Prompt => found.push(Difference::of_text("prompt", &from.prompt, &to.prompt)),
            StaleReason::Style => found.push(Difference::of_text("style", &from.style, &to.style)),
            StaleReason::Seed => {
                let (from, to) = (from.seed.to_string(), to.seed.to_string());
                found.push(Difference::Value { what: "seed", from, to });
            }
            StaleReason::Size => found.push(Difference::Value { what: "size", from: size(from), to: size(to) }),
            StaleReason::Studio { from, to } => found.push(Difference::Value { what: "studio", from, to }),
            StaleReason::Kind => {
                let kind = |recipe: &Recipe| match recipe.kind() {
                    TakeKind::Still => "still".to_owned(),
                    TakeKind::Clip => "clip".to_owned(),
                };
                found.push(Difference::Value { what: "kind", from: kind(from), to: kind(to) });
            }
            // One by one below, for two studios too.
            StaleReason::Settings | StaleReason::Camera { .. } => {}
            other => found.push(Difference::Reason(other)),
        }
    }
    if let (Some(from), Some(to)) = (&from.still, &to.still) {
        found.extend(from.differences(to));
    }
    if let (Some(from), Some(to)) = (&from.clip, &to.clip) {
        found.extend(value("camera", from.camera, to.camera));
        found.extend(from.settings.differences(&to.settings));
    }
    found
}

impl fmt::Display for StillSettings {
    /// In a line, without the negative prompt.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} steps · guidance {} · cast {} · place {}",
            self.steps,
            share(self.guidance_hundredths),
            share(self.foreground_hundredths),
            share(self.background_hundredths)
        )
    }
}

impl StillSettings {
    /// What has to change for these to become `to`.
    pub fn differences(&self, to: &Self) -> Vec<Difference> {
        let mut found: Vec<Difference> = [
            value("steps", self.steps, to.steps),
            value("guidance", share(self.guidance_hundredths), share(to.guidance_hundredths)),
            value("cast weight", share(self.foreground_hundredths), share(to.foreground_hundredths)),
            value("place weight", share(self.background_hundredths), share(to.background_hundredths)),
        ]
        .into_iter()
        .flatten()
        .collect();
        if self.negative != to.negative {
            found.push(Difference::of_text("negative prompt", &self.negative, &to.negative));
        }
        found
    }
}

impl fmt::Display for ClipSettings {
    /// In a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} steps · guidance {} · {} frames · camera at {} % after step {}",
            self.steps,
            share(self.guidance_hundredths),
            self.frames,
            self.camera_strength_hundredths,
            self.camera_from_step
        )
    }
}

impl ClipSettings {
    /// What has to change for these to become `to`.
    pub fn differences(&self, to: &Self) -> Vec<Difference> {
        let yes = |yes: bool| if yes { "on" } else { "off" };
        [
            value("clip steps", self.steps, to.steps),
            value("clip guidance", share(self.guidance_hundredths), share(to.guidance_hundredths)),
            value("frames", self.frames, to.frames),
            value("frame rate", self.fps, to.fps),
            value("camera from step", self.camera_from_step, to.camera_from_step),
            value("camera mode", self.camera_mode.as_str(), to.camera_mode.as_str()),
            value("camera strength", self.camera_strength_hundredths, to.camera_strength_hundredths),
            value("action", yes(self.action), yes(to.action)),
            value("score", share(self.score_hundredths), share(to.score_hundredths)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{
        CameraMove, ClipRecipe, Direction, EntityKind, MediaName, Project, RecipeEntity, Reference, ReferenceSource,
        Scene, SceneId, Speed,
    };

    fn recipe(change: impl FnOnce(&mut Recipe)) -> Recipe {
        let project = Project::new("");
        let scene = Scene::new(SceneId(3), "Mia lifts the boat");
        let mut recipe = crate::project::wanted_recipe(&project, &scene, "tiny", &[]);
        let photo = |bytes: &[u8]| Reference {
            source: ReferenceSource::Photo { file_name: "mia.jpg".to_owned() },
            picture: MediaName::of(bytes, "jpg").unwrap(),
            mask: None,
        };
        let (name, kind) = ("Mia".to_owned(), EntityKind::Foreground);
        recipe.entities = vec![RecipeEntity { name, kind, description: String::new(), reference: Some(photo(b"1")) }];
        change(&mut recipe);
        recipe
    }

    fn words(change: impl FnOnce(&mut Recipe)) -> Vec<String> {
        differences(&recipe(|_| {}), &recipe(change)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn takes_are_compared_in_words() {
        assert_eq!(words(|_| {}), [] as [&str; 0]);
        assert_eq!(words(|recipe| recipe.seed = 7), ["seed 3 → 7"]);
        assert_eq!(words(|recipe| recipe.size = [640, 360]), ["size 1280×720 → 640×360"]);
        assert_eq!(words(|recipe| recipe.prompt = "Mia waves".to_owned()), ["prompt Mia lifts the boat → Mia waves"]);
        assert_eq!(words(|recipe| recipe.prompt = "Mia waves ".repeat(9)), ["prompt changed"]);
        assert_eq!(words(|recipe| recipe.style = "noir".to_owned()), ["style added"]);
        let photo = MediaName::of(b"2", "jpg").unwrap();
        let words_of_photo = words(|recipe| {
            recipe.entities.iter_mut().filter_map(|entity| entity.reference.as_mut()).for_each(|r| {
                r.picture = photo.clone();
            });
        });
        assert_eq!(words_of_photo, ["Mia's photo changed"]);
    }

    #[test]
    fn settings_are_compared_one_by_one_for_two_studios_too() {
        let words = words(|recipe| {
            recipe.studio = "videostudio".to_owned();
            recipe.still.iter_mut().for_each(|still| {
                still.steps = 30;
                still.guidance_hundredths = 500;
                still.negative = String::new();
            });
        });
        assert_eq!(
            words,
            ["studio tiny → videostudio", "steps 60 → 30", "guidance 7.5 → 5", "negative prompt removed"]
        );
    }

    #[test]
    fn clips_are_compared_by_camera_and_settings() {
        let clip = |change: fn(&mut ClipRecipe)| {
            recipe(|recipe| {
                let (camera, settings) = (CameraMove::default(), ClipSettings::default());
                let mut clip = ClipRecipe { still: None, camera, settings, models: Vec::new() };
                change(&mut clip);
                recipe.clip = Some(clip);
            })
        };
        let words =
            |from: &Recipe, to: &Recipe| differences(from, to).iter().map(ToString::to_string).collect::<Vec<_>>();
        let plain = clip(|_| {});
        let moved = clip(|clip| clip.camera = CameraMove::new(Direction::Left, Speed::Fast));
        assert_eq!(words(&plain, &moved), [format!("camera {} → {}", CameraMove::default(), "left · fast")]);
        let rough = clip(|clip| (clip.settings.steps, clip.settings.action) = (20, false));
        assert_eq!(words(&plain, &rough), ["clip steps 70 → 20", "action on → off"]);
        assert_eq!(words(&recipe(|_| {}), &plain), ["kind still → clip"]);
    }

    #[test]
    fn a_draft_and_a_render_differ_in_their_studio() {
        let words = words(|recipe| {
            recipe.studio = "draft".to_owned();
            recipe.still = None;
        });
        assert_eq!(words, ["studio tiny → draft"]);
    }
}
