//! Processors whose integer instructions are not used.

use super::Weights;
use super::input::Input;
use crate::nets::ops::quantized::Format;

/// There is nothing of this kind.
#[derive(Clone, Copy)]
pub(super) enum Integers {}

impl Integers {
    pub(super) fn for_format(_: Format) -> Option<Self> {
        None
    }

    pub(super) fn rows<const T: usize>(self, _: &Weights<'_>, _: &[u8], _: &Input<'_>, _: usize, _: &mut [[f32; T]]) {
        match self {}
    }

    pub(super) fn panel_rows(self) -> usize {
        match self {}
    }

    pub(super) fn panel_words(self, _: &Weights<'_>) -> usize {
        match self {}
    }

    pub(super) fn pack(self, _: &Weights<'_>, _: &[u8], _: &mut [u32]) {
        match self {}
    }

    pub(super) fn panel(self, _: Panel<'_>) {
        match self {}
    }
}

/// A packed panel and what it is multiplied with.
#[allow(dead_code, reason = "nobody reads it here")]
pub(super) struct Panel<'a> {
    pub format: Format,
    pub words: &'a [u32],
    pub input: &'a Input<'a>,
    pub first: usize,
    pub count: usize,
    pub to: &'a mut [f32],
    pub stride: usize,
    pub columns: usize,
}
