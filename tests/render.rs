//! Rendering with a studio from the command line, on the tiny models that the program makes itself.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod program;

use ffmpeg_next as ffmpeg;
use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, Luma};
use program::{Place, chosen};
use reelboard::draft::example_project;
use reelboard::export::{clip_frame, clip_frames};
use reelboard::project::{CameraMove, ClipSettings, Direction, Edit, ProjectStore, SceneField, Speed};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

impl Place {
    /// The first three scenes of the example film.
    fn short(&self, name: &str) {
        let mut film = example_project();
        film.scenes.truncate(3);
        film.clip = ClipSettings { steps: 2, camera_from_step: 1, frames: 5, ..ClipSettings::default() };
        ProjectStore::create(&self.path(name), &film).unwrap();
    }

    /// Gives a scene, counted from 0, another camera.
    fn turn_camera(&self, project: &str, scene: usize) {
        let (mut store, mut film, _) = ProjectStore::open(&self.path(project)).unwrap();
        let scene = &film.scenes[scene];
        let direction = if scene.camera.direction == Direction::Up { Direction::Down } else { Direction::Up };
        let field = SceneField::Camera(CameraMove::new(direction, Speed::Fast));
        film.apply(Edit::SetScene { id: scene.id, field }).unwrap();
        store.save(&film).unwrap();
    }
}

/// The files of all takes of a scene.
fn takes(shown: &Value, scene: usize) -> Vec<String> {
    let takes = shown["scenes"][scene]["takes"].as_array().unwrap().iter();
    takes.map(|take| take["media"].as_str().unwrap().to_owned()).collect()
}

/// Why each take of a scene is stale, by its kind.
fn stale(shown: &Value, scene: usize) -> Vec<(String, Vec<String>)> {
    let takes = shown["scenes"][scene]["takes"].as_array().unwrap().iter();
    let texts =
        |value: &Value| value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    takes.map(|take| (take["kind"].as_str().unwrap().to_owned(), texts(&take["stale"]))).collect()
}

/// Every file below a folder. One that is replaced has another number.
fn files_with_inodes(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.metadata().unwrap() {
            metadata if metadata.is_dir() => files.extend(files_with_inodes(&entry.path())),
            metadata => drop(files.insert(entry.path(), metadata.ino())),
        }
    }
    files
}

fn media(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("media")).map_or(0, Iterator::count)
}

#[test]
fn a_studio_renders_references_stills_and_clips_and_the_film_shows_them() {
    let place = Place::empty();
    place.example("a.reel");
    let printed = place.succeed(&["render", "a.reel", "--studio", "tiny"]);
    // Four that recur, six stills and six clips.
    assert_eq!(printed.lines().count(), 16, "{printed}");
    assert!(printed.lines().any(|line| line.starts_with("keeper: ")), "{printed}");
    assert_eq!(printed.lines().filter(|line| line.ends_with(".mkv")).count(), 6, "{printed}");
    let shown = place.shown("a.reel");
    assert_eq!(shown["scenes"][0]["takes"][0]["studio"], "tiny");
    for scene in 0..6 {
        assert_eq!(stale(&shown, scene), [("still".to_owned(), vec![]), ("clip".to_owned(), vec![])]);
    }
    let chosen = chosen(&shown);
    assert!(chosen.iter().all(|media| media.as_ref().is_some_and(|name| name.ends_with(".mkv"))), "{chosen:?}");

    let export = |name: &str| place.succeed(&["export", "a.reel", "-o", name, "--size", "128x72", "--quality", "high"]);
    place.succeed(&["format", "a.reel", "--smooth", "off"]);
    let said = export("a.mp4");
    assert!(said.contains(&format!("{} frames", shown["frames"])), "{said}");
    export("b.mp4");
    assert!(std::fs::read(place.path("a.mp4")).unwrap() == std::fs::read(place.path("b.mp4")).unwrap());

    // The first scene shows its clip from the first frame to the last, and moves through all of them.
    let clip = place.path("a.reel/media").join(chosen[0].as_ref().unwrap());
    let clip = clip_frames(std::fs::read(clip).unwrap()).unwrap();
    assert_eq!(clip.len(), 8);
    let film = luma_of_film(&place.path("a.mp4"));
    assert_eq!(film.len() as u64, shown["frames"].as_u64().unwrap());
    let own = shown["scenes"][0]["frames"].as_u64().unwrap() - shown["scenes"][1]["dissolve_frames"].as_u64().unwrap();
    let clip: Vec<GrayImage> = clip
        .into_iter()
        .map(|frame| imageops::resize(&DynamicImage::ImageRgb8(frame).into_luma8(), 128, 72, FilterType::Triangle))
        .collect();
    let nearest = |frame: &GrayImage| (0..clip.len()).min_by_key(|index| distance(frame, &clip[*index])).unwrap();
    let seen: Vec<usize> = film[..own as usize].iter().map(nearest).collect();
    let scene_frames = shown["scenes"][0]["frames"].as_u64().unwrap() as f32;
    let wanted: Vec<usize> =
        (0..own).map(|frame| clip_frame(frame as f32 / (scene_frames - 1.0), clip.len())).collect();
    assert_eq!(seen, wanted);
}

