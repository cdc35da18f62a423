//! Photos and cut-outs.

mod clip_input;
mod cut_out;
mod photo;
mod pillow;
mod segment;
mod subject;

pub use clip_input::{ClipInputError, ClipProcessor, ResizeTo, vid_square};
pub use cut_out::{CutOut, CutOutError, Finding};
pub use photo::{MAX_FILE_BYTES, MAX_PIXELS, MAX_SIDE, MIN_SIDE, PhotoError, read_photo, read_photo_file};
pub use pillow::{Filter, resize_u8};
pub use segment::{INPUT_SIDE, hard_split, mask_at_input_size, mask_at_photo_size, network_input};
pub use subject::{Bounds, cut_out_rgba, find_subject, mask_from_alpha};
