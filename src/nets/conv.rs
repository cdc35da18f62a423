//! Convolutions that keep the picture's size, fast on the CPU.
//!
//! candle copies the picture to another layout and gathers each patch element by element; here patches are gathered by
//! whole rows, and bias and activation are part of the last copy. U²-NetP runs about three times as fast for it.

use candle_core::{Device, Result, Storage, Tensor};
use rayon::prelude::*;

/// Pixels that one matrix product gives: enough for it to be efficient, few enough for the patches to stay in cache.
const TILE_PIXELS: usize = 512;

/// A convolution of stride 1, of an odd square kernel, and padded with zeros so that the picture keeps its size.
#[derive(Debug, Clone)]
pub(crate) struct SameConv {
    /// `[out, in, kernel, kernel]`
    weight: Tensor,
    bias: Vec<f32>,
    dilation: usize,
    relu: bool,
}

impl SameConv {
    /// `weight` is `[out, in, kernel, kernel]` and `bias` is `[out]`, both f32.
    pub(crate) fn new(weight: Tensor, bias: &Tensor, dilation: usize, relu: bool) -> Result<Self> {
        let (out, _, height, width) = weight.dims4()?;
        if height != width || height % 2 == 0 {
            candle_core::bail!("a {height} × {width} kernel has no centre");
        }
        let bias: Vec<f32> = bias.to_vec1()?;
        if bias.len() != out {
            candle_core::bail!("a bias of {} for {out} channels", bias.len());
        }
        Ok(Self { weight: weight.contiguous()?, bias, dilation, relu })
    }

    /// `[batch, in, height, width]` to `[batch, out, height, width]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if !x.device().is_cpu() {
            return self.forward_anywhere(x);
        }
        let (batch, channels, height, width) = x.dims4()?;
        let (out, channels_expected, kernel, _) = self.weight.dims4()?;
        if channels != channels_expected {
            candle_core::bail!("{channels} channels where the convolution takes {channels_expected}");
        }
        let x = x.contiguous()?;
        let (storage, layout) = x.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else {
            candle_core::bail!("a tensor on the CPU is stored elsewhere");
        };
        let input = &storage.as_slice::<f32>()?[layout.start_offset()..];
        let weight = self.weight.reshape((out, channels * kernel * kernel))?;

        let rows_per_tile = TILE_PIXELS.div_ceil(width).min(height);
        let patches = Patches { channels, height, width, kernel, dilation: self.dilation };
        let mut output = Vec::with_capacity(batch * out * height * width);
        for picture in input.chunks_exact(channels * height * width).take(batch) {
            let tiles: Vec<Vec<f32>> = (0..height)
                .into_par_iter()
                .step_by(rows_per_tile)
                .map(|first| {
                    let rows = first..(first + rows_per_tile).min(height);
                    let shape = (channels * kernel * kernel, rows.len() * width);
                    let patches = Tensor::from_vec(patches.gather(picture, rows), shape, &Device::Cpu)?;
                    weight.matmul(&patches)?.flatten_all()?.to_vec1()
                })
                .collect::<Result<_>>()?;
            // Channel by channel: each tile holds some rows of every channel.
            let pixels = height * width;
            let start = output.len();
            output.resize(start + out * pixels, 0.0);
            output[start..].par_chunks_exact_mut(pixels).zip(&self.bias).enumerate().for_each(
                |(channel, (output, bias))| {
                    let mut rest = output;
                    for tile in &tiles {
                        let length = tile.len() / out;
                        let (into, after) = rest.split_at_mut(length);
                        self.finish(into, &tile[channel * length..][..length], *bias);
                        rest = after;
                    }
                },
            );
        }
        Tensor::from_vec(output, (batch, out, height, width), &Device::Cpu)
    }

    fn finish(&self, output: &mut [f32], sums: &[f32], bias: f32) {
        let floor = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        for (output, sum) in output.iter_mut().zip(sums) {
            *output = (sum + bias).max(floor);
        }
    }

    /// The same by candle's own operations.
    fn forward_anywhere(&self, x: &Tensor) -> Result<Tensor> {
        let padding = self.dilation * (self.weight.dim(2)? / 2);
        let bias = Tensor::new(self.bias.as_slice(), x.device())?.reshape((1, (), 1, 1))?;
        let y = x.conv2d(&self.weight, padding, 1, self.dilation, 1)?.broadcast_add(&bias)?;
        if self.relu { y.relu() } else { Ok(y) }
    }
}

