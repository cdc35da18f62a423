//! Takes, locks and settings of scenes on the command line.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod program;

use program::Place;
use serde_json::Value;

impl Place {
    /// A folder with the example film in `a.reel`.
    fn new() -> Self {
        let place = Self::empty();
        place.example("a.reel");
        place
    }

    /// A scene of the film, counted from 1.
    fn scene(&self, number: usize) -> Value {
        self.shown("a.reel")["scenes"][number - 1].clone()
    }
}

fn chosen(scene: &Value) -> Option<u64> {
    scene["takes"].as_array().unwrap().iter().find(|take| take["chosen"] == true)?["number"].as_u64()
}

fn prompts(shown: &Value) -> Vec<String> {
    shown["scenes"].as_array().unwrap().iter().map(|scene| scene["prompt"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn takes_are_listed_chosen_starred_compared_and_deleted() {
    let place = Place::new();
    place.succeed(&["render", "a.reel", "--studio", "tiny", "--scenes", "2", "--stage", "references"]);
    place.succeed(&["render", "a.reel", "--scenes", "2", "--stage", "stills"]);
    let files = place.succeed(&["render", "a.reel", "--scenes", "2", "--vary", "2"]);
    assert_eq!(files.lines().count(), 2);
    let scene = place.scene(2);
    let seed = scene["seed"].as_u64().unwrap();
    let seeds: Vec<u64> = scene["takes"].as_array().unwrap().iter().map(|t| t["seed"].as_u64().unwrap()).collect();
    assert_eq!(seeds, [seed - 1, seed, seed + 1]);
    assert_eq!(chosen(&scene), Some(2), "the film uses the first variation");

    let compared = place.succeed(&["take", "compare", "a.reel", "2", "1", "3"]);
    assert_eq!(compared, format!("take 1 → take 3: seed {} → {}\n", seed - 1, seed + 1));
    // A variation brings its seed along, and nothing is stale.
    let listed = place.succeed(&["take", "choose", "a.reel", "2", "3"]);
    assert!(listed.contains("take 3") && listed.contains("in the film"), "{listed}");
    let scene = place.scene(2);
    assert_eq!((scene["seed"].as_u64(), scene["takes"][2]["stale"].as_array().unwrap().len()), (Some(seed + 1), 0));
    place.succeed(&["take", "star", "a.reel", "2", "1"]);
    assert_eq!(place.scene(2)["takes"][0]["starred"], true);
    place.succeed(&["take", "delete", "a.reel", "2", "3"]);
    assert_eq!(chosen(&place.scene(2)), Some(1), "the film uses the one with the star now");
    place.succeed(&["take", "unstar", "a.reel", "2", "1"]);
    place.succeed(&["take", "choose", "a.reel", "2", "draft"]);
    let scene = place.scene(2);
    assert_eq!((chosen(&scene), scene["takes"][0]["starred"].clone()), (None, Value::Bool(false)));
    place.succeed(&["take", "copy-seed", "a.reel", "2", "1"]);
    assert_eq!(place.scene(2)["seed"].as_u64(), Some(seed - 1));

    let all: Value = serde_json::from_str(&place.succeed(&["takes", "a.reel", "--scene", "2", "--json"])).unwrap();
    let recipe = &all[0]["takes"][0]["recipe"];
    let references = recipe["references"].as_array().unwrap();
    assert!(references.iter().any(|used| used["name"] == "dog" && used["picture"].is_string()), "{recipe:#}");
    assert!(!recipe["models"].as_array().unwrap().is_empty());
    for wrong in [["choose", "a.reel", "2", "9"], ["star", "a.reel", "2", "draft"], ["delete", "a.reel", "1", "1"]] {
        place.fail(&[&["take"][..], &wrong].concat());
    }
}

#[test]
fn a_locked_scene_is_neither_rendered_nor_rewritten() {
    let place = Place::new();
    place.succeed(&["render", "a.reel", "--studio", "tiny", "--scenes", "3", "--stage", "stills"]);
    place.succeed(&["scene", "lock", "a.reel", "3"]);
    let locked = place.scene(3);
    assert_eq!(locked["locked"], true);
    assert!(place.fail(&["render", "a.reel", "--scenes", "3"]).contains("scene unlock a.reel 3"));
    for refused in [
        &["take", "choose", "a.reel", "3", "draft"][..],
        &["take", "delete", "a.reel", "3", "1"],
        &["scene", "delete", "a.reel", "2-3"],
        &["settings", "a.reel", "--scenes", "3", "--steps", "2"],
    ] {
        assert!(place.fail(refused).contains("scene 3 is locked"), "{refused:?}");
    }
    // All scenes are those that can be rendered; other steps make the others' takes new.
    place.succeed(&["render", "a.reel", "--stage", "stills", "--steps", "2"]);
    assert_eq!(place.scene(3)["takes"].as_array().unwrap().len(), 1);
    assert_eq!(place.scene(4)["takes"].as_array().unwrap().len(), 1);
    std::fs::write(place.path("story.txt"), "A gull lands. The gull sleeps. The gull wakes. The gull flies.").unwrap();
    place.succeed(&["write", "a.reel", "--text", "story.txt"]);
    let after = place.shown("a.reel");
    assert_eq!(after["scenes"][2]["prompt"], locked["prompt"], "it keeps its place");
    assert_eq!(after["scenes"][2]["takes"].as_array().unwrap().len(), 1);
    assert!(prompts(&after).iter().filter(|prompt| prompt.contains("gull")).count() >= 4, "{after:#}");
    place.succeed(&["scene", "unlock", "a.reel", "3"]);
    place.succeed(&["scene", "delete", "a.reel", "3"]);
}

#[test]
fn scenes_are_moved_copied_and_deleted_together() {
    let place = Place::new();
    let before = prompts(&place.shown("a.reel"));
    place.succeed(&["scene", "move", "a.reel", "1,3", "--before", "6"]);
    let moved = prompts(&place.shown("a.reel"));
    let expected: Vec<_> = [1, 3, 4, 0, 2, 5].map(|index: usize| before[index].clone()).to_vec();
    assert_eq!(moved, expected);
    place.succeed(&["scene", "duplicate", "a.reel", "4-5"]);
    let copied = prompts(&place.shown("a.reel"));
    assert_eq!((copied.len(), &copied[5..7]), (8, &moved[3..5]));
    place.succeed(&["scene", "delete", "a.reel", "6-7"]);
    assert_eq!(prompts(&place.shown("a.reel")), moved);
    assert!(place.fail(&["scene", "delete", "a.reel", "7"]).contains("there is no scene 7"));
    assert!(place.fail(&["scene", "move", "a.reel", "1", "--before", "9"]).contains("--before is from 1 to 7"));
}

#[test]
fn scenes_have_settings_of_their_own() {
    let place = Place::new();
    place.succeed(&["settings", "a.reel", "--steps", "3"]);
    let shown = place.succeed(&["settings", "a.reel", "--scenes", "2,4", "--guidance", "5", "--negative", "text"]);
    assert!(shown.contains("project: 3 steps · guidance 7.5"), "{shown}");
    assert!(shown.contains("scene 4: 3 steps · guidance 5 · cast 0.5 · place 0.33 · not: text"), "{shown}");
    place.succeed(&["render", "a.reel", "--studio", "tiny", "--scenes", "1-2"]);
    let settings = |number: usize| {
        let takes: Value = serde_json::from_str(&place.succeed(&["takes", "a.reel", "--json"])).unwrap();
        takes[number - 1]["takes"].as_array().unwrap().last().unwrap()["recipe"]["settings"].clone()
    };
    assert_eq!((settings(1)["guidance"].as_f64(), settings(2)["guidance"].as_f64()), (Some(7.5), Some(5.0)));
    // Steps that are asked for are those that it is rendered with, whoever has settings of its own.
    place.succeed(&["render", "a.reel", "--scenes", "2", "--steps", "2"]);
    assert_eq!((settings(2)["steps"].as_u64(), settings(2)["negative"].as_str()), (Some(2), Some("text")));
    // Back to the project's, by hand and with those of the first take.
    place.succeed(&["settings", "a.reel", "--scenes", "2", "--as-project"]);
    assert_eq!(place.scene(2)["settings"], Value::Null);
    place.succeed(&["take", "copy-settings", "a.reel", "2", "1"]);
    assert_eq!(place.scene(2)["settings"]["steps"].as_u64(), Some(3));
    place.succeed(&["settings", "a.reel", "--scenes", "2", "--release"]);
    assert_eq!(place.scene(2)["settings"]["steps"].as_u64(), Some(60));
    assert!(place.fail(&["settings", "a.reel", "--guidance", "0.5"]).contains("guidance"));
}

#[test]
fn the_size_of_the_film_is_shown_and_set() {
    let place = Place::new();
    assert_eq!(
        place.succeed(&["format", "a.reel"]),
        "1280x720 at 24 fps, clips: smooth motion, frames in between estimated\n"
    );
    place.succeed(&["format", "a.reel", "--size", "720x1280", "--fps", "25"]);
    let nearest = "720x1280 at 25 fps, clips: the nearest frame\n";
    assert_eq!(place.succeed(&["format", "a.reel", "--smooth", "off"]), nearest);
    assert_eq!(place.succeed(&["format", "a.reel"]), nearest);
    assert!(place.fail(&["format", "a.reel", "--size", "721x1280"]).contains("even"));
}
