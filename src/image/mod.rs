//! Photos, cut-outs, and the pictures that networks make.

mod compose;
mod cut_out;
mod diffusion;
mod illustrate;
mod photo;
mod remembered;
mod segment;
mod subject;

pub use crate::nets::clip::{ClipInputError, ClipProcessor, ResizeTo, vid_square};
pub use crate::nets::pillow::{Filter, resize_u8};
pub use compose::{Compose, Compositor};
pub use cut_out::{CutOut, CutOutError, Finding};
pub use diffusion::{PictureError, PictureNetworks, StableDiffusion};
pub use illustrate::Illustrate;
pub use photo::{MAX_FILE_BYTES, MAX_PIXELS, MAX_SIDE, MIN_SIDE, PhotoError, read_photo, read_photo_file};
pub use segment::{INPUT_SIDE, hard_split, mask_at_input_size, mask_at_photo_size, network_input};
pub use subject::{Bounds, cut_out_rgba, find_subject, mask_from_alpha};
