//! Writing a script from the command line, with a tiny random model: what is told, what is kept, and own prompts.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod program;
#[path = "writer/published.rs"]
mod published;
#[path = "writer/tiny.rs"]
mod tiny;

use program::Place;
use published::Published;
use reelboard::writer::PROMPT_FILES;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use tiny::Tiny;

impl Place {
    /// A user with a tiny writer and, since it reads letter by letter, short examples.
    fn new() -> Self {
        let mut place = Self::empty();
        place.set("XDG_CACHE_HOME", place.path("cache"));
        place.set("HOME", place.path("home"));
        Tiny::default().write(&place.path("tiny.gguf"));
        let model = place.path("tiny.gguf");
        let listed = format!(
            "(models: [(id: \"small\", title: \"Small\", role: writer, arch: \"qwen2-gguf\", \
             files: [(name: \"tiny.gguf\", sources: [Local(path: {model:?})])], licence: (spdx: \"CC0-1.0\"), \
             memory_bytes: 1000000, defaults: (temperature: 0.9))], studios: [])"
        );
        std::fs::write(place.path("models.ron"), listed).unwrap();
        let example = "Premise: A fox digs\nBeginning: A fox digs a hole.\nProblem: Rain falls.\nEnd: It sleeps.\n\
                       Cast: fox, hole\nPlaces: garden, den\nScenes: 1\nScene 1\nwhere: garden\n\
                       action: The fox digs a hole under a tree.\nwho: fox, hole, tree\ncamera: down slow\n";
        place.own_prompt("script_examples.txt", example);
        let film = "Film: A fox digs\nName: fox\nKind: animal\nAspects: fur, eyes, tail, size.\n\
                    Photographer: light, lens, focus, framing.\nParagraph: The fox is red. Soft light.\n";
        place.own_prompt("describe_examples.txt", film);
        place
    }

    fn own_prompt(&self, name: &str, text: &str) {
        let folder = self.path("config/reelboard/prompts");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
    }

    fn scenes(&self, project: &str) -> Vec<Value> {
        self.shown(project)["scenes"].as_array().unwrap().clone()
    }
}

#[test]
fn a_script_is_told_field_by_field_and_its_beginning_is_kept_for_the_next() {
    let place = Place::new();
    place.told(&["new", "film.reel", "--premise", "A dog and a cat share a house"]);
    let write = ["write", "film.reel", "--writer", "small", "--scenes", "5", "--seed", "3"];
    let (_, told) = place.told(&write);
    let first = place.scenes("film.reel");
    assert_eq!(first.len(), 5);
    for (number, scene) in (1..).zip(&first) {
        let prompt = scene["prompt"].as_str().unwrap();
        for text in [format!("{number:3}. {}", scene["background"].as_str().unwrap()), prompt.to_owned()] {
            assert!(told.contains(&text), "{text:?} is not told in {told}");
        }
        assert!(told.contains(&format!("{number:3}. camera ")), "{told}");
    }
    assert!(told.contains("what matters") && told.contains("to a photographer"), "{told}");
    let shown = place.shown("film.reel");
    let described = |entity: &&Value| entity["description"].as_str().is_some_and(|text| !text.is_empty());
    assert!(shown["entities"].as_array().unwrap().iter().any(|entity| described(&entity)), "{shown:#}");

    let kept = |place: &Place| std::fs::read_dir(place.path("cache/reelboard/writer")).unwrap().count();
    assert_eq!(kept(&place), 2, "one beginning for scripts, one for descriptions");
    place.told(&write);
    assert_eq!(place.scenes("film.reel"), first, "the same seed, now with a known beginning");
    assert_eq!(kept(&place), 2);

    place.told(&[&write[..], &["--temperature", "0", "--repetition", "1.5"]].concat());
    assert_ne!(place.scenes("film.reel"), first);
    let error = place.fail(&[&write[..], &["--top-p", "7"]].concat());
    assert!(error.contains("the top-p is 7; it goes from 0.05 to 1"), "{error}");
}

