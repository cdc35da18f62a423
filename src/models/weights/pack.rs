//! From the bytes of a file to blocks of a few bits, a piece at a time, on all processors.

use super::fill::{Fill, Flaw};
use crate::nets::ops::quantized::{Format, Stored};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Result, Tensor};
use rayon::prelude::*;
use std::sync::Arc;

/// Numbers of a piece: whole blocks of every format.
const PIECE: usize = 1 << 18;
/// Pieces that are packed at a time.
const AT_ONCE: usize = 16;

/// A tensor that grows from the bytes of a file.
pub(super) struct Pack {
    from: DType,
    to: Format,
    shape: Vec<usize>,
    /// Bytes that wait for others, so that there is work for all processors.
    waiting: Vec<u8>,
    packed: Vec<u8>,
    unfit: Option<Unfit>,
}

/// Why there is no tensor.
pub(super) enum Unfit {
    Flaw(Flaw),
    Other(candle_core::Error),
}

impl Pack {
    /// For numbers of the type `from`, which are floating-point numbers.
    pub fn new(from: DType, to: Format, shape: &[usize]) -> Self {
        let count: usize = shape.iter().product();
        let packed = Vec::with_capacity(count / to.block_len() * to.block_bytes());
        let waiting = Vec::with_capacity(count.min(AT_ONCE * PIECE) * from.size_in_bytes());
        Self { from, to, shape: shape.to_vec(), waiting, packed, unfit: None }
    }

    /// Takes the next bytes, which are whole numbers in the order of small ends first.
    pub fn push(&mut self, mut bytes: &[u8]) {
        let full = AT_ONCE * PIECE * self.from.size_in_bytes();
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(full - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            bytes = later;
            if self.waiting.len() == full {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        if self.unfit.is_none() {
            let pieces = self.waiting.par_chunks(PIECE * self.from.size_in_bytes());
            let packed: std::result::Result<Vec<_>, _> = pieces.map(|piece| pack(piece, self.from, self.to)).collect();
            match packed {
                Ok(packed) => packed.iter().for_each(|piece| self.packed.extend_from_slice(piece)),
                Err(unfit) => self.unfit = Some(unfit),
            }
        }
        self.waiting.clear();
    }

    /// The tensor, when its numbers are as they should be.
    pub fn finish(mut self) -> std::result::Result<Stored, Unfit> {
        let width = self.shape.last().copied().unwrap_or_default();
        if !width.is_multiple_of(self.to.block_len()) {
            let reason = format!("rows of {width} numbers are no whole blocks of {}", self.to.block_len());
            return Err(Unfit::Other(candle_core::Error::Msg(reason)));
        }
        self.flush();
        match self.unfit {
            Some(unfit) => Err(unfit),
            None => Stored::new(self.to, self.shape, Arc::new(self.packed), 0).map_err(Unfit::Other),
        }
    }
}

fn pack(bytes: &[u8], from: DType, to: Format) -> std::result::Result<Vec<u8>, Unfit> {
    let count = bytes.len() / from.size_in_bytes();
    let fill = Fill::new(from, DType::F32, count);
    let mut fill = fill.ok_or_else(|| Unfit::Other(candle_core::Error::Msg("these are no weights".to_owned())))?;
    fill.push(bytes);
    let numbers = fill.finish(&[count], &Device::Cpu).map_err(Unfit::Flaw)?;
    blocks(numbers, to).map_err(Unfit::Other)
}

fn blocks(numbers: Result<Tensor>, to: Format) -> Result<Vec<u8>> {
    let blocks = QTensor::quantize(&numbers?, ggml_type(to))?;
    Ok(blocks.data()?.into_owned())
}

fn ggml_type(format: Format) -> GgmlDType {
    match format {
        Format::F32 => GgmlDType::F32,
        Format::F16 => GgmlDType::F16,
        Format::BF16 => GgmlDType::BF16,
        Format::Q4_0 => GgmlDType::Q4_0,
        Format::Q4_1 => GgmlDType::Q4_1,
        Format::Q5_0 => GgmlDType::Q5_0,
        Format::Q5_1 => GgmlDType::Q5_1,
        Format::Q8_0 => GgmlDType::Q8_0,
        Format::Q2_K => GgmlDType::Q2K,
        Format::Q3_K => GgmlDType::Q3K,
        Format::Q4_K => GgmlDType::Q4K,
        Format::Q5_K => GgmlDType::Q5K,
        Format::Q6_K => GgmlDType::Q6K,
    }
}
