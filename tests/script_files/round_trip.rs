//! What goes out comes back.

use crate::rng::Rng;
use reelboard::draft::example_project;
use reelboard::project::{CameraMove, Direction, Project, Scene, Speed};
use reelboard::writer::{Intake, ScriptFormat, read_script, write_script};

/// A project with these scenes, as they come back from a file.
fn there_and_back(project: &Project, format: ScriptFormat) -> Vec<Scene> {
    let bytes = write_script(project, format);
    let name = format!("film.{}", format.extension());
    let text = String::from_utf8_lossy(&bytes);
    // The content alone has to tell the format too.
    let read = read_script(&name, &bytes, None).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(read.format, format, "{text}");
    let forced = read_script("film", &bytes, Some(format)).unwrap();
    assert_eq!(forced.scenes, read.scenes);
    let mut empty = Project::new("");
    read.scenes_of(&mut empty, Intake::Replace, 0)
}

/// Prompt, cast, place and camera; length, dissolve and notes where the format has them.
type Held = (String, Vec<String>, String, CameraMove, Option<(u32, u32, String)>);

/// What a format can hold of a scene, in a form that can be compared.
fn held(scene: &Scene, format: ScriptFormat) -> Held {
    let rest = (scene.duration_ms, scene.dissolve_ms, scene.note.clone());
    if format != ScriptFormat::Brackets {
        return (scene.prompt.clone(), scene.foreground.clone(), scene.background.clone(), scene.camera, Some(rest));
    }
    // One line for each scene, and nothing beyond the paper's four fields.
    let line = |text: &String| text.replace(['\n', '\u{2028}', '\u{2029}', '\u{85}'], " ").trim().to_owned();
    let names = scene.foreground.iter().map(line).collect();
    (line(&scene.prompt), names, line(&scene.background), scene.camera, None)
}

fn assert_comes_back(project: &Project, context: &str) {
    for format in ScriptFormat::ALL {
        let back = there_and_back(project, format);
        let text = || String::from_utf8_lossy(&write_script(project, format)).into_owned();
        assert_eq!(back.len(), project.scenes.len(), "{format:?}, {context}\n{}", text());
        for (i, (was, is)) in project.scenes.iter().zip(&back).enumerate() {
            assert_eq!(held(is, format), held(was, format), "{format:?}, {context}, scene {i}\n{}", text());
        }
    }
}

#[test]
fn the_example_film_comes_back_from_every_format() {
    assert_comes_back(&example_project(), "example");
}

/// Words and signs that mean something in one of the formats.
const PIECES: [&str; 74] = [
    "Mia",
    "the keeper",
    "lamp",
    "灯台守",
    "é",
    " ",
    " ",
    " ",
    ".",
    ". ",
    "!",
    "?",
    "-",
    " - ",
    "–",
    ":",
    ";",
    "; ",
    ",",
    ", ",
    "|",
    " | ",
    "/",
    "&",
    " and ",
    "*",
    "**",
    "_",
    "\\",
    "\\*",
    "[",
    "]",
    "[[",
    "]]",
    "/*",
    "*/",
    "(",
    ")",
    "#",
    "# ",
    "=",
    "= ",
    "===",
    "~",
    ">",
    "<",
    "> x <",
    "@",
    "^",
    "!",
    "'",
    "\"",
    "\"x\"",
    "\n",
    "\n\n",
    "\n\n\n",
    "\t",
    "  ",
    "INT. ",
    "EXT. HOUSE - NIGHT",
    "CUT TO:",
    "DISSOLVE TO:",
    "FADE IN:",
    "MIA",
    "shot | camera: left slow",
    "camera: up",
    "; entities: ",
    "; background: ",
    "[step_2: [",
    "None",
    "=1+1",
    "+x",
    "\u{2028}",
    "PAN LEFT",
];

fn text(rng: &mut Rng) -> String {
    let count = rng.one_of(&[0, 1, 2, 3, 5, 9]);
    (0..count).map(|_| rng.one_of(&PIECES)).collect()
}

fn name(rng: &mut Rng) -> String {
    if rng.below(3) > 0 { rng.one_of(&["Mia", "dog", "paper boat", "MIA", "NASA"]).to_owned() } else { text(rng) }
}

fn place(rng: &mut Rng) -> String {
    let plain =
        ["rocky shore", "Mia's kitchen", "NASA HQ", "", "straße", "kitchen - night", "int. kitchen", "ROOM #2#"];
    if rng.below(3) > 0 { rng.one_of(&plain).to_owned() } else { text(rng) }
}

fn note(rng: &mut Rng) -> String {
    let plain = [
        "",
        "",
        "MIA\nHello.",
        "MIA (V.O.)\n(softly)\nHello, *dog*.\n  \nAgain.",
        "TOM ^\nYes.",
        "@McCLANE\nYippee.",
        "A remark",
        "# Act one\n\nMIA\nHello.",
        "= What happens",
        "~la la la",
        "> THE END <",
        "MIA\nHi.\n\nTOM\nHo.\n\nx",
    ];
    if rng.below(3) > 0 { rng.one_of(&plain).to_owned() } else { text(rng) }
}

fn random_project(rng: &mut Rng) -> Project {
    let mut project = Project::new(text(rng));
    project.style = text(rng);
    for _ in 0..1 + rng.below(5) {
        let mut scene =
            Scene::new(project.new_scene_id(), if rng.below(3) > 0 { "Mia waves.".to_owned() } else { text(rng) });
        scene.foreground = (0..rng.below(4)).map(|_| name(rng)).collect();
        scene.background = place(rng);
        scene.camera = CameraMove::new(rng.one_of(&Direction::ALL), rng.one_of(&Speed::ALL));
        scene.duration_ms = rng.one_of(&[500, 4000, 4321, 60_000]);
        scene.dissolve_ms = rng.one_of(&[0, 0, 1, 500, 1250, 70_000]);
        scene.note = note(rng);
        project.scenes.push(scene);
    }
    project
}

#[test]
fn any_project_comes_back_from_every_format() {
    let count = std::env::var("REELBOARD_ROUNDS").ok().and_then(|count| count.parse().ok()).unwrap_or(400);
    for seed in 0..count {
        let project = random_project(&mut Rng(seed));
        assert_comes_back(&project, &format!("seed {seed}"));
    }
}
