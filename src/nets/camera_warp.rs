//! Camera movement for a film that is being denoised (VideoStudio, supplement, equation 2).
//!
//! After a few steps the clean film is estimated from the sample and the noise that the network saw, blended with a copy
//! of itself that is shifted or scaled from frame to frame, and given the same noise again. The steps that follow take
//! the movement up. The paper leaves open how far a frame moves; the speeds are settings.
//!
//! Directions are those of the camera: the content moves the other way.

use super::samplers::NoiseLevel;
use candle_core::{D, DType, Device, Result, Tensor, bail};
use serde::{Deserialize, Serialize};

/// After how many steps the paper warps, T_m.
pub const STEPS_BEFORE_WARP: usize = 5;

/// Where the camera goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Nowhere.
    Static,
    /// Left.
    Left,
    /// Right.
    Right,
    /// Up.
    Up,
    /// Down.
    Down,
    /// Closer.
    ZoomIn,
    /// Away.
    ZoomOut,
}

/// How fast it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speed {
    /// Half of medium.
    Slow,
    /// The usual.
    Medium,
    /// Twice medium.
    Fast,
}

/// A camera movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Movement {
    /// Where to.
    pub direction: Direction,
    /// How fast.
    pub speed: Speed,
}

/// A number for each speed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PerSpeed {
    /// For [`Speed::Slow`].
    pub slow: f64,
    /// For [`Speed::Medium`].
    pub medium: f64,
    /// For [`Speed::Fast`].
    pub fast: f64,
}

/// What a frame is blended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Itself, moved by all the movement since the reference frame.
    #[default]
    Accumulated,
    /// The reference frame, moved by all the movement since.
    Reference,
    /// The frame next to it on the side of the reference frame, moved by one frame's movement. A clip that stands still
    /// gets no lasting motion from it.
    Neighbour,
}

/// How a movement is put into a film.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CameraWarp {
    /// Latent pixels by which a pan moves from one frame to the next.
    pub pan_latent_px_per_frame: PerSpeed,
    /// By how much a zoom scales from one frame to the next: 0.02 is two percent.
    pub zoom_rate_per_frame: PerSpeed,
    /// What a frame is blended with.
    pub mode: Mode,
    /// The frame that stays as it is.
    pub reference_frame: usize,
    /// How much of the blend is the moved frame, from 0 to 1.
    pub blend: f64,
}

impl Default for CameraWarp {
    fn default() -> Self {
        Self {
            pan_latent_px_per_frame: PerSpeed { slow: 0.5, medium: 1.0, fast: 2.0 },
            zoom_rate_per_frame: PerSpeed { slow: 0.01, medium: 0.02, fast: 0.04 },
            mode: Mode::Accumulated,
            reference_frame: 0,
            blend: 0.5,
        }
    }
}

impl PerSpeed {
    /// The number for one speed.
    pub fn at(self, speed: Speed) -> f64 {
        match speed {
            Speed::Slow => self.slow,
            Speed::Medium => self.medium,
            Speed::Fast => self.fast,
        }
    }
}

impl CameraWarp {
    /// Puts a movement into a film with noise, `[channels, frames, height, width]` or the same with a batch before it.
    ///
    /// `epsilon` is the noise that the network saw in the step just made, after guidance
    /// ([`Sampler::epsilon`](super::samplers::Sampler::epsilon)); `level` is the noise that is left after that step
    /// ([`Sampler::level_after`](super::samplers::Sampler::level_after)).
    ///
    /// # Errors
    /// When shapes differ, there are too few dimensions, no such reference frame, or no signal at this level.
    pub fn apply(&self, sample: &Tensor, epsilon: &Tensor, level: NoiseLevel, movement: Movement) -> Result<Tensor> {
        let (_, frames, height, width) = film_dims(sample)?;
        if epsilon.shape() != sample.shape() {
            bail!("noise of shape {:?} is not that of a film of {:?}", epsilon.shape(), sample.shape());
        }
        // Written so that NaN is refused too.
        let has_signal = level.alpha > 0.0;
        if !has_signal {
            bail!("the camera cannot move a film of which nothing is to be seen yet: warp after a later step");
        }
        let flow = self.flow(movement, frames, height, width)?;
        if movement.direction == Direction::Static {
            return Ok(sample.clone());
        }
        let clean = level.remove_noise(&sample.to_dtype(DType::F32)?, epsilon)?;
        let moved = warp(&self.sources(&clean)?, &flow)?;
        let blended = ((clean * (1.0 - self.blend))? + (moved * self.blend)?)?;
        level.add_noise(&blended, epsilon)?.to_dtype(sample.dtype())
    }

