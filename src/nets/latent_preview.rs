//! A cheap look at latents while they are denoised: each latent pixel to a colour, without the autoencoder.

use crate::progress::Rgb8;
use candle_core::{DType, Result, Tensor};

/// What each of the four latent channels of the SD-1.x autoencoder adds to red, green and blue, black being -1 and
/// white 1.
///
/// A linear fit of small pictures to their latents. The idea is
/// [Keturn's](https://discuss.huggingface.co/t/decoding-latents-to-rgb-without-upscaling/23204), the numbers are those
/// of [ComfyUI](https://github.com/comfyanonymous/ComfyUI)'s `latent_formats.py`.
const SD_1: [[f32; 3]; 4] =
    [[0.3512, 0.2297, 0.3227], [0.3250, 0.4974, 0.2350], [-0.2829, 0.1762, 0.2721], [-0.2120, -0.2616, -0.7177]];

/// What is added to every colour.
const SD_1_BIAS: [f32; 3] = [0.0; 3];

/// Latents of SD-1.x and SD-2.x, scaled as the diffusion model has them, as small pictures: `[batch, 4, height, width]`
/// to `[batch, height, width, 3]` in u8.
///
/// # Errors
/// When the shape is another.
pub fn rgb8(latents: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = latents.dims4()?;
    if channels != SD_1.len() {
        candle_core::bail!("latents of {channels} channels have no preview, only those of {}", SD_1.len());
    }
    let device = latents.device();
    let pixels = latents.to_dtype(DType::F32)?.permute((0, 2, 3, 1))?.reshape((batch * height * width, channels))?;
    let colours = pixels.matmul(&Tensor::new(&SD_1, device)?)?.broadcast_add(&Tensor::new(&SD_1_BIAS, device)?)?;
    let levels = colours.affine(127.5, 127.5)?.clamp(0.0, 255.0)?.round()?;
    levels.to_dtype(DType::U8)?.reshape((batch, height, width, 3))
}

/// [`rgb8`] as pictures of their own; none where the latents have no preview.
pub fn frames(latents: &Tensor) -> Vec<Rgb8> {
    let pictures = || -> Result<Vec<Rgb8>> {
        let all = rgb8(latents)?;
        let (count, height, width, _) = all.dims4()?;
        let picture = |index| {
            let pixels = all.get(index)?.flatten_all()?.to_vec1()?;
            Ok(Rgb8 { width: width as u32, height: height as u32, pixels })
        };
        (0..count).map(picture).collect()
    };
    pictures().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn colours_follow_the_matrix_and_are_clamped() {
        let latents = [0.0f32, 1.0, 90.0, 0.0, 0.0, 0.0, 0.0, 0.0, -90.0, 0.0, 0.0, 0.0];
        let latents = Tensor::new(&latents, &Device::Cpu).unwrap().reshape((1, 4, 1, 3)).unwrap();
        let picture = rgb8(&latents).unwrap();
        assert_eq!(picture.dims(), [1, 1, 3, 3]);
        // Zeros are grey; the first channel alone is its own row; large values are clamped.
        let expected = [128, 128, 128, 172, 157, 169, 255, 255, 255];
        let close = picture.flatten_all().unwrap().to_vec1::<u8>().unwrap();
        assert!(close.iter().zip(expected).take(6).all(|(a, b)| a.abs_diff(b) <= 1), "{close:?}");
        assert_eq!(close[6], 255);
    }

    #[test]
    fn other_latents_have_no_preview() {
        assert!(rgb8(&Tensor::zeros((1, 16, 2, 2), DType::F32, &Device::Cpu).unwrap()).is_err());
    }
}
