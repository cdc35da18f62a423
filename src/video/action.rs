//! The action of a clip: what its prompt says that somebody does.

use super::animate::Animator;
use super::error::AnimateError;
use crate::nets::action::{Prototypes, class_names};
use crate::nets::clip::TextModelWithProjection;
use crate::progress::Watch;
use candle_core::Tensor;

impl Animator {
    /// The pooled embedding of a text, `[1, width]`.
    pub(super) fn embed(
        &self,
        encoder: &TextModelWithProjection,
        name: &str,
        text: &str,
        watch: &dyn Watch,
    ) -> Result<Tensor, AnimateError> {
        let tokens = self.tokenizer.encode(text).map_err(AnimateError::Text)?;
        if let Some(left_out) = tokens.left_out {
            watch.note(&format!("the {name} is too long for the text encoder; left out: {left_out}"));
        }
        let ids = Tensor::new(tokens.ids, &self.device)?.unsqueeze(0)?;
        Ok(encoder.forward(&ids)?.1)
    }

    /// The action vector of verb phrases, `[1, actions]`, for a UNet that has a use for it.
    pub(super) fn action(
        &self,
        encoder: &TextModelWithProjection,
        phrases: &[String],
        watch: &dyn Watch,
    ) -> Result<Option<Tensor>, AnimateError> {
        let Some(actions) = self.unet_config.action_width else { return Ok(None) };
        if phrases.is_empty() {
            return Ok(Some(Tensor::zeros((1, actions), candle_core::DType::F32, &self.device)?));
        }
        let prototypes = self.prototypes(encoder, actions, watch)?;
        let embeddings: Vec<Tensor> =
            phrases.iter().map(|phrase| self.embed(encoder, "verb phrase", phrase, watch)).collect::<Result<_, _>>()?;
        let vector = prototypes.action_vector(&Tensor::cat(&embeddings, 0)?)?;
        Ok(Some(vector.to_device(&self.device)?))
    }

    /// Those that were given, or those of the actions' names, which are computed once.
    fn prototypes(
        &self,
        encoder: &TextModelWithProjection,
        actions: usize,
        watch: &dyn Watch,
    ) -> Result<&Prototypes, AnimateError> {
        if let Some(prototypes) = self.prototypes.get() {
            return Ok(prototypes);
        }
        let names = class_names();
        if names.len() != actions {
            return Err(AnimateError::Actions { prototypes: names.len(), actions });
        }
        watch.stage("reading the names of the actions");
        let total = names.len() as u64;
        let mut rows = Vec::new();
        for (done, name) in names.enumerate() {
            watch.step(done as u64, total)?;
            rows.push(self.embed(encoder, "name of an action", name, watch)?);
        }
        let computed = Prototypes::from_embeddings(&Tensor::cat(&rows, 0)?)?;
        watch.note(
            "the action prototypes were computed from the names of the actions, not read from the release's file",
        );
        Ok(self.prototypes.get_or_init(|| computed))
    }
}