fn distance(a: &GrayImage, b: &GrayImage) -> u64 {
    a.iter().zip(b.iter()).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum()
}

/// The brightness of each frame of a film, in full range.
fn luma_of_film(path: &Path) -> Vec<GrayImage> {
    ffmpeg::init().unwrap();
    let mut input = ffmpeg::format::input(path).unwrap();
    let parameters = input.streams().best(ffmpeg::media::Type::Video).unwrap().parameters();
    let mut decoder = ffmpeg::codec::Context::from_parameters(parameters).unwrap().decoder().video().unwrap();
    let mut frames = Vec::new();
    let mut drain = |decoder: &mut ffmpeg::decoder::Video| {
        let mut decoded = ffmpeg::frame::Video::empty();
        while decoder.receive_frame(&mut decoded).is_ok() {
            let level = |x: u32, y: u32| f32::from(decoded.data(0)[y as usize * decoded.stride(0) + x as usize]);
            frames.push(GrayImage::from_fn(decoded.width(), decoded.height(), |x, y| {
                Luma([((level(x, y) - 16.0) * 255.0 / 219.0).round().clamp(0.0, 255.0) as u8])
            }));
        }
    };
    for (_, packet) in input.packets() {
        decoder.send_packet(&packet).unwrap();
        drain(&mut decoder);
    }
    decoder.send_eof().unwrap();
    drain(&mut decoder);
    frames
}

#[test]
fn another_camera_makes_only_the_clip_stale_and_redoes_only_its_last_part() {
    let place = Place::empty();
    place.short("a.reel");
    place.succeed(&["render", "a.reel", "--studio", "tiny", "--scenes", "2"]);
    let before = place.shown("a.reel");
    let kept = files_with_inodes(&place.path("cache"));
    assert!(!kept.is_empty(), "the first part of the clip is kept");

    place.turn_camera("a.reel", 1);
    let moved = place.shown("a.reel");
    let only_the_clip = [
        ("still".to_owned(), vec![]),
        ("clip".to_owned(), vec!["camera changed: only the last part is redone".to_owned()]),
    ];
    assert_eq!(stale(&moved, 1), only_the_clip);
    place.succeed(&["render", "a.reel", "--scenes", "2"]);
    let after = place.shown("a.reel");
    assert_eq!(takes(&after, 1).len(), 3);
    assert_eq!(takes(&after, 1)[..2], takes(&before, 1)[..], "the older takes stay");
    assert_ne!(chosen(&after)[1], chosen(&before)[1]);
    // A first part that was made again would have taken the place of the one there was.
    assert_eq!(files_with_inodes(&place.path("cache")), kept);

    // The very frames of a render in one go.
    std::fs::remove_dir_all(place.path("cache")).unwrap();
    place.short("b.reel");
    place.turn_camera("b.reel", 1);
    place.succeed(&["render", "b.reel", "--studio", "tiny", "--scenes", "2"]);
    assert_eq!(chosen(&place.shown("b.reel"))[1], chosen(&after)[1]);
}