#[test]
fn a_stop_while_the_camera_is_planned_keeps_every_scene() {
    let place = Place::new();
    place.told(&["new", "film.reel", "--premise", "A dog and a cat share a house"]);
    let mut command = place.command(&["write", "film.reel", "--writer", "small", "--scenes", "10"]);
    let mut writing = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(writing.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(told.any(|line| line.contains(" 10. ")), "the last scene was never told");
    let stop = Command::new("kill").args(["-INT", &writing.id().to_string()]).status().unwrap();
    assert!(stop.success());
    assert!(!writing.wait().unwrap().success());
    let scenes = place.scenes("film.reel");
    assert!(scenes.len() >= 9, "{scenes:?}");
    for pair in scenes.windows(2) {
        assert_ne!(pair[0]["camera"]["direction"], pair[1]["camera"]["direction"], "until then by the rules");
    }
}

#[test]
fn prompts_can_be_seen_and_copied_and_a_mistake_in_one_is_named() {
    let place = Place::new();
    let (list, _) = place.told(&["prompts", "list"]);
    assert!(
        list.contains("{premise}") && list.lines().filter(|line| line.ends_with("your own")).count() == 2,
        "{list}"
    );
    let (shown, _) = place.told(&["prompts", "show", "script_examples"]);
    assert!(shown.starts_with("Premise: A fox digs"), "{shown}");
    let (copied, kept) = place.told(&["prompts", "export"]);
    assert_eq!(copied.lines().count(), PROMPT_FILES.len() - 2, "{copied}");
    assert_eq!(kept.lines().filter(|line| line.ends_with("is there already and stays")).count(), 2, "{kept}");
    assert!(place.fail(&["prompts", "show", "nothing"]).contains("script_request.txt"));

    place.own_prompt("script_request.txt", "Write a film.");
    place.told(&["new", "film.reel", "--premise", "A dog"]);
    for arguments in [&["prompts", "list"][..], &["write", "film.reel", "--writer", "small"]] {
        let error = place.fail(arguments);
        assert!(error.contains("script_request.txt: it lacks {premise}; mend the file or delete it"), "{error}");
    }
    let (doctor, _) = place.told(&["doctor"]);
    assert!(doctor.contains("it lacks {premise}"), "{doctor}");
}

#[test]
fn a_published_folder_of_chatglm3_writes_and_an_incomplete_one_is_refused() {
    let place = Place::new();
    let folder = place.path("chatglm3-6b");
    Published::default().write(&folder);
    place.told(&["new", "film.reel", "--premise", "A dog and a cat share a house"]);
    let write = ["write", "film.reel", "--writer", "./chatglm3-6b", "--scenes", "4", "--seed", "3"];
    let (_, told) = place.told(&write);
    assert!(told.contains("writer: chatglm3-6b") && told.contains("loading the writer in 8 bits"), "{told}");
    let scenes = place.scenes("film.reel");
    assert_eq!(scenes.len(), 4);
    place.told(&write);
    assert_eq!(place.scenes("film.reel"), scenes, "the same seed, now with a known beginning");

    let shard = "model-00002-of-00002.safetensors";
    std::fs::remove_file(folder.join(shard)).unwrap();
    let error = place.fail(&write);
    assert!(error.contains(&format!("names {shard}, which is not there; fetch the model again")), "{error}");
    std::fs::remove_file(folder.join("tokenizer.model")).unwrap();
    let error = place.fail(&write);
    assert!(error.contains("chatglm3-6b has no tokenizer.model; name a GGUF file, or the folder"), "{error}");
    assert_eq!(place.scenes("film.reel"), scenes);
}

#[test]
fn a_writer_with_terms_is_not_fetched_before_they_are_accepted() {
    let place = Place::new();
    place.told(&["new", "film.reel", "--premise", "A dog"]);
    for arguments in [&["write", "film.reel", "--writer", "chatglm3-6b"][..], &["models", "fetch", "chatglm3-6b"]] {
        let error = place.fail(arguments);
        assert!(error.contains("MODEL_LICENSE") && error.contains("--accept-terms"), "{error}");
    }
    let (list, _) = place.told(&["models", "list"]);
    let line = list.lines().find(|line| line.starts_with("chatglm3-6b")).unwrap();
    assert!(line.contains("writer") && line.contains("(terms)") && line.contains("not here"), "{line}");
}

#[test]
fn a_sentence_becomes_a_rendered_film_and_the_same_film_again() {
    let place = Place::new();
    let film = |name: &str| {
        let output = format!("{name}.mp4");
        let arguments =
            ["film", "A dog and a cat share a house", "--writer", "small", "--studio", "tiny", "--scenes", "4"];
        let (_, told) = place.told(&[&arguments[..], &["--size", "160x90", "-o", &output]].concat());
        assert!(told.contains("what matters"), "those who come back are described: {told}");
        let project = std::fs::read_to_string(place.path(&format!("{name}.reel/project.ron"))).unwrap();
        (std::fs::read(place.path(&output)).unwrap(), project)
    };
    let (first, project) = film("first");
    let shown = place.shown("first.reel");
    assert_eq!((shown["studio"].as_str(), place.scenes("first.reel").len()), (Some("tiny"), 4));
    let clips = program::chosen(&shown);
    assert!(clips.iter().all(|media| media.as_ref().is_some_and(|name| name.ends_with(".mkv"))), "{clips:?}");
    // The writer's instructions are known now, and nothing else is different.
    let (again, same_project) = film("again");
    assert!(first == again, "the same bytes");
    assert_eq!(project, same_project);
}
