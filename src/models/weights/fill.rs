//! From the bytes of a file to a tensor, in one pass: widened or narrowed, and checked, on the way.

use candle_core::{DType, Device, Result, Tensor};
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use std::fmt;

/// The type in which a file holds a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredType {
    /// One that this program reads.
    Known(DType),
    /// Any other, by the name that the file gives it; such a tensor may lie beside the weights, but is not read.
    Other(String),
}

impl fmt::Display for StoredType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Known(dtype) => dtype.as_str(),
            Self::Other(name) => name,
        })
    }
}

/// Numbers that are converted at a time: they stay in the cache of the processor.
const BLOCK: usize = 4096;

/// What is wrong with the numbers of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    NotFinite,
    TooLarge,
}

/// A tensor that grows from the bytes of a file.
pub(super) struct Fill {
    from: DType,
    out: Values,
    flaw: Option<Flaw>,
}

enum Values {
    F64(Vec<f64>),
    F32(Vec<f32>),
    F16(Vec<f16>),
    BF16(Vec<bf16>),
    /// Whole numbers stay as they are stored until all are here: there are never many.
    Whole(Vec<u8>, DType),
}

impl Fill {
    /// Makes room for `count` numbers of the type `to`. `None` where numbers of the type `from` are not read as `to`.
    pub fn new(from: DType, to: DType, count: usize) -> Option<Self> {
        let whole = |dtype| matches!(dtype, DType::U8 | DType::U32 | DType::I16 | DType::I32 | DType::I64);
        let out = match to {
            _ if whole(from) && whole(to) => Values::Whole(Vec::with_capacity(count * from.size_in_bytes()), to),
            _ if !matches!(from, DType::F64 | DType::F32 | DType::F16 | DType::BF16) => return None,
            DType::F64 => Values::F64(Vec::with_capacity(count)),
            DType::F32 => Values::F32(Vec::with_capacity(count)),
            DType::F16 => Values::F16(Vec::with_capacity(count)),
            DType::BF16 => Values::BF16(Vec::with_capacity(count)),
            _ => return None,
        };
        Some(Self { from, out, flaw: None })
    }

    /// Takes the next bytes, which are whole numbers of elements in the order of small ends first.
    pub fn push(&mut self, bytes: &[u8]) {
        for block in bytes.chunks(BLOCK * self.from.size_in_bytes()) {
            let finite = match (self.from, &mut self.out) {
                (_, Values::Whole(out, _)) => {
                    out.extend_from_slice(block);
                    true
                }
                (DType::F32, Values::F32(out)) => finite(extended(out, block, f32::from_le_bytes), |x| x.is_finite()),
                (DType::F64, Values::F64(out)) => finite(extended(out, block, f64::from_le_bytes), |x| x.is_finite()),
                (DType::F16, Values::F16(out)) => finite(extended(out, block, f16::from_le_bytes), |x| x.is_finite()),
                (DType::BF16, Values::BF16(out)) => {
                    finite(extended(out, block, bf16::from_le_bytes), |x| x.is_finite())
                }
                _ => self.push_converted(block),
            };
            if !finite {
                self.flaw.get_or_insert(Flaw::NotFinite);
            }
        }
    }

    /// Through f32, as PyTorch does it. Answers whether the numbers were finite in the file.
    fn push_converted(&mut self, block: &[u8]) -> bool {
        let mut wide = [0.0_f32; BLOCK];
        let (wide, all_finite) = match self.from {
            DType::F16 => {
                let narrow: Vec<f16> = elements(block, f16::from_le_bytes).collect();
                let wide = &mut wide[..narrow.len()];
                narrow.convert_to_f32_slice(wide);
                (&*wide, finite(wide, |x| x.is_finite()))
            }
            DType::BF16 => {
                let wide = filled(&mut wide, elements(block, |bytes| bf16::from_le_bytes(bytes).to_f32()));
                (wide, finite(wide, |x| x.is_finite()))
            }
            DType::F64 => {
                let all_finite = elements(block, f64::from_le_bytes).all(f64::is_finite);
                (filled(&mut wide, elements(block, |bytes| f64::from_le_bytes(bytes) as f32)), all_finite)
            }
            _ => {
                let wide = filled(&mut wide, elements(block, f32::from_le_bytes));
                (wide, finite(wide, |x| x.is_finite()))
            }
        };
        let fits = match &mut self.out {
            Values::F64(out) => {
                out.extend(wide.iter().map(|&x| f64::from(x)));
                true
            }
            Values::F32(out) => {
                out.extend_from_slice(wide);
                finite(wide, |x| x.is_finite())
            }
            Values::F16(out) => {
                let start = out.len();
                out.resize(start + wide.len(), f16::ZERO);
                out[start..].convert_from_f32_slice(wide);
                finite(&out[start..], |x| x.is_finite())
            }
            Values::BF16(out) => {
                let start = out.len();
                out.resize(start + wide.len(), bf16::ZERO);
                out[start..].convert_from_f32_slice(wide);
                finite(&out[start..], |x| x.is_finite())
            }
            Values::Whole(..) => true,
        };
        if all_finite && !fits {
            self.flaw.get_or_insert(Flaw::TooLarge);
        }
        all_finite
    }

