//! What a scene shows from its beginning to its end: a still that the camera looks at, or a clip.

use super::clip::Clip;
use super::pictures::{PictureError, Pictures};
use crate::project::{Format, MediaFolder, Project, Scene, TakeKind, View};
use image::{RgbaImage, imageops};
use std::borrow::Cow;
use std::sync::Arc;

/// A scene, decoded or drawn.
pub(super) enum Shown {
    Still(RgbaImage),
    /// And whether frames are estimated between its own.
    Clip(Arc<Clip>, bool),
}

impl Shown {
    /// The chosen take, or the draft at `size`.
    pub fn of(
        pictures: &Pictures,
        project: &Project,
        scene: &Scene,
        media: &MediaFolder,
        size: [u32; 2],
    ) -> Result<Self, PictureError> {
        Ok(match scene.chosen_take() {
            Some(take) if take.kind == TakeKind::Clip => {
                Self::Clip(pictures.clip(media, take, project.format)?, project.format.smooth)
            }
            _ => Self::Still(pictures.scene(project, scene, media, size)?),
        })
    }

    /// The picture at `t`, and the part of it that is seen. A clip has its own movement: the camera stays where it is.
    pub fn at(&self, scene: &Scene, t: f32) -> (Cow<'_, RgbaImage>, View) {
        match self {
            Self::Still(still) => (Cow::Borrowed(still), scene.camera.view_at(t)),
            Self::Clip(clip, smooth) => (clip.at(t, *smooth), View::WHOLE),
        }
    }
}

/// The middle of a picture that was made for a film of the size `made_for`, in the shape of another. It may have been
/// stretched: what it shows is as wide for its height as `made_for`.
pub(super) fn in_shape_of(picture: RgbaImage, made_for: [u32; 2], format: Format) -> RgbaImage {
    let shape = |width: u32, height: u32| f64::from(width) / f64::from(height);
    let [width, height] = made_for;
    if width == 0
        || height == 0
        || u64::from(width) * u64::from(format.height) == u64::from(height) * u64::from(format.width)
    {
        return picture;
    }
    let ratio = shape(format.width, format.height) / shape(width, height);
    let (width, height) = picture.dimensions();
    let part = |side: u32, share: f64| ((f64::from(side) * share.min(1.0)).round() as u32).clamp(1, side);
    let (to_width, to_height) = (part(width, ratio), part(height, 1.0 / ratio));
    imageops::crop_imm(&picture, (width - to_width) / 2, (height - to_height) / 2, to_width, to_height).to_image()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_take_of_another_shape_is_cropped_and_not_stretched() {
        let format = |width, height| Format { width, height, ..Format::default() };
        let clip = |made_for, format| in_shape_of(RgbaImage::new(512, 320), made_for, format).dimensions();
        assert_eq!(clip([1280, 720], format(640, 360)), (512, 320), "stretched frames of a film of the same shape");
        assert_eq!(clip([1280, 720], format(720, 720)), (288, 320));
        assert_eq!(clip([1280, 720], format(2560, 720)), (512, 160));
        assert_eq!(clip([64, 64], format(64, 8192)), (4, 320));
    }
}
