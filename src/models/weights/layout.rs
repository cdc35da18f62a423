//! The published models' folders: which part lies where.

use super::folder::{Index, find, usual_names};
use super::{Checkpoint, Library, Precision, WeightsError, read_json};
use crate::nets::clip::{ClipProcessor, ClipTokenizer, VisionConfig};
use serde::de::DeserializeOwned;
use std::fmt;
use std::path::{Path, PathBuf};

/// A model as it is published, by the folders and files that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// `FireCRT/VideoStudio`: all of VideoStudio-Vid, and what VideoStudio-Img adds to its base model.
    VideoStudio,
    /// `SG161222/Realistic_Vision_V4.0_noVAE`: the base model of the stills, without an autoencoder.
    RealisticVision,
    /// `stabilityai/sd-vae-ft-mse`: the autoencoder of the stills.
    SdVaeFtMse,
    /// `laion/CLIP-ViT-H-14-laion2B-s32B-b79K`: sees the first frame of a clip.
    ClipVitH,
    /// `stabilityai/stable-diffusion-2-1`: draws references.
    StableDiffusion21,
}

/// What a part is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each name says it")]
pub enum PartName {
    Unet,
    Vae,
    TextEncoder,
    TextEncoder2,
    Tokenizer,
    Tokenizer2,
    Scheduler,
    /// CLIP, for pictures.
    ImageEncoder,
    /// The content adapter of VideoStudio-Img and its resampler.
    ContentAdapter,
    /// U²-Net.
    Segmenter,
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unet => "unet",
            Self::Vae => "vae",
            Self::TextEncoder => "text encoder",
            Self::TextEncoder2 => "second text encoder",
            Self::Tokenizer => "tokenizer",
            Self::Tokenizer2 => "second tokenizer",
            Self::Scheduler => "scheduler",
            Self::ImageEncoder => "image encoder",
            Self::ContentAdapter => "content adapter",
            Self::Segmenter => "segmenter",
        })
    }
}

/// One part of a published model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What it is for.
    pub name: PartName,
    /// Where it lies inside the model's folder, with `/` between folders; empty for the folder itself.
    pub path: &'static str,
    /// Which files it has there.
    pub place: Place,
    /// Beginnings of the names of tensors that lie beside the part's own and belong to a part that is not used.
    pub ignored: &'static [&'static str],
}

/// What a part consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A folder with weights and `config.json`.
    Weights(Library),
    /// A file of weights, without a configuration.
    File,
    /// A folder with `tokenizer.json`, or with `vocab.json` and `merges.txt`.
    Tokenizer,
    /// A folder with `scheduler_config.json`.
    Scheduler,
}

const fn part(name: PartName, path: &'static str, place: Place) -> Part {
    Part { name, path, place, ignored: &[] }
}

const DIFFUSERS: Place = Place::Weights(Library::Diffusers);
const TRANSFORMERS: Place = Place::Weights(Library::Transformers);

impl Layout {
    /// All that are known.
    pub const ALL: [Self; 5] =
        [Self::VideoStudio, Self::RealisticVision, Self::SdVaeFtMse, Self::ClipVitH, Self::StableDiffusion21];

