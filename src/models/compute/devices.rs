//! The devices of this build on this machine.

use super::{Compute, ComputeError, DeviceChoice, Dtype, DtypeChoice};
use crate::models::machine::Room;
use candle_core::Device;
use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

/// What kind of device computes. Devices of one kind make the same frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// A processor.
    Cpu,
    /// A card of NVIDIA's.
    Cuda,
    /// A Mac's graphics.
    Metal,
}

impl DeviceKind {
    /// Of a device by its name, such as `cuda:0`.
    pub fn of(name: &str) -> Self {
        match name.split(':').next() {
            Some("cuda") => Self::Cuda,
            Some("metal") => Self::Metal,
            _ => Self::Cpu,
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Metal => "metal",
        })
    }
}

/// A device besides the processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accelerator {
    /// Such as `cuda:0`.
    pub name: String,
    /// What its maker calls it.
    pub title: String,
    /// All memory of it; `None` where it does not say.
    pub total_bytes: Option<u64>,
    /// Memory that is free on it; `None` where it does not say.
    pub free_bytes: Option<u64>,
    /// In which numbers it computes.
    pub dtypes: Vec<Dtype>,
}

/// A device that may compute: name, free memory, and in which numbers it computes.
pub(super) type Candidate<'a> = (&'a str, Option<u64>, &'a [Dtype]);

/// What this machine has now, and how the user wants it used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Free memory and disk space.
    pub room: Room,
    /// What can compute besides the processor, best first.
    pub accelerators: Vec<Accelerator>,
    /// How networks shall compute.
    pub chosen: Compute,
}

impl Machine {
    /// This one, with the disk that holds `folder`, and what was chosen for the models there.
    pub fn now(folder: &Path) -> Self {
        Self {
            room: Room::now(folder),
            accelerators: Devices::of_this_build().accelerators(),
            chosen: Compute::remembered(folder),
        }
    }

    /// Counts memory as free on a device that this program holds there and would give back.
    pub fn with_given_back(mut self, device: &str, bytes: u64) -> Self {
        let free = match self.accelerators.iter_mut().find(|accelerator| accelerator.name == device) {
            Some(accelerator) => &mut accelerator.free_bytes,
            None => &mut self.room.memory_bytes,
        };
        *free = free.map(|free| free.saturating_add(bytes));
        self
    }

    /// The devices that may compute, the best first.
    pub(super) fn candidates(&self) -> Result<Vec<Candidate<'_>>, ComputeError> {
        let cards =
            || self.accelerators.iter().map(|card| (card.name.as_str(), card.free_bytes, card.dtypes.as_slice()));
        let cpu = ("cpu", self.room.memory_bytes, [Dtype::F32, Dtype::F16, Dtype::Bf16].as_slice());
        let can = |known: &[Dtype]| match self.chosen.dtype {
            DtypeChoice::Auto => true,
            DtypeChoice::Only(dtype) => known.contains(&dtype),
        };
        let device = self.chosen.device;
        let found: Vec<_> = match device {
            DeviceChoice::Auto => cards().filter(|(.., known)| can(known)).chain([cpu]).collect(),
            DeviceChoice::Cpu => vec![cpu],
            DeviceChoice::Cuda(_) | DeviceChoice::Metal => {
                cards().filter(|(name, ..)| *name == device.to_string()).collect()
            }
        };
        if !found.is_empty() {
            return Ok(found);
        }
        let in_build = Devices::of_this_build();
        match device {
            DeviceChoice::Cuda(_) if !in_build.cuda => Err(ComputeError::NotInBuild { title: "CUDA", feature: "cuda" }),
            DeviceChoice::Metal if !in_build.metal => {
                Err(ComputeError::NotInBuild { title: "Metal", feature: "metal" })
            }
            _ => {
                let cards = self.accelerators.iter().map(|card| format!("{} ({})", card.name, card.title));
                let found = cards.chain(["the processor (cpu)".to_owned()]).collect::<Vec<_>>().join(", ");
                Err(ComputeError::NotInMachine { device, found })
            }
        }
    }
}

/// What this build can drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Devices {
    /// NVIDIA's cards.
    pub cuda: bool,
    /// With NVIDIA's convolutions.
    pub cudnn: bool,
    /// With attention in one kernel.
    pub flash_attention: bool,
    /// Macs' graphics.
    pub metal: bool,
    /// What multiplies matrices on the processor where candle does.
    pub cpu: CpuInBuild,
}

