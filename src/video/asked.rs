//! What a project asks for, in the words of the network.

use crate::nets::camera_warp::{self, CameraWarp, Mode, Movement, PerSpeed};
use crate::project::{CameraMode, CameraMove, ClipSettings, Direction, Format, Speed};

/// The movement that a scene's camera makes in its clip. Both name the camera's own way: what is seen goes the other.
/// Forward is closer, backward away.
pub fn movement(camera: CameraMove) -> Movement {
    Movement {
        direction: match camera.direction {
            Direction::Static => camera_warp::Direction::Static,
            Direction::Left => camera_warp::Direction::Left,
            Direction::Right => camera_warp::Direction::Right,
            Direction::Up => camera_warp::Direction::Up,
            Direction::Down => camera_warp::Direction::Down,
            Direction::Forward => camera_warp::Direction::ZoomIn,
            Direction::Backward => camera_warp::Direction::ZoomOut,
        },
        speed: match camera.speed {
            Speed::Slow => camera_warp::Speed::Slow,
            Speed::Medium => camera_warp::Speed::Medium,
            Speed::Fast => camera_warp::Speed::Fast,
        },
    }
}

/// How far the camera moves from frame to frame, and what is blended.
pub fn warp(settings: &ClipSettings) -> CameraWarp {
    let usual = CameraWarp::default();
    let strength = f64::from(settings.camera_strength_hundredths) / 100.0;
    let stronger = |speeds: PerSpeed| PerSpeed {
        slow: speeds.slow * strength,
        medium: speeds.medium * strength,
        fast: speeds.fast * strength,
    };
    CameraWarp {
        pan_latent_px_per_frame: stronger(usual.pan_latent_px_per_frame),
        zoom_rate_per_frame: stronger(usual.zoom_rate_per_frame),
        mode: match settings.camera_mode {
            CameraMode::Accumulated => Mode::Accumulated,
            CameraMode::Reference => Mode::Reference,
            CameraMode::Neighbour => Mode::Neighbour,
        },
        ..usual
    }
}

/// The size at which a clip for a film is made: the one that the model was trained with where the film is about as wide
/// for its height, else one of as many pixels in the film's shape.
///
/// The still is stretched to it, as in the release, and the film stretches the frames back.
pub fn clip_size(format: Format, trained: [u32; 2]) -> [u32; 2] {
    /// Sides of latents halve twice without a rest.
    const MULTIPLE: f64 = 32.0;
    /// Stretched by no more than this.
    const ABOUT: f64 = 1.25;
    let [width, height] = trained.map(f64::from);
    let film = f64::from(format.width) / f64::from(format.height);
    let stretch = film / (width / height);
    if (1.0 / ABOUT..=ABOUT).contains(&stretch) {
        return trained;
    }
    let area = width * height;
    let side = |length: f64| ((length / MULTIPLE).round().max(2.0) * MULTIPLE) as u32;
    [side((area * film).sqrt()), side((area / film).sqrt())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Tensor};

    /// How far a bright point of the first frame has gone in the last of three.
    fn seen_at(camera: CameraMove, from: (i64, i64)) -> (i64, i64) {
        let side = 15usize;
        let mut values = vec![0f32; side * side];
        values[from.1 as usize * side + from.0 as usize] = 1.0;
        let film = Tensor::from_vec(values, (1, 1, side, side), &Device::Cpu).unwrap();
        let film = film.broadcast_as((1, 3, side, side)).unwrap();
        let settings = ClipSettings { camera_strength_hundredths: 200, ..ClipSettings::default() };
        let flow = warp(&settings).flow(movement(camera), 3, side, side).unwrap();
        let moved = camera_warp::warp(&film, &flow).unwrap();
        let last: Vec<f32> = moved.get(0).unwrap().get(2).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let brightest = (0..last.len()).max_by(|&a, &b| last[a].total_cmp(&last[b])).unwrap();
        ((brightest % side) as i64 - from.0, (brightest / side) as i64 - from.1)
    }

    #[test]
    fn what_is_seen_goes_the_other_way_than_the_scenes_camera() {
        let seen = |direction, speed| seen_at(CameraMove::new(direction, speed), (10, 10));
        assert_eq!(seen(Direction::Static, Speed::Fast), (0, 0));
        // Twice the usual: two latent pixels a frame, over two frames.
        assert_eq!(seen(Direction::Left, Speed::Medium), (4, 0));
        assert_eq!(seen(Direction::Right, Speed::Medium), (-4, 0));
        assert_eq!(seen(Direction::Up, Speed::Slow), (0, 2));
        assert_eq!(seen(Direction::Down, Speed::Fast), (0, -8));
        // Closer: away from the middle, which is at (7, 7). Away: towards it.
        // Five pixels from it the point goes by almost one.
        let seen = |direction| seen_at(CameraMove::new(direction, Speed::Fast), (12, 12));
        assert_eq!(seen(Direction::Forward), (1, 1));
        assert_eq!(seen(Direction::Backward), (-1, -1));
    }

    #[test]
    fn clips_have_the_trained_size_or_the_films_shape() {
        let format = |width, height| Format { width, height, ..Format::default() };
        assert_eq!(clip_size(format(1280, 720), [512, 320]), [512, 320]);
        assert_eq!(clip_size(format(720, 480), [512, 320]), [512, 320]);
        assert_eq!(clip_size(format(720, 1280), [512, 320]), [288, 544]);
        assert_eq!(clip_size(format(1920, 800), [512, 320]), [640, 256]);
        assert_eq!(clip_size(format(8192, 64), [512, 320])[1], 64);
    }
}
