//! Loops in the best vector instructions of the processor that the program runs on.

use pulp::{Arch, WithSimd};
use std::sync::LazyLock;

static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// Runs a short closure with the best vector instructions there are; a long one would not be inlined, and so be compiled
/// without them: use [`vectorized_by`].
#[inline]
pub(crate) fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    ARCH.dispatch(f)
}

/// Runs an operation with the best vector instructions there are.
#[inline]
pub(crate) fn vectorized_by<W: WithSimd>(operation: W) -> W::Output {
    ARCH.dispatch(operation)
}
