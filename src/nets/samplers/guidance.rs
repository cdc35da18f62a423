//! Classifier-free guidance.

use candle_core::{DType, Result, Tensor, bail};
use serde::{Deserialize, Serialize};

/// How strongly a picture follows its conditions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Guidance {
    /// 1 leaves the prediction as it is; pictures use about 7.5, VideoStudio's films 12.
    pub scale: f64,
    /// From 0 to 1: how much of the prediction is brought back to the spread that it has without guidance (Lin et al.
    /// 2023, section 3.4). It keeps strong guidance from bleaching the picture.
    #[serde(default)]
    pub rescale: f64,
}

impl Guidance {
    /// Whether the network has to predict both rows. As in diffusers, a scale of 1 or less needs no unconditional row.
    pub fn is_on(self) -> bool {
        self.scale > 1.0
    }

    /// One prediction out of two: `[2 * batch, …]` with all unconditional rows first gives `[batch, …]`.
    ///
    /// # Errors
    /// When the rows are not an even number.
    pub fn apply(self, predictions: &Tensor) -> Result<Tensor> {
        let rows = predictions.dim(0)?;
        if rows == 0 || rows % 2 != 0 {
            bail!("guidance takes an unconditional row for each conditional one, not {rows} rows");
        }
        let wide = predictions.to_dtype(DType::F32)?;
        let (unconditional, conditional) = (wide.narrow(0, 0, rows / 2)?, wide.narrow(0, rows / 2, rows / 2)?);
        let mut guided = (&unconditional + ((&conditional - &unconditional)? * self.scale)?)?;
        if self.rescale > 0.0 {
            guided = rescale(&guided, &conditional, self.rescale)?;
        }
        guided.to_dtype(predictions.dtype())
    }
}

/// Brings each row of `guided` towards the standard deviation of the same row of `conditional`.
fn rescale(guided: &Tensor, conditional: &Tensor, amount: f64) -> Result<Tensor> {
    let deviation = |x: &Tensor| x.flatten_from(1)?.contiguous()?.var(1)?.sqrt()?.to_vec1::<f32>();
    let factors: Vec<f32> = deviation(conditional)?
        .into_iter()
        .zip(deviation(guided)?)
        // A row without any spread has nothing to be brought back.
        .map(|(wanted, there)| if there > 0.0 { amount as f32 * (wanted / there) + (1.0 - amount as f32) } else { 1.0 })
        .collect();
    let mut shape = vec![1; guided.rank()];
    shape[0] = factors.len();
    guided.broadcast_mul(&Tensor::from_vec(factors, shape, guided.device())?)
}
