//! Choosing the next token among those that the grammar allows.

use super::error::WriterError;
use crate::models::Defaults;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use toktrie::SimpleVob;

/// How boldly a script is written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// 0 always takes the likeliest word; 1 takes words as likely as the model says; more is bolder.
    pub temperature: f32,
    /// Only the likeliest words that make up this share are considered.
    pub top_p: f32,
    /// How strongly words that earlier scenes have used are avoided, as the usual repetition penalty: 1 not at all. Names
    /// of the cast and of places are never avoided.
    pub repetition: f32,
}

impl Sampling {
    /// Temperatures that make sense.
    pub const TEMPERATURE: RangeInclusive<f32> = 0.0..=2.0;
    /// Shares that make sense.
    pub const TOP_P: RangeInclusive<f32> = 0.05..=1.0;
    /// Penalties that make sense.
    pub const REPETITION: RangeInclusive<f32> = 1.0..=2.0;

    /// What a model is best started from: its own values where it has some.
    pub fn of(defaults: &Defaults) -> Self {
        let usual = Self::default();
        Self {
            temperature: defaults.temperature.map_or(usual.temperature, |value| value as f32),
            top_p: defaults.top_p.map_or(usual.top_p, |value| value as f32),
            repetition: defaults.repeat_penalty.unwrap_or(usual.repetition),
        }
    }

    /// Refuses what is outside the ranges.
    pub fn check(&self) -> Result<(), WriterError> {
        let fields = [
            ("temperature", self.temperature, Self::TEMPERATURE),
            ("top-p", self.top_p, Self::TOP_P),
            ("repetition", self.repetition, Self::REPETITION),
        ];
        match fields.into_iter().find(|(_, value, range)| !range.contains(value)) {
            Some((field, value, range)) => {
                Err(WriterError::Sampling { field, value, least: *range.start(), most: *range.end() })
            }
            None => Ok(()),
        }
    }
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 0.7, top_p: 0.9, repetition: 1.2 }
    }
}

/// At most this many of the likeliest tokens are considered.
const TOP_K: usize = 40;

/// A seeded source of choices. The same seed and scores give the same tokens.
pub(super) struct Sampler {
    state: u64,
    pub sampling: Sampling,
}

impl Sampler {
    pub fn new(seed: u64, sampling: Sampling) -> Self {
        Self { state: seed, sampling }
    }

    /// SplitMix64, uniform in `0.0..1.0`.
    pub fn uniform(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Chooses among the tokens of `allowed` by their `scores`; `None` if nothing is allowed.
    pub fn choose(&mut self, scores: &[f32], allowed: &SimpleVob) -> Option<u32> {
        let mut likeliest: Vec<(f32, u32)> = Vec::with_capacity(TOP_K + 1);
        allowed.iter_set_entries(|id| {
            let Some(&score) = scores.get(id) else { return };
            let id = id as u32;
            // A broken model's NaN must not win or crash.
            let score = if score.is_nan() { f32::MIN } else { score };
            if likeliest.len() == TOP_K && likeliest.last().is_some_and(|last| last.0 >= score) {
                return;
            }
            let at = likeliest.partition_point(|other| other.0 >= score);
            likeliest.insert(at, (score, id));
            likeliest.truncate(TOP_K);
        });
        let (best, first) = *likeliest.first()?;
        if self.sampling.temperature <= 0.0 {
            return Some(first);
        }
        let weights: Vec<f32> =
            likeliest.iter().map(|(score, _)| ((score - best) / self.sampling.temperature).exp()).collect();
        let total: f32 = weights.iter().sum();
        let mut kept = 0;
        let mut share = 0.0;
        while kept < weights.len() && share < self.sampling.top_p * total {
            share += weights[kept];
            kept += 1;
        }
        let mut left = self.uniform() * share;
        for (weight, (_, id)) in weights.iter().zip(&likeliest).take(kept) {
            left -= weight;
            if left <= 0.0 {
                return Some(*id);
            }
        }
        Some(first)
    }
}
