//! Products with a layer's weights.

use super::kernel::{Rows, multiply, multiply_into, pack_transposed, panel_width, width_for};
use super::math::gelu;
use crate::simd::{vectorized, vectorized_by};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Bytes of packed panels that are used again before new ones are packed; they stay in the cache of the last level.
const PACKED_BYTES: usize = 4 << 20;

/// A layer's weights `[outputs, inputs]`.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a> {
    pub weight: &'a [f32],
    pub bias: Option<&'a [f32]>,
    pub inputs: usize,
    pub outputs: usize,
}

impl Weights<'_> {
    fn bias(&self, output: usize) -> f32 {
        self.bias.map_or(0.0, |bias| bias[output])
    }

    /// Whether it is less work to pack the tokens than to pack the weights.
    pub(crate) fn has_few(&self, tokens: usize) -> bool {
        tokens * (self.inputs + self.outputs) < self.inputs * self.outputs
    }

    /// Tokens `[tokens, inputs]`, `stride` apart, to `[tokens, outputs]`, plus a residual of that shape.
    pub(crate) fn tokens(&self, x: &[f32], stride: usize, tokens: usize, residual: Option<&[f32]>) -> Vec<f32> {
        let mut y = vec![0.0; tokens * self.outputs];
        if y.is_empty() {
            return y;
        }
        if self.has_few(tokens) {
            let mut by_output = vec![0.0; tokens * self.outputs];
            self.by_output(x, stride, tokens, None, &mut by_output);
            transpose(&by_output, self.outputs, tokens, &mut y);
            if let Some(residual) = residual {
                y.par_chunks_mut(1 << 14).zip(residual.par_chunks(1 << 14)).for_each(|(y, residual)| {
                    vectorized(|| y.iter_mut().zip(residual).for_each(|(y, residual)| *y += residual));
                });
            }
            return y;
        }
        let full = panel_width();
        let panels = self.outputs.div_ceil(full);
        let panel_length = self.inputs * full;
        let at_once = (PACKED_BYTES / 4 / panel_length.max(1)).clamp(1, panels);
        let mut packed = vec![0.0; at_once * panel_length];
        // A few tasks for each thread, each of some rows.
        let rows_of_task = tokens.div_ceil(4 * rayon::current_num_threads()).clamp(24, 96);
        for first_panel in (0..panels).step_by(at_once) {
            let columns_of = |panel: usize| {
                let first = (first_panel + panel) * full;
                (first, full.min(self.outputs - first))
            };
            let count = at_once.min(panels - first_panel);
            packed.par_chunks_exact_mut(panel_length).take(count).enumerate().for_each(|(panel, packed)| {
                let (first, columns) = columns_of(panel);
                let weight = &self.weight[first * self.inputs..];
                vectorized(|| {
                    pack_transposed(weight, self.inputs, columns, self.inputs, width_for(columns), packed);
                });
            });
            y.par_chunks_mut(rows_of_task * self.outputs).enumerate().for_each(|(task, y)| {
                let first_row = task * rows_of_task;
                let values = &x[first_row * stride..];
                let rows = Rows { values, count: y.len() / self.outputs, stride, depth: self.inputs };
                for (panel, packed) in packed.chunks_exact(panel_length).take(count).enumerate() {
                    let (first, columns) = columns_of(panel);
                    let width = width_for(columns);
                    let bias = self.bias.map(|bias| &bias[first..first + columns]);
                    multiply(rows, &packed[..self.inputs * width], width, |row, sums| {
                        let y = &mut y[row * self.outputs + first..][..columns];
                        match bias {
                            Some(bias) => y.iter_mut().zip(sums).zip(bias).for_each(|((y, sum), bias)| *y = sum + bias),
                            None => y.copy_from_slice(&sums[..columns]),
                        }
                        if let Some(residual) = residual {
                            let residual = &residual[(first_row + row) * self.outputs + first..][..columns];
                            y.iter_mut().zip(residual).for_each(|(y, residual)| *y += residual);
                        }
                    });
                }
            });
        }
        y
    }

    /// Tokens `[tokens, inputs]` to `[tokens, outputs / 2]`: the first half of the outputs times the GELU of the second,
    /// which is never in memory as a whole.
    pub(crate) fn gated(&self, x: &[f32], tokens: usize) -> Vec<f32> {
        let (inputs, half) = (self.inputs, self.outputs / 2);
        let mut y = vec![0.0; tokens * half];
        if y.is_empty() {
            return y;
        }
        let full = panel_width();
        let panels = half.div_ceil(full);
        let pair_length = 2 * inputs * full;
        let at_once = (PACKED_BYTES / 4 / pair_length.max(1)).clamp(1, panels);
        let mut packed = vec![0.0; at_once * pair_length];
        let rows_of_task = tokens.div_ceil(4 * rayon::current_num_threads()).clamp(24, 96);
        for first_panel in (0..panels).step_by(at_once) {
            let columns_of = |panel: usize| {
                let first = (first_panel + panel) * full;
                (first, full.min(half - first))
            };
            let count = at_once.min(panels - first_panel);
            packed.par_chunks_exact_mut(inputs * full).take(2 * count).enumerate().for_each(|(side, packed)| {
                let (first, columns) = columns_of(side / 2);
                let first = first + side % 2 * half;
                pack_transposed(&self.weight[first * inputs..], inputs, columns, inputs, width_for(columns), packed);
            });
            y.par_chunks_mut(rows_of_task * half).enumerate().for_each(|(task, y)| {
                let values = &x[task * rows_of_task * inputs..];
                let rows = Rows { values, count: y.len() / half, stride: inputs, depth: inputs };
                let mut sums = vec![0.0; 2 * rows.count * full];
                let (value, gate) = sums.split_at_mut(rows.count * full);
                for (panel, packed) in packed.chunks_exact(pair_length).take(count).enumerate() {
                    let (first, columns) = columns_of(panel);
                    let width = width_for(columns);
                    let (packed_value, packed_gate) = packed.split_at(inputs * full);
                    multiply_into(rows, &packed_value[..inputs * width], width, value, full);
                    multiply_into(rows, &packed_gate[..inputs * width], width, gate, full);
                    let bias = |first: usize| self.bias.map(|bias| &bias[first..first + columns]);
                    let bias = bias(first).zip(bias(half + first));
                    let lines = value.chunks_exact_mut(full).zip(gate.chunks_exact_mut(full));
                    for ((value, gate), y) in lines.zip(y.chunks_exact_mut(half)) {
                        let (value, gate) = (&mut value[..columns], &mut gate[..columns]);
                        vectorized_by(GateRow { value, gate, bias, y: &mut y[first..first + columns] });
                    }
                }
            });
        }
        y
    }

    /// Tokens `[tokens, inputs]`, `stride` apart, to `[outputs, tokens]`, plus a residual of that shape.
    pub(crate) fn by_output(&self, x: &[f32], stride: usize, tokens: usize, residual: Option<&[f32]>, y: &mut [f32]) {
        let pack = |first: usize, columns: usize, width: usize, packed: &mut [f32]| {
            pack_transposed(&x[first * stride..], stride, columns, self.inputs, width, packed);
        };
        by_panels(self.rows(), tokens, pack, y, |output, first, sums, y| {
            let residual = residual.map(|residual| &residual[output * tokens + first..]);
            write_sums(self.bias(output), residual, sums, y);
        });
    }

    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows { values: self.weight, count: self.outputs, stride: self.inputs, depth: self.inputs }
    }
}

