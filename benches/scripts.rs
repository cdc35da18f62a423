//! How good and how fast scripts are: premises × a writer, under the grammar and the paper's way (free decoding in the
//! bracket format, up to five tries).
//!
//! ```sh
//! cargo bench --bench scripts -- --model MODEL.gguf --out scripts.jsonl            # all premises, under the grammar
//! cargo bench --bench scripts -- --model MODEL.gguf --out scripts.jsonl --free     # the same, the paper's way
//! cargo bench --bench scripts -- --out scripts.jsonl                               # only the table
//! ```
//!
//! `--premises 0,4,13` picks some by number, `--scenes N` asks for the same number everywhere, `--show` prints the
//! scripts, `--describe` also describes the common entities, `--prefixes FOLDER` keeps what was read between runs. Each
//! script becomes a line of the file as soon as it is there; those that the file has are not written again.

use reelboard::progress::Silent;
use reelboard::project::{Project, Script, ScriptScene, entities};
use reelboard::writer::compat::{Plan, Rules};
use reelboard::writer::{
    DescribeRequest, Effort, PrefixStore, Sampling, WriteRequest, Writer, WriterEvent, Written, likeness,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

const PREMISES: &str = include_str!("../tests/data/premises.txt");
const TRIES: u32 = 5;
/// A scene whose prompt is at least so alike to that of an earlier one repeats it: shared words of all words, without the
/// small ones.
const REPEATED: f32 = 0.5;
/// What is asked for, premise by premise: nothing, or so many scenes.
const ASKED: [Option<u32>; 5] = [None, Some(5), Some(6), Some(8), Some(10)];

type Error = Box<dyn std::error::Error>;

/// One premise by one writer.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    model: String,
    way: String,
    premise: usize,
    asked: Option<u32>,
    /// Texts that were said until one could be read; under the grammar always the first.
    tries: usize,
    valid: bool,
    scenes: Vec<ScriptScene>,
    story: String,
    descriptions: Vec<(String, String)>,
    retakes: u32,
    first_card_secs: f64,
    script_secs: f64,
    describe_secs: f64,
    effort: [usize; 5],
}

struct Options {
    model: Option<PathBuf>,
    out: PathBuf,
    premises: Option<Vec<usize>>,
    scenes: Option<u32>,
    prefixes: Option<PathBuf>,
    free: bool,
    show: bool,
    describe: bool,
}

fn options() -> Result<Options, Error> {
    let mut options = Options {
        model: None,
        out: PathBuf::from("scripts.jsonl"),
        premises: None,
        scenes: None,
        prefixes: None,
        free: false,
        show: false,
        describe: false,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--model" => options.model = Some(value()?.into()),
            "--out" => options.out = value()?.into(),
            "--prefixes" => options.prefixes = Some(value()?.into()),
            "--scenes" => options.scenes = Some(value()?.parse()?),
            "--premises" => {
                options.premises = Some(value()?.split(',').map(str::parse).collect::<Result<_, _>>()?);
            }
            "--free" => options.free = true,
            "--show" => options.show = true,
            "--describe" => options.describe = true,
            // Cargo's own.
            "--bench" => {}
            other => return Err(format!("{other} is unknown").into()),
        }
    }
    Ok(options)
}

fn main() -> Result<(), Error> {
    let options = options()?;
    let mut lines: Vec<Line> = match std::fs::read_to_string(&options.out) {
        Ok(text) => text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?,
        Err(_) => Vec::new(),
    };
    if let Some(path) = &options.model {
        let model = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut writer = Writer::load(path, &Silent)?;
        writer.limit_context(8192);
        if let Some(folder) = &options.prefixes {
            writer.keep_prefixes(PrefixStore::at(folder, PrefixStore::LIMIT_BYTES), model.clone());
        }
        for (premise, text) in PREMISES.lines().enumerate() {
            let way = if options.free { "free" } else { "grammar" };
            let picked = options.premises.as_ref().is_none_or(|picked| picked.contains(&premise));
            let known = |line: &Line| line.model == model && line.way == way && line.premise == premise;
            if !picked || lines.iter().any(known) {
                continue;
            }
            let request = WriteRequest {
                premise: text.to_owned(),
                scenes: options.scenes.or(ASKED[premise % ASKED.len()]),
                seed: premise as u64,
                sampling: Sampling::default(),
                ..WriteRequest::default()
            };
            let mut line = match options.free {
                true => free(&mut writer, &request)?,
                false => under_the_grammar(&mut writer, &request, options.describe)?,
            };
            line.model.clone_from(&model);
            line.premise = premise;
            if options.show {
                show(text, &line);
            }
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&options.out)?;
            writeln!(file, "{}", serde_json::to_string(&line)?)?;
            lines.push(line);
        }
    }
    table(&lines);
    Ok(())
}

