//! The first frame of a video, which is not made but given: its latent goes with the others through the network.

use candle_core::{Result, Tensor, bail};

/// Where the given frame lies among those that are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FramePosition {
    /// Before all others, which is the release's default.
    #[default]
    First,
    /// Before the frame at half of their number (`concate_in_middle`).
    Middle,
}

impl FramePosition {
    /// Puts the given frame among the others.
    ///
    /// `latents` is `[batch, channels, frames, height, width]`; `frame` `[1, channels, 1, height, width]`, or one for
    /// each of the batch. The result has one frame more.
    ///
    /// # Errors
    /// When the shapes do not fit together.
    pub fn insert(self, latents: &Tensor, frame: &Tensor) -> Result<Tensor> {
        let (batch, channels, frames, height, width) = latents.dims5()?;
        let frame = frame.to_dtype(latents.dtype())?.broadcast_as((batch, channels, 1, height, width))?;
        let before = self.index(frames);
        // Candle's cat takes no empty pieces.
        let mut pieces = Vec::new();
        if before > 0 {
            pieces.push(latents.narrow(2, 0, before)?);
        }
        pieces.push(frame);
        if before < frames {
            pieces.push(latents.narrow(2, before, frames - before)?);
        }
        Tensor::cat(&pieces, 2)
    }

    /// Leaves out the prediction for the given frame: `[batch, channels, frames + 1, height, width]` to one frame less.
    ///
    /// # Errors
    /// When there is no other frame.
    pub fn remove(self, prediction: &Tensor) -> Result<Tensor> {
        let (_, _, all, _, _) = prediction.dims5()?;
        if all < 2 {
            bail!("a video of {all} frames has none besides the given one");
        }
        let frames = all - 1;
        let before = self.index(frames);
        if before == 0 {
            return prediction.narrow(2, 1, frames)?.contiguous();
        }
        Tensor::cat(&[prediction.narrow(2, 0, before)?, prediction.narrow(2, before + 1, frames - before)?], 2)
    }

    /// Frames that come before the given one.
    fn index(self, frames: usize) -> usize {
        match self {
            Self::First => 0,
            Self::Middle => frames / 2,
        }
    }
}

/// The frames of videos as a batch of pictures: `[videos, channels, frames, height, width]` to
/// `[videos * frames, channels, height, width]`. Samplers and the VAE of the release work on these.
///
/// # Errors
/// When the shape is another.
pub fn fold_frames(videos: &Tensor) -> Result<Tensor> {
    let (count, channels, frames, height, width) = videos.dims5()?;
    videos.transpose(1, 2)?.reshape((count * frames, channels, height, width))
}

/// The other way round: `[videos * frames, channels, height, width]` to `[videos, channels, frames, height, width]`.
///
/// # Errors
/// When the pictures do not divide into that many videos.
pub fn unfold_frames(pictures: &Tensor, videos: usize) -> Result<Tensor> {
    let (all, channels, height, width) = pictures.dims4()?;
    if videos == 0 || all % videos != 0 {
        bail!("{all} pictures are not {videos} videos of the same length");
    }
    pictures.reshape((videos, all / videos, channels, height, width))?.transpose(1, 2)?.contiguous()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn values(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn the_given_frame_goes_in_and_comes_out_at_its_place() {
        let frame = Tensor::new(&[9f32], &Device::Cpu).unwrap().reshape((1, 1, 1, 1, 1)).unwrap();
        for (position, frames, expected) in [
            (FramePosition::First, 3, vec![9., 0., 1., 2.]),
            (FramePosition::Middle, 4, vec![0., 1., 9., 2., 3.]),
            (FramePosition::Middle, 3, vec![0., 9., 1., 2.]),
            (FramePosition::Middle, 1, vec![9., 0.]),
        ] {
            let latents = Tensor::arange(0f32, frames as f32, &Device::Cpu).unwrap();
            let latents = latents.reshape((1, 1, frames, 1, 1)).unwrap();
            let all = position.insert(&latents, &frame).unwrap();
            assert_eq!(values(&all), expected, "{position:?}");
            assert_eq!(values(&position.remove(&all).unwrap()), values(&latents), "{position:?}");
        }
    }

    #[test]
    fn one_frame_serves_all_rows() {
        let frame = Tensor::ones((1, 2, 1, 1, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
        let latents = Tensor::zeros((2, 2, 1, 1, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
        let all = FramePosition::First.insert(&latents, &frame).unwrap();
        assert_eq!(all.dims(), [2, 2, 2, 1, 1]);
        assert_eq!(values(&all), [1., 0., 1., 0., 1., 0., 1., 0.]);
    }

    #[test]
    fn folded_frames_lie_side_by_side_and_unfold_again() {
        let videos = Tensor::arange(0f32, 12.0, &Device::Cpu).unwrap().reshape((2, 2, 3, 1, 1)).unwrap();
        let pictures = fold_frames(&videos).unwrap();
        assert_eq!(pictures.dims(), [6, 2, 1, 1]);
        // The first frame has the first value of each channel.
        assert_eq!(values(&pictures)[..4], [0.0, 3.0, 1.0, 4.0]);
        assert_eq!(values(&unfold_frames(&pictures, 2).unwrap()), values(&videos));
        assert!(unfold_frames(&pictures, 4).is_err());
    }

    #[test]
    fn a_video_of_the_given_frame_alone_has_no_prediction() {
        let frame = Tensor::zeros((1, 1, 1, 1, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
        assert!(FramePosition::First.remove(&frame).is_err());
    }
}