/// How patches lie in a picture `[channels, height, width]`.
struct Patches {
    channels: usize,
    height: usize,
    width: usize,
    kernel: usize,
    dilation: usize,
}

impl Patches {
    /// The patches around the pixels of some rows, as the columns of a row-major matrix
    /// `[channels * kernel * kernel, rows * width]`.
    fn gather(&self, picture: &[f32], rows: std::ops::Range<usize>) -> Vec<f32> {
        let &Self { channels, height, width, kernel, dilation } = self;
        let reach = (kernel / 2 * dilation) as isize;
        let mut patches = Vec::with_capacity(channels * kernel * kernel * rows.len() * width);
        for plane in picture.chunks_exact(height * width).take(channels) {
            for dy in (-reach..=reach).step_by(dilation) {
                for dx in (-reach..=reach).step_by(dilation) {
                    // How many pixels are missing on the left and on the right.
                    let left = ((-dx).max(0) as usize).min(width);
                    let right = (dx.max(0) as usize).min(width);
                    for y in rows.clone() {
                        let filled = patches.len();
                        match y.checked_add_signed(dy).filter(|&y| y < height) {
                            Some(y) => {
                                let row = &plane[y * width..][..width];
                                patches.resize(filled + left, 0.0);
                                patches.extend_from_slice(&row[right..width - left]);
                                patches.resize(filled + width, 0.0);
                            }
                            None => patches.resize(filled + width, 0.0),
                        }
                    }
                }
            }
        }
        patches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values without a pattern, the same each time.
    fn scattered(shape: &[usize]) -> Tensor {
        let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| ((i * i + 7) as f32).sin()).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn the_fast_convolution_equals_candles() {
        for (batch, channels, out, height, width, kernel, dilation, relu) in [
            (1, 3, 16, 37, 41, 3, 1, true),
            (2, 5, 4, 9, 300, 3, 2, false),
            // The kernel is larger than the picture.
            (1, 4, 4, 5, 3, 3, 8, true),
            (1, 6, 1, 12, 12, 1, 1, false),
            (1, 2, 3, 8, 8, 5, 1, true),
            (3, 1, 1, 1, 1, 3, 1, false),
        ] {
            let x = scattered(&[batch, channels, height, width]);
            let weight = scattered(&[out, channels, kernel, kernel]);
            let conv = SameConv::new(weight, &scattered(&[out]), dilation, relu).unwrap();
            let (ours, theirs) = (conv.forward(&x).unwrap(), conv.forward_anywhere(&x).unwrap());
            assert_eq!(ours.dims(), theirs.dims());
            let difference = (ours - theirs).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(difference < 1e-4, "{difference} at {channels}→{out}, {height}×{width}, kernel {kernel}");
        }
    }

    #[test]
    fn a_view_into_a_larger_tensor_convolves_like_its_copy() {
        let x = scattered(&[1, 6, 7, 9]).narrow(1, 2, 3).unwrap();
        let copy =
            Tensor::from_vec(x.flatten_all().unwrap().to_vec1::<f32>().unwrap(), (1, 3, 7, 9), &Device::Cpu).unwrap();
        let conv = SameConv::new(scattered(&[2, 3, 3, 3]), &scattered(&[2]), 1, true).unwrap();
        let values = |x: &Tensor| conv.forward(x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values(&x), values(&copy));
    }
}
