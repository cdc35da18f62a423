//! What a prediction depends on besides the latents, and its rows for classifier-free guidance.

use super::config::Config;
use crate::nets::ops::add;
use crate::nets::unet::embedding::{TimestepEmbedding, timestep_sinusoid};
use candle_core::{DType, Result, Tensor, bail};
use candle_nn::VarBuilder;

/// The conditions that are added to the embedding of the time. Those that a network has no layer for are not used.
#[derive(Debug, Clone)]
pub struct AddedConditions {
    /// The pooled text: `[batch, width]`.
    pub text_embeds: Tensor,
    /// Height, width, top, left, height, width in pixels: `[batch, 6]`.
    pub time_ids: Tensor,
    /// The aesthetic score, 6.0 in the release: `[batch]`.
    pub aes_scores: Option<Tensor>,
    /// The pooled feature of the first frame, by CLIP ViT-H: `[batch, width]`.
    pub midf_clip_pool: Option<Tensor>,
    /// How much of each action there is: `[batch, actions]`. Zeros when there is none.
    pub action: Option<Tensor>,
}

/// Everything that a prediction depends on besides the latents and the time.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// The image tokens of the first frame, by CLIP ViT-H: `[batch, tokens, context_width]`.
    pub context: Tensor,
    /// The other conditions.
    pub added: AddedConditions,
}

impl Conditions {
    /// The rows for classifier-free guidance: first the unconditional ones, then these.
    ///
    /// As in the release, the image tokens, the pooled text and the action are zeros in the unconditional rows, the score
    /// is `negative_score` (6.0), and the size and the pooled image feature are the same.
    ///
    /// # Errors
    /// When the device fails.
    pub fn guided(&self, negative_score: f64) -> Result<Self> {
        let after_zeros = |x: &Tensor| Tensor::cat(&[&x.zeros_like()?, x], 0);
        let twice = |x: &Tensor| Tensor::cat(&[x, x], 0);
        let AddedConditions { text_embeds, time_ids, aes_scores, midf_clip_pool, action } = &self.added;
        let scores = |x: &Tensor| Tensor::cat(&[&(x.zeros_like()? + negative_score)?, x], 0);
        Ok(Self {
            context: after_zeros(&self.context)?,
            added: AddedConditions {
                text_embeds: after_zeros(text_embeds)?,
                time_ids: twice(time_ids)?,
                aes_scores: aes_scores.as_ref().map(scores).transpose()?,
                midf_clip_pool: midf_clip_pool.as_ref().map(twice).transpose()?,
                action: action.as_ref().map(after_zeros).transpose()?,
            },
        })
    }
}

/// The layers that turn the time and the added conditions into one embedding.
#[derive(Debug, Clone)]
pub struct Embeddings {
    time: TimestepEmbedding,
    added: TimestepEmbedding,
    aes_score: Option<TimestepEmbedding>,
    clip_pool: Option<TimestepEmbedding>,
    action: Option<TimestepEmbedding>,
    time_channels: usize,
    number_width: usize,
    dtype: DType,
}

impl Embeddings {
    /// Reads `time_embedding`, `add_embedding`, and of `aes_embedding`, `midf_clip_pool_embedding` and
    /// `action_prob_embedding` those that the config has.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape, or when the config has no levels.
    pub fn new(config: &Config, vb: VarBuilder<'_>) -> Result<Self> {
        let Some(first) = config.levels.first() else { bail!("a UNet needs at least one level") };
        let layer = |inputs: usize, name: &str| TimestepEmbedding::new(inputs, config.time_width, vb.pp(name));
        let optional = |inputs: Option<usize>, name: &str| inputs.map(|inputs| layer(inputs, name)).transpose();
        Ok(Self {
            time: layer(first.channels, "time_embedding")?,
            added: layer(config.added_width, "add_embedding")?,
            aes_score: optional(config.aes_score.then_some(config.number_width), "aes_embedding")?,
            clip_pool: optional(config.clip_pool_width, "midf_clip_pool_embedding")?,
            action: optional(config.action_width, "action_prob_embedding")?,
            time_channels: first.channels,
            number_width: config.number_width,
            dtype: vb.dtype(),
        })
    }

    /// The sum of [`Self::parts`]: `[batch, time_width]`. `timestep` is `[1]` or `[batch]`, of any type.
    ///
    /// # Errors
    /// As for [`Self::parts`].
    pub fn forward(&self, timestep: &Tensor, conditions: &AddedConditions) -> Result<Tensor> {
        let mut sum: Option<Tensor> = None;
        for (_, part) in self.parts(timestep, conditions)? {
            sum = Some(match sum {
                Some(sum) => add(&sum, &part)?,
                None => part,
            });
        }
        match sum {
            Some(sum) => Ok(sum),
            None => bail!("an embedding needs the time"),
        }
    }

