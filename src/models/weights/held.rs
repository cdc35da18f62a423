//! A network that stays in memory, or that is loaded for each use.

use super::WeightsError;
use crate::progress::Progress;
use std::fmt;
use std::ops::Deref;

/// How long networks stay in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// From one picture to the next.
    #[default]
    Loaded,
    /// Only while they work, so that those of a stage are in memory one at a time.
    WhileUsed,
}

/// A network, and how it is loaded.
pub struct Held<T> {
    name: &'static str,
    kept: Option<T>,
    load: Box<dyn Fn() -> Result<T, WeightsError> + Send + Sync>,
}

impl<T> Held<T> {
    /// Loads it now, or promises to. The name is one for people, such as `the UNet`.
    ///
    /// # Errors
    /// Those of `load`, when it stays loaded.
    pub fn new(
        name: &'static str,
        keep: Keep,
        load: impl Fn() -> Result<T, WeightsError> + Send + Sync + 'static,
    ) -> Result<Self, WeightsError> {
        let kept = (keep == Keep::Loaded).then(&load).transpose()?;
        Ok(Self { name, kept, load: Box::new(load) })
    }

    /// The network; one that does not stay in memory is loaded now, as a stage of its own, and freed when this is dropped.
    ///
    /// # Errors
    /// When it has to be loaded and a file has gone or changed.
    pub fn get(&self, progress: &dyn Progress) -> Result<InUse<'_, T>, WeightsError> {
        match &self.kept {
            Some(kept) => Ok(InUse::Kept(kept)),
            None => {
                progress.stage(&format!("loading {}", self.name));
                Ok(InUse::Loaded((self.load)()?))
            }
        }
    }
}

impl<T> fmt::Debug for Held<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("is_kept", &self.kept.is_some()).finish_non_exhaustive()
    }
}

/// A network while it works.
pub enum InUse<'a, T> {
    /// It stays afterwards.
    Kept(&'a T),
    /// It is freed afterwards.
    Loaded(T),
}

impl<T> Deref for InUse<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Kept(network) => network,
            Self::Loaded(network) => network,
        }
    }
}
