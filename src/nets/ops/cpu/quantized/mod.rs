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
use integers::{Integers, Panel};
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
    let mut few = Vec::with_capacity(matrices.len());
    for (weights, target) in matrices.iter().zip(targets) {
        let integers = Integers::for_format(weights.format);
        if integers.is_some() {
            // Once, before the threads need it.
            match weights.format.block_len() {
                32 => _ = input.by_32(),
                _ => _ = input.by_256(),
            }
        }
        // From here on it is less work to unpack weights once for all inputs.
        let many = if integers.is_some() { 5 } else { 16 };
        match integers {
            _ if input.rows() < many => few.push(Task { weights: *weights, integers, target }),
            Some(integers) => by_panels(integers, input, weights, target),
            None => plain::panels(input, weights, target),
        }
    }
    let mut first = 0;
    while first < input.rows() && !few.is_empty() {
        first += match input.rows() - first {
            1 => by_rows::<1>(input, first, &mut few),
            2 | 3 => by_rows::<2>(input, first, &mut few),
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

/// Words of packed panels that are used before new ones are packed; they stay in the cache of the last level.
const PACKED_WORDS: usize = 1 << 20;

fn by_panels(integers: Integers, input: &Input<'_>, weights: &Weights<'_>, target: &mut [f32]) {
    let (rows, words) = (integers.panel_rows(), integers.panel_words(weights));
    let panels = weights.outputs.div_ceil(rows);
    let threads = rayon::current_num_threads();
    let at_once = (PACKED_WORDS / words).max(threads).min(panels);
    let mut packed = vec![0_u32; at_once * words];
    // A few tasks for each thread, each of some full tiles.
    let of_task = input.rows().div_ceil(3 * threads).next_multiple_of(6).min(96);
    for first_panel in (0..panels).step_by(at_once) {
        let count = at_once.min(panels - first_panel);
        let columns_of = |panel: usize| {
            let first = (first_panel + panel) * rows;
            (first, rows.min(weights.outputs - first))
        };
        packed.par_chunks_exact_mut(words).take(count).enumerate().for_each(|(panel, to)| {
            let (first, columns) = columns_of(panel);
            integers.pack(weights, weights.rows(first, columns), to);
        });
        target.par_chunks_mut(of_task * weights.outputs).enumerate().for_each(|(task, target)| {
            for (panel, words) in packed.chunks_exact(words).take(count).enumerate() {
                let (column, columns) = columns_of(panel);
                integers.panel(Panel {
                    format: weights.format,
                    words,
                    input,
                    first: task * of_task,
                    count: target.len() / weights.outputs,
                    to: &mut target[column..],
                    stride: weights.outputs,
                    columns,
                });
            }
        });
    }
}
