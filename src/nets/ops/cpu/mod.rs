//! The layers on the CPU, where candle's own operations lose most of their time in copies.
//!
//! One small matrix kernel ([`kernel`]) does all the heavy work. It takes the left matrix as it lies in memory and the right
//! one in narrow panels, so whoever packs a panel decides what is multiplied: rows of a picture, patches of it, or keys
//! of an attention. Instructions are chosen at run time (AVX-512, AVX2, NEON, else plain code) by the crate `pulp`.
//! Half types are computed in f32.

pub(super) mod attention;
pub(super) mod conv;
pub(super) mod decoder;
pub(super) mod kernel;
pub(super) mod key_values;
pub(super) mod linear;
pub(super) mod math;
pub(super) mod norm;
pub(super) mod quantized;
pub(super) mod winograd;

use candle_core::{CpuStorage, DType, Device, Layout, Result, Shape, Storage, Tensor};
use half::slice::HalfFloatSliceExt;
use std::cell::Cell;
use std::ops::Deref;

thread_local! {
    /// Whether candle's operations take the place of these layers on this thread.
    static BY_CANDLE: Cell<bool> = const { Cell::new(false) };
}

/// Does `work`, on this thread, without these layers.
pub(super) fn without<R>(work: impl FnOnce() -> R) -> R {
    /// Puts back what was, after a panic too.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            BY_CANDLE.set(self.0);
        }
    }
    let _before = Before(BY_CANDLE.replace(true));
    work()
}

/// Whether these layers can take a tensor.
pub(super) fn can_take(x: &Tensor) -> bool {
    x.device().is_cpu() && matches!(x.dtype(), DType::F32 | DType::F16 | DType::BF16) && !BY_CANDLE.get()
}

/// The values of a tensor in f32: borrowed where they are f32 already.
pub(super) enum Values<'a> {
    Borrowed(Box<dyn Deref<Target = Storage> + 'a>, std::ops::Range<usize>),
    Converted(Vec<f32>),
}

impl Deref for Values<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Converted(values) => values,
            Self::Borrowed(storage, range) => match &***storage {
                Storage::Cpu(CpuStorage::F32(values)) => &values[range.clone()],
                _ => &[],
            },
        }
    }
}

/// The values of a contiguous tensor.
pub(super) fn values(x: &Tensor) -> Result<Values<'_>> {
    if !x.is_contiguous() {
        candle_core::bail!("the tensor {:?} is not contiguous", x.shape());
    }
    Ok(strided(x)?.0)
}

/// The values of a tensor from its first to its last one, and how they lie.
pub(super) fn strided(x: &Tensor) -> Result<(Values<'_>, &Layout)> {
    let (storage, layout) = x.storage_and_layout();
    let range = layout.start_offset()..layout.start_offset() + span(layout);
    let values = match &*storage {
        Storage::Cpu(CpuStorage::F32(_)) => Values::Borrowed(Box::new(storage), range),
        Storage::Cpu(CpuStorage::F16(values)) => Values::Converted(values[range].to_f32_vec()),
        Storage::Cpu(CpuStorage::BF16(values)) => Values::Converted(values[range].to_f32_vec()),
        _ => candle_core::bail!("no f32, f16 or bf16 tensor on the CPU, but {:?}", x.dtype()),
    };
    Ok((values, layout))
}

/// How many elements lie from the first to the last one of a tensor.
fn span(layout: &Layout) -> usize {
    if layout.shape().elem_count() == 0 {
        return 0;
    }
    1 + layout.dims().iter().zip(layout.stride()).map(|(dim, stride)| (dim - 1) * stride).sum::<usize>()
}

/// A tensor of computed values, in the type of the tensors they came from.
pub(super) fn tensor(values: Vec<f32>, shape: impl Into<Shape>, dtype: DType) -> Result<Tensor> {
    Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)
}