/// Some columns of one token: `y = (value + bias) * gelu(gate + bias)`.
struct GateRow<'a> {
    value: &'a mut [f32],
    gate: &'a mut [f32],
    bias: Option<(&'a [f32], &'a [f32])>,
    y: &'a mut [f32],
}

impl WithSimd for GateRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { value, gate, bias, y } = self;
        if let Some((value_bias, gate_bias)) = bias {
            for (value, bias) in value.iter_mut().zip(value_bias) {
                *value += bias;
            }
            for (gate, bias) in gate.iter_mut().zip(gate_bias) {
                *gate += bias;
            }
        }
        for ((y, value), gate) in y.iter_mut().zip(value).zip(gate) {
            *y = *value * gelu(*gate);
        }
    }
}

/// Sums of a product, a constant, and a residual that is at least as long as `y`.
#[inline(always)]
pub(crate) fn write_sums(constant: f32, residual: Option<&[f32]>, sums: &[f32], y: &mut [f32]) {
    match residual {
        Some(residual) => {
            y.iter_mut().zip(sums).zip(residual).for_each(|((y, sum), residual)| *y = sum + constant + residual);
        }
        None => y.iter_mut().zip(sums).for_each(|(y, sum)| *y = sum + constant),
    }
}

/// `rows · columns`, where `pack(first, count, width, panel)` packs some of the columns: `[depth, columns]` to
/// `y`, `[rows, columns]`. `finish(row, first, sums, y)` writes a piece of a row.
pub(crate) fn by_panels(
    rows: Rows<'_>,
    columns: usize,
    pack: impl Fn(usize, usize, usize, &mut [f32]) + Sync,
    y: &mut [f32],
    finish: impl Fn(usize, usize, &[f32], &mut [f32]) + Sync,
) {
    if columns == 0 || rows.count == 0 {
        return;
    }
    let width = width_for(columns);
    let panels = columns.div_ceil(width);
    let panel_length = rows.depth * width;
    let at_once = (PACKED_BYTES / 4 / panel_length.max(1)).clamp(2, panels.max(2)).min(panels);
    let mut packed = vec![0.0; at_once * panel_length];
    let rows_of_task = rows.count.div_ceil(8 * rayon::current_num_threads()).next_multiple_of(12);
    for first_panel in (0..panels).step_by(at_once) {
        let columns_of = |panel: usize| {
            let first = (first_panel + panel) * width;
            (first, width.min(columns - first))
        };
        let count = at_once.min(panels - first_panel);
        packed.par_chunks_exact_mut(panel_length).take(count).enumerate().for_each(|(panel, packed)| {
            let (first, count) = columns_of(panel);
            vectorized(|| pack(first, count, width, packed));
        });
        y.par_chunks_mut(rows_of_task * columns).enumerate().for_each(|(task, y)| {
            let first_row = task * rows_of_task;
            let values = &rows.values[first_row * rows.stride..];
            let rows = Rows { values, count: y.len() / columns, ..rows };
            for (panel, packed) in packed.chunks_exact(panel_length).take(count).enumerate() {
                let (first, count) = columns_of(panel);
                multiply(rows, packed, width, |row, sums| {
                    finish(first_row + row, first, sums, &mut y[row * columns + first..][..count]);
                });
            }
        });
    }
}

/// `[rows, columns]` to `[columns, rows]`.
pub(crate) fn transpose(x: &[f32], rows: usize, columns: usize, y: &mut [f32]) {
    const BLOCK: usize = 32;
    y.par_chunks_mut(BLOCK * rows).enumerate().for_each(|(block, y)| {
        let first_column = block * BLOCK;
        let count = y.len() / rows;
        for first_row in (0..rows).step_by(BLOCK) {
            let rows_there = BLOCK.min(rows - first_row);
            for column in 0..count {
                let y = &mut y[column * rows + first_row..][..rows_there];
                for (row, y) in y.iter_mut().enumerate() {
                    *y = x[(first_row + row) * columns + first_column + column];
                }
            }
        }
    });
}
