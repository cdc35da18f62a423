//! From a photo to the input of CLIP's vision tower, as `CLIPImageProcessor` of transformers 4.41 does it with Pillow.
//!
//! VideoStudio-Img gives its references to the processor as they are; VideoStudio-Vid brings the first frame to a square
//! before ([`vid_square`]).

use crate::nets::pillow::{Filter, resize_u8};
use candle_core::{Device, Tensor};
use image::{RgbImage, imageops};
use serde::{Deserialize, Deserializer, de};

/// The most pixels of a resized photo: only one that is a thin line asks for more.
const MAX_RESIZED: u64 = 100_000_000;

/// Why a photo cannot be prepared for CLIP.
#[derive(Debug, thiserror::Error)]
pub enum ClipInputError {
    /// The photo has no pixels, or is so thin that it would grow without bound.
    #[error("the photo has {width} × {height} pixels, which cannot be fitted to {target}; use one that is less thin")]
    Shape {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// What its short side, or both sides, should become.
        target: String,
    },
    /// The file asks for a filter that is not there.
    #[error("preprocessor_config.json asks for the filter {0}; only Pillow's 2 (bilinear) and 3 (bicubic) are known")]
    Filter(u32),
    /// The file divides by zero or crops everything away.
    #[error("preprocessor_config.json asks for a crop of {width} × {height} pixels with the deviations {std:?}")]
    Settings {
        /// Of the crop, in pixels.
        width: u32,
        /// Of the crop, in pixels.
        height: u32,
        /// Of the normalisation.
        std: [f64; 3],
    },
    /// The tensor could not be made.
    #[error("the input of the vision tower cannot be made: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// What a photo is resized to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResizeTo {
    /// The short side to this many pixels; the aspect is kept.
    ShortestEdge(u32),
    /// Both sides; the aspect is not kept.
    Exactly {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
}

/// The sizes that old files give as one number and newer ones by name.
#[derive(Deserialize)]
#[serde(untagged)]
enum SizeInFile {
    Number(u32),
    ShortestEdge { shortest_edge: u32 },
    Both { width: u32, height: u32 },
}

impl<'de> Deserialize<'de> for ResizeTo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match SizeInFile::deserialize(deserializer)? {
            SizeInFile::Number(edge) | SizeInFile::ShortestEdge { shortest_edge: edge } => Self::ShortestEdge(edge),
            SizeInFile::Both { width, height } => Self::Exactly { width, height },
        })
    }
}

/// Width and height of a crop.
fn crop_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(u32, u32), D::Error> {
    match SizeInFile::deserialize(deserializer)? {
        SizeInFile::Number(side) => Ok((side, side)),
        SizeInFile::Both { width, height } => Ok((width, height)),
        SizeInFile::ShortestEdge { .. } => Err(de::Error::custom("a crop has a height and a width")),
    }
}

/// How photos are prepared for CLIP, as `preprocessor_config.json` has it; fields that it leaves out are CLIP's.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct ClipProcessor {
    /// Whether the photo is resized.
    pub do_resize: bool,
    /// What it is resized to.
    pub size: ResizeTo,
    /// Pillow's number of the filter.
    pub resample: u32,
    /// Whether the middle is cut out.
    pub do_center_crop: bool,
    /// Width and height of the middle, in pixels.
    #[serde(deserialize_with = "crop_size")]
    pub crop_size: (u32, u32),
    /// Whether levels are multiplied by `rescale_factor`.
    pub do_rescale: bool,
    /// 1 / 255
    pub rescale_factor: f64,
    /// Whether `image_mean` is taken away and the rest divided by `image_std`.
    pub do_normalize: bool,
    /// Of red, green and blue.
    pub image_mean: [f64; 3],
    /// Of red, green and blue.
    pub image_std: [f64; 3],
}

impl Default for ClipProcessor {
    fn default() -> Self {
        Self {
            do_resize: true,
            size: ResizeTo::ShortestEdge(224),
            resample: 3,
            do_center_crop: true,
            crop_size: (224, 224),
            do_rescale: true,
            rescale_factor: 1.0 / 255.0,
            do_normalize: true,
            image_mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
            image_std: [0.268_629_54, 0.261_302_58, 0.275_777_11],
        }
    }
}

impl ClipProcessor {
    /// CLIP's settings for a vision tower that sees `side` × `side` pixels, for weights that come without a
    /// `preprocessor_config.json`.
    pub fn for_side(side: u32) -> Self {
        Self { size: ResizeTo::ShortestEdge(side), crop_size: (side, side), ..Self::default() }
    }

