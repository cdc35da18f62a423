//! Reads checkpoints: the tensors of a network, as others published them.
//!
//! A [`Checkpoint`] is one file of safetensors or of PyTorch, or several with an index. Opening it reads only names,
//! shapes and types; each tensor goes from the disk straight into the type and onto the device that the network asks for
//! when it asks for it, so that a checkpoint never lies in memory twice. Nothing in a file is ever run: a pickle that
//! names anything but what PyTorch needs to describe tensors is refused.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use candle_core::{DType, Device};
//! # use reelboard::models::weights::Checkpoint;
//! let checkpoint = Checkpoint::open("u2net.pth")?;
//! // `load` also fails when a tensor is missing, has another shape, holds NaN, or is not read by the network.
//! let weight = checkpoint.load(DType::F32, &Device::Cpu, |vb| vb.get((64, 3, 3, 3), "stage1.conv.weight"))?;
//! # Ok(())
//! # }
//! ```

mod checkpoint;
mod error;
mod fill;
mod folder;
mod gguf;
mod held;
mod json;
mod layout;
mod mapped;
mod pack;
mod pickle;
mod rename;
mod torch;
mod view;

pub use checkpoint::{Checkpoint, TensorInfo};
pub use error::WeightsError;
pub use fill::StoredType;
pub use folder::{Library, Precision};
pub use gguf::{Gguf, GgufError};
pub use held::{Held, InUse, Keep};
pub use json::read_json;
pub use layout::{Layout, ModelFolder, Part, PartName, Place};
