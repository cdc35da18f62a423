//! The parts of language models besides matrices, on rows of f32.

use super::Activation;
use super::cpu::{decoder, key_values};
use candle_core::Result;
use half::f16;
use half::slice::HalfFloatSliceExt;

/// Divides rows of as many numbers as there are `weights` by the root of their mean square and multiplies them by the
/// weights.
///
/// # Errors
/// When `x` does not hold whole rows.
pub fn rms_norm(x: &[f32], weights: &[f32], epsilon: f32) -> Result<Vec<f32>> {
    if weights.is_empty() || !x.len().is_multiple_of(weights.len()) {
        candle_core::bail!("{} numbers are no rows of {}", x.len(), weights.len());
    }
    Ok(decoder::rms_norm(x, weights, epsilon))
}

/// Brings scores no further from 0 than `cap`, by a hyperbolic tangent.
pub fn soften(scores: &mut [f32], cap: f32) {
    decoder::soften(scores, cap);
}

/// `activation(gate) * up`, to `gate`.
///
/// # Errors
/// When the lengths differ.
pub fn gate(activation: Activation, gate: &mut [f32], up: &[f32]) -> Result<()> {
    if gate.len() != up.len() {
        candle_core::bail!("{} numbers and {} gates", up.len(), gate.len());
    }
    decoder::gate(activation, gate, up);
    Ok(())
}

/// Which two numbers of a head rotate together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairs {
    /// `2i` with `2i + 1`
    Neighbours,
    /// `i` with `i + width / 2`
    Halves,
}

/// Rotary positions: pairs of numbers of each head turn by an angle that grows with the token's position.
#[derive(Debug, Clone)]
pub struct Rotary {
    pairs: Pairs,
    /// Radians for each position, for each pair.
    steps: Vec<f32>,
    /// Numbers of a head; the first `2 * steps` of them rotate.
    head_width: usize,
    /// What rotates grows by this factor.
    scale: f32,
    /// Of each position so far, for each pair.
    cos: Vec<f32>,
    sin: Vec<f32>,
}

/// The table of angles grows by this many positions at a time.
const POSITIONS: usize = 512;

impl Rotary {
    /// `steps` are the radians by which each pair turns from one token to the next. Heads have `head_width` numbers, of
    /// which the first `2 * steps` rotate and grow by the factor `scale`.
    pub fn new(pairs: Pairs, steps: Vec<f32>, head_width: usize, scale: f32) -> Self {
        Self { pairs, steps, head_width, scale, cos: Vec::new(), sin: Vec::new() }
    }

    /// Prepares the angles of the first `positions` tokens.
    pub fn reserve(&mut self, positions: usize) {
        let there = self.cos.len() / self.steps.len().max(1);
        if positions > there {
            for position in there..positions.next_multiple_of(POSITIONS) {
                let angles = self.steps.iter().map(|step| position as f32 * step);
                let (sin, cos): (Vec<f32>, Vec<f32>) = angles.map(f32::sin_cos).unzip();
                self.sin.extend(sin.iter().map(|sin| sin * self.scale));
                self.cos.extend(cos.iter().map(|cos| cos * self.scale));
            }
        }
    }

    /// Rotates the heads of the tokens from `start` on, `[tokens, width]`.
    ///
    /// # Errors
    /// When a token does not hold whole heads, or [`Rotary::reserve`] was not called for so many positions.
    pub fn rotate(&self, x: &mut [f32], width: usize, start: usize) -> Result<()> {
        let half = self.steps.len();
        let head_width = self.head_width;
        let fits = half > 0 && 2 * half <= head_width && width > 0 && width.is_multiple_of(head_width);
        if !fits || !x.len().is_multiple_of(width) {
            candle_core::bail!("{} numbers are no tokens of {width} with heads of {head_width}", x.len());
        }
        let range = start * half..(start + x.len() / width) * half;
        let (Some(cos), Some(sin)) = (self.cos.get(range.clone()), self.sin.get(range)) else {
            candle_core::bail!("no angles for position {start} and those after it");
        };
        let neighbours = self.pairs == Pairs::Neighbours;
        decoder::Rotate { x, width, head_width, half, cos, sin, neighbours }.run();
        Ok(())
    }
}

/// How a layer weighs what its queries find.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attention {
    /// What products of queries and keys are multiplied with.
    pub scale: f32,
    /// Scores come no further from 0 than this, by a hyperbolic tangent.
    pub cap: Option<f32>,
    /// A token attends to so many, itself among them; to all before it without a number.
    pub window: Option<usize>,
}

/// The keys and values of one layer for all tokens that it has seen, as f16. Earlier tokens may be written again.
pub struct KeyValues {
    inner: key_values::KeyValues,
    attention: Attention,
    heads: usize,
    size: usize,
    /// Tokens that were written.
    seen: usize,
}

impl KeyValues {
    /// For `heads` heads of `size` numbers each.
    pub fn new(heads: usize, size: usize, attention: Attention) -> Self {
        Self { inner: key_values::KeyValues::new(heads, size), attention, heads, size, seen: 0 }
    }

    /// Writes keys and values, `[tokens, heads * size]`, after the first `start` tokens, and forgets what was there; then
    /// lets each of these tokens attend to those up to itself, within the window. Takes its queries, `[tokens, query_heads * size]`, of which
    /// as many neighbours as there are more than `heads` share a head, and gives back the same shape.
    ///
    /// # Errors
    /// When the sizes do not match, or fewer than `start` tokens were written before.
    pub fn attend(
        &mut self,
        queries: &[f32],
        keys: &[f32],
        values: &[f32],
        query_heads: usize,
        start: usize,
    ) -> Result<Vec<f32>> {
        let Self { heads, size, .. } = *self;
        let tokens = keys.len() / (heads * size).max(1);
        let fits = keys.len() == tokens * heads * size
            && values.len() == keys.len()
            && queries.len() == tokens * query_heads * size
            && tokens > 0
            && query_heads.is_multiple_of(heads);
        if !fits {
            candle_core::bail!(
                "{} queries of {query_heads} heads for {} keys and {} values of {heads} heads of {size}",
                queries.len(),
                keys.len(),
                values.len()
            );
        }
        if start > self.seen {
            candle_core::bail!("tokens from {start} on, but there are only {} before", self.seen);
        }
        self.inner.store(keys, values, start);
        self.seen = start + tokens;
        Ok(self.inner.attend(queries, query_heads, start, self.attention))
    }

    /// Appends the keys of the first `tokens` tokens to `to`, then their values, each `[tokens, heads * size]`.
    pub fn read(&self, tokens: usize, to: &mut Vec<f16>) {
        self.inner.read(tokens.min(self.seen), to);
    }

    /// Takes the keys and values of the first tokens, `[tokens, heads * size]`, and forgets all others.
    ///
    /// # Errors
    /// When they are not of whole tokens.
    pub fn write(&mut self, keys: &[f16], values: &[f16]) -> Result<()> {
        let of_token = (self.heads * self.size).max(1);
        if keys.len() != values.len() || !keys.len().is_multiple_of(of_token) {
            candle_core::bail!("{} keys and {} values of {of_token} a token", keys.len(), values.len());
        }
        let mut wide = [vec![0.0; keys.len()], vec![0.0; values.len()]];
        keys.convert_to_f32_slice(&mut wide[0]);
        values.convert_to_f32_slice(&mut wide[1]);
        self.inner.store(&wide[0], &wide[1], 0);
        self.seen = keys.len() / of_token;
        Ok(())
    }
}
