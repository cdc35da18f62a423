//! Carries a command out.

use super::args::{Command, Encoding, SceneList, Stage, Writing};
use super::doctor::{self, Encoder, GpuAdapter, Probed};
use super::film::Film;
use super::models;
use super::progress::{TerminalProgress, Unit, cancel_on_ctrl_c};
use super::script;
use super::show;
use crate::engine::StudioModels;
use crate::export::{EncoderInfo, ExportSettings, probe_encoders};
use crate::models::{Machine, ModelCache, Preflight, Registry, RenderSize};
use crate::project::{EntityKind, Project, entities, read_project};
use crate::writer::{Intake, ScriptFormat};
use anyhow::{Context as _, Result, bail};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Runs one command to its end. What it makes is printed on standard output, how it goes on standard error.
pub fn run(command: Command) -> Result<()> {
    let cancel = cancel_on_ctrl_c().context("cannot listen for Ctrl-C")?;
    match command {
        Command::Film { premise, output, writing, style, studio, encoding } => {
            film(&premise, (style, &studio), &output, &writing, &encoding, cancel)
        }
        Command::New { project, premise, style, example, script, format } => {
            let new = match script {
                Some(file) => script::new_project(&script::read(&file, format)?, premise, style)?,
                None if example => crate::draft::example_project(),
                None => Project { style, ..Project::new(premise) },
            };
            Film::create(&project, new, cancel)?;
            println!("{}", project.display());
            Ok(())
        }
        Command::Write { project, writing, text } => {
            let mut film = Film::open(&project, cancel)?;
            match text {
                Some(path) => {
                    let imported = script::read(&path, Some(ScriptFormat::Text))?;
                    film.take_in(&imported, Intake::Replace, writing.seed)?;
                }
                None => film.write(&registry()?, &cache()?, &writing)?,
            }
            out(&show::as_text(film.project()))
        }
        Command::Import { file, project, append, compat, .. } if compat.compat => {
            script::compat(&file, project, &compat, append, cancel)
        }
        Command::Import { file, project, format, append, .. } => {
            let project = project.context("name the project's folder")?;
            script::import(&file, &project, format, if append { Intake::Append } else { Intake::Replace }, cancel)
        }
        Command::Script { project, output, format } => script::export(&project, output.as_deref(), format),
        Command::Photo { project, name, photo } => {
            let mut film = Film::open(&project, cancel)?;
            let known = entities(film.project());
            let Some(entity) = known.iter().find(|entity| entity.name == name) else {
                let names: Vec<&str> = known.iter().map(|entity| entity.name.as_str()).collect();
                bail!("no scene of {} names \"{name}\"; it has: {}", project.display(), names.join(", "));
            };
            film.import_photo(entity.kind, &name, photo)
        }
        Command::Render { project, scenes, studio, dry_run: true, .. } => {
            let read = read_project(&project)?;
            let scenes = scene_numbers(scenes, read.scenes.len(), &project)?.len();
            let studio = studio.as_deref().unwrap_or(&read.studio);
            out(&format!("{}\n", preflight(&read, scenes, studio)?))
        }
        Command::Render { project, scenes, studio, stage, steps, .. } => {
            let mut film = Film::open(&project, cancel)?;
            let numbers = scene_numbers(scenes, film.project().scenes.len(), &project)?;
            if let Some(steps) = steps {
                film.set_steps(steps)?;
            }
            let studio = film.use_studio(studio.as_deref(), registry()?, cache()?)?;
            render(&mut film, studio.as_ref(), &numbers, stage)
        }
        Command::Export { project, output, encoding } => {
            let film = Film::open(&project, cancel)?;
            let settings = settings(film.project(), output, &encoding);
            film.export(settings)
        }
        Command::Show { project, json } => {
            let project = read_project(&project)?;
            if !json {
                return out(&show::as_text(&project));
            }
            let models = still_models(&project);
            out(&format!("{:#}\n", show::as_json(&project, models.as_deref())))
        }
        Command::Models(args) => {
            models::run(&args, &registry()?, &cache()?, &TerminalProgress::new(Unit::Bytes, cancel))
        }
        Command::Doctor { json } => doctor(json),
    }
}

/// The scenes that were asked for: all without a list.
fn scene_numbers(list: Option<SceneList>, count: usize, project: &Path) -> Result<Vec<usize>> {
    let numbers = list.map_or_else(|| (1..=count).collect(), |list| list.0);
    if let Some(missing) = numbers.iter().find(|number| **number > count) {
        bail!("{} has {count} scenes, there is no scene {missing}", project.display());
    }
    Ok(numbers)
}

