//! Resizing of feature maps.

use candle_core::{Result, Tensor};

/// To any size by the nearest pixel, as `torch.nn.functional.interpolate` does by default:
/// `[batch, channels, height, width]`.
///
/// # Errors
/// When the tensor has no four dimensions.
pub fn upsample_nearest(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    x.upsample_nearest2d(height, width)
}

/// To twice the size by the nearest pixel: `[batch, channels, height, width]`.
///
/// # Errors
/// When the tensor has no four dimensions.
pub fn upsample_nearest_2x(x: &Tensor) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    upsample_nearest(x, 2 * height, 2 * width)
}