    /// The name under which it is published.
    pub fn repository(self) -> &'static str {
        match self {
            Self::VideoStudio => "FireCRT/VideoStudio",
            Self::RealisticVision => "SG161222/Realistic_Vision_V4.0_noVAE",
            Self::SdVaeFtMse => "stabilityai/sd-vae-ft-mse",
            Self::ClipVitH => "laion/CLIP-ViT-H-14-laion2B-s32B-b79K",
            Self::StableDiffusion21 => "stabilityai/stable-diffusion-2-1",
        }
    }

    /// The parts that are used here; the folders have more.
    pub fn parts(self) -> &'static [Part] {
        match self {
            Self::VideoStudio => {
                const PARTS: &[Part] = &[
                    part(PartName::ImageEncoder, "videostudio-img-encoder", TRANSFORMERS),
                    part(PartName::ContentAdapter, "videostudio-img-combine.bin", Place::File),
                    part(PartName::Segmenter, "u2net.pth", Place::File),
                    part(PartName::Unet, "videostudio-vid/unet", DIFFUSERS),
                    part(PartName::Vae, "videostudio-vid/vae", DIFFUSERS),
                    part(PartName::TextEncoder, "videostudio-vid/text_encoder", TRANSFORMERS),
                    part(PartName::TextEncoder2, "videostudio-vid/text_encoder_2", TRANSFORMERS),
                    part(PartName::Tokenizer, "videostudio-vid/tokenizer", Place::Tokenizer),
                    part(PartName::Tokenizer2, "videostudio-vid/tokenizer_2", Place::Tokenizer),
                    part(PartName::Scheduler, "videostudio-vid/scheduler", Place::Scheduler),
                ];
                PARTS
            }
            Self::RealisticVision => {
                const PARTS: &[Part] = &[
                    part(PartName::Unet, "unet", DIFFUSERS),
                    part(PartName::TextEncoder, "text_encoder", TRANSFORMERS),
                    part(PartName::Tokenizer, "tokenizer", Place::Tokenizer),
                    part(PartName::Scheduler, "scheduler", Place::Scheduler),
                ];
                PARTS
            }
            Self::SdVaeFtMse => {
                const PARTS: &[Part] = &[part(PartName::Vae, "", DIFFUSERS)];
                PARTS
            }
            Self::ClipVitH => {
                // All of CLIP is in one file, of which only the tower that sees is used, without its projection.
                const IGNORED: &[&str] = &["text_model.", "text_projection.", "visual_projection.", "logit_scale"];
                const PARTS: &[Part] =
                    &[Part { name: PartName::ImageEncoder, path: "", place: TRANSFORMERS, ignored: IGNORED }];
                PARTS
            }
            Self::StableDiffusion21 => {
                const PARTS: &[Part] = &[
                    part(PartName::Unet, "unet", DIFFUSERS),
                    part(PartName::Vae, "vae", DIFFUSERS),
                    part(PartName::TextEncoder, "text_encoder", TRANSFORMERS),
                    part(PartName::Tokenizer, "tokenizer", Place::Tokenizer),
                    part(PartName::Scheduler, "scheduler", Place::Scheduler),
                ];
                PARTS
            }
        }
    }
}

/// The folder of a published model on this machine.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    /// Which model it is.
    pub layout: Layout,
    /// Where it lies.
    pub folder: PathBuf,
    /// Which weights are preferred where there are two kinds.
    pub precision: Precision,
}

impl ModelFolder {
    /// A model in `folder`, which is not looked at yet.
    pub fn new(layout: Layout, folder: impl Into<PathBuf>, precision: Precision) -> Self {
        Self { layout, folder: folder.into(), precision }
    }

    /// The files that are not there, by their names inside the folder; those that can stand in for each other are joined
    /// with "or".
    pub fn missing(&self) -> Vec<String> {
        self.layout.parts().iter().flat_map(|part| self.missing_of(part)).collect()
    }

    /// Sees to it that every part is there.
    ///
    /// # Errors
    /// When a file is missing: names them all.
    pub fn check(&self) -> Result<(), WeightsError> {
        let files = self.missing();
        if files.is_empty() {
            return Ok(());
        }
        Err(WeightsError::Incomplete { folder: self.folder.clone(), files })
    }

    /// The file or folder of a part, for what is not weights.
    ///
    /// # Errors
    /// When the model has no such part, or a file of it is missing.
    pub fn path(&self, name: PartName) -> Result<PathBuf, WeightsError> {
        let part = self.part(name)?;
        let files = self.missing_of(part);
        if files.is_empty() {
            return Ok(self.place_of(part));
        }
        Err(WeightsError::Incomplete { folder: self.folder.clone(), files })
    }

