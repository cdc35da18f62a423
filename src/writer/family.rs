//! What a GGUF file's metadata say of its network, family by family.

use super::error::WriterError;
use super::gguf::Metadata;
use crate::nets::llama::{Config, Rope, Window};
use crate::nets::ops::Activation;

/// gemma2 sees everything in each second layer, gemma3 in each sixth.
const GEMMA2_GLOBAL_EVERY: usize = 2;
const GEMMA3_GLOBAL_EVERY: usize = 6;
/// Base of the rotary positions in gemma3's other layers.
const GEMMA3_LOCAL_BASE: f32 = 10_000.0;
/// The largest gemma2 and gemma3 scale their scores by the width of a head's share of the stream, all others by the
/// width of a head. Their files do not say so: they are known by their number of layers.
const GEMMA2_27B_BLOCKS: usize = 46;
const GEMMA3_27B_BLOCKS: usize = 62;

/// The shape of the network that `metadata` describe.
///
/// # Errors
/// When something is missing, contradicts itself, or there is no code for it.
pub(super) fn config(metadata: &Metadata) -> Result<Config, WriterError> {
    let mut config = common(metadata)?;
    match metadata.family.as_str() {
        "llama" => {
            config.rope = Rope::Interleaved;
            // As mistral has it.
            config.window = window(metadata, &config, None);
        }
        "qwen3" => config.head_norms = true,
        "phi3" => {
            config.window = window(metadata, &config, None);
            long_positions(metadata, &mut config);
        }
        "gemma" => gemma(&mut config),
        "chatglm" => {
            config.rope = Rope::Interleaved;
            if metadata.family_number("rope.dimension_count").is_none() {
                config.rope_width = Some(config.head_width / 2);
            }
        }
        "gemma2" => {
            gemma(&mut config);
            config.post_norms = true;
            config.score_cap = metadata.family_float("attn_logit_softcapping").filter(|cap| *cap > 0.0);
            config.output_cap = metadata.family_float("final_logit_softcapping").filter(|cap| *cap > 0.0);
            config.window = window(metadata, &config, Some(GEMMA2_GLOBAL_EVERY));
            scale_by_share(&mut config, GEMMA2_27B_BLOCKS);
        }
        "gemma3" => {
            gemma(&mut config);
            (config.post_norms, config.head_norms) = (true, true);
            config.window = window(metadata, &config, Some(GEMMA3_GLOBAL_EVERY));
            config.local_rope_base = Some(metadata.family_float("rope.freq_base_swa").unwrap_or(GEMMA3_LOCAL_BASE));
            scale_by_share(&mut config, GEMMA3_27B_BLOCKS);
        }
        _ => {}
    }
    Ok(config)
}

/// What all families say in the same way.
fn common(metadata: &Metadata) -> Result<Config, WriterError> {
    let hidden = metadata.size("embedding_length")?;
    let heads = metadata.size("attention.head_count")?;
    let or = |key: &str, otherwise: usize| match metadata.family_number(key) {
        Some(_) => metadata.size(key),
        None => Ok(otherwise),
    };
    let kv_heads = or("attention.head_count_kv", heads)?;
    let head_width = or("attention.key_length", hidden / heads)?;
    if heads % kv_heads != 0 || head_width == 0 || head_width % 2 != 0 {
        return Err(metadata.corrupt(format!("{heads} heads of {head_width} do not share {kv_heads} keys evenly")));
    }
    if or("attention.value_length", head_width)? != head_width {
        return Err(metadata.corrupt("its values are not as wide as its keys, which is not supported"));
    }
    let rope_width = or("rope.dimension_count", head_width)?;
    if rope_width > head_width || rope_width % 2 != 0 {
        return Err(metadata.corrupt(format!("{rope_width} numbers rotate in heads of {head_width}")));
    }
    if metadata.family_number("expert_count").is_some_and(|experts| experts > 0) {
        let family = format!("{} with experts", metadata.family);
        return Err(WriterError::Family { path: metadata.path.clone(), family });
    }
    let scaling = metadata.family_text("rope.scaling.type").unwrap_or("none");
    let rope_stretch = match scaling {
        "linear" => metadata.family_float("rope.scaling.factor").or_else(|| metadata.family_float("rope.scale_linear")),
        "none" | "" | "longrope" | "su" | "llama3" => None,
        other => {
            return Err(metadata.corrupt(format!("its rotary positions are scaled by {other}, which is not supported")));
        }
    };
    Ok(Config {
        blocks: metadata.size("block_count")?,
        hidden,
        feed_forward: metadata.size("feed_forward_length")?,
        heads,
        kv_heads,
        head_width,
        rope_base: metadata.family_float("rope.freq_base").unwrap_or(10_000.0),
        rope_width: Some(rope_width),
        rope_stretch: rope_stretch.filter(|stretch| *stretch > 0.0).unwrap_or(1.0),
        norm_epsilon: metadata.family_float("attention.layer_norm_rms_epsilon").unwrap_or(1e-5),
        context_len: metadata.size("context_length")?,
        ..Config::default()
    })
}

fn gemma(config: &mut Config) {
    config.activation = Activation::GeluTanh;
    config.embedding_scale = (config.hidden as f32).sqrt();
}

fn scale_by_share(config: &mut Config, blocks: usize) {
    if config.blocks == blocks {
        config.score_scale = Some((config.hidden as f32 / config.heads as f32).powf(-0.5));
    }
}

/// The layers with a window: all, or all but each so many-th.
fn window(metadata: &Metadata, config: &Config, global_every: Option<usize>) -> Option<Window> {
    let tokens = metadata.family_number("attention.sliding_window").filter(|tokens| *tokens > 0)? as usize;
    let every = metadata.family_number("attention.sliding_window_pattern").map(|every| every as usize);
    let blocks = match (metadata.family_flags("attention.sliding_window_pattern"), global_every) {
        (Some(flags), _) => flags,
        (None, None) => vec![true; config.blocks],
        (None, Some(usual)) => {
            let every = every.filter(|every| *every > 0).unwrap_or(usual);
            (0..config.blocks).map(|block| !(block + 1).is_multiple_of(every)).collect()
        }
    };
    Some(Window { tokens, blocks })
}

/// phi3 was first trained with a short context and then stretched, by lists of factors for either. Scripts fit into the
/// short one, for which the numbers are the better ones.
fn long_positions(metadata: &Metadata, config: &mut Config) {
    let Some(short) = metadata.family_number("rope.scaling.original_context_length").filter(|short| *short > 1) else {
        return;
    };
    let stretched = config.context_len as f32 / short as f32;
    config.rope_magnitude = match metadata.family_float("rope.scaling.attn_factor") {
        Some(factor) => factor,
        None if stretched > 1.0 => (1.0 + stretched.ln() / (short as f32).ln()).sqrt(),
        None => 1.0,
    };
    config.short_context_len = Some(short as usize);
    config.context_len = config.context_len.min(short as usize);
}