    /// The tensor, when its numbers are as they should be.
    pub fn finish(self, shape: &[usize], device: &Device) -> std::result::Result<Result<Tensor>, Flaw> {
        if let Some(flaw) = self.flaw {
            return Err(flaw);
        }
        Ok(match self.out {
            Values::F64(values) => Tensor::from_vec(values, shape, device),
            Values::F32(values) => Tensor::from_vec(values, shape, device),
            Values::F16(values) => Tensor::from_vec(values, shape, device),
            Values::BF16(values) => Tensor::from_vec(values, shape, device),
            Values::Whole(bytes, to) => Tensor::from_raw_buffer(&bytes, self.from, shape, &Device::Cpu)
                .and_then(|x| x.to_dtype(to)?.to_device(device)),
        })
    }
}

fn elements<const N: usize, T>(bytes: &[u8], of: impl Fn([u8; N]) -> T) -> impl Iterator<Item = T> {
    bytes.as_chunks::<N>().0.iter().map(move |&bytes| of(bytes))
}

/// Appends the numbers, and gives back what was appended.
fn extended<'a, const N: usize, T>(out: &'a mut Vec<T>, bytes: &[u8], of: impl Fn([u8; N]) -> T) -> &'a [T] {
    let start = out.len();
    out.extend(elements(bytes, of));
    &out[start..]
}

/// Writes the numbers at the start, and gives back what was written.
fn filled(wide: &mut [f32; BLOCK], values: impl Iterator<Item = f32>) -> &[f32] {
    let mut count = 0;
    for (wide, value) in wide.iter_mut().zip(values) {
        *wide = value;
        count += 1;
    }
    &wide[..count]
}

/// Whether all are finite. Looks at all of them, which is faster than stopping early: nearly always all are.
fn finite<T: Copy>(values: &[T], is_finite: impl Fn(T) -> bool) -> bool {
    values.iter().fold(true, |all, &value| all & is_finite(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(x: &Tensor, to: DType, step: usize) -> std::result::Result<Tensor, Flaw> {
        let mut bytes = Vec::new();
        x.write_bytes(&mut bytes).unwrap();
        let mut fill = Fill::new(x.dtype(), to, x.elem_count()).unwrap();
        bytes.chunks(step * x.dtype().size_in_bytes()).for_each(|bytes| fill.push(bytes));
        fill.finish(x.dims(), &Device::Cpu).map(Result::unwrap)
    }

    #[test]
    fn every_type_is_read_as_candle_converts_it() {
        let types = [DType::F64, DType::F32, DType::F16, DType::BF16];
        let x = (Tensor::arange(0.0_f64, 10_007.0, &Device::Cpu).unwrap() * 0.371).unwrap();
        for from in types {
            for to in types {
                let x = x.to_dtype(from).unwrap();
                let expected = x.to_dtype(DType::F32).unwrap().to_dtype(to).unwrap();
                let expected = if from == to { x.clone() } else { expected };
                for step in [1, 5000, 10_007] {
                    let read = fill(&x, to, step).unwrap();
                    assert_eq!(read.dtype(), to);
                    let values = |x: &Tensor| x.to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap();
                    assert_eq!(values(&read), values(&expected), "{from:?} as {to:?}");
                }
            }
        }
    }

    #[test]
    fn numbers_that_are_not_finite_are_found_in_every_type() {
        for from in [DType::F64, DType::F32, DType::F16, DType::BF16] {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for place in [0, 4095, 4096, 9000] {
                    let mut values = vec![1.0_f32; 9001];
                    values[place] = bad;
                    let x = Tensor::from_vec(values, 9001, &Device::Cpu).unwrap().to_dtype(from).unwrap();
                    for to in [DType::F64, DType::F32, DType::F16, DType::BF16] {
                        assert_eq!(fill(&x, to, 9001).unwrap_err(), Flaw::NotFinite);
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_found() {
        let x = Tensor::new(&[1e6_f32, 1.0], &Device::Cpu).unwrap();
        assert_eq!(fill(&x, DType::F16, 2).unwrap_err(), Flaw::TooLarge);
        fill(&x, DType::BF16, 2).unwrap();
        let x = Tensor::new(&[1e300_f64, 1.0], &Device::Cpu).unwrap();
        for to in [DType::F32, DType::F16, DType::BF16] {
            assert_eq!(fill(&x, to, 2).unwrap_err(), Flaw::TooLarge);
        }
        fill(&x, DType::F64, 2).unwrap();
    }

    #[test]
    fn whole_numbers_are_not_weights() {
        assert!(Fill::new(DType::I64, DType::F32, 1).is_none());
        assert!(Fill::new(DType::F32, DType::I64, 1).is_none());
        let x = Tensor::new(&[1_i64, 2, 3], &Device::Cpu).unwrap();
        assert_eq!(fill(&x, DType::U32, 3).unwrap().to_vec1::<u32>().unwrap(), [1, 2, 3]);
    }
}