/// What a studio needs for so many scenes of a project.
fn preflight(project: &Project, scenes: usize, studio: &str) -> Result<Preflight> {
    let (registry, cache) = (registry()?, cache()?);
    let studio = registry.studio(studio)?;
    let size = RenderSize::of_project(studio, &registry, project, scenes)?;
    Ok(Preflight::of(studio, &registry, &cache, &Machine::now(cache.folder()), &size)?)
}

/// Everything from a sentence to a film.
fn film(
    premise: &str,
    (style, studio): (String, &str),
    output: &Path,
    writing: &Writing,
    encoding: &Encoding,
    cancel: Arc<AtomicBool>,
) -> Result<()> {
    if premise.trim().is_empty() {
        bail!("the premise is empty; say in one sentence what the film is about");
    }
    let (registry, cache) = (registry()?, cache()?);
    // Known before anything is written, so that a wrong name costs nothing.
    registry.studio(studio)?;
    let folder = output.with_extension("reel");
    if folder.exists() {
        let (folder, output) = (folder.display(), output.display());
        bail!(
            "{folder} is there already; export it with \"reelboard export {folder} -o {output}\" or choose another -o"
        );
    }
    let mut project = Project::new(premise.trim());
    project.style = style;
    let mut film = Film::create(&folder, project, cancel)?;
    let written = film.write(&registry, &cache, writing);
    if film.project().scenes.is_empty() {
        // Nothing was made yet: a second try of the same command must not find an empty project in its way.
        film.discard();
    }
    written?;
    let studio = film.use_studio(Some(studio), registry, cache)?;
    if studio.is_some() {
        let numbers: Vec<usize> = (1..=film.project().scenes.len()).collect();
        render(&mut film, studio.as_ref(), &numbers, None)?;
    }
    let settings = settings(film.project(), output.to_owned(), encoding);
    film.export(settings)
}

/// Renders scenes, counted from 1, and prints the files.
fn render(film: &mut Film, studio: Option<&StudioModels>, numbers: &[usize], stage: Option<Stage>) -> Result<()> {
    if let Some(studio) = studio
        && stage != Some(Stage::Stills)
    {
        for (name, path) in film.illustrate(studio, numbers)? {
            println!("{name}: {}", path.display());
        }
    }
    if stage != Some(Stage::References) {
        for number in numbers {
            println!("{}", film.render(number - 1, studio)?.display());
        }
    }
    Ok(())
}

/// The files of a project's studio. A list of models that cannot be read is no reason not to show a project.
fn still_models(project: &Project) -> Option<Vec<(String, String)>> {
    let studio = StudioModels::new(&project.studio, Arc::new(registry().ok()?), cache().ok()?);
    studio.ok()?.known_still_models()
}

fn registry() -> Result<Registry> {
    Ok(Registry::load()?)
}

fn cache() -> Result<ModelCache> {
    Ok(ModelCache::open()?)
}

fn settings(project: &Project, path: PathBuf, encoding: &Encoding) -> ExportSettings {
    let format = project.format;
    let [width, height] = encoding.size.unwrap_or([format.width, format.height]);
    ExportSettings { path, width, height, fps: encoding.fps.unwrap_or(format.fps), quality: encoding.quality }
}

/// Prints to standard output. A reader that has seen enough, such as `head`, is an error that `main` ends quietly with.
pub(super) fn out(text: &str) -> Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

fn doctor(json: bool) -> Result<()> {
    let encoders: Vec<Encoder> = probe_encoders().iter().filter_map(encoder).collect();
    let adapters = adapters();
    let probed = Probed { adapters: adapters.as_deref(), encoders: &encoders };
    let report = doctor::report(&registry()?, &cache()?, probed);
    if json { out(&format!("{}\n", serde_json::to_string_pretty(&report)?)) } else { out(&format!("{report}\n")) }
}

/// An encoder as the report shows it; one that films are not made with is left out when this FFmpeg lacks it.
fn encoder(info: &EncoderInfo) -> Option<Encoder> {
    let problem = match (info.listed, info.opens) {
        (_, true) => None,
        (true, false) => Some("listed, but does not open".to_owned()),
        (false, false) if info.used => Some("missing from this FFmpeg".to_owned()),
        (false, false) => return None,
    };
    Some(Encoder { name: info.name.to_owned(), problem })
}

#[cfg(feature = "gui")]
fn adapters() -> Option<Vec<GpuAdapter>> {
    let adapters = crate::preview::adapters().into_iter();
    Some(
        adapters
            .map(|found| GpuAdapter { name: found.name, backend: found.backend, is_software: found.kind == "CPU" })
            .collect(),
    )
}

#[cfg(not(feature = "gui"))]
fn adapters() -> Option<Vec<GpuAdapter>> {
    None
}

/// The kind of an entity in words.
pub(super) fn kind_text(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Foreground => "cut out of the photo",
        EntityKind::Background => "the photo is the place",
    }
}
