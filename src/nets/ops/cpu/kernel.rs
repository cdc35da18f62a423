//! The matrix kernel: some rows of the left matrix times one panel of the right one.

use crate::simd::vectorized_by;
use pulp::{Simd, WithSimd};
use std::sync::LazyLock;

/// The most columns that a panel can have.
const MAX_WIDTH: usize = 64;

/// The f32 values of one vector register.
pub(crate) fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    static LANES: LazyLock<usize> = LazyLock::new(|| vectorized_by(Lanes));
    *LANES
}

/// The columns of a full panel. Narrower panels have a multiple of [`lanes`].
pub(crate) fn panel_width() -> usize {
    let lanes = lanes();
    // AVX2 has 16 registers, the others 32.
    if lanes == 8 { 2 * lanes } else { 4 * lanes }
}

/// The width of a panel that holds this many columns, at most [`panel_width`].
pub(crate) fn width_for(columns: usize) -> usize {
    columns.next_multiple_of(lanes()).clamp(lanes(), panel_width())
}

/// The left matrix: rows whose elements lie side by side.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub values: &'a [f32],
    pub count: usize,
    /// Elements from one row to the next.
    pub stride: usize,
    /// Elements of a row, which are the rows of the panel.
    pub depth: usize,
}

impl<'a> Rows<'a> {
    fn row(&self, index: usize) -> &'a [f32] {
        &self.values[index * self.stride..][..self.depth]
    }
}

/// `rows · panel`, where `panel` is `[depth, width]`: `sink(index, row)` gets each row of the product, `width` values.
pub(crate) fn multiply(rows: Rows<'_>, panel: &[f32], width: usize, sink: impl FnMut(usize, &[f32])) {
    assert_eq!(panel.len(), rows.depth * width);
    if rows.count > 0 {
        vectorized_by(Multiply { rows, panel, width, target: Sink(sink) });
    }
}

/// `rows · panel` into rows of `y`, `stride` apart, each as wide as the panel.
pub(crate) fn multiply_into(rows: Rows<'_>, panel: &[f32], width: usize, y: &mut [f32], stride: usize) {
    assert_eq!(panel.len(), rows.depth * width);
    if rows.count > 0 {
        vectorized_by(Multiply { rows, panel, width, target: Into { y, stride } });
    }
}

/// Takes rows of a product from the registers.
trait Target {
    fn take<S: Simd, const VECTORS: usize>(&mut self, simd: S, row: usize, sums: [S::f32s; VECTORS]);
}

/// Hands each row to a function.
struct Sink<F>(F);

impl<F: FnMut(usize, &[f32])> Target for Sink<F> {
    #[inline(always)]
    fn take<S: Simd, const VECTORS: usize>(&mut self, simd: S, row: usize, sums: [S::f32s; VECTORS]) {
        let mut values = [0.0; MAX_WIDTH];
        let mut there = Into { y: &mut values, stride: 0 };
        there.take::<S, VECTORS>(simd, 0, sums);
        (self.0)(row, &values[..VECTORS * S::F32_LANES]);
    }
}

/// Writes each row to its place.
struct Into<'a> {
    y: &'a mut [f32],
    stride: usize,
}

impl Target for Into<'_> {
    #[inline(always)]
    fn take<S: Simd, const VECTORS: usize>(&mut self, _: S, row: usize, sums: [S::f32s; VECTORS]) {
        let y = &mut self.y[row * self.stride..][..VECTORS * S::F32_LANES];
        for (y, sum) in S::as_mut_simd_f32s(y).0.iter_mut().zip(sums) {
            *y = sum;
        }
    }
}

struct Multiply<'a, T> {
    rows: Rows<'a>,
    panel: &'a [f32],
    width: usize,
    target: T,
}

