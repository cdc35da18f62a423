//! Attention in one kernel, on NVIDIA's cards in 16 bits.

use super::Mask;
use candle_core::{DType, Result, Tensor};

/// Heads wider than this the kernel does not take.
const WIDEST_HEAD: usize = 256;

/// More than so many the kernel cannot count: they are one side of its grid.
const MOST_IN_BATCH: usize = 65_535;

/// The attention of [`super::attention()`], or `None` where the kernel does not do it.
pub(super) fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize, mask: Mask) -> Result<Option<Tensor>> {
    let (batch, queries, width) = q.dims3()?;
    let keys = k.dim(1)?;
    let size = width / heads;
    let is_half = matches!(q.dtype(), DType::F16 | DType::BF16) && k.dtype() == q.dtype() && v.dtype() == q.dtype();
    let fits = batch <= MOST_IN_BATCH && size <= WIDEST_HEAD && size.is_multiple_of(8) && queries > 0 && keys > 0;
    if !q.device().is_cuda() || !is_half || !fits {
        return Ok(None);
    }
    let by_head = |x: &Tensor, tokens: usize| x.contiguous()?.reshape((batch, tokens, heads, size));
    let scale = (size as f32).powf(-0.5);
    let (q, k, v) = (by_head(q, queries)?, by_head(k, keys)?, by_head(v, keys)?);
    let y = candle_flash_attn::flash_attn(&q, &k, &v, scale, mask == Mask::Causal)?;
    y.reshape((batch, queries, width)).map(Some)
}