    /// What each of the layers gives, by its key: `[batch, time_width]`.
    ///
    /// # Errors
    /// When a condition is missing that the network has a layer for, or when the shapes do not fit together.
    pub fn parts(&self, timestep: &Tensor, conditions: &AddedConditions) -> Result<Vec<(&'static str, Tensor)>> {
        let AddedConditions { text_embeds, time_ids, aes_scores, midf_clip_pool, action } = conditions;
        let batch = text_embeds.dim(0)?;
        let cast = |x: &Tensor| x.to_dtype(self.dtype);
        let time = timestep_sinusoid(timestep, self.time_channels, true, 0.0)?;
        let time = time.broadcast_as((batch, self.time_channels))?;
        let ids = timestep_sinusoid(&time_ids.flatten_all()?, self.number_width, true, 0.0)?.reshape((batch, ()))?;
        let text_and_ids = Tensor::cat(&[&cast(text_embeds)?, &cast(&ids)?], 1)?;
        let mut parts = vec![
            ("time_embedding", self.time.forward(&cast(&time)?)?),
            ("add_embedding", self.added.forward(&text_and_ids)?),
        ];
        if let Some(layer) = &self.aes_score {
            let scores = needed(aes_scores, "an aesthetic score")?;
            let scores = timestep_sinusoid(scores, self.number_width, true, 0.0)?;
            parts.push(("aes_embedding", layer.forward(&cast(&scores)?)?));
        }
        if let Some(layer) = &self.clip_pool {
            let feature = needed(midf_clip_pool, "the pooled feature of the first frame")?;
            parts.push(("midf_clip_pool_embedding", layer.forward(&cast(feature)?)?));
        }
        if let Some(layer) = &self.action {
            let action = needed(action, "an action vector (zeros where there is no action)")?;
            parts.push(("action_prob_embedding", layer.forward(&cast(action)?)?));
        }
        Ok(parts)
    }
}

fn needed<'a>(condition: &'a Option<Tensor>, what: &str) -> Result<&'a Tensor> {
    match condition {
        Some(condition) => Ok(condition),
        None => bail!("this video UNet needs {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn rows(x: &Tensor) -> Vec<Vec<f32>> {
        x.reshape((x.dim(0).unwrap(), ())).unwrap().to_vec2().unwrap()
    }

    #[test]
    fn the_unconditional_row_sees_no_text_and_no_action_but_the_same_frame_and_size() {
        let row = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
        let conditions = Conditions {
            context: row(&[1.0, 2.0]).unsqueeze(1).unwrap(),
            added: AddedConditions {
                text_embeds: row(&[3.0]),
                time_ids: row(&[320.0, 512.0, 0.0, 0.0, 320.0, 512.0]),
                aes_scores: Some(Tensor::new(&[6.5f32], &Device::Cpu).unwrap()),
                midf_clip_pool: Some(row(&[4.0])),
                action: Some(row(&[0.25, 0.75])),
            },
        };
        let Conditions { context, added } = conditions.guided(2.0).unwrap();
        assert_eq!(context.dims(), [2, 1, 2]);
        assert_eq!(rows(&context), [[0.0, 0.0], [1.0, 2.0]]);
        assert_eq!(rows(&added.text_embeds), [[0.0], [3.0]]);
        assert_eq!(rows(&added.time_ids)[0], rows(&added.time_ids)[1]);
        assert_eq!(rows(&added.aes_scores.unwrap()), [[2.0], [6.5]]);
        assert_eq!(rows(&added.midf_clip_pool.unwrap()), [[4.0], [4.0]]);
        assert_eq!(rows(&added.action.unwrap()), [[0.0, 0.0], [0.25, 0.75]]);
    }

    #[test]
    fn a_condition_that_is_not_there_stays_away() {
        let one = Tensor::new(&[[1f32]], &Device::Cpu).unwrap();
        let added = AddedConditions {
            text_embeds: one.clone(),
            time_ids: one.clone(),
            aes_scores: None,
            midf_clip_pool: None,
            action: None,
        };
        let added = Conditions { context: one, added }.guided(6.0).unwrap().added;
        assert!(added.aes_scores.is_none() && added.midf_clip_pool.is_none() && added.action.is_none());
    }
}
