//! The networks once more, the way graphics cards compute them: with candle's own operations in the place of this
//! program's layers. No card is needed, so kernels of cards are not tried; shapes, types and order of the operations are. In bf16 they
//! are not, since candle multiplies no matrices of it on the processor.

use reelboard::nets::ops::as_on_cards;

macro_rules! on_cards {
    ($($module:ident: $($test:ident),+;)+) => {$(
        mod $module {
            $(
                #[test]
                fn $test() {
                    super::as_on_cards(crate::$module::$test);
                }
            )+
        }
    )+};
}

on_cards! {
    clip: parity_clip_vision, parity_clip_vision_in_half_precision, a_whole_clip_serves_both_towers, parity_sd_txt2img_text_encoder, parity_sd_txt2img_text_encoder_2, parity_sd_txt2img_text_encoder_in_f16, the_pooled_token_is_the_first_end_of_each_text, inputs_that_do_not_fit_are_errors;
    resampler: parity_resampler, parity_resampler_in_f16;
    txt2img: parity_of_text_to_image, parity_of_text_to_image_in_f16, parity_of_references_from_clip_to_the_prediction;
    unet2d: parity_of_the_content_adapter, parity_of_resampled_tokens_in_the_content_adapter, parity_of_two_foregrounds, parity_of_the_sdxl_unet, parity_of_the_text_to_image_unet;
    unet3d: parity_of_the_video_unet, parity_of_the_official_heads_before_the_first_block, parity_of_the_variants, parity_of_the_layers, every_type_of_number_runs_to_about_the_same_result, two_videos_at_once_are_the_same_as_one_after_the_other;
    vae: parity_vae_of_pictures, parity_vae_of_videos;
    video_pipeline: parity_of_the_denoising_loops, parity_of_the_denoising_loops_with_a_camera, parity_of_the_clip_stage;
}