/// What multiplies matrices on the processor where candle does; the networks' own layers have their own kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CpuInBuild {
    /// candle's own.
    Candle,
    /// Apple's.
    Accelerate,
    /// Intel's.
    Mkl,
}

impl Devices {
    /// As the program was built.
    pub fn of_this_build() -> Self {
        Self {
            cuda: cfg!(feature = "cuda"),
            cudnn: cfg!(feature = "cudnn"),
            flash_attention: cfg!(feature = "flash-attn"),
            metal: cfg!(feature = "metal"),
            cpu: if cfg!(feature = "accelerate") {
                CpuInBuild::Accelerate
            } else if cfg!(feature = "mkl") {
                CpuInBuild::Mkl
            } else {
                CpuInBuild::Candle
            },
        }
    }

    /// The cards that this build can drive, with the memory that is free on them now. The first call starts the drivers,
    /// which takes up to a second.
    pub fn accelerators(self) -> Vec<Accelerator> {
        let mut found = Vec::new();
        if self.cuda {
            found.extend(cuda_cards());
        }
        if self.metal {
            found.extend(metal_card());
        }
        found
    }
}

#[cfg(feature = "cuda")]
fn cuda_cards() -> Vec<Accelerator> {
    use candle_core::cuda_backend::cudarc::driver::{CudaContext, DriverError};
    use std::sync::Arc;
    // Kept, since starting a card takes long and asking it does not.
    static CARDS: OnceLock<Vec<Arc<CudaContext>>> = OnceLock::new();
    let start = || -> Result<Vec<Arc<CudaContext>>, DriverError> {
        (0..CudaContext::device_count()?).map(|index| CudaContext::new(index as usize)).collect()
    };
    let cards = CARDS.get_or_init(|| {
        start().unwrap_or_else(|error| {
            log::warn!("no CUDA card can be used: {error}");
            Vec::new()
        })
    });
    let about = |card: &Arc<CudaContext>| {
        let memory = card.mem_get_info().ok();
        let mut dtypes = vec![Dtype::F16, Dtype::F32];
        if card.compute_capability().is_ok_and(|(major, _)| major >= 8) {
            dtypes.push(Dtype::Bf16);
        }
        Accelerator {
            name: format!("cuda:{}", card.ordinal()),
            title: card.name().unwrap_or_else(|_| "a CUDA card".to_owned()),
            total_bytes: memory.map(|(_, total)| total as u64),
            free_bytes: memory.map(|(free, _)| free as u64),
            dtypes,
        }
    };
    cards.iter().map(about).collect()
}

#[cfg(not(feature = "cuda"))]
fn cuda_cards() -> Vec<Accelerator> {
    Vec::new()
}

/// A Mac has one memory for all.
fn metal_card() -> Option<Accelerator> {
    static WORKS: OnceLock<bool> = OnceLock::new();
    let works = *WORKS.get_or_init(|| match Device::new_metal(0) {
        Ok(_) => true,
        Err(error) => {
            log::warn!("Metal cannot be used: {error}");
            false
        }
    });
    works.then(|| Accelerator {
        name: "metal".to_owned(),
        title: "Metal".to_owned(),
        total_bytes: crate::models::total_memory_bytes(),
        free_bytes: Room::now(Path::new(".")).memory_bytes,
        dtypes: vec![Dtype::F16, Dtype::F32],
    })
}

/// The devices that tensors are on: tensors of one device meet only when it was opened once.
#[derive(Debug, Default)]
pub struct OpenDevices(Vec<(String, Device)>);

impl OpenDevices {
    /// The device of a plan.
    ///
    /// # Errors
    /// When it does not open.
    pub fn open(&mut self, name: &str) -> Result<Device, ComputeError> {
        if let Some((_, device)) = self.0.iter().find(|(known, _)| known == name) {
            return Ok(device.clone());
        }
        let opened = match name.parse() {
            Ok(DeviceChoice::Cuda(index)) => Device::new_cuda(index),
            Ok(DeviceChoice::Metal) => Device::new_metal(0),
            _ => Ok(Device::Cpu),
        };
        let broken = |error: candle_core::Error| ComputeError::Broken {
            device: name.to_owned(),
            reason: error.to_string().lines().next().unwrap_or_default().to_owned(),
        };
        let device = opened.map_err(broken)?;
        self.0.push((name.to_owned(), device.clone()));
        Ok(device)
    }
}
