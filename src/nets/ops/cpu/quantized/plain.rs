//! Products in f32: weights are unpacked, some rows at a time.

use super::super::kernel::{Rows, multiply, pack_transposed, panel_width, width_for};
use super::Weights;
use super::blocks::unpack;
use super::input::Input;
use crate::simd::vectorized_by;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Some rows of weights times `T` rows of the input from `first` on.
pub(super) fn rows<const T: usize>(
    weights: &Weights<'_>,
    bytes: &[u8],
    input: &Input<'_>,
    first: usize,
    to: &mut [[f32; T]],
) {
    let mut row = vec![0.0; weights.inputs];
    for (bytes, to) in bytes.chunks_exact(weights.row_bytes).zip(to) {
        unpack(weights.format, bytes, &mut row);
        for (t, to) in to.iter_mut().enumerate() {
            *to = vectorized_by(Dot { a: &row, b: input.row(first + t) });
        }
    }
}

/// The sum of products.
struct Dot<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl WithSimd for Dot<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f32 {
        const PARTIAL: usize = 64;
        let mut sums = [0.0_f32; PARTIAL];
        let ((a, a_rest), (b, b_rest)) = (self.a.as_chunks::<PARTIAL>(), self.b.as_chunks::<PARTIAL>());
        for (a, b) in a.iter().zip(b) {
            for i in 0..PARTIAL {
                sums[i] = a[i].mul_add(b[i], sums[i]);
            }
        }
        let mut total = 0.0;
        for sum in sums {
            total += sum;
        }
        for (a, b) in a_rest.iter().zip(b_rest) {
            total = a.mul_add(*b, total);
        }
        total
    }
}

/// Bytes of packed panels that are used before new ones are packed; they stay in the cache of the last level.
const PACKED_BYTES: usize = 4 << 20;

/// Adds the product with all rows of the input to `[rows, outputs]`.
pub(super) fn panels(input: &Input<'_>, weights: &Weights<'_>, target: &mut [f32]) {
    let (inputs, outputs, full) = (weights.inputs, weights.outputs, panel_width());
    let panels = outputs.div_ceil(full);
    let length = inputs * full;
    let at_once = (PACKED_BYTES / 4 / length).clamp(1, panels);
    let mut packed = vec![0.0; at_once * length];
    let of_task = input.rows().div_ceil(3 * rayon::current_num_threads()).clamp(12, 96);
    for first_panel in (0..panels).step_by(at_once) {
        let count = at_once.min(panels - first_panel);
        let columns_of = |panel: usize| {
            let first = (first_panel + panel) * full;
            (first, full.min(outputs - first))
        };
        packed.par_chunks_exact_mut(length).take(count).enumerate().for_each(|(panel, to)| {
            let (first, columns) = columns_of(panel);
            let mut rows = vec![0.0; columns * inputs];
            unpack(weights.format, weights.rows(first, columns), &mut rows);
            vectorized_by(Transpose { rows: &rows, inputs, columns, to });
        });
        target.par_chunks_mut(of_task * outputs).enumerate().for_each(|(task, target)| {
            let rows = Rows {
                values: &input.values[task * of_task * inputs..],
                count: target.len() / outputs,
                stride: inputs,
                depth: inputs,
            };
            for (panel, packed) in packed.chunks_exact(length).take(count).enumerate() {
                let (first, columns) = columns_of(panel);
                let width = width_for(columns);
                multiply(rows, &packed[..inputs * width], width, |row, sums| {
                    let target = &mut target[row * outputs + first..][..columns];
                    for (target, sum) in target.iter_mut().zip(sums) {
                        *target += sum;
                    }
                });
            }
        });
    }
}

struct Transpose<'a> {
    rows: &'a [f32],
    inputs: usize,
    columns: usize,
    to: &'a mut [f32],
}

impl WithSimd for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        pack_transposed(self.rows, self.inputs, self.columns, self.inputs, width_for(self.columns), self.to);
    }
}
