//! Key names of older files, as they are called today, and what may be left over.

/// Buffers that a library once saved beside the weights and that no network needs: their values follow from their length,
/// or count steps of training.
const HARMLESS: [&str; 2] = [".embeddings.position_ids", ".num_batches_tracked"];

/// Whether a tensor that nobody reads is nothing to worry about.
pub(super) fn is_harmless(key: &str) -> bool {
    HARMLESS.iter().any(|end| key.ends_with(end))
}

/// Today's name of a tensor, where it had another: the attention of the autoencoder, in diffusers before 0.15, was
/// `attentions.0.query`, `key`, `value` and `proj_attn`.
pub(super) fn todays_name(key: &str) -> Option<String> {
    let (module, parameter) = key.rsplit_once('.')?;
    let (block, layer) = module.rsplit_once('.')?;
    let (list, index) = block.rsplit_once('.')?;
    let of_attention = list == "attentions" || list.ends_with(".attentions");
    if !of_attention || index.parse::<usize>().is_err() || !matches!(parameter, "weight" | "bias") {
        return None;
    }
    let layer = match layer {
        "query" => "to_q",
        "key" => "to_k",
        "value" => "to_v",
        "proj_attn" => "to_out.0",
        _ => return None,
    };
    Some(format!("{block}.{layer}.{parameter}"))
}

/// The shape under today's name: some of the old layers were convolutions of 1 × 1, and are linear today.
pub(super) fn todays_shape(shape: &[usize]) -> &[usize] {
    match shape {
        [_, _, 1, 1] => &shape[..2],
        _ => shape,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_harmless, todays_name};

    #[test]
    fn only_old_attention_is_renamed() {
        let renamed = |key| todays_name(key);
        assert_eq!(
            renamed("encoder.mid_block.attentions.0.query.weight").as_deref(),
            Some("encoder.mid_block.attentions.0.to_q.weight")
        );
        assert_eq!(renamed("attentions.12.proj_attn.bias").as_deref(), Some("attentions.12.to_out.0.bias"));
        for other in [
            "mid.attentions.0.to_q.weight",
            "encoder.layer.0.attention.self.query.weight",
            "attentions.a.key.weight",
            "my_attentions.0.key.weight",
            "attentions.0.group_norm.weight",
            "key.weight",
            "query",
        ] {
            assert_eq!(renamed(other), None, "{other}");
        }
    }

    #[test]
    fn buffers_are_harmless_and_weights_are_not() {
        assert!(is_harmless("text_model.embeddings.position_ids"));
        assert!(is_harmless("vision_model.embeddings.position_ids"));
        assert!(is_harmless("stage1.rebnconv1.bn_s1.num_batches_tracked"));
        assert!(!is_harmless("text_model.embeddings.position_embedding.weight"));
        assert!(!is_harmless("stage1.rebnconv1.bn_s1.running_mean"));
    }
}
