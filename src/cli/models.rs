//! `reelboard models`: what is here, getting it, checking it, deleting it.

use super::progress::TerminalProgress;
use crate::models::{Checksum, ModelCache, ModelSpec, ModelStatus, Registry, Role, Studio, bytes_text};
use crate::project::DRAFT_STUDIO;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::io::{self, Write};

/// Arguments of `reelboard models`.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// Show all models and what of them is on this machine
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Download models, and what they need, and check them
    Fetch {
        /// Ids as in `models list`; without any, what the studio needs
        #[arg(value_name = "MODEL")]
        ids: Vec<String>,
        /// The studio to fetch for when no model is named
        #[arg(long, default_value = DRAFT_STUDIO, value_name = "NAME")]
        studio: String,
        /// Accept the terms of models whose owners ask for it
        #[arg(long)]
        accept_terms: bool,
    },
    /// Read models through and compare their checksums
    Verify {
        /// Ids as in `models list`; without any, all that are here
        #[arg(value_name = "MODEL")]
        ids: Vec<String>,
    },
    /// Delete downloaded models
    Remove {
        /// Ids as in `models list`
        #[arg(required = true, value_name = "MODEL")]
        ids: Vec<String>,
    },
}

/// Does what was asked. Lists go to standard output, everything else to standard error.
pub fn run(args: &ModelsArgs, registry: &Registry, cache: &ModelCache, progress: &TerminalProgress) -> Result<()> {
    match &args.command {
        ModelsCommand::List { json } => list(registry, cache, *json),
        ModelsCommand::Fetch { ids, studio, accept_terms } => {
            let models = match ids.is_empty() {
                true => registry.models_of(registry.studio(studio)?)?,
                false => registry.all_with_needs(named(registry, ids)?),
            };
            fetch(&models, cache, *accept_terms, progress)
        }
        ModelsCommand::Verify { ids } => verify(registry, cache, ids, progress),
        ModelsCommand::Remove { ids } => remove(&named(registry, ids)?, cache, progress),
    }
}

fn named<'a>(registry: &'a Registry, ids: &[String]) -> Result<Vec<&'a ModelSpec>> {
    ids.iter().map(|id| registry.model(id).map_err(Into::into)).collect()
}

/// A model as the command line shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Names it in commands.
    pub id: String,
    /// How the window calls it.
    pub title: String,
    /// What it does.
    pub role: Role,
    /// The network that runs it.
    pub arch: String,
    /// Whether it can be used.
    pub state: State,
    /// What is wrong, for a damaged one.
    pub problem: Option<String>,
    /// All files together; 0 when it is not known.
    pub size_bytes: u64,
    /// Whether that is exact, and not about so much.
    pub size_is_exact: bool,
    /// What of them is here.
    pub fetched_bytes: u64,
    /// Free memory that it needs.
    pub memory_bytes: u64,
    /// SPDX name.
    pub licence: String,
    /// Whether terms have to be accepted.
    pub terms: bool,
    /// Whether its weights are random.
    pub random: bool,
    /// Ids of the models whose weights it runs with besides its own.
    pub needs: Vec<String>,
    /// How many of its files are held to what the hub announced when they were fetched: `models.ron` has no checksum.
    pub announced_files: usize,
    /// The studios that use it.
    pub studios: Vec<String>,
}

/// Whether a model can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Part of the program.
    Builtin,
    /// Here and checked.
    Ready,
    /// Here; it is checked when it is first used.
    Unverified,
    /// Not here, or not all of it.
    Missing,
    /// Here, but not what it should be.
    Damaged,
}

impl Listed {
    /// All files together.
    pub fn size_text(&self) -> String {
        match (self.size_bytes, self.size_is_exact) {
            (0, _) => "–".to_owned(),
            (bytes, true) => bytes_text(bytes),
            (bytes, false) => format!("~{}", bytes_text(bytes)),
        }
    }

    /// The state in words.
    pub fn state_text(&self) -> String {
        match self.state {
            State::Builtin => "part of the program".to_owned(),
            State::Ready if self.announced_files > 0 => format!("here, {}", announced_text(self.announced_files)),
            State::Ready => "here".to_owned(),
            State::Unverified => "here, not checked yet".to_owned(),
            State::Missing if self.fetched_bytes > 0 => {
                format!("{} of {} fetched", bytes_text(self.fetched_bytes), bytes_text(self.size_bytes))
            }
            State::Missing if self.random => "made when first used".to_owned(),
            State::Missing => "not here".to_owned(),
            State::Damaged => format!("damaged: {}", self.problem.as_deref().unwrap_or("wrong content")),
        }
    }
}

/// Says that `models.ron` is not what vouches for these files.
fn announced_text(files: usize) -> String {
    match files {
        1 => "a checksum announced by the hub, not pinned in models.ron".to_owned(),
        _ => format!("{files} checksums announced by the hub, not pinned in models.ron"),
    }
}

fn announced_files(cache: &ModelCache, model: &ModelSpec) -> usize {
    model.files.iter().filter(|file| cache.checksum(model, file) == Checksum::Announced).count()
}

