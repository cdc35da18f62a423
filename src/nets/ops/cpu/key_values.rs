//! The keys and values of the tokens that a language model has seen, and attention to them.
//!
//! They are kept as f16 in the panels that the matrix kernel takes, [`BLOCK`] tokens in a block: a block is made f32
//! again while it is used, which costs less than reading twice the memory.

use super::attention::Weigh;
use super::decoder::Soften;
use super::kernel::{Rows, multiply, multiply_into, panel_width};
use crate::nets::ops::decoder::Attention;
use crate::simd::vectorized_by;
use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;

/// Tokens of a block.
const BLOCK: usize = 64;

/// Scores that a task holds at once; they stay in the cache of the core.
const SCORES: usize = 1 << 17;

/// Multiplications that are worth waking another thread.
const WORTH_A_TASK: usize = 1 << 19;

/// Keys and values of one layer.
pub(crate) struct KeyValues {
    /// Heads of keys and values.
    heads: usize,
    /// Numbers of a head.
    size: usize,
    /// Columns of a panel.
    width: usize,
    /// Of each head, the keys as panels of some tokens, `[size, width]` each, and the values as panels of some numbers,
    /// `[BLOCK, width]` each.
    blocks: Vec<Vec<f16>>,
}

impl KeyValues {
    pub(crate) fn new(heads: usize, size: usize) -> Self {
        Self { heads, size, width: panel_width().min(16), blocks: Vec::new() }
    }

    /// Numbers of a head's keys in a block.
    fn keys_len(&self) -> usize {
        BLOCK * self.size
    }

    /// Numbers of a head's values in a block.
    fn values_len(&self) -> usize {
        BLOCK * self.size.next_multiple_of(self.width)
    }

