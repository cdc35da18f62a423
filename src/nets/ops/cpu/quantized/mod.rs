//! Products with weights in the formats of GGUF files.
//!
//! A few inputs meet the weights as they lie in the file: each thread reads rows of its own. For many inputs weights are
//! first unpacked, some panels of rows at a time, and each panel meets all inputs. Both exist twice, with integers
//! ([`x86`]) and in f32 ([`plain`]).

pub(crate) mod blocks;
mod input;
#[cfg(not(target_arch = "x86_64"))]
#[path = "no_integers.rs"]
mod integers;
#[cfg(target_arch = "x86_64")]
#[path = "x86/mod.rs"]
mod integers;
mod plain;

pub(crate) use input::Input;

use crate::nets::ops::quantized::Format;
use integers::Integers;
use rayon::prelude::*;

/// A matrix `[outputs, inputs]`.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a> {
    pub format: Format,
    pub bytes: &'a [u8],
    pub row_bytes: usize,
    pub outputs: usize,
    pub inputs: usize,
}

impl<'a> Weights<'a> {
    fn rows(&self, first: usize, count: usize) -> &'a [u8] {
        &self.bytes[first * self.row_bytes..][..count * self.row_bytes]
    }
}

/// A matrix, the instructions for it, and where its products go.
struct Task<'a> {
    weights: Weights<'a>,
    integers: Option<Integers>,
    target: &'a mut [f32],
}

/// Adds the product of the input with each matrix, `[rows, outputs]`, to its target.
pub(crate) fn add_products(input: &Input<'_>, matrices: &[Weights<'_>], targets: &mut [&mut [f32]]) {
    add_products_with(Integers::for_format, input, matrices, targets);
}

/// The same with instructions of the caller's choice.
fn add_products_with(
    choose: impl Fn(Format) -> Option<Integers>,
    input: &Input<'_>,
    matrices: &[Weights<'_>],
    targets: &mut [&mut [f32]],
) {
    let (mut few, mut many) = (Vec::with_capacity(matrices.len()), Vec::new());
    for (weights, target) in matrices.iter().zip(targets) {
        let integers = choose(weights.format);
        if integers.is_some() {
            // Once, before the threads need it.
            match weights.format.block_len() {
                32 => _ = input.by_32(),
                _ => _ = input.by_256(),
            }
        }
        // From here on it is less work to unpack weights once for all inputs (measured).
        let enough = match weights.format {
            _ if integers.is_none() => 16,
            Format::Q2_K | Format::Q3_K | Format::Q4_K => 5,
            Format::Q8_0 => 16,
            _ => 9,
        };
        match integers {
            _ if input.rows() < enough => few.push(Task { weights: *weights, integers, target }),
            Some(integers) => many.push((integers, *weights, &mut **target)),
            None => plain::panels(input, weights, target),
        }
    }
    by_panels(input, &mut many);
    let mut first = 0;
    while first < input.rows() && !few.is_empty() {
        first += match input.rows() - first {
            1 => by_rows::<1>(input, first, &mut few),
            2 => by_rows::<2>(input, first, &mut few),
            3 => by_rows::<3>(input, first, &mut few),
            _ => by_rows::<4>(input, first, &mut few),
        };
    }
}

/// Bytes of weights that are worth a task.
const TASK_BYTES: usize = 1 << 16;

/// Tasks for each thread, so that none waits long for another that was interrupted.
const TASKS_OF_THREAD: usize = 8;

/// `T` rows of the input, from `first` on, times all matrices; gives `T` back.
fn by_rows<const T: usize>(input: &Input<'_>, first: usize, matrices: &mut [Task<'_>]) -> usize {
    let bytes: usize = matrices.iter().map(|Task { weights, .. }| weights.outputs * weights.row_bytes).sum();
    let of_task = (bytes / (TASKS_OF_THREAD * rayon::current_num_threads())).max(TASK_BYTES);
    let mut products: Vec<Vec<[f32; T]>> =
        matrices.iter().map(|Task { weights, .. }| vec![[0.0; T]; weights.outputs]).collect();
    let mut tasks = Vec::with_capacity(TASKS_OF_THREAD * rayon::current_num_threads() + matrices.len());
    for (Task { weights, integers, .. }, products) in matrices.iter().zip(&mut products) {
        let rows = (of_task / weights.row_bytes).max(1);
        for (index, products) in products.chunks_mut(rows).enumerate() {
            tasks.push((*integers, weights, weights.rows(index * rows, products.len()), products));
        }
    }
    tasks.into_par_iter().with_max_len(1).for_each(|(integers, weights, bytes, to)| match integers {
        Some(integers) => integers.rows(weights, bytes, input, first, to),
        None => plain::rows(weights, bytes, input, first, to),
    });
    for (Task { weights, target, .. }, products) in matrices.iter_mut().zip(products) {
        for t in 0..T {
            let target = &mut target[(first + t) * weights.outputs..][..weights.outputs];
            for (target, product) in target.iter_mut().zip(&products) {
                *target += product[t];
            }
        }
    }
    T
}

/// Some rows of weights times all rows of the input.
struct Panel<'a> {
    weights: &'a Weights<'a>,
    integers: Integers,
    bytes: &'a [u8],
    /// Where the products of each row of the input go.
    to: Vec<&'a mut [f32]>,
}

fn by_panels<'a>(input: &'a Input<'a>, matrices: &'a mut [(Integers, Weights<'a>, &'a mut [f32])]) {
    let mut panels = Vec::new();
    for (integers, weights, target) in matrices {
        let (rows, first) = (integers.panel_rows(), panels.len());
        for row in (0..weights.outputs).step_by(rows) {
            let bytes = weights.rows(row, rows.min(weights.outputs - row));
            let to = Vec::with_capacity(input.rows());
            panels.push(Panel { weights, integers: *integers, bytes, to });
        }
        for target in target.chunks_exact_mut(weights.outputs) {
            for (panel, to) in panels[first..].iter_mut().zip(target.chunks_mut(rows)) {
                panel.to.push(to);
            }
        }
    }
    panels.into_par_iter().for_each(|Panel { weights, integers, bytes, mut to }| {
        integers.panel(weights, bytes, input, &mut to);
    });
}

#[cfg(test)]
mod tests;
