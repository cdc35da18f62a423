//! Scaled dot-product attention of several heads, without the whole matrix of scores in memory.

use super::cpu;
use candle_core::{DType, Result, Tensor};

/// Scores that one piece of the chunked way may hold: 128 MiB in f32, and as much again for what becomes of them.
const CHUNK_SCORES: usize = 1 << 25;

/// Which keys a query sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mask {
    /// All of them.
    None,
    /// The first query sees the first key, the second the first two, and so on.
    Causal,
}

/// `softmax(q · kᵀ / √head_size) · v` of each head.
///
/// `q` is `[batch, queries, heads * head_size]`, `k` and `v` are `[batch, keys, heads * head_size]`; the heads lie side
/// by side in the last dimension, before and after.
///
/// # Errors
/// When the shapes do not fit together.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, mask: Mask) -> Result<Tensor> {
    let (batch, queries, width) = q.dims3()?;
    let (_, keys, _) = k.dims3()?;
    if heads == 0 || !width.is_multiple_of(heads) || k.dims() != [batch, keys, width] || v.dims() != k.dims() {
        candle_core::bail!(
            "attention of {heads} heads between {:?} queries, {:?} keys and {:?} values",
            q.dims(),
            k.dims(),
            v.dims()
        );
    }
    if mask == Mask::Causal && queries != keys {
        candle_core::bail!("a causal mask over {queries} queries and {keys} keys");
    }
    if [q, k, v].into_iter().all(cpu::can_take) {
        let size = width / heads;
        let shape = cpu::attention::Shape { batch, queries, keys, heads, size, causal: mask == Mask::Causal };
        let (q, k, v) = (q.contiguous()?, k.contiguous()?, v.contiguous()?);
        let y = shape.forward(&cpu::values(&q)?, &cpu::values(&k)?, &cpu::values(&v)?);
        return cpu::tensor(y, q.dims(), q.dtype());
    }
    #[cfg(feature = "flash-attn")]
    if let Some(y) = super::flash::attention(q, k, v, heads, mask)? {
        return Ok(y);
    }
    chunked(q, k, v, heads, mask)
}

/// By candle's own operations, some queries at a time.
pub(super) fn chunked(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, mask: Mask) -> Result<Tensor> {
    let (batch, queries, width) = q.dims3()?;
    let (_, keys, _) = k.dims3()?;
    if q.elem_count() * keys == 0 {
        return q.zeros_like();
    }
    let by_head =
        |x: &Tensor, tokens: usize| x.reshape((batch, tokens, heads, width / heads))?.transpose(1, 2)?.contiguous();
    let (q, k, v) = (by_head(q, queries)?, by_head(k, keys)?, by_head(v, keys)?);
    let q = (q * ((width / heads) as f64).powf(-0.5))?;
    let k = k.t()?;
    let at_once = (CHUNK_SCORES / (batch * heads * keys).max(1)).clamp(1, queries.max(1));
    let mut pieces = Vec::new();
    for first in (0..queries).step_by(at_once) {
        let count = at_once.min(queries - first);
        let mut scores = q.narrow(2, first, count)?.contiguous()?.matmul(&k)?.to_dtype(DType::F32)?;
        if mask == Mask::Causal {
            scores = scores.broadcast_add(&causal(first, count, keys, q.device())?)?;
        }
        let weights = candle_nn::ops::softmax_last_dim(&scores)?.to_dtype(v.dtype())?;
        pieces.push(weights.matmul(&v)?);
    }
    Tensor::cat(&pieces, 2)?.transpose(1, 2)?.reshape((batch, queries, width))
}

/// `[count, keys]`: 0 where the query may look, minus infinity where it may not.
fn causal(first: usize, count: usize, keys: usize, device: &candle_core::Device) -> Result<Tensor> {
    let mask: Vec<f32> = (first..first + count)
        .flat_map(|query| (0..keys).map(move |key| if key <= query { 0.0 } else { f32::NEG_INFINITY }))
        .collect();
    Tensor::from_vec(mask, (count, keys), device)
}
