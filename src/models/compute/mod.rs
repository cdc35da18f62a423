//! Where networks compute, in which numbers, and how much of them is in memory at once: what the user chose for this
//! machine, what there is to choose from, and the plans that follow.

mod cuda;
mod devices;
mod plan;

pub use devices::{Accelerator, CpuInBuild, DeviceKind, Devices, Machine, OpenDevices};
pub use plan::{Plan, StagePlans, memory_held, stage_plans};

use super::machine::bytes_text;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;

/// The type of a network's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32 bits, as trained.
    F32,
    /// 16 bits, as released.
    F16,
    /// 16 bits with the range of 32.
    Bf16,
}

impl Dtype {
    /// Bytes of one number.
    pub fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// As tensors have it.
    pub fn of_tensors(self) -> candle_core::DType {
        match self {
            Self::F32 => candle_core::DType::F32,
            Self::F16 => candle_core::DType::F16,
            Self::Bf16 => candle_core::DType::BF16,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        })
    }
}

/// Which device shall compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum DeviceChoice {
    /// The first with room: graphics cards before the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The NVIDIA card of this number, from 0.
    Cuda(usize),
    /// The graphics processor of a Mac.
    Metal,
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Cpu => f.pad("cpu"),
            Self::Cuda(index) => f.pad(&format!("cuda:{index}")),
            Self::Metal => f.pad("metal"),
        }
    }
}

/// A word that is none of those that are known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{word}\" is not one of {known}")]
pub struct UnknownWord {
    word: String,
    known: &'static str,
}

impl FromStr for DeviceChoice {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let card = |number: &str| number.parse().ok().map(Self::Cuda);
        let found = match text {
            "auto" => Some(Self::Auto),
            "cpu" => Some(Self::Cpu),
            "cuda" => Some(Self::Cuda(0)),
            "metal" => Some(Self::Metal),
            other => other.strip_prefix("cuda:").and_then(card),
        };
        found
            .ok_or_else(|| UnknownWord { word: text.to_owned(), known: "auto, cpu, cuda:0 (or another number), metal" })
    }
}

/// In which numbers networks shall compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum DtypeChoice {
    /// What suits the device: f16 on a graphics card, f32 on the processor, or f16 where that does not fit.
    #[default]
    Auto,
    /// Just this.
    Only(Dtype),
}

impl fmt::Display for DtypeChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Only(dtype) => dtype.fmt(f),
        }
    }
}

impl FromStr for DtypeChoice {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "auto" => Ok(Self::Auto),
            "f32" => Ok(Self::Only(Dtype::F32)),
            "f16" => Ok(Self::Only(Dtype::F16)),
            "bf16" => Ok(Self::Only(Dtype::Bf16)),
            _ => Err(UnknownWord { word: text.to_owned(), known: "auto, f32, f16, bf16" }),
        }
    }
}

/// How much of a stage shall be in memory at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Loading {
    /// All of it where that fits.
    #[default]
    Auto,
    /// All of it.
    Whole,
    /// One network at a time: less memory, and loading again for every picture. What is made is the same.
    OneAtATime,
}

impl fmt::Display for Loading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::Whole => "whole",
            Self::OneAtATime => "one-at-a-time",
        })
    }
}

impl FromStr for Loading {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let known = [Self::Auto, Self::Whole, Self::OneAtATime].into_iter().find(|loading| loading.to_string() == text);
        known.ok_or_else(|| UnknownWord { word: text.to_owned(), known: "auto, whole, one-at-a-time" })
    }
}

macro_rules! as_words {
    ($($choice:ident),*) => {$(
        impl From<$choice> for String {
            fn from(choice: $choice) -> Self {
                choice.to_string()
            }
        }
        impl TryFrom<String> for $choice {
            type Error = UnknownWord;

            fn try_from(text: String) -> Result<Self, UnknownWord> {
                text.parse()
            }
        }
    )*};
}
as_words!(DeviceChoice, DtypeChoice, Loading);

/// How networks shall compute on this machine. It is kept beside the models and not in a project, since it is about the
/// machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Compute {
    /// Where.
    pub device: DeviceChoice,
    /// In which numbers.
    pub dtype: DtypeChoice,
    /// How much at once.
    pub loading: Loading,
}

const FILE: &str = "compute.ron";

impl Compute {
    /// What was chosen for the models in `folder`. A file that cannot be read is no choice.
    pub fn remembered(folder: &Path) -> Self {
        let Ok(text) = std::fs::read_to_string(folder.join(FILE)) else { return Self::default() };
        ron::from_str(&text).unwrap_or_else(|error| {
            log::warn!("{}: {error}; the device is chosen automatically", folder.join(FILE).display());
            Self::default()
        })
    }

    /// Keeps the choice for the models in `folder`.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remember(&self, folder: &Path) -> io::Result<()> {
        let text = ron::ser::to_string_pretty(self, ron::ser::PrettyConfig::default()).map_err(io::Error::other)?;
        std::fs::create_dir_all(folder)?;
        let new = folder.join(FILE).with_extension("new");
        std::fs::write(&new, text)?;
        std::fs::rename(&new, folder.join(FILE))
    }

    /// The choice that makes this plan the only one, but for its size.
    pub fn just(plan: &Plan) -> Self {
        Self {
            device: plan.device.parse().unwrap_or_default(),
            dtype: DtypeChoice::Only(plan.dtype),
            loading: if plan.sequential { Loading::OneAtATime } else { Loading::Whole },
        }
    }
}

/// Why networks cannot compute as they shall.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComputeError {
    /// The program was built without what drives the device.
    #[error(
        "this build has no {title}; build it with: cargo build --release --features {feature}, or use --device cpu"
    )]
    NotInBuild {
        /// What drives it.
        title: &'static str,
        /// The cargo feature that has it.
        feature: &'static str,
    },
    /// The machine lacks the device.
    #[error("there is no {device} on this machine; it has {found}{}", also(why))]
    NotInMachine {
        /// The one that was asked for.
        device: DeviceChoice,
        /// Those that there are.
        found: String,
        /// Why others cannot be used; may be empty.
        why: String,
    },
    /// The device cannot compute in these numbers.
    #[error("{device} cannot compute in {dtype}, only in {known}; choose one of these with --dtype")]
    Dtype {
        /// The device.
        device: String,
        /// The numbers.
        dtype: Dtype,
        /// What it can.
        known: String,
    },
    /// The device is there and does not work.
    #[error("{device} does not work: {reason}; see \"reelboard doctor\", or use --device cpu")]
    Broken {
        /// The device.
        device: String,
        /// The driver's words.
        reason: String,
    },
}

/// More of a sentence, if there is any.
fn also(more: &str) -> String {
    if more.is_empty() { String::new() } else { format!("; {more}") }
}

/// Whether an error of the device says that its memory is full.
///
/// candle passes on what the driver says; CUDA, cuBLAS, cuDNN and Metal have a name of their own for it.
pub fn is_out_of_memory(error: &candle_core::Error) -> bool {
    let said = error.to_string().to_ascii_lowercase();
    [
        "out_of_memory",
        "out of memory",
        "alloc_failed",
        "allocation_failed",
        "memory allocation failed",
        "failed to allocate",
    ]
    .iter()
    .any(|words| said.contains(words))
}

/// An amount of memory that may be unknown.
pub(super) fn known_bytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "an unknown amount".to_owned(), bytes_text)
}