fn under_the_grammar(writer: &mut Writer, request: &WriteRequest, describe: bool) -> Result<Line, Error> {
    let start = Instant::now();
    let mut first = None;
    let written = writer.write(request, &Silent, &mut |event| {
        if let WriterEvent::Scene { complete: true, .. } = event {
            first.get_or_insert_with(|| start.elapsed());
        }
    })?;
    let script_secs = start.elapsed().as_secs_f64();
    let Written { script, story, english, retakes, effort, .. } = written;
    let mut descriptions = Vec::new();
    if describe {
        for (kind, name, scene) in common(&script) {
            let premise = english.as_ref().unwrap_or(&request.premise).clone();
            let request =
                DescribeRequest { premise, name, kind, scene, seed: request.seed, sampling: request.sampling };
            let mut rounds = String::new();
            let text = writer.describe(&request, &Silent, &mut |event| {
                if let WriterEvent::Description { text, complete: true, .. } = event {
                    rounds.push_str(text);
                    rounds.push_str(" | ");
                }
            })?;
            drop(text);
            descriptions.push((request.name, rounds));
        }
    }
    let describe_secs = start.elapsed().as_secs_f64() - script_secs;
    // The last attempt, in which the original no longer minds the word "camera".
    let valid = read_brackets(&brackets(&script.scenes), TRIES, request.scenes).is_ok();
    Ok(Line {
        model: String::new(),
        way: "grammar".to_owned(),
        premise: 0,
        asked: request.scenes,
        tries: 1,
        valid,
        scenes: script.scenes,
        story: english.into_iter().chain([story]).collect::<Vec<_>>().join(" / "),
        descriptions,
        retakes,
        first_card_secs: first.map_or(script_secs, |first| first.as_secs_f64()),
        script_secs,
        describe_secs,
        effort: numbers(effort),
    })
}

/// Kind, name and first scene of what needs a description.
fn common(script: &Script) -> Vec<(reelboard::project::EntityKind, String, String)> {
    let mut film = Project::new("");
    for edit in script.insert_edits(&mut film, 0) {
        film.apply(edit).expect("scenes fit an empty project");
    }
    let first = |id| film.scene(id).map(|scene| scene.prompt.clone()).unwrap_or_default();
    let common = entities(&film).into_iter().filter(|entity| entity.is_common());
    common
        .map(|entity| (entity.kind, entity.name, entity.scenes.first().map_or(String::new(), |id| first(*id))))
        .collect()
}

fn free(writer: &mut Writer, request: &WriteRequest) -> Result<Line, Error> {
    let start = Instant::now();
    let mut attempt = 0;
    let mut read = |text: &str| {
        attempt += 1;
        read_brackets(text, attempt, request.scenes)
    };
    let written = writer.write_freely(request, TRIES as usize, &Silent, &mut read)?;
    let secs = start.elapsed().as_secs_f64();
    let last = written.tries.last().map(|(_, reason)| reason.clone().unwrap_or_default());
    Ok(Line {
        model: String::new(),
        way: "free".to_owned(),
        premise: 0,
        asked: request.scenes,
        tries: written.tries.len(),
        valid: written.accepted.is_some(),
        scenes: written.accepted.unwrap_or_default(),
        story: last.unwrap_or_default(),
        descriptions: Vec::new(),
        retakes: 0,
        first_card_secs: secs,
        script_secs: secs,
        describe_secs: 0.0,
        effort: numbers(written.effort),
    })
}

fn numbers(effort: Effort) -> [usize; 5] {
    [effort.read, effort.reused, effort.said, effort.chosen, effort.passes]
}

