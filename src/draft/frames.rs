//! A film's frames from stills alone: the camera moves over one still, or dissolves from one to the next.

use super::{camera_move, dissolve};
use crate::project::View;
use image::RgbaImage;

/// A still as the camera sees it.
pub type Shown<'a> = (&'a RgbaImage, View);

/// Draws one frame into `out`: the shot `a`, or during a dissolve its mix with the shot `b` that follows, from 0 (all
/// `a`) to 1 (all `b`). Which shots are visible at a frame is the cut list's to say.
pub fn render_shots(a: Shown<'_>, b: Option<(Shown<'_>, f32)>, out: &mut RgbaImage) {
    match b {
        None => camera_move(a.0, a.1, out),
        Some((b, mix)) if mix >= 1.0 => camera_move(b.0, b.1, out),
        Some((b, mix)) => {
            camera_move(a.0, a.1, out);
            let mut coming = RgbaImage::new(out.width(), out.height());
            camera_move(b.0, b.1, &mut coming);
            let leaving = std::mem::take(out);
            *out = RgbaImage::new(leaving.width(), leaving.height());
            dissolve(&leaving, &coming, mix, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dissolve_starts_with_the_first_shot_and_ends_with_the_second() {
        let grey = |v: u8| RgbaImage::from_pixel(32, 18, image::Rgba([v, v, v, 255]));
        let (a, b, view) = (grey(10), grey(210), View { center: [0.5, 0.5], extent: 0.8 });
        let mut out = RgbaImage::new(32, 18);
        for (mix, wanted) in [(0.0, 10), (0.5, 110), (1.0, 210)] {
            render_shots((&a, view), Some(((&b, view), mix)), &mut out);
            assert!(out.pixels().all(|p| p[0] == wanted), "at {mix}");
        }
    }
}
