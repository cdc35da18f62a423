//! What is done when the device has not enough memory.

use super::run::JobError;
use std::fmt::Display;

/// Does the work by the first plan and, when the device has no memory for it, once more by the next one, which should
/// need less. `on_retry` hears of it before.
pub(super) fn with_less_memory<P: Display, T>(
    plans: impl IntoIterator<Item = P>,
    mut on_retry: impl FnMut(&P),
    mut work: impl FnMut(&P) -> Result<T, JobError>,
) -> Result<T, JobError> {
    let mut plans = plans.into_iter();
    let Some(first) = plans.next() else { return Err(JobError::NoPlan) };
    match (work(&first), plans.next()) {
        (Err(JobError::OutOfMemory(reason)), Some(cheaper)) => {
            log::warn!("{first}: {reason}; once more: {cheaper}");
            on_retry(&cheaper);
            work(&cheaper)
        }
        (result, _) => result,
    }
}

/// Whether a message of the device says that its memory is full: candle passes on the driver's own words.
pub(super) fn is_out_of_memory(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["out of memory", "out_of_memory", "alloc_failed", "memory allocation failed"].iter().any(|m| message.contains(m))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_retry_with_the_next_plan_and_no_more() {
        let full = || Err(JobError::OutOfMemory("CUDA_ERROR_OUT_OF_MEMORY".to_owned()));
        let try_plans = |fits: &'static str| {
            let (mut told, mut tried) = (Vec::new(), Vec::new());
            let result = with_less_memory(
                ["f32", "f16", "sequential"],
                |plan| told.push(*plan),
                |plan| {
                    tried.push(*plan);
                    if *plan == fits { Ok(*plan) } else { full() }
                },
            );
            (result.ok(), told, tried)
        };
        assert_eq!(try_plans("f32"), (Some("f32"), vec![], vec!["f32"]));
        assert_eq!(try_plans("f16"), (Some("f16"), vec!["f16"], vec!["f32", "f16"]));
        assert_eq!(try_plans("sequential"), (None, vec!["f16"], vec!["f32", "f16"]));
        let other = with_less_memory(["a", "b"], |_| panic!("no retry"), |_| Err::<(), _>(JobError::NoPlan));
        assert!(matches!(other, Err(JobError::NoPlan)));
    }

    #[test]
    fn the_drivers_words_are_known() {
        for text in [
            "DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")",
            "CublasError(CUBLAS_STATUS_ALLOC_FAILED)",
            "Metal: memory allocation failed",
        ] {
            assert!(is_out_of_memory(text), "{text}");
        }
        assert!(!is_out_of_memory("shape mismatch in matmul"));
    }
}