    /// Where each pixel of a frame comes from, relative to where it is: `[frames, 2, height, width]`, x first, in pixels,
    /// on the CPU.
    ///
    /// # Errors
    /// When there is no such reference frame.
    pub fn flow(&self, movement: Movement, frames: usize, height: usize, width: usize) -> Result<Tensor> {
        if self.reference_frame >= frames {
            bail!("there is no frame {} in {frames} frames for the camera to start from", self.reference_frame);
        }
        let pan = self.pan_latent_px_per_frame.at(movement.speed);
        let zoom = 1.0 + self.zoom_rate_per_frame.at(movement.speed);
        let center = ((width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0);
        let mut flow = Vec::with_capacity(frames * 2 * height * width);
        for frame in 0..frames {
            let since = frame as f64 - self.reference_frame as f64;
            let amount = match self.mode {
                Mode::Accumulated | Mode::Reference => since,
                Mode::Neighbour if frame == self.reference_frame => 0.0,
                Mode::Neighbour => since.signum(),
            };
            // A position p comes from p + scale * (p - center) + shift.
            let (scale, shift) = match movement.direction {
                Direction::Static => (0.0, (0.0, 0.0)),
                Direction::Left => (0.0, (-pan * amount, 0.0)),
                Direction::Right => (0.0, (pan * amount, 0.0)),
                Direction::Up => (0.0, (0.0, -pan * amount)),
                Direction::Down => (0.0, (0.0, pan * amount)),
                Direction::ZoomIn => (zoom.powf(-amount) - 1.0, (0.0, 0.0)),
                Direction::ZoomOut => (zoom.powf(amount) - 1.0, (0.0, 0.0)),
            };
            let pixels = || (0..height).flat_map(|y| (0..width).map(move |x| (x as f64, y as f64)));
            flow.extend(pixels().map(|(x, _)| (scale * (x - center.0) + shift.0) as f32));
            flow.extend(pixels().map(|(_, y)| (scale * (y - center.1) + shift.1) as f32));
        }
        Tensor::from_vec(flow, (frames, 2, height, width), &Device::Cpu)
    }

    /// For each frame the one that is moved onto it.
    fn sources(&self, film: &Tensor) -> Result<Tensor> {
        let (_, frames, ..) = film_dims(film)?;
        let reference = self.reference_frame;
        let source = |frame: usize| match self.mode {
            Mode::Accumulated => frame,
            Mode::Reference => reference,
            Mode::Neighbour if frame > reference => frame - 1,
            Mode::Neighbour if frame < reference => frame + 1,
            Mode::Neighbour => frame,
        };
        if self.mode == Mode::Accumulated {
            return Ok(film.clone());
        }
        let indices: Vec<u32> = (0..frames).map(|frame| source(frame) as u32).collect();
        film.contiguous()?.index_select(&Tensor::new(indices, film.device())?, D::Minus(3))
    }
}

/// Moves each frame of a film, `[…, frames, height, width]` in any float type: the value at p becomes the one at
/// p + flow, between pixels bilinear, beyond the border that of the border.
///
/// # Errors
/// When `flow` is not `[frames, 2, height, width]`.
pub fn warp(film: &Tensor, flow: &Tensor) -> Result<Tensor> {
    let (pictures, frames, height, width) = film_dims(film)?;
    if flow.dims() != [frames, 2, height, width] {
        bail!("a flow of shape {:?} does not move a film of {:?}", flow.shape(), film.shape());
    }
    let on_cpu = |x: &Tensor| x.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>();
    let (values, flow) = (on_cpu(film)?, on_cpu(flow)?);
    let size = height * width;
    let mut moved = Vec::with_capacity(values.len());
    for picture in 0..pictures {
        for frame in 0..frames {
            let pixels = &values[(picture * frames + frame) * size..][..size];
            let (dx, dy) = flow[frame * 2 * size..][..2 * size].split_at(size);
            moved.extend((0..size).map(|i| {
                let (x0, x1, right) = between((i % width) as f64 + f64::from(dx[i]), width);
                let (y0, y1, below) = between((i / width) as f64 + f64::from(dy[i]), height);
                let row = |y: usize| pixels[y * width + x0] * (1.0 - right) + pixels[y * width + x1] * right;
                row(y0) * (1.0 - below) + row(y1) * below
            }));
        }
    }
    Tensor::from_vec(moved, film.shape(), &Device::Cpu)?.to_device(film.device())?.to_dtype(film.dtype())
}

/// The two pixels around a position, and how far it is from the first to the second. In f64: in f32 a position far from
/// 0 would keep too little of its fraction.
fn between(position: f64, size: usize) -> (usize, usize, f32) {
    let position = position.clamp(0.0, (size - 1) as f64);
    let first = position as usize;
    (first, (first + 1).min(size - 1), (position - first as f64) as f32)
}

/// All dimensions before the frames as one, then frames, height and width.
fn film_dims(film: &Tensor) -> Result<(usize, usize, usize, usize)> {
    match film.dims() {
        [before @ .., frames, height, width] if !before.is_empty() && film.elem_count() > 0 => {
            Ok((before.iter().product(), *frames, *height, *width))
        }
        other => bail!("a film is [channels, frames, height, width], with or without a batch before it, not {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::noise::Generator;

    const LEVEL: NoiseLevel = NoiseLevel { alpha: 0.6, sigma: 0.8 };

    fn values(x: &Tensor) -> Vec<f32> {
        x.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    fn film_and_noise() -> (Tensor, Tensor) {
        let mut noise = Generator::new(5);
        let mut draw = || noise.randn((2, 3, 4, 5, 6), DType::F32).unwrap();
        (draw(), draw())
    }

    #[test]
    fn content_goes_the_other_way_than_the_camera() {
        // A bright column in the middle of three frames.
        let row = [0f32, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        let film = Tensor::new(&row, &Device::Cpu).unwrap().broadcast_as((1, 3, 2, 7)).unwrap();
        let brightest = |direction| {
            let movement = Movement { direction, speed: Speed::Medium };
            let flow = CameraWarp::default().flow(movement, 3, 2, 7).unwrap();
            let moved = values(&warp(&film, &flow).unwrap());
            [0, 1, 2].map(|frame| (0..7).find(|x| moved[frame * 14 + x] == 1.0).unwrap())
        };
        assert_eq!(brightest(Direction::Left), [3, 4, 5]);
        assert_eq!(brightest(Direction::Right), [3, 2, 1]);
        assert_eq!(brightest(Direction::Static), [3, 3, 3]);
    }

    #[test]
    fn a_camera_that_stands_still_changes_nothing() {
        let (film, noise) = film_and_noise();
        for mode in [Mode::Accumulated, Mode::Reference, Mode::Neighbour] {
            let camera = CameraWarp { mode, ..CameraWarp::default() };
            let still = Movement { direction: Direction::Static, speed: Speed::Fast };
            assert_eq!(values(&camera.apply(&film, &noise, LEVEL, still).unwrap()), values(&film));
        }
    }

    #[test]
    fn the_reference_frame_stays_and_each_film_of_a_batch_moves_alone() {
        let (film, noise) = film_and_noise();
        for mode in [Mode::Accumulated, Mode::Reference, Mode::Neighbour] {
            let camera = CameraWarp { mode, reference_frame: 1, ..CameraWarp::default() };
            let movement = Movement { direction: Direction::ZoomIn, speed: Speed::Fast };
            let moved = camera.apply(&film, &noise, LEVEL, movement).unwrap();
            let frame = |x: &Tensor, i| values(&x.narrow(2, i, 1).unwrap());
            let apart = |i| {
                let (a, b) = (frame(&moved, i), frame(&film, i));
                a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
            };
            assert!(apart(1) < 1e-5 && apart(0) > 1e-2 && apart(2) > 1e-2, "{mode:?}");
            let second = camera.apply(&film.get(1).unwrap(), &noise.get(1).unwrap(), LEVEL, movement).unwrap();
            assert_eq!(values(&second), values(&moved.get(1).unwrap()));
        }
    }

    #[test]
    fn half_precision_comes_back_as_such_and_nonsense_is_an_error() {
        let (film, noise) = film_and_noise();
        let movement = Movement { direction: Direction::Up, speed: Speed::Slow };
        let camera = CameraWarp::default();
        let half = film.to_dtype(DType::F16).unwrap();
        assert_eq!(camera.apply(&half, &noise, LEVEL, movement).unwrap().dtype(), DType::F16);
        assert!(camera.apply(&film, &noise.get(0).unwrap(), LEVEL, movement).is_err());
        assert!(camera.apply(&film, &noise, NoiseLevel { alpha: 0.0, sigma: 1.0 }, movement).is_err());
        let late = CameraWarp { reference_frame: 4, ..camera };
        assert!(late.apply(&film, &noise, LEVEL, movement).is_err());
        assert!(warp(&film, &Tensor::zeros((4, 2, 5, 5), DType::F32, &Device::Cpu).unwrap()).is_err());
        let flat = Tensor::zeros((5, 6), DType::F32, &Device::Cpu).unwrap();
        assert!(warp(&flat, &flat).is_err());
    }
}
