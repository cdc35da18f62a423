//! Rendering with a studio from the command line, on the tiny models that the program makes itself.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        // What a user has listed must not count.
        std::fs::write(place.path("models.ron"), "(models: [], studios: [])").unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reelboard"));
        command.args(arguments).current_dir(self.folder.path());
        command.env("REELBOARD_MODELS", self.path("models"));
        command.env("REELBOARD_MODELS_RON", self.path("models.ron"));
        command.env("REELBOARD_CACHE", self.path("cache"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    #[track_caller]
    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A project of the example film, whose scenes share a keeper, a dog, a boat and a sea.
    fn example(&self, name: &str) {
        self.succeed(&["new", name, "--example"]);
    }

    fn shown(&self, project: &str) -> Value {
        serde_json::from_str(&self.succeed(&["show", project, "--json"])).unwrap()
    }
}

/// The name of the picture that each scene's chosen take shows.
fn chosen(shown: &Value) -> Vec<Option<String>> {
    let scenes = shown["scenes"].as_array().unwrap().iter();
    scenes
        .map(|scene| {
            let takes = scene["takes"].as_array().unwrap();
            let chosen = takes.iter().find(|take| take["chosen"] == true)?;
            Some(chosen["media"].as_str().unwrap().to_owned())
        })
        .collect()
}

fn media(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("media")).map_or(0, Iterator::count)
}

#[test]
fn a_studio_renders_references_and_stills_and_the_film_shows_them() {
    let place = Place::new();
    place.example("a.reel");
    let printed = place.succeed(&["render", "a.reel", "--studio", "tiny"]);
    // Four that recur, and six scenes.
    assert_eq!(printed.lines().count(), 10, "{printed}");
    assert!(printed.lines().any(|line| line.starts_with("keeper: ")), "{printed}");
    let shown = place.shown("a.reel");
    assert_eq!(shown["scenes"][0]["takes"][0]["studio"], "tiny");
    assert!(chosen(&shown).iter().all(Option::is_some), "{shown:#}");
    assert_eq!(shown["scenes"][0]["takes"][0]["stale"], serde_json::json!([]), "{shown:#}");
    place.succeed(&["export", "a.reel", "-o", "a.mp4", "--size", "128x72"]);
    assert!(place.path("a.mp4").metadata().unwrap().len() > 10_000);
}

#[test]
fn what_is_finished_is_not_rendered_again() {
    let place = Place::new();
    place.example("a.reel");
    let first = place.succeed(&["render", "a.reel", "--studio", "tiny"]);
    let (before, files) = (place.shown("a.reel"), media(&place.path("a.reel")));
    // The project remembers its studio.
    let second = place.succeed(&["render", "a.reel"]);
    let stills =
        |printed: &str| printed.lines().filter(|line| !line.contains(": ")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(stills(&first), stills(&second));
    assert_eq!(place.shown("a.reel"), before);
    assert_eq!(media(&place.path("a.reel")), files);

    // Other settings make other takes, and the older ones stay.
    place.succeed(&["render", "a.reel", "--steps", "3", "--scenes", "2"]);
    let after = place.shown("a.reel");
    assert_eq!(after["scenes"][1]["takes"].as_array().unwrap().len(), 2);
    assert_ne!(chosen(&after)[1], chosen(&before)[1]);
    assert_eq!(chosen(&after)[0], chosen(&before)[0]);
}

#[test]
fn the_same_pictures_come_out_in_any_order_and_in_any_number_of_runs() {
    let place = Place::new();
    for name in ["a.reel", "b.reel"] {
        place.example(name);
    }
    place.succeed(&["render", "a.reel", "--studio", "tiny"]);
    place.succeed(&["render", "b.reel", "--studio", "tiny", "--stage", "references"]);
    for scenes in ["5-6", "3", "1,2,4"] {
        place.succeed(&["render", "b.reel", "--stage", "stills", "--scenes", scenes]);
    }
    // Pictures are named by what is in them.
    assert_eq!(chosen(&place.shown("a.reel")), chosen(&place.shown("b.reel")));
}

#[test]
fn a_studio_without_its_models_says_what_to_do() {
    let place = Place::new();
    place.example("a.reel");
    let output = place.run(&["render", "a.reel", "--studio", "videostudio"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    // What only clips need is not asked for.
    assert!(!message.contains("videostudio-vid"), "{message}");
    assert!(message.contains("models fetch ") && message.contains("realistic-vision-4"), "{message}");
    let output = place.run(&["render", "a.reel", "--studio", "nowhere"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("nowhere"));
    let output = place.run(&["render", "a.reel", "--steps", "0"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("steps"));
}
