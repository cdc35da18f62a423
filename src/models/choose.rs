//! Choosing a writer that this machine can hold.

use super::machine::bytes_text;
use super::{ModelCache, ModelError, ModelSpec, ModelStatus, Registry, Role, Room};
use std::fmt;

/// The writer to use, and why it is this one. Both are shown to the user.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WriterChoice<'a> {
    /// The writer.
    pub model: &'a ModelSpec,
    /// Why this one.
    pub reason: ChoiceReason<'a>,
    /// Whether its files have to be fetched first.
    pub is_missing: bool,
}

/// Why a writer was chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "each variant says what its fields are")]
pub enum ChoiceReason<'a> {
    /// The user named it.
    Requested,
    /// The user named it, but it wants more memory than is free.
    RequestedDespiteMemory { available_bytes: u64, needed_bytes: u64 },
    /// It is the studio's writer.
    Default,
    /// The studio's writer wants more memory than is free.
    Memory { instead_of: &'a ModelSpec, available_bytes: u64 },
    /// There is no room on the disk to fetch the studio's writer.
    Disk { instead_of: &'a ModelSpec, free_bytes: u64 },
    /// The studio's writer is not on this machine, but this one is.
    OnlyPresent { instead_of: &'a ModelSpec },
}

impl fmt::Display for WriterChoice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = &self.model.title;
        match self.reason {
            ChoiceReason::Requested | ChoiceReason::Default => write!(f, "{title}"),
            ChoiceReason::RequestedDespiteMemory { available_bytes, needed_bytes } => {
                let (free, needed) = (bytes_text(available_bytes), bytes_text(needed_bytes));
                write!(f, "{title}, though it needs {needed} of memory and {free} is free")
            }
            ChoiceReason::Memory { instead_of, available_bytes } => {
                let (free, needed) = (bytes_text(available_bytes), bytes_text(instead_of.memory_bytes));
                write!(f, "{title}, because {} needs {needed} of memory and {free} is free", instead_of.title)
            }
            ChoiceReason::Disk { instead_of, free_bytes } => {
                let (free, needed) = (bytes_text(free_bytes), bytes_text(instead_of.size_bytes()));
                write!(f, "{title}, because {} needs {needed} of disk space and {free} is free", instead_of.title)
            }
            ChoiceReason::OnlyPresent { instead_of } => {
                write!(f, "{title}, because {} is not on this machine", instead_of.title)
            }
        }
    }
}

/// The writer to use now: `requested` where the user named one, else the first studio's that has one, or its smaller
/// stand-in where memory or disk space is short.
pub fn choose_writer<'a>(
    registry: &'a Registry,
    cache: &ModelCache,
    requested: Option<&str>,
) -> Result<WriterChoice<'a>, ModelError> {
    choose_writer_for(registry, cache, requested, Room::now(cache.folder()))
}

/// [`choose_writer`] for a machine with this much room.
pub fn choose_writer_for<'a>(
    registry: &'a Registry,
    cache: &ModelCache,
    requested: Option<&str>,
    room: Room,
) -> Result<WriterChoice<'a>, ModelError> {
    let missing_bytes = |model: &ModelSpec| match cache.status(model) {
        ModelStatus::Ready | ModelStatus::Unverified => None,
        ModelStatus::Missing { fetched_bytes } => Some(model.size_bytes().saturating_sub(fetched_bytes)),
        ModelStatus::Damaged { .. } => Some(model.size_bytes()),
    };
    let choice = |model, reason| WriterChoice { model, reason, is_missing: missing_bytes(model).is_some() };
    // Where the system does not say how much is free, nothing speaks against the model.
    let available_bytes = room.memory_bytes.unwrap_or(u64::MAX);
    let fits = |model: &ModelSpec| model.memory_bytes <= available_bytes;

    if let Some(id) = requested {
        let model = writer(registry, id)?;
        let needed_bytes = model.memory_bytes;
        let reason = if fits(model) {
            ChoiceReason::Requested
        } else {
            ChoiceReason::RequestedDespiteMemory { available_bytes, needed_bytes }
        };
        return Ok(choice(model, reason));
    }

    let studio = registry.studios().iter().find(|studio| studio.writer.is_some()).ok_or(ModelError::NoWriter)?;
    let default = writer(registry, studio.writer.as_deref().ok_or(ModelError::NoWriter)?)?;
    let small = studio.writer_when_short.as_deref().map(|id| writer(registry, id)).transpose()?;
    let too_little = |model: &ModelSpec| {
        let needed_bytes = model.memory_bytes;
        ModelError::Memory { model: model.title.clone(), available_bytes, needed_bytes }
    };
    let Some(small) = small else {
        return if fits(default) { Ok(choice(default, ChoiceReason::Default)) } else { Err(too_little(default)) };
    };
    if !fits(default) {
        return match fits(small) {
            true => Ok(choice(small, ChoiceReason::Memory { instead_of: default, available_bytes })),
            false => Err(too_little(small)),
        };
    }
    let Some(missing) = missing_bytes(default) else {
        return Ok(choice(default, ChoiceReason::Default));
    };
    let small_is_here = missing_bytes(small).is_none();
    match room.disk_bytes {
        Some(free_bytes) if free_bytes < missing && (small_is_here || free_bytes >= small.size_bytes()) => {
            Ok(choice(small, ChoiceReason::Disk { instead_of: default, free_bytes }))
        }
        _ if small_is_here => Ok(choice(small, ChoiceReason::OnlyPresent { instead_of: default })),
        _ => Ok(choice(default, ChoiceReason::Default)),
    }
}

fn writer<'a>(registry: &'a Registry, id: &str) -> Result<&'a ModelSpec, ModelError> {
    let model = registry.model(id)?;
    if model.role == Role::Writer { Ok(model) } else { Err(ModelError::NotAWriter { model: id.to_owned() }) }
}
