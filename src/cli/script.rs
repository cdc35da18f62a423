//! Scripts from files and to files.

use super::args::Compat;
use super::film::Film;
use super::run::out;
use super::show;
use crate::project::{Project, Script, ScriptScene, read_project};
use crate::writer::compat::{Plan, Reject, Rules};
use crate::writer::{FormatError, Imported, Intake, MOST_BYTES, ScriptFormat, read_script, read_script_file};
use crate::writer::{save_script, write_script};
use anyhow::{Context as _, Result, bail};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Reads a script (`-` is standard input) and says what was mended.
pub fn read(file: &Path, format: Option<ScriptFormat>) -> Result<Imported> {
    let imported = if file == Path::new("-") {
        read_script("standard input", &standard_input()?, format)?
    } else {
        read_script_file(file, format)?
    };
    eprintln!("{}: {}, {} scenes", file.display(), imported.format.title(), imported.scenes.len());
    for note in &imported.notes {
        eprintln!("{note}");
    }
    Ok(imported)
}

fn standard_input() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than is allowed: that there is too much is for the reader to say.
    std::io::stdin().take(MOST_BYTES + 1).read_to_end(&mut bytes).context("cannot read standard input")?;
    Ok(bytes)
}

/// Takes a script into a project and prints what there is then.
pub fn import(
    file: &Path,
    project: &Path,
    format: Option<ScriptFormat>,
    intake: Intake,
    cancel: Arc<AtomicBool>,
) -> Result<()> {
    let imported = read(file, format)?;
    let mut film = Film::open(project, cancel)?;
    film.take_in(&imported, intake, 0)?;
    out(&show::as_text(film.project()))
}

/// A project for a script, with the premise and the style that were given, else those of its title page.
pub fn new_project(imported: &Imported, premise: String, style: String) -> Result<Project> {
    let mut project = Project::new(if premise.is_empty() { imported.premise() } else { premise });
    project.style = style;
    let edit = imported.to_edit(&mut project, Intake::Replace, 0);
    project.apply(edit)?;
    Ok(project)
}

/// Writes a project's script to a file or to standard output.
pub fn export(project: &Path, output: Option<&Path>, format: Option<ScriptFormat>) -> Result<()> {
    let read = read_project(project)?;
    if read.scenes.is_empty() {
        bail!("{} has no scenes yet; write or import a script first", project.display());
    }
    match output.filter(|output| *output != Path::new("-")) {
        Some(output) => {
            let named = || ScriptFormat::of_path(output);
            let unknown = || FormatError::UnknownEnding { path: output.to_owned() };
            save_script(&read, format.or_else(named).ok_or_else(unknown)?, output)?;
            println!("{}", output.display());
            Ok(())
        }
        None => {
            let bytes = write_script(&read, format.unwrap_or(ScriptFormat::Text));
            Ok(std::io::stdout().write_all(&bytes)?)
        }
    }
}

/// Prints the original parser's verdict on a planner's answer; a rejected one is an error. An accepted one can go into a
/// project.
pub fn compat(
    file: &Path,
    project: Option<PathBuf>,
    options: &Compat,
    append: bool,
    cancel: Arc<AtomicBool>,
) -> Result<()> {
    let (name, bytes) = if file == Path::new("-") {
        ("standard input".to_owned(), standard_input()?)
    } else {
        let length = std::fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?.len();
        if length > MOST_BYTES {
            return Err(FormatError::TooLarge { name: file.display().to_string() }.into());
        }
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        (file.display().to_string(), bytes)
    };
    // Byte for byte: line ends and spaces decide.
    let answer = String::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"))?;
    let rejected = |reason: Reject| anyhow::anyhow!("{name} is rejected: {reason}");
    let plan = Plan::parse(&answer, options.attempt, Rules::default()).map_err(rejected)?;
    let Some(project) = project else { return out(&verdict(&plan)) };
    let scenes = plan.steps.iter().map(|step| ScriptScene {
        prompt: step.prompt.clone(),
        foreground: step.entities.iter().filter(|name| !name.is_empty()).cloned().collect(),
        background: step.background.clone(),
        ..ScriptScene::default()
    });
    let imported = Imported::of_script(Script { scenes: scenes.collect() }, ScriptFormat::Brackets);
    let mut film = Film::open(&project, cancel)?;
    film.take_in(&imported, if append { Intake::Append } else { Intake::Replace }, 0)?;
    eprint!("{}", verdict(&plan));
    out(&show::as_text(film.project()))
}

fn verdict(plan: &Plan) -> String {
    let mut text = format!("accepted: {} steps\n", plan.steps.len());
    for (title, kept) in [("entity", &plan.entities), ("background", &plan.backgrounds)] {
        for name in kept {
            let steps: Vec<String> = name.scenes.iter().map(|scene| (scene + 1).to_string()).collect();
            text += &format!("{title} \"{}\" in steps {}\n", name.name, steps.join(", "));
        }
    }
    text
}
