//! The names under which diffusers and transformers keep weights in a folder.

use super::WeightsError;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Who wrote the folder: their names for the weights differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// `diffusion_pytorch_model`
    Diffusers,
    /// `model` as safetensors, `pytorch_model` as a pickle
    Transformers,
}

/// Which weights are preferred where there are two kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// As they were trained.
    #[default]
    Full,
    /// The variant `fp16`: half as much to read.
    Half,
}

/// `*.index.json`: which of several files has which tensor.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Index {
    /// Key to file name.
    pub weight_map: BTreeMap<String, String>,
}

impl Index {
    /// The files, each once.
    pub fn shards(&self) -> BTreeSet<&String> {
        self.weight_map.values().collect()
    }
}

/// The file of the weights: the file itself, or the index of several.
pub(super) fn find(folder: &Path, library: Library, precision: Precision) -> Result<PathBuf, WeightsError> {
    let candidates = candidates(library, precision);
    let there = candidates.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    there.ok_or_else(|| WeightsError::NoWeights { folder: folder.to_owned(), tried: usual_names(library) })
}

/// The names that a message lists: the others are rare.
pub(super) fn usual_names(library: Library) -> Vec<String> {
    let (safetensors, pickle) = stems(library);
    [(safetensors, "safetensors"), (pickle, "bin")]
        .into_iter()
        .flat_map(|(stem, end)| {
            [format!("{stem}.{end}"), format!("{stem}.fp16.{end}"), format!("{stem}.{end}.index.json")]
        })
        .collect()
}

fn stems(library: Library) -> (&'static str, &'static str) {
    match library {
        Library::Diffusers => ("diffusion_pytorch_model", "diffusion_pytorch_model"),
        Library::Transformers => ("model", "pytorch_model"),
    }
}

/// All names, the best first.
fn candidates(library: Library, precision: Precision) -> Vec<String> {
    let (safetensors, pickle) = stems(library);
    let variants = match precision {
        Precision::Full => [None, Some("fp16")],
        Precision::Half => [Some("fp16"), None],
    };
    let mut names = Vec::new();
    for variant in variants {
        for (stem, end) in [(safetensors, "safetensors"), (pickle, "bin")] {
            match variant {
                None => names.extend([format!("{stem}.{end}"), format!("{stem}.{end}.index.json")]),
                // The libraries have put the variant into the index's name in three places.
                Some(variant) => names.extend([
                    format!("{stem}.{variant}.{end}"),
                    format!("{stem}.{end}.index.{variant}.json"),
                    format!("{stem}.{variant}.{end}.index.json"),
                    format!("{stem}.{end}.{variant}.index.json"),
                ]),
            }
        }
    }
    names
}
