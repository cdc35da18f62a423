//! NVIDIA's cards: those that start, and why others do not.

use super::Accelerator;

/// What came of starting the cards.
#[cfg(any(test, feature = "cuda"))]
struct Started<Card> {
    cards: Vec<Card>,
    /// Why there is none, or not all of them.
    problems: Vec<String>,
}

#[cfg(any(test, feature = "cuda"))]
impl<Card> Started<Card> {
    /// Starts each card alone, so that one that does not start hides no other.
    fn each<E: std::fmt::Display>(count: Result<usize, E>, start: impl Fn(usize) -> Result<Card, E>) -> Self {
        let mut started = Self { cards: Vec::new(), problems: Vec::new() };
        match count {
            Ok(0) => started.problems.push("no CUDA card can be used: the driver knows of none".to_owned()),
            Ok(count) => {
                for index in 0..count {
                    match start(index) {
                        Ok(card) => started.cards.push(card),
                        Err(error) => started.problems.push(format!("cuda:{index} cannot be used: {error}")),
                    }
                }
            }
            Err(error) => started.problems.push(format!("no CUDA card can be used: {error}")),
        }
        started
    }
}

#[cfg(feature = "cuda")]
mod driver {
    use super::{Accelerator, Started};
    use crate::models::compute::Dtype;
    use candle_core::cuda_backend::cudarc::driver::{CudaContext, DriverError};
    use std::sync::{Arc, OnceLock};

    /// The driver's words, without its names for them where there are words.
    fn words(error: DriverError) -> String {
        match error.error_string() {
            Ok(words) => format!("{} ({:?})", words.to_string_lossy(), error.0),
            Err(_) => format!("{:?}", error.0),
        }
    }

    /// Kept, since starting a card takes long and asking it does not.
    fn started() -> &'static Started<Arc<CudaContext>> {
        static STARTED: OnceLock<Started<Arc<CudaContext>>> = OnceLock::new();
        STARTED.get_or_init(|| {
            let count = CudaContext::device_count().map(|count| usize::try_from(count).unwrap_or(0));
            let started = Started::each(count.map_err(words), |index| CudaContext::new(index).map_err(words));
            started.problems.iter().for_each(|problem| log::warn!("{problem}"));
            started
        })
    }

    fn about(card: &CudaContext) -> Accelerator {
        let memory = card.mem_get_info().ok();
        let mut dtypes = vec![Dtype::F16, Dtype::F32];
        if card.compute_capability().is_ok_and(|(major, _)| major >= 8) {
            dtypes.push(Dtype::Bf16);
        }
        Accelerator {
            name: format!("cuda:{}", card.ordinal()),
            title: card.name().unwrap_or_else(|_| "a CUDA card".to_owned()),
            total_bytes: memory.map(|(_, total)| total as u64),
            free_bytes: memory.map(|(free, _)| free as u64),
            dtypes,
        }
    }

    pub fn cards() -> Vec<Accelerator> {
        started().cards.iter().map(|card| about(card)).collect()
    }

    pub fn problems() -> &'static [String] {
        &started().problems
    }
}

#[cfg(not(feature = "cuda"))]
mod driver {
    use super::Accelerator;

    pub fn cards() -> Vec<Accelerator> {
        Vec::new()
    }

    pub fn problems() -> &'static [String] {
        &[]
    }
}

/// The cards that started, and what they have now.
pub(super) fn cards() -> Vec<Accelerator> {
    driver::cards()
}

/// Why there is no card, or why one of them is missing.
pub(super) fn problems() -> &'static [String] {
    driver::problems()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_that_does_not_start_hides_no_other() {
        let start = |index: usize| if index == 1 { Err("it is in use") } else { Ok(index) };
        let started = Started::each(Ok(3), start);
        assert_eq!(started.cards, [0, 2]);
        assert_eq!(started.problems, ["cuda:1 cannot be used: it is in use"]);
    }

    #[test]
    fn that_there_is_no_card_is_said_with_the_reason() {
        let none = |_| -> Result<(), &str> { Err("never asked") };
        assert_eq!(Started::each(Ok(0), none).problems, ["no CUDA card can be used: the driver knows of none"]);
        let started = Started::each(Err("no driver"), none);
        assert!(started.cards.is_empty());
        assert_eq!(started.problems, ["no CUDA card can be used: no driver"]);
    }
}
