//! Which models there are, and where their files are on this machine.
//!
//! [`Registry`] is `models.ron` and what the user added to it; [`ModelCache`] is the folder with the files: it says what
//! is there, fetches what the user asks for and lets nothing be used whose checksum is wrong; [`choose_writer`] picks a
//! language model that this machine can hold; [`Compute`] is where and how networks compute on this machine, and
//! [`Preflight`] says what a render needs against what it has.

mod cache;
mod choose;
mod compute;
mod error;
mod fetch;
mod hub;
mod machine;
mod own;
mod preflight;
mod registry;
mod spec;
mod speed;
mod stamp;
pub mod tiny;
pub mod weights;
mod wheels;

pub use cache::{Checksum, FileStatus, ModelCache, ModelStatus, default_folder};
pub use choose::{ChoiceReason, WriterChoice, choose_writer, choose_writer_for};
pub use compute::{
    Accelerator, Compute, ComputeError, CpuInBuild, DeviceChoice, DeviceKind, Devices, Dtype, DtypeChoice, Loading,
    Machine, OpenDevices, Plan, StagePlans, UnknownWord, is_out_of_memory, memory_held, stage_plans,
};
pub use error::{ModelError, SourceError, SourceFailure};
pub use hub::Hub;
pub use machine::{Room, bytes_text, free_disk_bytes, parse_bytes, total_memory_bytes};
pub use own::{OwnWriter, OwnWriterError, ServerSpec};
pub use preflight::{MissingFiles, Preflight, RenderSize, StageNeed};
pub use registry::{Registry, RegistryError, user_registry_file};
pub use spec::{Defaults, FileSpec, Licence, ModelSpec, Network, NetworkPart, Role, Source, Studio};
pub use speed::{Measured, StepEstimate, StepKey};
pub use wheels::Pip;
