//! The settings of the random models, as their `config.json`s have them.

use super::vocabulary;
use serde_json::{Value, json};

/// Width of every text, image token and reference token.
pub const WIDTH: usize = 32;

pub fn text() -> Value {
    json!({
        "architectures": ["CLIPTextModelWithProjection"],
        "model_type": "clip_text_model",
        "vocab_size": vocabulary::len(),
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "projection_dim": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 77,
        "hidden_act": "quick_gelu",
        "layer_norm_eps": 1e-5,
        "eos_token_id": 2,
    })
}

pub fn vision() -> Value {
    json!({
        "architectures": ["CLIPVisionModelWithProjection"],
        "model_type": "clip_vision_model",
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "projection_dim": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_channels": 3,
        "image_size": 28,
        "patch_size": 14,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
    })
}

pub fn clip() -> Value {
    json!({
        "architectures": ["CLIPModel"],
        "model_type": "clip",
        "projection_dim": WIDTH,
        "text_config": text(),
        "vision_config": vision(),
    })
}

/// The resampler has no file of settings: its sizes are read off its weights, but for a head's width, which is 64.
pub fn resampler() -> Value {
    json!({
        "dim": WIDTH,
        "depth": 1,
        "dim_head": 64,
        "heads": 1,
        "num_queries": 16,
        "embedding_dim": WIDTH,
        "output_dim": WIDTH,
        "ff_mult": 2,
    })
}

/// U²-Net has no file of settings either.
pub fn segmenter() -> Value {
    let width = json!({"mid": 4, "out": 8});
    json!({"in_channels": 3, "out_channels": 1, "encoder": vec![width.clone(); 6], "decoder": vec![width; 5]})
}

pub fn picture_unet() -> Value {
    let (cross_down, cross_up) = ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D");
    json!({
        "_class_name": "UNet2DConditionModel",
        "sample_size": 64,
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": [cross_down, cross_down, cross_down, "DownBlock2D"],
        "mid_block_type": "UNetMidBlock2DCrossAttn",
        "up_block_types": ["UpBlock2D", cross_up, cross_up, cross_up],
        "block_out_channels": [32, 32, 32, 64],
        "layers_per_block": 1,
        "cross_attention_dim": WIDTH,
        "attention_head_dim": 2,
        "norm_num_groups": 32,
    })
}

pub fn video_unet() -> Value {
    let (cross_down, cross_up) = ("CrossAttnDownBlock3D", "CrossAttnUpBlock3D");
    // The pooled text and six numbers of `addition_time_embed_dim` each.
    let numbers = 8;
    json!({
        "_class_name": "UNet3DConditionModel",
        "sample_size": 64,
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": ["DownBlock3D", cross_down, cross_down],
        "mid_block_type": "UNetMidBlock3DCrossAttn",
        "up_block_types": [cross_up, cross_up, "UpBlock3D"],
        "block_out_channels": [32, 64, 64],
        "layers_per_block": 1,
        "cross_attention_dim": WIDTH,
        "transformer_layers_per_block": 1,
        "attention_head_dim": [1, 2, 2],
        "use_linear_projection": true,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": numbers,
        "projection_class_embeddings_input_dim": WIDTH + 6 * numbers,
        "temporal_trans_num_align_spatial": true,
        "use_transformer_in": true,
        "aes_condition": true,
        "temporal_res_use_more_conv": true,
        "midf_clip_pool_fea_guidance": true,
        "action_prob_fea_guidance": true,
    })
}

pub fn vae() -> Value {
    json!({
        "_class_name": "AutoencoderKL",
        "in_channels": 3,
        "out_channels": 3,
        "down_block_types": vec!["DownEncoderBlock2D"; 4],
        "up_block_types": vec!["UpDecoderBlock2D"; 4],
        "block_out_channels": [8, 16, 32, 32],
        "layers_per_block": 1,
        "act_fn": "silu",
        "latent_channels": 4,
        "norm_num_groups": 8,
        "sample_size": 256,
        "scaling_factor": 0.18215,
    })
}

pub fn picture_scheduler() -> Value {
    json!({
        "_class_name": "DDIMScheduler",
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "prediction_type": "epsilon",
        "timestep_spacing": "leading",
        "steps_offset": 1,
        "clip_sample": false,
        "set_alpha_to_one": false,
    })
}

pub fn video_scheduler() -> Value {
    json!({
        "_class_name": "DPMSolverMultistepScheduler",
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "prediction_type": "epsilon",
        "timestep_spacing": "leading",
        "steps_offset": 1,
        "algorithm_type": "dpmsolver++",
        "solver_order": 2,
        "solver_type": "midpoint",
        "lower_order_final": true,
    })
}

pub fn tokenizer() -> Value {
    tokenizer_with("<|endoftext|>")
}

/// The second tokenizer of Stable Diffusion XL fills texts up with exclamation marks.
pub fn tokenizer_2() -> Value {
    tokenizer_with("!")
}

fn tokenizer_with(padding: &str) -> Value {
    json!({
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": 77,
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "pad_token": padding,
        "unk_token": "<|endoftext|>",
    })
}