    /// The middle of the resized photo, which is what CLIP sees. A photo that is smaller than the crop has black around.
    ///
    /// # Errors
    /// When the photo is empty or thin as a line, or the settings cannot be followed.
    pub fn crop(&self, photo: &RgbImage) -> Result<RgbImage, ClipInputError> {
        let filter = match self.resample {
            2 => Filter::Bilinear,
            3 => Filter::Bicubic,
            other => return Err(ClipInputError::Filter(other)),
        };
        let (width, height) = self.crop_size;
        if width == 0 || height == 0 || self.image_std.contains(&0.0) {
            return Err(ClipInputError::Settings { width, height, std: self.image_std });
        }
        let photo = if self.do_resize { &resize(photo, self.size, filter)? } else { photo };
        if photo.is_empty() {
            return Err(ClipInputError::Shape { width: 0, height: 0, target: format!("{width} × {height}") });
        }
        Ok(if self.do_center_crop { middle(photo, width, height) } else { photo.clone() })
    }

    /// The input of the vision tower, `[1, 3, height, width]` in f32 on the CPU.
    ///
    /// # Errors
    /// As for [`Self::crop`].
    pub fn pixel_values(&self, photo: &RgbImage) -> Result<Tensor, ClipInputError> {
        let crop = self.crop(photo)?;
        let (width, height) = (crop.width() as usize, crop.height() as usize);
        // The original computes levels in double precision and normalises in single precision.
        let mut values = Vec::with_capacity(3 * width * height);
        for channel in 0..3 {
            let (mean, std) = (self.image_mean[channel] as f32, self.image_std[channel] as f32);
            let levels: Vec<f32> = (0..=255u8)
                .map(|level| {
                    let factor = if self.do_rescale { self.rescale_factor } else { 1.0 };
                    let value = (f64::from(level) * factor) as f32;
                    if self.do_normalize { (value - mean) / std } else { value }
                })
                .collect();
            values.extend(crop.pixels().map(|pixel| levels[usize::from(pixel.0[channel])]));
        }
        Ok(Tensor::from_vec(values, (1, 3, height, width), &Device::Cpu)?)
    }
}

/// What VideoStudio-Vid hands to the processor: the middle square of the first frame, `side` pixels wide (512 in the
/// release).
///
/// Source: `image_transform` in `videostudio_vid/infer_videostudio_vid.py`, which is torchvision's `Resize` (bilinear, on
/// a Pillow picture) and `CenterCrop`, then `obtain_image_feature_from_vision_clip` in `util/util.py`.
///
/// # Errors
/// When the photo is empty or thin as a line.
pub fn vid_square(photo: &RgbImage, side: u32) -> Result<RgbImage, ClipInputError> {
    let resized = resize(photo, ResizeTo::ShortestEdge(side), Filter::Bilinear)?;
    let offset = |length: u32| {
        let spare = length - side;
        // Python rounds a half to the even neighbour.
        spare / 2 + u32::from(spare % 4 == 3)
    };
    let mut square =
        imageops::crop_imm(&resized, offset(resized.width()), offset(resized.height()), side, side).to_image();
    // The original goes to -1..1 and back in single precision and cuts off what is behind the point.
    let levels: Vec<u8> = (0..=255u8)
        .map(|level| {
            let signed = (f32::from(level) / 255.0 - 0.5) / 0.5;
            ((signed * 0.5 + 0.5).clamp(0.0, 1.0) * 255.0) as u8
        })
        .collect();
    square.iter_mut().for_each(|level| *level = levels[usize::from(*level)]);
    Ok(square)
}

fn resize(photo: &RgbImage, to: ResizeTo, filter: Filter) -> Result<RgbImage, ClipInputError> {
    let (width, height) = photo.dimensions();
    let (target, to) = match to {
        ResizeTo::Exactly { width, height } => (format!("{width} × {height}"), (u64::from(width), u64::from(height))),
        ResizeTo::ShortestEdge(edge) => {
            let long = |other: u32, short: u32| u64::from(edge) * u64::from(other) / u64::from(short.max(1));
            let to =
                if width <= height { (edge.into(), long(height, width)) } else { (long(width, height), edge.into()) };
            (format!("{edge} on the short side"), to)
        }
    };
    if width == 0 || height == 0 || to.0 == 0 || to.1 == 0 || to.0 * to.1 > MAX_RESIZED {
        return Err(ClipInputError::Shape { width, height, target });
    }
    let from = (width as usize, height as usize);
    let pixels = resize_u8::<3>(photo.as_raw(), from, (to.0 as usize, to.1 as usize), filter);
    Ok(RgbImage::from_raw(to.0 as u32, to.1 as u32, pixels).expect("the resized photo fills its size"))
}

/// The middle of a photo, with black around where the photo ends.
fn middle(photo: &RgbImage, width: u32, height: u32) -> RgbImage {
    let mut crop = RgbImage::new(width, height);
    // Less is cut off or added above than below. (transformers come out a row short where an odd number is added.)
    let offset = |photo: u32, crop: u32| {
        let (photo, crop) = (i64::from(photo), i64::from(crop));
        if photo >= crop { -((photo - crop) / 2) } else { (crop - photo) / 2 }
    };
    imageops::replace(&mut crop, photo, offset(photo.width(), width), offset(photo.height(), height));
    crop
}