/// What is known about `model`, without reading its files.
pub fn listed(registry: &Registry, cache: &ModelCache, model: &ModelSpec) -> Listed {
    let (state, problem, fetched_bytes) = match cache.status(model) {
        _ if model.is_builtin() => (State::Builtin, None, 0),
        ModelStatus::Ready => (State::Ready, None, model.size_bytes()),
        ModelStatus::Unverified => (State::Unverified, None, model.size_bytes()),
        ModelStatus::Missing { fetched_bytes } => (State::Missing, None, fetched_bytes),
        ModelStatus::Damaged { file, reason } => (State::Damaged, Some(format!("{file}: {reason}")), 0),
    };
    let uses = |studio: &&Studio| {
        let runs = registry.models_of(studio).is_ok_and(|models| models.iter().any(|used| used.id == model.id));
        runs || studio.writer_when_short.as_deref() == Some(model.id.as_str())
    };
    Listed {
        id: model.id.clone(),
        title: model.title.clone(),
        role: model.role,
        arch: model.arch.clone(),
        state,
        problem,
        size_bytes: model.size_bytes(),
        size_is_exact: model.size_is_exact(),
        fetched_bytes,
        memory_bytes: model.memory_bytes,
        licence: model.licence.spdx.clone(),
        terms: model.licence.terms,
        random: model.random,
        needs: model.needs.clone(),
        announced_files: announced_files(cache, model),
        studios: registry.studios().iter().filter(uses).map(|studio| studio.name.clone()).collect(),
    }
}

fn list(registry: &Registry, cache: &ModelCache, json: bool) -> Result<()> {
    let models: Vec<Listed> = registry.models().iter().map(|model| listed(registry, cache, model)).collect();
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &models)?;
        return writeln!(out).map_err(Into::into);
    }
    let width = models.iter().map(|model| model.id.len()).max().unwrap_or(0);
    let licence_of = |model: &Listed| format!("{}{}", model.licence, if model.terms { " (terms)" } else { "" });
    let licences = models.iter().map(|model| licence_of(model).len()).max().unwrap_or(0);
    for model in &models {
        let licence = licence_of(model);
        let (size, state) = (model.size_text(), model.state_text());
        writeln!(out, "{:width$}  {:11}  {size:>8}  {licence:licences$}  {state}", model.id, model.role)?;
    }
    writeln!(out, "\nmodel folder: {}", cache.folder().display())?;
    Ok(())
}

fn fetch(models: &[&ModelSpec], cache: &ModelCache, accept_terms: bool, progress: &TerminalProgress) -> Result<()> {
    // Before anything is fetched: half of what a stage needs is of no use.
    let is_missing = |model: &&&ModelSpec| cache.status(model) != ModelStatus::Ready;
    let request = models.iter().filter(is_missing).find_map(|model| model.terms_request());
    if let Some(request) = request.filter(|_| !accept_terms) {
        bail!("{request}; then fetch it with --accept-terms");
    }
    for model in models {
        if cache.status(model) == ModelStatus::Ready {
            let place = if model.is_builtin() { "part of the program" } else { "here" };
            progress.note(&format!("{} is {place}", model.id));
            continue;
        }
        let licence = &model.licence;
        if model.is_made() {
            cache.fetch(model, progress)?;
            progress.note(&format!("{} is made of random numbers", model.id));
            continue;
        }
        let about = if model.size_is_exact() { "" } else { "about " };
        let size = format!("{about}{}", bytes_text(model.size_bytes()));
        progress.note(&format!("{}: {size}, licence {}, into {}", model.title, licence.spdx, cache.folder().display()));
        cache.fetch(model, progress)?;
        progress.note(&format!("{} is ready", model.id));
    }
    Ok(())
}

fn verify(registry: &Registry, cache: &ModelCache, ids: &[String], progress: &TerminalProgress) -> Result<()> {
    let models = if ids.is_empty() {
        let here =
            |model: &&ModelSpec| !model.is_builtin() && !matches!(cache.status(model), ModelStatus::Missing { .. });
        registry.models().iter().filter(here).collect()
    } else {
        named(registry, ids)?
    };
    if models.is_empty() {
        progress.note(&format!("no models in {}", cache.folder().display()));
    }
    let mut bad = Vec::new();
    for model in models {
        match cache.verify(model, progress) {
            Ok(()) => match announced_files(cache, model) {
                0 => progress.note(&format!("{} is right", model.id)),
                files => progress.note(&format!("{} is right: {}", model.id, announced_text(files))),
            },
            Err(error @ crate::models::ModelError::Cancelled(_)) => return Err(error.into()),
            Err(error) => bad.push(error),
        }
    }
    let Some(last) = bad.pop() else { return Ok(()) };
    for error in bad {
        progress.note(&error.to_string());
    }
    Err(last.into())
}

fn remove(models: &[&ModelSpec], cache: &ModelCache, progress: &TerminalProgress) -> Result<()> {
    for model in models {
        if model.is_builtin() {
            bail!("{} is part of the program and cannot be removed", model.id);
        }
        let freed_bytes = cache.remove(model).with_context(|| format!("cannot remove {}", model.id))?;
        match freed_bytes {
            0 => progress.note(&format!("{} is not here", model.id)),
            _ => progress.note(&format!("removed {}: {} freed", model.id, bytes_text(freed_bytes))),
        }
    }
    Ok(())
}