    /// Opens the weights of a part.
    ///
    /// # Errors
    /// When the model has no such part or a file of it is missing, and as for [`Checkpoint::open`].
    pub fn checkpoint(&self, name: PartName) -> Result<Checkpoint, WeightsError> {
        let path = self.path(name)?;
        let part = self.part(name)?;
        let checkpoint = match part.place {
            Place::Weights(library) => Checkpoint::open_folder(&path, library, self.precision)?,
            _ => Checkpoint::open(path)?,
        };
        Ok(checkpoint.ignoring(part.ignored))
    }

    /// Reads the configuration of a part: `config.json`, or `scheduler_config.json`.
    ///
    /// # Errors
    /// When the model has no such part, or as for [`read_json`].
    pub fn config<T: DeserializeOwned>(&self, name: PartName) -> Result<T, WeightsError> {
        let part = self.part(name)?;
        let file = match part.place {
            Place::Scheduler => "scheduler_config.json",
            Place::Weights(_) | Place::File | Place::Tokenizer => "config.json",
        };
        read_json(&self.place_of(part).join(file))
    }

    /// Reads a tokenizer.
    ///
    /// # Errors
    /// When the model has no such part, a file of it is missing, or the files are not those of a tokenizer.
    pub fn tokenizer(&self, name: PartName) -> Result<ClipTokenizer, WeightsError> {
        let folder = self.path(name)?;
        ClipTokenizer::from_files(|file| match std::fs::read(folder.join(file)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .map_err(|source| WeightsError::Tokenizer { folder, source })
    }

    /// How pictures are prepared for a vision tower: as its folder says, else for the side that its `config` names.
    ///
    /// # Errors
    /// When the model has no such part, a file of it is missing, or as for [`read_json`].
    pub fn clip_processor(&self, name: PartName, config: &VisionConfig) -> Result<ClipProcessor, WeightsError> {
        let settings = self.path(name)?.join("preprocessor_config.json");
        match settings.is_file() {
            true => read_json(&settings),
            false => Ok(ClipProcessor::for_side(config.image_size as u32)),
        }
    }

    fn part(&self, name: PartName) -> Result<&'static Part, WeightsError> {
        let part = self.layout.parts().iter().find(|part| part.name == name);
        part.ok_or_else(|| WeightsError::NoPart { folder: self.folder.clone(), part: name.to_string() })
    }

    fn place_of(&self, part: &Part) -> PathBuf {
        // Joining an empty name would leave a slash at the end.
        if part.path.is_empty() { self.folder.clone() } else { self.folder.join(part.path) }
    }

    fn missing_of(&self, part: &Part) -> Vec<String> {
        let place = self.place_of(part);
        let named = |file: &str| if part.path.is_empty() { file.to_owned() } else { format!("{}/{file}", part.path) };
        let absent = |file: &str| (!place.join(file).is_file()).then(|| named(file));
        match part.place {
            Place::File => (!place.is_file()).then(|| part.path.to_owned()).into_iter().collect(),
            Place::Scheduler => absent("scheduler_config.json").into_iter().collect(),
            Place::Tokenizer if place.join("tokenizer.json").is_file() => Vec::new(),
            Place::Tokenizer => [absent("vocab.json"), absent("merges.txt")].into_iter().flatten().collect(),
            Place::Weights(library) => {
                let weights = match find(&place, library, self.precision) {
                    Ok(file) => missing_shards(&file).iter().map(|shard| named(shard)).collect(),
                    Err(_) => {
                        vec![usual_names(library).iter().map(|file| named(file)).collect::<Vec<_>>().join(" or ")]
                    }
                };
                absent("config.json").into_iter().chain(weights).collect()
            }
        }
    }
}

/// The files that an index names and that are not there. An index that cannot be read is told when it is opened.
fn missing_shards(file: &Path) -> Vec<String> {
    if file.extension().is_none_or(|extension| extension != "json") {
        return Vec::new();
    }
    let Ok(index) = read_json::<Index>(file) else { return Vec::new() };
    index.shards().into_iter().filter(|shard| !file.with_file_name(shard).is_file()).cloned().collect()
}
