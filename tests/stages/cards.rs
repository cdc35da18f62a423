//! The stages the way graphics cards compute them: with candle's own operations in the place of this program's layers.
//! candle multiplies no matrices of bf16 on the processor.

use crate::studio::{animator, compositor, pictures, studio};
use crate::{clips, pictures as requests};
use candle_core::DType;
use image::RgbImage;
use reelboard::nets::ops::as_on_cards;
use reelboard::progress::Silent;
use std::sync::Arc;

/// A picture, a still and the frames of a clip, from models that are loaded anew.
fn made(dtype: DType) -> Vec<RgbImage> {
    let models = &studio().models;
    let base = Arc::new(pictures(models, dtype));
    let mut all = vec![base.illustrate(&requests::request(), None, &Silent).unwrap()];
    all.push(compositor(models, base).compose(&requests::still(), None, &Silent).unwrap());
    all.extend(animator(models, dtype).animate(&clips::request(), None, &mut |_| (), &Silent).unwrap());
    all
}

/// By how many of the 256 levels the pictures differ in the mean.
fn difference(ours: &[RgbImage], theirs: &[RgbImage]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let levels = ours.iter().zip(theirs).flat_map(|(a, b)| {
        assert_eq!(a.dimensions(), b.dimensions());
        a.iter().zip(b.iter()).map(|(&a, &b)| f64::from(a.abs_diff(b)))
    });
    let (sum, count) = levels.fold((0.0, 0_u32), |(sum, count), level| (sum + level, count + 1));
    sum / f64::from(count)
}

#[test]
fn every_stage_makes_the_same_the_way_cards_compute_it() {
    for (dtype, most) in [(DType::F32, 0.01), (DType::F16, 1.0)] {
        let difference = difference(&made(dtype), &as_on_cards(|| made(dtype)));
        println!("{dtype:?}: {difference:.4} levels");
        assert!(difference <= most, "{dtype:?} differs by {difference} levels");
    }
}