#[test]
fn stages_are_rendered_one_by_one_too() {
    let place = Place::empty();
    place.short("a.reel");
    let stage =
        |stage: &str| place.succeed(&["render", "a.reel", "--studio", "tiny", "--stage", stage, "--scenes", "1"]);
    let early = place.run(&["render", "a.reel", "--studio", "tiny", "--stage", "clips", "--scenes", "1"]);
    let message = String::from_utf8(early.stderr).unwrap();
    assert!(!early.status.success() && message.contains("scene 1 has no still"), "{message}");
    // References of the keeper, the boat and the sea, which the first scene shows.
    assert!(stage("references").lines().all(|line| line.contains(": ")));
    assert_eq!(takes(&place.shown("a.reel"), 0).len(), 0);
    assert!(stage("stills").trim_end().ends_with(".png"));
    assert!(chosen(&place.shown("a.reel"))[0].as_ref().unwrap().ends_with(".png"));
    let clip = stage("clips");
    assert!(clip.trim_end().ends_with(".mkv"));
    assert_eq!(stage("clips"), clip, "nothing is made twice");
    assert!(chosen(&place.shown("a.reel"))[0].as_ref().unwrap().ends_with(".mkv"));
    let output = place.run(&["render", "a.reel", "--studio", "draft", "--stage", "clips"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("the draft studio has no animator"));
}

#[test]
fn settings_of_clips_make_only_clips_again() {
    let place = Place::empty();
    place.short("a.reel");
    place.succeed(&["render", "a.reel", "--studio", "tiny", "--scenes", "1"]);
    place.succeed(&["render", "a.reel", "--scenes", "1", "--frames", "4", "--clip-steps", "3", "--camera-from", "2"]);
    let shown = place.shown("a.reel");
    let says = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let expected = [("still", says(&[])), ("clip", says(&["render settings changed"])), ("clip", says(&[]))];
    assert_eq!(stale(&shown, 0), expected.map(|(kind, reasons)| (kind.to_owned(), reasons)));
    let clip = std::fs::read(place.path("a.reel/media").join(&takes(&shown, 0)[2])).unwrap();
    assert_eq!(clip_frames(clip).unwrap().len(), 4);
    let output = place.run(&["render", "a.reel", "--scenes", "1", "--camera-from", "9"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("a camera that moves from step 1 to the last"));
}

#[test]
fn a_clip_that_was_cut_short_is_told_and_nothing_else_is_lost() {
    let place = Place::empty();
    place.short("a.reel");
    place.succeed(&["render", "a.reel", "--studio", "tiny", "--scenes", "1,2"]);
    place.succeed(&["export", "a.reel", "-o", "a.mp4", "--size", "128x72"]);
    let (film, shown) = (std::fs::read(place.path("a.mp4")).unwrap(), place.shown("a.reel"));
    let clip = place.path("a.reel/media").join(chosen(&shown)[1].as_ref().unwrap());
    let whole = std::fs::read(&clip).unwrap();
    std::fs::write(&clip, &whole[..whole.len() / 2]).unwrap();

    let output = place.run(&["export", "a.reel", "-o", "a.mp4", "--size", "128x72"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    for says in ["scene 2: ", clip.file_name().unwrap().to_str().unwrap(), "damaged", "make the picture or clip again"]
    {
        assert!(message.contains(says), "{message}");
    }
    assert!(std::fs::read(place.path("a.mp4")).unwrap() == film, "the older film is untouched");
    assert_eq!(place.shown("a.reel"), shown);
    // Rendered again, the file is whole.
    std::fs::remove_dir_all(place.path("cache")).unwrap();
    std::fs::write(&clip, &whole).unwrap();
    place.succeed(&["export", "a.reel", "-o", "a.mp4", "--size", "128x72"]);
    assert!(std::fs::read(place.path("a.mp4")).unwrap() == film);
}

#[test]
fn a_clip_that_cannot_fit_into_memory_is_refused_with_what_would() {
    let place = Place::empty();
    place.short("a.reel");
    // The random models, of which the program is told that they are as large as no machine is.
    let list = include_str!("../models.ron");
    let from = list.find("id: \"tiny-vid\"").unwrap();
    let (before, after) = list.split_at(from);
    let own = after.replace("parameters: 8_300_000", "parameters: 90_000_000_000_000");
    let own = own.split_once("\n        ),").unwrap().0.replacen("tiny-vid", "huge-vid", 1);
    assert!(before.len() > own.len());
    let studio = r#"(name: "huge", title: "Huge", compositor: "tiny-img", animator: "huge-vid")"#;
    std::fs::write(place.path("models.ron"), format!("(models: [({own})], studios: [{studio}])")).unwrap();
    let output = place.run(&["render", "a.reel", "--studio", "huge", "--scenes", "1"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    for says in ["one network at a time), and cpu has", "what would do:", "64×64, 2 frames with", "without clips"] {
        assert!(message.contains(says), "{message}");
    }
    assert_eq!(takes(&place.shown("a.reel"), 0).len(), 1, "the still is there");
    let told = place.succeed(&["render", "a.reel", "--dry-run"]);
    assert!(told.contains("animator    does not fit: "), "{told}");
}

#[test]
fn a_dry_run_says_what_would_fit_into_other_memory_and_with_other_options() {
    let place = Place::empty();
    place.example("a.reel");
    let dry = |options: &[&str]| {
        let told = place.succeed(&[&["render", "a.reel", "--studio", "videostudio", "--dry-run"], options].concat());
        told.lines().skip_while(|line| !line.starts_with("animator")).collect::<Vec<_>>().join("\n")
    };
    let refused = dry(&["--memory", "8GB"]);
    let says =
        "does not fit: VideoStudio-Vid needs 11.8 GB (f16 on cpu, one network at a time), and cpu has 8.0 GB free";
    assert!(refused.contains(says) && refused.contains("what would do: 13.0 GB free, or "), "{refused}");
    let roomy = dry(&["--memory", "40 GB"]);
    for way in ["f32 on cpu, 512×320, 16 frames: ", "or f16 on cpu, 512×320, 16 frames, one network at a time: 11.8 GB"]
    {
        assert!(roomy.contains(way), "{roomy}");
    }
    assert!(dry(&["--memory", "40GB", "--dtype", "bf16"]).starts_with("animator    VideoStudio-Vid, bf16 on cpu"));
    assert!(dry(&["--memory", "40GB", "--frames", "8"]).contains("512×320, 8 frames"));
    let whole = dry(&["--memory", "20GB", "--dtype", "f32", "--loading", "whole"]);
    assert!(whole.contains("or f16 (16.3 GB), or f16, one network at a time (11.8 GB)"), "{whole}");
    assert_eq!(place.shown("a.reel")["clip_settings"]["frames"], 16, "nothing is changed");
    for wrong in [&["--dry-run", "--memory", "much"][..], &["--memory", "8GB"]] {
        assert!(!place.run(&[&["render", "a.reel"], wrong].concat()).status.success());
    }
}

#[test]
fn what_is_finished_is_not_rendered_again() {
    let place = Place::empty();
    place.short("a.reel");
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
    assert_eq!(takes(&after, 1).len(), 4, "another still and its clip");
    assert_ne!(chosen(&after)[1], chosen(&before)[1]);
    assert_eq!(chosen(&after)[0], chosen(&before)[0]);
}

#[test]
fn the_same_pictures_come_out_in_any_order_and_in_any_number_of_runs() {
    let place = Place::empty();
    for name in ["a.reel", "b.reel"] {
        place.short(name);
    }
    place.succeed(&["render", "a.reel", "--studio", "tiny"]);
    place.succeed(&["render", "b.reel", "--studio", "tiny", "--stage", "references"]);
    for scenes in ["3", "1,2"] {
        place.succeed(&["render", "b.reel", "--stage", "stills", "--scenes", scenes]);
    }
    std::fs::remove_dir_all(place.path("cache")).unwrap();
    for scenes in ["2", "1,3"] {
        place.succeed(&["render", "b.reel", "--stage", "clips", "--scenes", scenes]);
    }
    // Pictures are named by what is in them.
    assert_eq!(chosen(&place.shown("a.reel")), chosen(&place.shown("b.reel")));
}

#[test]
fn a_studio_without_its_models_says_what_to_do() {
    let place = Place::empty();
    place.short("a.reel");
    let output = place.run(&["render", "a.reel", "--studio", "videostudio"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(message.contains("models fetch ") && message.contains("realistic-vision-4"), "{message}");
    assert!(message.contains("videostudio-vid"), "{message}");
    let output = place.run(&["render", "a.reel", "--studio", "videostudio", "--stage", "stills"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!message.contains("videostudio-vid"), "what only clips need is not asked for: {message}");
    let output = place.run(&["render", "a.reel", "--studio", "nowhere"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("nowhere"));
    let output = place.run(&["render", "a.reel", "--steps", "0"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("steps"));
}

#[test]
fn a_device_that_is_not_there_is_said_before_anything_is_made() {
    let place = Place::empty();
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
    let place = Place::empty();
    let rendered = |name: &str, flags: &[&str]| {
        place.example(name);
        let mut arguments =
            vec!["render", name, "--studio", "tiny", "--scenes", "1", "--stage", "stills", "--device", "cpu"];
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
    place.succeed(&["render", "whole.reel", "--scenes", "1", "--stage", "stills", "--dtype", "f16"]);
    assert_eq!(place.shown("whole.reel")["scenes"][0]["takes"].as_array().unwrap().len(), 1);
}
