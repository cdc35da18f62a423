//! Integer products with AVX2 or AVX-512.

mod pack;
mod panels;
mod rows;
mod wide;

use super::Weights;
use super::input::Input;
use crate::nets::ops::quantized::Format;
use pulp::x86::{V3, V4};

/// The integer instructions of this processor.
#[derive(Clone, Copy)]
pub(super) enum Integers {
    Avx2(V3),
    Avx512(V4),
}

impl Integers {
    /// What there is for a format.
    pub(super) fn for_format(format: Format) -> Option<Self> {
        if matches!(format, Format::F32 | Format::F16 | Format::BF16) {
            return None;
        }
        V4::try_new().map(Self::Avx512).or_else(|| V3::try_new().map(Self::Avx2))
    }

    /// Some rows of weights times `T` rows of the input from `first` on.
    pub(super) fn rows<const T: usize>(
        self,
        weights: &Weights<'_>,
        bytes: &[u8],
        input: &Input<'_>,
        first: usize,
        to: &mut [[f32; T]],
    ) {
        let Weights { format, row_bytes, .. } = *weights;
        match self {
            Self::Avx2(simd) => simd.vectorize(rows::Rows { simd, format, bytes, row_bytes, input, first, to }),
            Self::Avx512(wide) => {
                wide.vectorize(rows::Rows { simd: *wide, format, bytes, row_bytes, input, first, to });
            }
        }
    }

    /// Rows of a panel.
    pub(super) fn panel_rows(self) -> usize {
        match self {
            Self::Avx2(_) => 16,
            Self::Avx512(_) => 32,
        }
    }

    /// Words of a panel.
    pub(super) fn panel_words(self, weights: &Weights<'_>) -> usize {
        pack::panel_words(weights.format, self.panel_rows(), weights.inputs)
    }

    /// Packs some rows of weights, at most those of a panel.
    pub(super) fn pack(self, weights: &Weights<'_>, bytes: &[u8], to: &mut [u32]) {
        let Weights { format, row_bytes, .. } = *weights;
        match self {
            Self::Avx2(simd) => simd.vectorize(pack::Pack::<16> { format, bytes, row_bytes, to }),
            Self::Avx512(simd) => simd.vectorize(pack::Pack::<32> { format, bytes, row_bytes, to }),
        }
    }

    /// Adds the products of a panel and some rows of the input.
    pub(super) fn panel(self, task: Panel<'_>) {
        let Panel { format, words, input, first, count, to, stride, columns } = task;
        match self {
            Self::Avx2(wide) => {
                wide.vectorize(panels::Panel { wide, format, words, input, first, count, to, stride, columns });
            }
            Self::Avx512(wide) => {
                wide.vectorize(panels::Panel { wide, format, words, input, first, count, to, stride, columns });
            }
        }
    }
}

/// A packed panel and what it is multiplied with.
pub(super) struct Panel<'a> {
    pub format: Format,
    pub words: &'a [u32],
    pub input: &'a Input<'a>,
    /// The first row of the input.
    pub first: usize,
    /// Rows of the input.
    pub count: usize,
    /// Where products are added: the first `columns` of rows that are `stride` apart.
    pub to: &'a mut [f32],
    pub stride: usize,
    pub columns: usize,
}
