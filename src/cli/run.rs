//! Carries a command out.

use super::args::{CacheCommand, Command, Encoding, SceneList, Writing};
use super::computing::{Computing, nvidia_cards};
use super::doctor::{self, Encoder, GpuAdapter, Probed};
use super::farm;
use super::film::Film;
use super::models;
use super::progress::{TerminalProgress, Unit, cancel_on_ctrl_c};
use super::renders::PausedRender;
use super::{changes, scenes, script, show, takes};
use crate::engine::{Cache, CacheUsage, StudioModels};
use crate::export::{EncoderInfo, ExportSettings, probe_encoders};
use crate::models::{Compute, Machine, ModelCache, OwnWriter, Preflight, Registry, RenderSize, bytes_text};
use crate::project::{Edit, EntityKind, Format, Project, SceneId, StudioFiles, entities, read_project};
use crate::video::clip_size;
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
        Command::Film { premise, output, writing, style, studio, computing, encoding } => {
            film(&premise, (style, &studio), computing, &output, &writing, &encoding, cancel)
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
                    film.take_in(&imported, Intake::Replace, writing.voice.seed)?;
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
        Command::Revise(args) => super::revise::revise(&args, cancel),
        Command::Check(args) => super::revise::run_check(&args, cancel),
        Command::Photo { project, name, photo } => {
            let mut film = Film::open(&project, cancel)?;
            let known = entities(film.project());
            let Some(entity) = known.iter().find(|entity| entity.name == name) else {
                let names: Vec<&str> = known.iter().map(|entity| entity.name.as_str()).collect();
                bail!("no scene of {} names \"{name}\"; it has: {}", project.display(), names.join(", "));
            };
            film.import_photo(entity.kind, &name, photo)
        }
        Command::Render { project, scenes, studio, steps, computing, clip, memory, dry_run: true, .. } => {
            let mut read = read_project(&project)?;
            let numbers = scene_numbers(scenes, read.scenes.len(), &project)?;
            let ids: Vec<SceneId> = numbers.iter().map(|number| read.scenes[number - 1].id).collect();
            let steps = steps.and_then(|steps| changes::steps_edit(&read, steps, &ids));
            for edit in steps.into_iter().chain(changes::clip_edit(&read, &clip, &ids)) {
                read.apply(edit)?;
            }
            let studio = studio.as_deref().unwrap_or(&read.studio);
            out(&format!("{}\n", preflight(&read, numbers.len(), studio, computing, memory)?))
        }
        Command::Render { project, scenes, studio, stage, steps, vary, clip, computing, .. } => {
            let compute = checked(computing, &cache()?)?;
            let mut film = Film::open(&project, cancel)?;
            let is_named = scenes.is_some();
            let mut numbers = scene_numbers(scenes, film.project().scenes.len(), &project)?;
            if is_named {
                scenes::refuse_locked(film.project(), &numbers, &project)?;
            } else {
                numbers = scenes::without_locked(film.project(), numbers);
            }
            if let Some(steps) = steps {
                film.set_steps(steps, &numbers)?;
            }
            film.set_clip(&clip, &numbers)?;
            let studio = film.use_studio(studio.as_deref(), stage, registry()?, cache()?)?;
            let studio = studio.map(|studio| studio.on(compute));
            let others = vary.map_or_else(|| Ok(Vec::new()), |count| film.vary(&numbers, count as usize))?;
            film.render(studio.as_ref(), &numbers, stage, others)
        }
        Command::Queue { project, change } => out(&super::renders::queue(&project, change.as_ref(), studio_of)?),
        Command::Cache { action } => {
            let cache = Cache::open()?;
            let (verb, usage) = match action {
                CacheCommand::Show => ("holds", cache.usage()?),
                CacheCommand::Clear => ("held", cache.clear()?),
            };
            out(&format!("{} {verb} {}\n", cache.folder().display(), usage_text(usage, cache.limit_bytes())))
        }
        Command::Takes { project, scenes, json } => {
            let read = read_project(&project)?;
            let numbers = scene_numbers(scenes, read.scenes.len(), &project)?;
            let files = studio_files(&read).unwrap_or_default();
            match json {
                true => out(&format!("{:#}\n", takes::as_json(&read, &numbers, &files))),
                false => out(&takes::as_text(&read, &numbers, &files)),
            }
        }
        Command::Take(command) => out(&takes::run(command, cancel)?),
        Command::Scene(command) => out(&scenes::run(command, cancel)?),
        Command::Settings(args) => out(&scenes::settings(args, cancel)?),
        Command::Format { project, size, fps, smooth } => format(&project, (size, fps, smooth), cancel),
        Command::Export { project, output, encoding } => {
            let film = Film::open(&project, cancel)?;
            let settings = settings(film.project(), output, &encoding);
            film.export(settings)
        }
        Command::Show { project, json } => {
            farm::tell_what_waits(&project);
            let project = read_project(&project)?;
            if !json {
                return out(&show::as_text(&project));
            }
            let files = studio_files(&project).unwrap_or_default();
            out(&format!("{:#}\n", show::as_json(&project, &files)))
        }
        Command::Farm(args) => farm::run(args, cancel),
        Command::Models(args) => {
            models::run(&args, &registry()?, &cache()?, &TerminalProgress::new(Unit::Bytes, cancel))
        }
        Command::Prompts(args) => super::prompts::run(&args),
        Command::Doctor { json, computing } => doctor(json, computing),
    }
}