impl<T: Target> WithSimd for Multiply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many sums at once as there are registers for them, less those for a row of the panel.
        match (self.width / S::F32_LANES, S::F32_LANES) {
            // A few rows would be repeated to fill a tile.
            (1, 16) if self.rows.count <= 8 => self.by_tiles::<S, 8, 1>(simd),
            (1, 8) => self.by_tiles::<S, 8, 1>(simd),
            (2, 8) => self.by_tiles::<S, 6, 2>(simd),
            (1, _) => self.by_tiles::<S, 12, 1>(simd),
            (2, _) => self.by_tiles::<S, 12, 2>(simd),
            (3, _) => self.by_tiles::<S, 8, 3>(simd),
            (4, _) => self.by_tiles::<S, 6, 4>(simd),
            _ => panic!("a panel of {} columns for vectors of {}", self.width, S::F32_LANES),
        }
    }
}

impl<T: Target> Multiply<'_, T> {
    #[inline(always)]
    fn by_tiles<S: Simd, const ROWS: usize, const VECTORS: usize>(mut self, simd: S) {
        let (panel, _) = S::as_simd_f32s(self.panel);
        let panel = &panel[..self.rows.depth * VECTORS];
        for first in (0..self.rows.count).step_by(ROWS) {
            // The last tile repeats the last row.
            let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
            for (row, values) in rows.iter_mut().enumerate() {
                *values = self.rows.row((first + row).min(self.rows.count - 1));
            }
            let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
            for (at, panel) in panel.chunks_exact(VECTORS).enumerate() {
                for row in 0..ROWS {
                    let x = simd.splat_f32s(rows[row][at]);
                    for vector in 0..VECTORS {
                        sums[row][vector] = simd.mul_add_e_f32s(x, panel[vector], sums[row][vector]);
                    }
                }
            }
            let there = ROWS.min(self.rows.count - first);
            for (row, sums) in sums.into_iter().enumerate() {
                if row < there {
                    self.target.take::<S, VECTORS>(simd, first + row, sums);
                }
            }
        }
    }
}

/// Packs up to `width` rows as the columns of a panel: `[columns, depth]`, row by row `stride` apart, to
/// `[depth, width]`; missing columns are zero.
pub(crate) fn pack_transposed(from: &[f32], stride: usize, columns: usize, depth: usize, width: usize, to: &mut [f32]) {
    const BLOCK: usize = 16;
    let to = &mut to[..depth * width];
    for first in (0..depth).step_by(BLOCK) {
        let length = BLOCK.min(depth - first);
        let to = &mut to[first * width..][..length * width];
        for column in 0..columns {
            let from = &from[column * stride + first..][..length];
            for (to, from) in to[column..].iter_mut().step_by(width).zip(from) {
                *to = *from;
            }
        }
        if columns < width {
            to.chunks_exact_mut(width).for_each(|row| row[columns..].fill(0.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_equals_plain_sums() {
        for (count, depth, width) in [(1, 1, 1), (6, 40, 4), (13, 7, 3), (24, 33, 2), (5, 0, 1), (100, 64, 4)]
            .map(|(count, depth, vectors)| (count, depth, (vectors * lanes()).min(panel_width())))
        {
            let stride = depth + 3;
            let left: Vec<f32> = (0..count * stride).map(|i| (i as f32).sin()).collect();
            let panel: Vec<f32> = (0..depth * width).map(|i| (i as f32).cos()).collect();
            let rows = Rows { values: &left, count, stride, depth };
            let mut seen = 0;
            multiply(rows, &panel, width, |row, sums| {
                assert_eq!((row, sums.len()), (seen, width));
                for (column, sum) in sums.iter().enumerate() {
                    let expected: f32 = (0..depth).map(|at| left[row * stride + at] * panel[at * width + column]).sum();
                    assert!((sum - expected).abs() < 1e-4, "{sum} for {expected}");
                }
                seen += 1;
            });
            assert_eq!(seen, count);
        }
    }

    #[test]
    fn a_packed_panel_holds_the_rows_as_columns() {
        let from: Vec<f32> = (0..5 * 40).map(|i| i as f32).collect();
        let mut to = vec![f32::NAN; 37 * 8];
        pack_transposed(&from, 40, 5, 37, 8, &mut to);
        for (at, row) in to.chunks(8).enumerate() {
            for (column, value) in row.iter().enumerate() {
                assert_eq!(*value, if column < 5 { (column * 40 + at) as f32 } else { 0.0 });
            }
        }
    }
}
