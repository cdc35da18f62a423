//! Decoded pictures as bytes.

use candle_core::{DType, Result, Tensor};

/// A decoded picture, `[channels, height, width]` or `[1, channels, height, width]` from -1 to 1, as bytes, channels
/// side by side, rounded to the nearest level, halves to the even one: the rule of diffusers for pictures.
///
/// # Errors
/// When the shape is another.
pub fn rgb8_rounded(picture: &Tensor) -> Result<Vec<u8>> {
    bytes(picture, |level| level.round_ties_even() as u8)
}

/// As [`rgb8_rounded`], but rounded down: the rule of VideoStudio for the frames of a video.
///
/// # Errors
/// When the shape is another.
pub fn rgb8_truncated(picture: &Tensor) -> Result<Vec<u8>> {
    bytes(picture, |level| level as u8)
}

fn bytes(picture: &Tensor, level: impl Fn(f32) -> u8) -> Result<Vec<u8>> {
    let picture = if picture.rank() == 4 { picture.squeeze(0)? } else { picture.clone() };
    let (_, _, _) = picture.dims3()?;
    let values = picture.to_dtype(DType::F32)?.permute((1, 2, 0))?.flatten_all()?.to_vec1::<f32>()?;
    Ok(values.into_iter().map(|value| level((value * 0.5 + 0.5).clamp(0.0, 1.0) * 255.0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn levels_are_rounded_or_truncated_and_channels_lie_side_by_side() {
        // Levels 0, 127.5, 255, 254.6 and what is outside, in two channels.
        let from_level = |level: f32| level / 127.5 - 1.0;
        let values = [0.0, 127.5, 255.0, 254.6, -40.0, 300.0].map(from_level);
        let picture = Tensor::new(&values, &Device::Cpu).unwrap().reshape((2, 1, 3)).unwrap();
        assert_eq!(rgb8_rounded(&picture).unwrap(), [0, 255, 128, 0, 255, 255]);
        assert_eq!(rgb8_truncated(&picture.unsqueeze(0).unwrap()).unwrap(), [0, 254, 127, 0, 255, 255]);
    }

    #[test]
    fn a_batch_is_not_a_picture() {
        assert!(rgb8_rounded(&Tensor::zeros((2, 3, 4, 4), DType::F32, &Device::Cpu).unwrap()).is_err());
    }
}
