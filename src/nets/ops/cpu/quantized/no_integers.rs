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

    #[cfg(test)]
    pub(super) fn all(_: Format) -> [Option<Self>; 2] {
        [None; 2]
    }

    pub(super) fn rows<const T: usize>(self, _: &Weights<'_>, _: &[u8], _: &Input<'_>, _: usize, _: &mut [[f32; T]]) {
        match self {}
    }

    pub(super) fn panel_rows(self) -> usize {
        match self {}
    }

    pub(super) fn panel(self, _: &Weights<'_>, _: &[u8], _: &Input<'_>, _: &mut [&mut [f32]]) {
        match self {}
    }
}
