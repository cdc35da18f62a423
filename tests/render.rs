//! Rendering with a studio from the command line, on the tiny models that the program makes itself.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
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
fn a_killed_render_leaves_whole_takes_and_goes_on() {
    let place = Place::new();
    place.example("whole.reel");
    place.succeed(&["render", "whole.reel", "--studio", "tiny"]);
    let whole = chosen(&place.shown("whole.reel"));

    place.example("a.reel");
    let mut done = 0;
    for round in 0..30 {
        let mut command = place.command(&["render", "a.reel", "--studio", "tiny"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // Killed at another picture each time, in the middle of the next one.
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines.take(done + 1 + round % 3).for_each(drop);
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().unwrap();
        // The project opens, and every take that it has is the one of a render in one go.
        let takes = chosen(&place.shown("a.reel"));
        for (scene, (take, expected)) in takes.iter().zip(&whole).enumerate() {
            assert!(take.is_none() || take == expected, "scene {} after {round} kills", scene + 1);
        }
        done = takes.iter().flatten().count();
        if done == whole.len() {
            break;
        }
    }
    assert_eq!(done, whole.len(), "each run goes on where the last one was killed");
    place.succeed(&["render", "a.reel"]);
    assert_eq!(chosen(&place.shown("a.reel")), whole);
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

#[test]
fn a_device_that_is_not_there_is_said_before_anything_is_made() {
    let place = Place::new();
    place.example("a.reel");
    for arguments in [
        &["render", "a.reel", "--studio", "tiny", "--device", "cuda:99"][..],
        &["film", "A dog paints.", "-o", "b.mp4", "--device", "cuda:99"],
    ] {
        let output = place.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        let expected = match cfg!(feature = "cuda") {
            false => "this build has no CUDA; build it with: cargo build --release --features cuda",
            true => "there is no cuda:99 on this machine",
        };
        assert!(!output.status.success() && said.contains(expected), "{said}");
    }
    assert!(!place.path("b.reel").exists() && !place.path("models").exists());
    let output = place.run(&["render", "a.reel", "--device", "toaster"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("auto, cpu, cuda:0"), "{said}");
    // Only looked at: the report says it and what to do.
    let report = place.succeed(&["doctor", "--device", "cuda:99"]);
    assert!(report.contains("models cannot compute as it was chosen"), "{report}");
    let dry =
        place.succeed(&["render", "a.reel", "--studio", "tiny", "--dry-run", "--device", "cpu", "--dtype", "f16"]);
    let line = |role: &str| dry.lines().find(|line| line.starts_with(role)).unwrap_or_default().to_owned();
    assert!(line("illustrator").contains("f16 on cpu") && line("compositor").contains("f16 on cpu"), "{dry}");
}

#[test]
fn half_numbers_and_one_network_at_a_time_render_what_they_should() {
    let place = Place::new();
    let rendered = |name: &str, flags: &[&str]| {
        place.example(name);
        let mut arguments = vec!["render", name, "--studio", "tiny", "--scenes", "1", "--device", "cpu"];
        arguments.extend(flags);
        place.succeed(&arguments);
        let shown = place.shown(name);
        let made_on = shown["scenes"][0]["takes"][0]["made_on"].clone();
        assert_eq!(shown["scenes"][0]["takes"][0]["stale"].as_array().unwrap().len(), 0);
        (chosen(&shown)[0].clone().unwrap(), made_on)
    };
    let (whole, made_on) = rendered("whole.reel", &["--dtype", "f32", "--loading", "whole"]);
    assert_eq!(made_on, "cpu f32");
    // Less memory, the same picture to the last bit.
    let (by_parts, made_on) = rendered("parts.reel", &["--dtype", "f32", "--loading", "one-at-a-time"]);
    assert_eq!((by_parts, made_on), (whole.clone(), "cpu f32".into()));
    let mut seen = vec![whole];
    for dtype in ["f16", "bf16"] {
        let (picture, made_on) = rendered(&format!("{dtype}.reel"), &["--dtype", dtype]);
        assert_eq!(made_on, format!("cpu {dtype}"));
        assert!(!seen.contains(&picture), "{dtype} rounds");
        seen.push(picture);
    }
    // Where a take was computed makes it no staler: it is not made again on another device or in other numbers.
    place.succeed(&["render", "whole.reel", "--scenes", "1", "--dtype", "f16"]);
    assert_eq!(place.shown("whole.reel")["scenes"][0]["takes"].as_array().unwrap().len(), 1);
}
