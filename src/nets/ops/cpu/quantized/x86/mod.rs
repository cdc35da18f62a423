//! Integer products with AVX2 or AVX-512.

#![allow(clippy::needless_range_loop, reason = "a plain index is what is surely compiled to vector instructions")]

mod layouts;
mod narrow;
mod pack;
mod panels;
mod rows;
mod unpack;
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
    /// The best of [`Integers::all`] for a format.
    pub(super) fn for_format(format: Format) -> Option<Self> {
        let [avx512, avx2] = Self::all(format);
        avx512.or(avx2)
    }

    /// What there is for a format, the best first.
    pub(super) fn all(format: Format) -> [Option<Self>; 2] {
        if matches!(format, Format::F32 | Format::F16 | Format::BF16) {
            return [None; 2];
        }
        [V4::try_new().map(Self::Avx512), V3::try_new().map(Self::Avx2)]
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
            Self::Avx512(simd) => {
                simd.vectorize(rows::Rows { simd, format, bytes, row_bytes, input, first, to });
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

    /// The products of at most [`Integers::panel_rows`] rows of weights and all rows of the input, added to the values of
    /// each of these.
    pub(super) fn panel<'a>(
        self,
        weights: &Weights<'_>,
        bytes: &'a [u8],
        input: &'a Input<'a>,
        to: &'a mut [&'a mut [f32]],
    ) {
        let Weights { format, row_bytes, .. } = *weights;
        match self {
            Self::Avx2(wide) => {
                wide.vectorize(panels::Panel::<_, 16> { wide, format, bytes, row_bytes, input, to });
            }
            Self::Avx512(wide) => {
                wide.vectorize(panels::Panel::<_, 32> { wide, format, bytes, row_bytes, input, to });
            }
        }
    }
}