/// The scenes that were asked for: all without a list.
pub(super) fn scene_numbers(list: Option<SceneList>, count: usize, project: &Path) -> Result<Vec<usize>> {
    let numbers = list.map_or_else(|| (1..=count).collect(), |list| list.0);
    if let Some(missing) = numbers.iter().find(|number| **number > count) {
        bail!("{} has {count} scenes, there is no scene {missing}", project.display());
    }
    Ok(numbers)
}

/// Shows or changes the size and frame rate of a film, and what is shown between the frames of a clip.
fn format(
    folder: &Path,
    (size, fps, smooth): (Option<[u32; 2]>, Option<u32>, Option<bool>),
    cancel: Arc<AtomicBool>,
) -> Result<()> {
    let text = |format: Format| {
        let clips = show::clips_text(format);
        format!("{}x{} at {} fps, clips: {clips}\n", format.width, format.height, format.fps)
    };
    if size.is_none() && fps.is_none() && smooth.is_none() {
        return out(&text(read_project(folder)?.format));
    }
    let mut film = Film::open(folder, cancel)?;
    let now = film.project().format;
    let [width, height] = size.unwrap_or([now.width, now.height]);
    let new = Format { width, height, fps: fps.unwrap_or(now.fps), smooth: smooth.unwrap_or(now.smooth) };
    if new != now {
        film.change(Edit::SetFormat(new))?;
    }
    out(&text(new))
}

/// What a studio needs for so many scenes of a project, as if so much memory were free where that is given.
fn preflight(
    project: &Project,
    scenes: usize,
    studio: &str,
    computing: Computing,
    memory_bytes: Option<u64>,
) -> Result<Preflight> {
    let (registry, cache) = (registry()?, cache()?);
    let studio = registry.studio(studio)?;
    let mut size = RenderSize::of_project(studio, &registry, project, scenes)?;
    size.clip = clip_size(project.format, size.clip);
    let mut machine = computing.on(Machine::now(cache.folder()));
    machine.room.memory_bytes = memory_bytes.or(machine.room.memory_bytes);
    Ok(Preflight::of(studio, &registry, &cache, &machine, &size)?)
}

/// How networks shall compute. That they cannot as it was typed is said before anything is made.
fn checked(computing: Computing, cache: &ModelCache) -> Result<Compute> {
    let machine = computing.on(Machine::now(cache.folder()));
    if computing != Computing::default() {
        machine.first_way()?;
    }
    Ok(machine.chosen)
}

/// Everything from a sentence to a film.
fn film(
    premise: &str,
    (style, studio): (String, &str),
    computing: Computing,
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
    let compute = checked(computing, &cache)?;
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
    let studio = film.use_studio(Some(studio), None, registry, cache)?.map(|studio| studio.on(compute));
    if studio.is_some() {
        let numbers: Vec<usize> = (1..=film.project().scenes.len()).collect();
        let rendered = film.render(studio.as_ref(), &numbers, None, Vec::new());
        rendered.map_err(|error| match error.downcast::<PausedRender>() {
            Ok(PausedRender { at, .. }) => {
                let (folder, output) = (folder.display(), output.display());
                let go_on =
                    format!("run \"reelboard render {folder}\" and then \"reelboard export {folder} -o {output}\"");
                PausedRender { at, go_on }.into()
            }
            Err(error) => error,
        })?;
    }
    let settings = settings(film.project(), output.to_owned(), encoding);
    film.export(settings)
}

/// What a cache holds, in words.
pub(super) fn usage_text(usage: CacheUsage, limit_bytes: u64) -> String {
    format!("{} results, {} of at most {}", usage.entries, bytes_text(usage.bytes), bytes_text(limit_bytes))
}

/// The files of a project's studio. A list of models that cannot be read is no reason not to show a project.
pub(super) fn studio_files(project: &Project) -> Option<StudioFiles> {
    Some(studio_of(project)?.known_files())
}

/// A project's studio, if it is listed.
fn studio_of(project: &Project) -> Option<StudioModels> {
    StudioModels::new(&project.studio, Arc::new(registry().ok()?), cache().ok()?).ok()
}

pub(super) fn registry() -> Result<Registry> {
    Ok(Registry::load()?.with_writers(&OwnWriter::remembered(cache()?.folder())?))
}

pub(super) fn cache() -> Result<ModelCache> {
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

fn doctor(json: bool, computing: Computing) -> Result<()> {
    let encoders: Vec<Encoder> = probe_encoders().iter().filter_map(encoder).collect();
    let adapters = adapters();
    let cache = cache()?;
    let machine = computing.on(Machine::now(cache.folder()));
    let probed = Probed { adapters: adapters.as_deref(), encoders: &encoders, machine, cards: nvidia_cards() };
    let report = doctor::report(&registry()?, &cache, probed);
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