/// A script in the paper's format.
fn brackets(scenes: &[ScriptScene]) -> String {
    let line = |(i, scene): (usize, &ScriptScene)| {
        let prompt = scene.prompt.trim_end_matches('.');
        format!(
            "[step_{}: [{prompt}; entities: {}; background: {}]]",
            i + 1,
            scene.foreground.join(", "),
            scene.background
        )
    };
    scenes.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// Reads a script by the rules of the original's parser, in its attempt `attempt`: as many scenes as asked, 5 to 10 when
/// none are.
fn read_brackets(text: &str, attempt: u32, asked: Option<u32>) -> Result<Vec<ScriptScene>, String> {
    let text = text.trim();
    let lines = text.lines().count();
    let steps = asked.map_or(lines.clamp(5, 10), |asked| asked as usize);
    let plan = Plan::parse(text, attempt, Rules { steps, max_try: TRIES, ..Rules::default() });
    let steps = plan.map_err(|reject| reject.to_string())?.steps;
    Ok(steps
        .into_iter()
        .map(|step| ScriptScene {
            prompt: step.prompt,
            foreground: step.entities,
            background: step.background,
            ..ScriptScene::default()
        })
        .collect())
}

/// Whether every name of a scene occurs in its prompt, but for plural endings.
fn names_occur(scene: &ScriptScene) -> bool {
    let words = |text: &str| -> Vec<String> {
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(|word| word.trim_end_matches('s').trim_end_matches('e').to_owned()).collect()
    };
    let prompt = words(&scene.prompt);
    scene.foreground.iter().all(|name| {
        let name = words(name);
        !name.is_empty() && prompt.windows(name.len()).any(|part| part == name)
    })
}

fn has_common(scenes: &[ScriptScene]) -> bool {
    scenes.iter().enumerate().any(|(i, scene)| {
        scene.foreground.iter().any(|name| scenes[..i].iter().any(|earlier| earlier.foreground.contains(name)))
    })
}

fn repeated(scenes: &[ScriptScene]) -> usize {
    let repeats = |i: usize| scenes[..i].iter().any(|earlier| likeness(&earlier.prompt, &scenes[i].prompt) >= REPEATED);
    (0..scenes.len()).filter(|i| repeats(*i)).count()
}

fn show(premise: &str, line: &Line) {
    println!(
        "\n{}. {premise}  ({}, {} scenes asked)\n   {}",
        line.premise,
        line.way,
        line.asked.unwrap_or(0),
        line.story
    );
    for scene in &line.scenes {
        println!("   - {} [{}] @ {} | {}", scene.prompt, scene.foreground.join(", "), scene.background, scene.camera);
    }
    for (name, text) in &line.descriptions {
        println!("   * {name}: {text}");
    }
    let Line { first_card_secs, script_secs, describe_secs, retakes, effort, tries, valid, .. } = line;
    println!(
        "   first card {first_card_secs:.1} s, script {script_secs:.1} s, descriptions {describe_secs:.1} s; \
         {tries} tries, valid {valid}, {retakes} retakes; read, reused, said, chosen, passes: {effort:?}"
    );
}

/// The figures of each writer and way.
fn table(lines: &[Line]) {
    let groups: BTreeSet<(&str, &str)> = lines.iter().map(|line| (line.model.as_str(), line.way.as_str())).collect();
    println!(
        "\n| Writer | Premises | Valid at once | Valid in {TRIES} | As many scenes as asked | Names in the prompt | Common entity | Camera moves | Repeated scenes | First card | Script | Tokens said, chosen |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (model, way) in groups {
        let group: Vec<&Line> = lines.iter().filter(|line| line.model == model && line.way == way).collect();
        let done: Vec<&&Line> = group.iter().filter(|line| line.valid).collect();
        let all = group.len().max(1) as f64;
        let percent = |count: usize, all: usize| format!("{:.0} %", 100.0 * count as f64 / all.max(1) as f64);
        let of_all =
            |test: &dyn Fn(&Line) -> bool| percent(group.iter().filter(|line| test(line)).count(), group.len());
        let scenes = done.iter().map(|line| line.scenes.len()).sum::<usize>();
        let named = done.iter().flat_map(|line| &line.scenes).filter(|scene| names_occur(scene)).count();
        let again = done.iter().map(|line| repeated(&line.scenes)).sum::<usize>();
        let moves =
            |line: &Line| line.scenes.iter().map(|scene| scene.camera.to_string()).collect::<BTreeSet<_>>().len();
        let mean = |value: &dyn Fn(&Line) -> f64| group.iter().map(|line| value(line)).sum::<f64>() / all;
        let count_fits = |line: &Line| line.valid && line.asked.is_none_or(|asked| line.scenes.len() == asked as usize);
        println!(
            "| {model}, {way} | {} | {} | {} | {} | {} | {} | {} | {} | {:.1} s | {:.1} s | {:.0}, {:.0} |",
            group.len(),
            of_all(&|line| line.valid && line.tries == 1),
            of_all(&|line| line.valid),
            of_all(&count_fits),
            percent(named, scenes),
            of_all(&|line| has_common(&line.scenes)),
            if way == "free" { "–".to_owned() } else { format!("{:.1}", mean(&|line| moves(line) as f64)) },
            percent(again, scenes),
            mean(&|line| line.first_card_secs),
            mean(&|line| line.script_secs),
            mean(&|line| line.effort[2] as f64),
            mean(&|line| line.effort[3] as f64),
        );
    }
}
