//! From a project to one film file.
//!
//! [`CutList`] says which scene every frame shows, and is the one place that knows it: the player, the timeline and
//! the exporter all ask it. [`export_film`] takes the frames and makes an MP4 of them.

mod clip_file;
mod cut_list;
mod encoder;
mod film;
mod partial;
mod yuv;

pub use clip_file::{CLIP_EXTENSION, ClipFileError, clip_bytes, clip_frames};
pub use cut_list::{Cut, CutList, Mix, Visible, clip_frame, clip_place};
pub use encoder::{EncoderInfo, probe_encoders};
pub use film::{ExportError, ExportReport, ExportSettings, FrameError, Quality, export_film};
