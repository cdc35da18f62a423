//! The devices of this build on this machine.

use super::{Compute, ComputeError, DeviceChoice, Dtype, DtypeChoice, cuda};
use crate::models::machine::Room;
use candle_core::{Device, Tensor};
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
                Err(ComputeError::NotInMachine { device, found, why: in_build.problems().join("; ") })
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
            found.extend(cuda::cards());
        }
        if self.metal {
            found.extend(metal_card());
        }
        found
    }

    /// Why a card that this build could drive is not among the [`Self::accelerators`].
    pub fn problems(self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.cuda {
            problems.extend(cuda::problems().iter().cloned());
        }
        if self.metal {
            problems.extend(metal_works().err().map(|reason| format!("Metal cannot be used: {reason}")));
        }
        problems
    }
}

/// Whether a Mac's graphics can be used, or why not.
fn metal_works() -> Result<(), &'static str> {
    static WORKS: OnceLock<Result<(), String>> = OnceLock::new();
    let start = || open_metal().map(drop).map_err(|error| first_line(&error));
    let works = WORKS.get_or_init(|| start().inspect_err(|reason| log::warn!("Metal cannot be used: {reason}")));
    works.as_ref().copied().map_err(String::as_str)
}

/// A Mac has one memory for all.
fn metal_card() -> Option<Accelerator> {
    metal_works().ok()?;
    Some(Accelerator {
        name: "metal".to_owned(),
        title: "Metal".to_owned(),
        total_bytes: crate::models::total_memory_bytes(),
        free_bytes: Room::now(Path::new(".")).memory_bytes,
        dtypes: vec![Dtype::F16, Dtype::F32],
    })
}

fn open_metal() -> candle_core::Result<Device> {
    // candle takes the first of the machine's devices without looking, and panics where there is none, as in a virtual
    // machine.
    std::panic::catch_unwind(|| Device::new_metal(0))
        .unwrap_or_else(|_| candle_core::bail!("this machine has no Metal device"))
}

/// What an error says, without a backtrace.
fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
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
            Ok(DeviceChoice::Metal) => open_metal(),
            _ => Ok(Device::Cpu),
        };
        let works = |device: Device| check(&device).map(|()| device);
        let device = opened
            .and_then(works)
            .map_err(|error| ComputeError::Broken { device: name.to_owned(), reason: explained(first_line(&error)) })?;
        self.0.push((name.to_owned(), device.clone()));
        Ok(device)
    }
}

/// Computes something, before gigabytes of weights are read for a device that cannot: a driver may be older than the
/// kernels of this build, and a card too.
fn check(device: &Device) -> candle_core::Result<()> {
    let found = Tensor::new(&[1f32, 2.0], device)?.affine(2.0, 1.0)?.to_vec1::<f32>()?;
    if found == [3.0, 5.0] { Ok(()) } else { candle_core::bail!("it computes wrong numbers ({found:?})") }
}

/// The driver's words, and what is behind them where that is known.
fn explained(reason: String) -> String {
    let why = if reason.contains("UNSUPPORTED_PTX_VERSION") {
        "the driver is older than the CUDA toolkit that this program was built with; install a newer driver"
    } else if reason.contains("CUBLAS_STATUS_NOT_INITIALIZED") {
        "cuBLAS does not start: the driver is older than the CUDA toolkit that this program was built with, or the card's \
         memory is full"
    } else if ["INVALID_PTX", "NO_BINARY_FOR_GPU", "CUDA_ERROR_NOT_FOUND"].iter().any(|name| reason.contains(name)) {
        "this program was built for newer cards; build it with CUDA_COMPUTE_CAP set to this card's compute capability, \
         without the dot"
    } else {
        return reason;
    };
    format!("{why} ({reason})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_computes_before_it_is_used() {
        check(&Device::Cpu).unwrap();
        let mut open = OpenDevices::default();
        assert!(open.open("cpu").unwrap().is_cpu());
        assert_eq!(open.0.len(), 1);
    }

    #[test]
    fn a_card_that_is_not_there_is_an_error() {
        let in_build = Devices::of_this_build();
        for (name, in_build) in [("cuda:4000", in_build.cuda), ("metal", in_build.metal)] {
            let opened = OpenDevices::default().open(name);
            if name != "metal" || !in_build {
                assert!(matches!(opened, Err(ComputeError::Broken { device, .. }) if device == name));
            }
        }
    }

    #[test]
    fn what_a_driver_says_of_kernels_is_explained() {
        let old = explained("DriverError(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, \"the provided PTX\")".to_owned());
        assert!(old.starts_with("the driver is older") && old.ends_with("\"the provided PTX\"))"), "{old}");
        assert!(explained("CublasError(CUBLAS_STATUS_NOT_INITIALIZED)".to_owned()).contains("memory is full"));
        assert!(
            explained("DriverError(CUDA_ERROR_NO_BINARY_FOR_GPU, \"no kernel\")".to_owned()).contains("newer cards")
        );
        assert_eq!(explained("anything else".to_owned()), "anything else");
    }
}