    /// A head's keys and values in a block.
    fn head<'a>(&self, block: &'a [f16], head: usize) -> (&'a [f16], &'a [f16]) {
        let length = self.keys_len() + self.values_len();
        block[head * length..][..length].split_at(self.keys_len())
    }

    /// Writes keys and values, `[tokens, heads * size]`, after the first `start` tokens.
    pub(crate) fn store(&mut self, keys: &[f32], values: &[f32], start: usize) {
        let Self { heads, size, width, .. } = *self;
        let (keys_len, values_len) = (self.keys_len(), self.values_len());
        let of_token = heads * size;
        let mut halves = vec![f16::ZERO; 2 * of_token];
        for (index, (keys, values)) in keys.chunks_exact(of_token).zip(values.chunks_exact(of_token)).enumerate() {
            let (block, at) = ((start + index) / BLOCK, (start + index) % BLOCK);
            if block >= self.blocks.len() {
                self.blocks.push(vec![f16::ZERO; heads * (keys_len + values_len)]);
            }
            let (half_keys, half_values) = halves.split_at_mut(of_token);
            half_keys.convert_from_f32_slice(keys);
            half_values.convert_from_f32_slice(values);
            for (head, block) in self.blocks[block].chunks_exact_mut(keys_len + values_len).enumerate() {
                let (to_keys, to_values) = block.split_at_mut(keys_len);
                let to_keys = to_keys[at / width * width * size + at % width..].iter_mut().step_by(width);
                for (to, from) in to_keys.zip(&half_keys[head * size..][..size]) {
                    *to = *from;
                }
                for (panel, from) in half_values[head * size..][..size].chunks(width).enumerate() {
                    to_values[(panel * BLOCK + at) * width..][..from.len()].copy_from_slice(from);
                }
            }
        }
    }

    /// Appends the keys of the first `tokens` tokens to `to`, then their values, each `[tokens, heads * size]`.
    pub(crate) fn read(&self, tokens: usize, to: &mut Vec<f16>) {
        let Self { heads, size, width, .. } = *self;
        for token in 0..tokens {
            let (block, at) = (&self.blocks[token / BLOCK], token % BLOCK);
            for head in 0..heads {
                let keys = self.head(block, head).0;
                to.extend(keys[at / width * width * size + at % width..].iter().step_by(width).take(size));
            }
        }
        for token in 0..tokens {
            let (block, at) = (&self.blocks[token / BLOCK], token % BLOCK);
            for head in 0..heads {
                let values = self.head(block, head).1;
                for panel in 0..size.div_ceil(width) {
                    let count = width.min(size - panel * width);
                    to.extend_from_slice(&values[(panel * BLOCK + at) * width..][..count]);
                }
            }
        }
    }

    /// What the queries of the tokens from `start` on, `[tokens, query_heads * size]`, find: the same shape. Each sees
    /// the tokens up to its own, within the window. Query heads share the heads here, some neighbours one of them.
    pub(crate) fn attend(&self, queries: &[f32], query_heads: usize, start: usize, attention: Attention) -> Vec<f32> {
        let Self { heads, size, .. } = *self;
        let of_token = query_heads * size;
        let (tokens, group) = (queries.len() / of_token, query_heads / heads);
        // The queries that share a head are rows of one product, those of a query head side by side.
        let mut by_head = vec![0.0; queries.len()];
        for (row, to) in by_head.chunks_exact_mut(size).enumerate() {
            to.copy_from_slice(&queries[row % tokens * of_token + row / tokens * size..][..size]);
        }
        let keys = (start + tokens).next_multiple_of(BLOCK);
        let at_once = (SCORES / keys).next_multiple_of(12).min(group * tokens);
        let tasks: Vec<Task<'_>> = by_head
            .chunks_exact(group * tokens * size)
            .enumerate()
            .flat_map(|(head, queries)| {
                let pieces = queries.chunks(at_once * size).enumerate();
                pieces.map(move |(index, queries)| Task { head, queries, first: index * at_once, tokens, start })
            })
            .collect();
        let found: Vec<Vec<f32>> = if queries.len() * keys < WORTH_A_TASK {
            tasks.iter().map(|task| self.find(task, attention)).collect()
        } else {
            tasks.par_iter().with_max_len(1).map(|task| self.find(task, attention)).collect()
        };
        let mut y = vec![0.0; queries.len()];
        for (row, from) in found.iter().flat_map(|rows| rows.chunks_exact(size)).enumerate() {
            y[row % tokens * of_token + row / tokens * size..][..size].copy_from_slice(from);
        }
        y
    }

    fn find(&self, task: &Task<'_>, attention: Attention) -> Vec<f32> {
        let Self { size, width, .. } = *self;
        let count = task.queries.len() / size;
        let seen = |row: usize| task.start + (task.first + row) % task.tokens + 1;
        let first_seen = |row: usize| attention.window.map_or(0, |window| seen(row).saturating_sub(window));
        let (mut keys, mut unseen) = (0, usize::MAX);
        for row in 0..count {
            keys = keys.max(seen(row));
            unseen = unseen.min(first_seen(row));
        }
        // Blocks before every row's window are left out.
        let first_block = unseen / BLOCK;
        let padded = keys.next_multiple_of(BLOCK);
        let mut scores = vec![0.0; count * padded];
        let mut panels = vec![0.0; self.keys_len().max(self.values_len())];
        let queries = Rows { values: task.queries, count, stride: size, depth: size };
        for (index, block) in self.blocks[..padded / BLOCK].iter().enumerate().skip(first_block) {
            let panels = &mut panels[..self.keys_len()];
            self.head(block, task.head).0.convert_to_f32_slice(panels);
            for (panel, columns) in panels.chunks_exact(width * size).zip((index * BLOCK..keys).step_by(width)) {
                multiply_into(queries, panel, width, &mut scores[columns..], padded);
            }
        }
        let mut found = vec![0.0; task.queries.len()];
        let mut inverses = vec![0.0; count];
        for (row, (scores, inverse)) in scores.chunks_exact_mut(padded).zip(&mut inverses).enumerate() {
            let (unseen, scores) = scores.split_at_mut(first_seen(row));
            unseen.fill(0.0);
            let seen = seen(row) - unseen.len();
            let scale = match attention.cap {
                Some(cap) => {
                    vectorized_by(Soften { scores: &mut scores[..seen], scale: attention.scale, cap });
                    1.0
                }
                None => attention.scale,
            };
            *inverse = 1.0 / vectorized_by(Weigh { scores, seen, scale });
        }
        for (index, block) in self.blocks[..padded / BLOCK].iter().enumerate().skip(first_block) {
            let panels = &mut panels[..self.values_len()];
            self.head(block, task.head).1.convert_to_f32_slice(panels);
            let depth = BLOCK.min(keys - index * BLOCK);
            let shares = Rows { values: &scores[index * BLOCK..], count, stride: padded, depth };
            for (panel, first) in panels.chunks_exact(BLOCK * width).zip((0..size).step_by(width)) {
                multiply(shares, &panel[..depth * width], width, |row, sums| {
                    let found = &mut found[row * size..][..size][first..];
                    for (found, sum) in found.iter_mut().zip(sums) {
                        *found += sum * inverses[row];
                    }
                });
            }
        }
        found
    }
}

/// Some queries of a head.
struct Task<'a> {
    /// The head of keys and values.
    head: usize,
    /// `[rows, size]`: all tokens of a query head, then those of the next one.
    queries: &'a [f32],
    /// The first row among those of this head.
    first: usize,
    /// Tokens of a query head, and those seen before them.
    tokens: usize,
    start: usize,
}
