//! Weights in the formats of GGUF files, multiplied as they lie in the file.
//!
//! The formats hold numbers in blocks: a few bits for each, with scales for the block. Nothing is unpacked when a model
//! is loaded. On x86 with AVX2 or AVX-512 the inputs are rounded to 8 bits, block by block, and multiplied as integers;
//! on other processors, and for weights that are floating-point numbers, the weights become f32 row by row.
//!
//! The [formats](https://github.com/ggml-org/llama.cpp/wiki/Tensor-Encoding-Schemes) are llama.cpp's.

use super::cpu::quantized as cpu;
use candle_core::Result;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// How weights are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "these are the names that everybody knows them by")]
#[allow(non_camel_case_types, reason = "these are the names that everybody knows them by")]
pub enum Format {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
}

impl Format {
    /// The format with this number in GGUF files; the name of the format, or the number, if there is no such here.
    ///
    /// # Errors
    /// When the format is not supported.
    pub fn from_gguf(number: u32) -> std::result::Result<Self, String> {
        Ok(match number {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            6 => Self::Q5_0,
            7 => Self::Q5_1,
            8 => Self::Q8_0,
            10 => Self::Q2_K,
            11 => Self::Q3_K,
            12 => Self::Q4_K,
            13 => Self::Q5_K,
            14 => Self::Q6_K,
            30 => Self::BF16,
            _ => return Err(unsupported(number)),
        })
    }

    /// Numbers in a block.
    pub const fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => 1,
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => 32,
            Self::Q2_K | Self::Q3_K | Self::Q4_K | Self::Q5_K | Self::Q6_K => 256,
        }
    }

    /// Bytes of a block.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q2_K => 84,
            Self::Q3_K => 110,
            Self::Q4_K => 144,
            Self::Q5_K => 176,
            Self::Q6_K => 210,
        }
    }
}

fn unsupported(number: u32) -> String {
    let known = match number {
        9 => "Q8_1",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        _ => return format!("number {number}"),
    };
    known.to_owned()
}

/// A part of bytes that are shared, such as a mapped file.
#[derive(Clone)]
struct Bytes {
    whole: Arc<dyn AsRef<[u8]> + Send + Sync>,
    range: Range<usize>,
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &(*self.whole).as_ref()[self.range.clone()]
    }
}

/// A tensor as a file holds it.
#[derive(Clone)]
pub struct Stored {
    format: Format,
    shape: Vec<usize>,
    bytes: Bytes,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:?}", self.format, self.shape)
    }
}

impl Stored {
    /// The tensor of `shape` (slowest dimension first) that begins at byte `start` of `whole`.
    ///
    /// # Errors
    /// When its rows do not hold whole blocks, or `whole` ends before it does.
    pub fn new(
        format: Format,
        shape: Vec<usize>,
        whole: Arc<dyn AsRef<[u8]> + Send + Sync>,
        start: usize,
    ) -> Result<Self> {
        let row = shape.last().copied().unwrap_or(1);
        if !row.is_multiple_of(format.block_len()) {
            candle_core::bail!("rows of {row} numbers are not made of blocks of {}", format.block_len());
        }
        let elements = shape.iter().try_fold(1_usize, |all, dim| all.checked_mul(*dim));
        let length = elements.and_then(|all| (all / format.block_len()).checked_mul(format.block_bytes()));
        let range = length.and_then(|length| Some(start..start.checked_add(length)?));
        match range.filter(|range| range.end <= (*whole).as_ref().len()) {
            Some(range) => Ok(Self { format, shape, bytes: Bytes { whole, range } }),
            None => candle_core::bail!("a tensor of {shape:?} lies beyond the end of its file"),
        }
    }

