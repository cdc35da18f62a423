//! Feature maps in bands of rows, so that large pictures need little more memory than the feature maps themselves.
//!
//! A layer reads the rows that it needs for the next band of its result, a few more than the band has, and rows that no
//! band needs any more are let go. So the input of a layer shrinks while its result grows, and what lies between the
//! two (normalised, padded or upsampled feature maps) exists for one band only.

use candle_core::{Result, Tensor};
use std::collections::VecDeque;
use std::ops::Range;

/// How much of a layer is in memory at once. The result is the same: bands are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tiling {
    /// Whole layers.
    Off,
    /// Bands of rows of at most this many values (batch × channels × rows × width), of one row at least.
    Values(usize),
}

impl Default for Tiling {
    /// Layers of pictures up to 512 × 512 whole, those of larger ones in bands of 256 MiB in f32.
    fn default() -> Self {
        Self::Values(1 << 26)
    }
}

impl Tiling {
    /// The bands of `height` rows of `values_per_row`, from top to bottom.
    pub(super) fn bands(self, height: usize, values_per_row: usize) -> Vec<Range<usize>> {
        let rows = match self {
            Self::Off => height,
            Self::Values(values) => (values / values_per_row.max(1)).clamp(1, height.max(1)),
        };
        (0..height).step_by(rows.max(1)).map(|first| first..(first + rows).min(height)).collect()
    }
}

/// Feature maps `[batch, channels, height, width]` as bands of rows from top to bottom.
///
/// A clone shares the memory.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    bands: VecDeque<Tensor>,
    /// The row that the first band begins with; those above were let go.
    first: usize,
    /// `[batch, channels, height, width]`
    dims: [usize; 4],
}

impl Rows {
    /// Feature maps in one piece.
    pub(super) fn whole(x: Tensor) -> Result<Self> {
        let (batch, channels, height, width) = x.dims4()?;
        Ok(Self { bands: [x].into(), first: 0, dims: [batch, channels, height, width] })
    }

    /// From bands of the same batch, channels and width, from top to bottom.
    pub(super) fn from_bands(bands: Vec<Tensor>) -> Result<Self> {
        let Some(top) = bands.first() else { candle_core::bail!("no rows") };
        let (batch, channels, _, width) = top.dims4()?;
        let height = bands.iter().map(|band| band.dim(2)).sum::<Result<usize>>()?;
        Ok(Self { bands: bands.into(), first: 0, dims: [batch, channels, height, width] })
    }

    /// `[batch, channels, height, width]` of all rows, also of those let go.
    pub(super) fn dims(&self) -> [usize; 4] {
        self.dims
    }

    /// The bands that are there.
    pub(super) fn bands(&self) -> impl Iterator<Item = &Tensor> {
        self.bands.iter()
    }

    /// Some rows as one tensor; then lets go of what lies above row `keep_from`.
    pub(super) fn take(&mut self, rows: Range<usize>, keep_from: usize) -> Result<Tensor> {
        let mut pieces = Vec::new();
        let mut top = self.first;
        for band in &self.bands {
            let height = band.dim(2)?;
            let (from, to) = (rows.start.max(top), rows.end.min(top + height));
            if from < to {
                pieces.push(band.narrow(2, from - top, to - from)?);
            }
            top += height;
        }
        if pieces.iter().map(|piece| piece.dim(2)).sum::<Result<usize>>()? != rows.len() {
            candle_core::bail!("rows {rows:?} of {} were let go", self.dims[2]);
        }
        let taken = match pieces.as_slice() {
            [piece] => piece.contiguous()?,
            pieces => Tensor::cat(pieces, 2)?,
        };
        while let Some(band) = self.bands.front() {
            let height = band.dim(2)?;
            if self.first + height > keep_from {
                break;
            }
            self.first += height;
            self.bands.pop_front();
        }
        Ok(taken)
    }

    /// All rows as one tensor.
    pub(super) fn into_whole(mut self) -> Result<Tensor> {
        let height = self.dims[2];
        self.take(0..height, height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn counted(height: usize) -> Tensor {
        Tensor::arange(0f32, (2 * height * 3) as f32, &Device::Cpu).unwrap().reshape((1, 2, height, 3)).unwrap()
    }

    fn values(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn rows_are_read_across_bands_and_let_go_behind() {
        let all = counted(7);
        let bands = [0..3, 3..4, 4..7].map(|rows: Range<usize>| all.narrow(2, rows.start, rows.len()).unwrap());
        let mut rows = Rows::from_bands(bands.to_vec()).unwrap();
        assert_eq!(rows.dims(), [1, 2, 7, 3]);
        let part = rows.take(1..5, 3).unwrap();
        assert_eq!(values(&part), values(&all.narrow(2, 1, 4).unwrap()));
        assert_eq!(rows.bands().count(), 2);
        assert_eq!(values(&rows.take(3..7, 7).unwrap()), values(&all.narrow(2, 3, 4).unwrap()));
        assert_eq!(rows.bands().count(), 0);
        assert!(rows.take(3..7, 7).is_err());
    }

    #[test]
    fn bands_cover_all_rows_and_hold_what_is_allowed() {
        assert_eq!(Tiling::Off.bands(5, 1 << 40), vec![0..5]);
        assert_eq!(Tiling::Values(25).bands(5, 10), vec![0..2, 2..4, 4..5]);
        assert_eq!(Tiling::Values(1).bands(2, 10), vec![0..1, 1..2]);
        assert!(Tiling::default().bands(0, 10).is_empty());
    }
}