    /// How it is stored.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Its dimensions, the slowest one first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Some rows of a matrix, as a matrix that shares its bytes.
    ///
    /// # Errors
    /// When it is no matrix or has fewer rows.
    pub fn rows(&self, rows: Range<usize>) -> Result<Self> {
        let [count, columns] = *self.shape.as_slice() else { candle_core::bail!("{:?} is no matrix", self.shape) };
        if rows.start > rows.end || rows.end > count {
            candle_core::bail!("rows {rows:?} of {:?}", self.shape);
        }
        let length = columns / self.format.block_len() * self.format.block_bytes();
        let start = self.bytes.range.start + rows.start * length;
        let bytes = Bytes { whole: self.bytes.whole.clone(), range: start..start + rows.len() * length };
        Ok(Self { format: self.format, shape: vec![rows.len(), columns], bytes })
    }

    /// All of its numbers.
    pub fn to_f32(&self) -> Vec<f32> {
        let mut numbers = vec![0.0; self.shape.iter().product()];
        cpu::blocks::unpack(self.format, &self.bytes, &mut numbers);
        numbers
    }
}

/// A matrix `[outputs, inputs]` of weights.
#[derive(Debug, Clone)]
pub struct Matrix {
    stored: Stored,
}

impl Matrix {
    /// # Errors
    /// When the tensor is not a matrix.
    pub fn new(stored: Stored) -> Result<Self> {
        match stored.shape.as_slice() {
            [outputs, inputs] if outputs * inputs > 0 => Ok(Self { stored }),
            shape => candle_core::bail!("{shape:?} is no matrix"),
        }
    }

    /// Its rows.
    pub fn outputs(&self) -> usize {
        self.stored.shape[0]
    }

    /// Its columns.
    pub fn inputs(&self) -> usize {
        self.stored.shape[1]
    }

    /// How it is stored.
    pub fn format(&self) -> Format {
        self.stored.format
    }

    /// Bytes of a row.
    fn row_bytes(&self) -> usize {
        self.inputs() / self.format().block_len() * self.format().block_bytes()
    }

    /// One of its rows, to `to`.
    ///
    /// # Errors
    /// When there is no such row.
    pub fn row(&self, index: usize, to: &mut [f32]) -> Result<()> {
        if index >= self.outputs() || to.len() != self.inputs() {
            candle_core::bail!("row {index} of {:?} to {} numbers", self.stored.shape, to.len());
        }
        let length = self.row_bytes();
        cpu::blocks::unpack(self.format(), &self.stored.bytes[index * length..][..length], to);
        Ok(())
    }

    fn weights(&self) -> cpu::Weights<'_> {
        cpu::Weights {
            format: self.format(),
            bytes: &self.stored.bytes,
            row_bytes: self.row_bytes(),
            outputs: self.outputs(),
            inputs: self.inputs(),
        }
    }
}

/// What is multiplied with matrices: rows of numbers. It is rounded to the form that a format needs once, however many
/// matrices it meets.
pub struct Input<'a>(cpu::Input<'a>);

impl<'a> Input<'a> {
    /// Some rows of `width` numbers each.
    ///
    /// # Errors
    /// When `values` does not hold whole rows.
    pub fn new(values: &'a [f32], width: usize) -> Result<Self> {
        if width == 0 || !values.len().is_multiple_of(width) {
            candle_core::bail!("{} numbers are no rows of {width}", values.len());
        }
        Ok(Self(cpu::Input::new(values, width)))
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.0.rows()
    }
}

/// The products of one input with several matrices: adds `[rows, outputs]` of each to its target. The threads meet
/// once for all of them.
///
/// # Errors
/// When the sizes do not match.
pub fn add_products<const N: usize>(
    input: &Input<'_>,
    matrices: [&Matrix; N],
    mut targets: [&mut [f32]; N],
) -> Result<()> {
    for (matrix, target) in matrices.iter().zip(&targets) {
        if matrix.inputs() != input.0.width() || target.len() != input.rows() * matrix.outputs() {
            candle_core::bail!(
                "rows of {} numbers times {:?} to {} numbers",
                input.0.width(),
                matrix.stored.shape,
                target.len()
            );
        }
    }
    cpu::add_products(&input.0, &matrices.map(Matrix::weights), &mut targets);
    Ok(())
}
