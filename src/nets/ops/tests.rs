//! Holds the layers on the CPU to candle's own operations.

use super::*;
use candle_core::{D, DType, Device};
use candle_nn::VarBuilder;
use std::collections::HashMap;

/// Values without a pattern, the same each time.
fn scattered(shape: &[usize]) -> Tensor {
    let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| ((i * i + 7) as f32).sin()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn weights(tensors: &[(&str, Tensor)]) -> VarBuilder<'static> {
    let tensors: HashMap<String, Tensor> = tensors.iter().map(|(key, x)| ((*key).to_owned(), x.clone())).collect();
    VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu)
}

#[track_caller]
fn assert_near(ours: &Tensor, theirs: &Tensor, tolerance: f32) {
    assert_eq!(ours.dims(), theirs.dims());
    let difference = (ours.to_dtype(DType::F32).unwrap() - theirs.to_dtype(DType::F32).unwrap()).unwrap();
    if difference.elem_count() > 0 {
        let worst = difference.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(worst <= tolerance, "differs by {worst} at {:?}", ours.dims());
    }
}

/// A convolution by candle's operations.
fn conv_by_candle(x: &Tensor, weight: &Tensor, bias: &Tensor, config: ConvConfig) -> Tensor {
    let ConvConfig { stride, padding, dilation } = config;
    let y = x.conv2d(weight, padding, stride, dilation, 1).unwrap();
    y.broadcast_add(&bias.reshape((1, (), 1, 1)).unwrap()).unwrap()
}

#[test]
fn convolutions_equal_candles() {
    let config = |stride, padding, dilation| ConvConfig { stride, padding, dilation };
    for (batch, inputs, outputs, height, width, kernel, config) in [
        (1, 3, 16, 37, 41, 3, ConvConfig::SAME_3),
        (2, 5, 4, 9, 300, 3, config(1, 2, 2)),
        // The kernel is larger than the picture.
        (1, 4, 4, 5, 3, 3, config(1, 8, 8)),
        (1, 6, 1, 12, 12, 1, ConvConfig::default()),
        (1, 2, 3, 8, 8, 5, config(1, 2, 1)),
        (3, 1, 1, 1, 1, 3, ConvConfig::SAME_3),
        (2, 7, 9, 17, 12, 3, config(2, 1, 1)),
        (1, 7, 9, 18, 13, 3, config(2, 0, 1)),
        (2, 3, 8, 28, 28, 14, config(14, 0, 1)),
        // Large enough for Winograd's way, with and without tiles over the edge.
        (1, 16, 16, 64, 64, 3, ConvConfig::SAME_3),
        (2, 33, 50, 33, 46, 3, ConvConfig::SAME_3),
        (3, 20, 130, 16, 24, 3, ConvConfig::SAME_3),
    ] {
        let x = scattered(&[batch, inputs, height, width]);
        let weight = scattered(&[outputs, inputs, kernel, kernel]);
        let bias = scattered(&[outputs]);
        let conv = Conv2d::from_tensors(weight.clone(), Some(bias.clone()), config);
        let expected = conv_by_candle(&x, &weight, &bias, config);
        assert_near(&conv.forward(&x).unwrap(), &expected, 2e-4);
        // All at once, some pictures, some rows, and a row at a time.
        for at_once in [usize::MAX, expected.elem_count() / batch * inputs * kernel * kernel / outputs, 5_000, 1] {
            let pieces = super::conv::by_candle(&x, &weight, config, at_once).unwrap();
            let pieces = pieces.broadcast_add(&bias.reshape((1, (), 1, 1)).unwrap()).unwrap();
            assert_near(&pieces, &expected, 1e-5);
        }

        let per_channel = scattered(&[batch, outputs]);
        let residual = scattered(expected.dims());
        let more = expected.broadcast_add(&per_channel.reshape((batch, outputs, 1, 1)).unwrap()).unwrap();
        let more = (more + &residual).unwrap();
        assert_near(&conv.forward_plus(&x, Some(&per_channel), Some(&residual)).unwrap(), &more, 2e-4);
    }
}

#[test]
fn a_view_into_a_larger_tensor_convolves_like_its_copy() {
    let x = scattered(&[1, 6, 7, 9]).narrow(1, 2, 3).unwrap();
    let copy =
        Tensor::from_vec(x.flatten_all().unwrap().to_vec1::<f32>().unwrap(), (1, 3, 7, 9), &Device::Cpu).unwrap();
    let conv = Conv2d::from_tensors(scattered(&[2, 3, 3, 3]), None, ConvConfig::SAME_3);
    assert_near(&conv.forward(&x).unwrap(), &conv.forward(&copy).unwrap(), 0.0);
}

#[test]
fn convolutions_over_time_equal_candles() {
    for (batch, frames, inputs, outputs, height, width) in
        [(2, 5, 3, 4, 6, 7), (1, 1, 8, 8, 9, 1), (1, 2, 20, 70, 16, 17)]
    {
        let x = scattered(&[batch * frames, inputs, height, width]);
        let (weight, bias) = (scattered(&[outputs, inputs, 3, 1, 1]), scattered(&[outputs]));
        let conv = TemporalConv::new(inputs, outputs, weights(&[("weight", weight.clone()), ("bias", bias.clone())]));
        // Time as the height of a picture: [batch, inputs, frames, pixels].
        let video = x.reshape((batch, frames, inputs, height * width)).unwrap().transpose(1, 2).unwrap();
        let kernel = weight.reshape((outputs, inputs, 3, 1)).unwrap();
        let padded = video.contiguous().unwrap().pad_with_zeros(2, 1, 1).unwrap();
        let y = conv_by_candle(&padded, &kernel, &bias, ConvConfig::default());
        let expected = y.transpose(1, 2).unwrap().reshape((batch * frames, outputs, height, width)).unwrap();
        let conv = conv.unwrap();
        assert_near(&conv.forward(&x, frames, None).unwrap(), &expected, 1e-4);
        let residual = scattered(expected.dims());
        assert_near(&conv.forward(&x, frames, Some(&residual)).unwrap(), &(expected + &residual).unwrap(), 1e-4);
    }
}

#[test]
fn linear_layers_equal_candles() {
    for (tokens, inputs, outputs) in [(1, 4, 3), (2, 320, 1280), (77, 96, 20), (500, 40, 130), (700, 33, 5), (3, 1, 1)]
    {
        let x = scattered(&[tokens, inputs]);
        let (weight, bias) = (scattered(&[outputs, inputs]), scattered(&[outputs]));
        let expected = x.matmul(&weight.t().unwrap()).unwrap().broadcast_add(&bias).unwrap();
        let linear = Linear::from_tensors(weight.clone(), Some(bias));
        assert_near(&linear.forward(&x).unwrap(), &expected, 1e-4);
        let residual = scattered(&[tokens, outputs]);
        assert_near(&linear.forward_plus(&x, &residual).unwrap(), &(&expected + &residual).unwrap(), 1e-4);
        let plain = Linear::from_tensors(weight, None).forward(&x.reshape((1, tokens, inputs)).unwrap()).unwrap();
        assert_eq!(plain.dims(), [1, tokens, outputs]);
    }
}

#[test]
fn a_gated_layer_equals_its_two_steps() {
    for (tokens, inputs, outputs) in [(1, 4, 2), (77, 96, 20), (500, 40, 270), (130, 33, 128)] {
        let x = scattered(&[1, tokens, inputs]);
        for bias in [None, Some(scattered(&[outputs]))] {
            let linear = Linear::from_tensors(scattered(&[outputs, inputs]), bias);
            let expected = geglu(&linear.forward(&x).unwrap()).unwrap();
            assert_near(&linear.forward_geglu(&x).unwrap(), &expected, 1e-4);
        }
    }
    assert!(Linear::from_tensors(scattered(&[3, 4]), None).forward_geglu(&scattered(&[2, 4])).is_err());
}

#[test]
fn linear_layers_take_pixels_and_give_them() {
    let (batch, inputs, outputs, height, width) = (2, 24, 40, 9, 11);
    let x = scattered(&[batch, inputs, height, width]);
    let linear = Linear::from_tensors(scattered(&[outputs, inputs]), Some(scattered(&[outputs])));
    let tokens = linear.forward_pixels(&x).unwrap();
    let sequence = x.flatten_from(2).unwrap().transpose(1, 2).unwrap();
    assert_near(&tokens, &linear.forward(&sequence).unwrap(), 1e-5);

    let back = Linear::from_tensors(scattered(&[inputs, outputs]), Some(scattered(&[inputs])));
    let expected = back.forward(&tokens).unwrap().transpose(1, 2).unwrap().reshape(x.dims()).unwrap();
    let expected = (expected + &x).unwrap();
    assert_near(&back.forward_to_pixels_plus(&tokens, &x).unwrap(), &expected, 1e-4);
}

#[test]
fn attention_equals_the_whole_matrix_of_scores() {
    for (batch, queries, keys, heads, size, mask) in [
        (1, 1, 1, 1, 1, Mask::None),
        (2, 50, 77, 3, 40, Mask::None),
        (1, 130, 130, 2, 64, Mask::Causal),
        (2, 7, 200, 2, 80, Mask::None),
        (1, 33, 300, 1, 160, Mask::None),
        (300, 16, 16, 5, 64, Mask::None),
        (1, 3, 16, 1, 8, Mask::None),
    ] {
        let (q, k) = (scattered(&[batch, queries, heads * size]), scattered(&[batch, keys, heads * size]));
        let v = (&k * 1.7).unwrap().sin().unwrap();
        let by_head =
            |x: &Tensor| x.reshape((batch, (), heads, size)).unwrap().transpose(1, 2).unwrap().contiguous().unwrap();
        let scores = by_head(&q).matmul(&by_head(&k).t().unwrap()).unwrap();
        let mut scores = (scores * (size as f64).powf(-0.5)).unwrap();
        if mask == Mask::Causal {
            let hidden: Vec<f32> =
                (0..queries * keys).map(|i| if i % keys > i / keys { f32::NEG_INFINITY } else { 0.0 }).collect();
            let hidden = Tensor::from_vec(hidden, (queries, keys), &Device::Cpu).unwrap();
            scores = scores.broadcast_add(&hidden).unwrap();
        }
        let y = candle_nn::ops::softmax(&scores, D::Minus1).unwrap().matmul(&by_head(&v)).unwrap();
        let expected = y.transpose(1, 2).unwrap().reshape(q.dims()).unwrap();
        assert_near(&attention(&q, &k, &v, heads, mask).unwrap(), &expected, 1e-5);
        let chunked = super::attention::chunked(&q, &k, &v, heads, mask).unwrap();
        assert_near(&chunked, &expected, 1e-5);
    }
}

#[test]
fn norms_equal_their_definition() {
    for (batch, frames, channels, groups, height, width) in
        [(2, 1, 32, 8, 5, 7), (2, 3, 6, 2, 40, 41), (1, 1, 4, 4, 1, 1)]
    {
        let x = (scattered(&[batch * frames, channels, height, width]) + 3.0).unwrap();
        let (weight, bias) = (scattered(&[channels]), scattered(&[channels]));
        let norm =
            GroupNorm::new(groups, channels, 1e-5, weights(&[("weight", weight.clone()), ("bias", bias.clone())]));
        let grouped = x.to_dtype(DType::F64).unwrap();
        let grouped = grouped.reshape((batch, frames, groups, channels / groups * height * width)).unwrap();
        let mean = grouped.mean_keepdim((1, 3)).unwrap();
        let centred = grouped.broadcast_sub(&mean).unwrap();
        let deviation = (centred.sqr().unwrap().mean_keepdim((1, 3)).unwrap() + 1e-5).unwrap().sqrt().unwrap();
        let normed =
            centred.broadcast_div(&deviation).unwrap().reshape(x.dims()).unwrap().to_dtype(DType::F32).unwrap();
        let by_channel = |x: &Tensor| x.reshape((1, channels, 1, 1)).unwrap();
        let expected = normed.broadcast_mul(&by_channel(&weight)).unwrap().broadcast_add(&by_channel(&bias)).unwrap();
        let norm = norm.unwrap();
        assert_near(&norm.forward_frames(&x, frames, Activation::None).unwrap(), &expected, 1e-5);
        let silu = expected.silu().unwrap();
        assert_near(&norm.forward_frames(&x, frames, Activation::Silu).unwrap(), &silu, 1e-5);
    }
    let x = scattered(&[3, 5, 70]);
    let (weight, bias) = (scattered(&[70]), scattered(&[70]));
    let expected = candle_nn::ops::layer_norm_slow(&x, &weight, &bias, 1e-5).unwrap();
    let norm = LayerNorm::new(70, 1e-5, weights(&[("weight", weight), ("bias", bias)])).unwrap();
    assert_near(&norm.forward(&x).unwrap(), &expected, 1e-5);
}

#[test]
fn activations_equal_candles() {
    let x = (scattered(&[3, 50]) * 5.0).unwrap();
    assert_near(&Activation::Silu.forward(&x).unwrap(), &x.silu().unwrap(), 1e-6);
    assert_near(&Activation::Gelu.forward(&x).unwrap(), &x.gelu_erf().unwrap(), 1e-6);
    assert_near(&Activation::Relu.forward(&x).unwrap(), &x.relu().unwrap(), 0.0);
    let quick = (&x * candle_nn::ops::sigmoid(&(&x * 1.702).unwrap()).unwrap()).unwrap();
    assert_near(&Activation::QuickGelu.forward(&x).unwrap(), &quick, 1e-6);
    let halves = (x.narrow(1, 0, 25).unwrap() * x.narrow(1, 25, 25).unwrap().gelu_erf().unwrap()).unwrap();
    assert_near(&geglu(&x).unwrap(), &halves, 1e-5);
}

/// What every layer makes of numbers of a type, each beside its name.
fn all_layers(dtype: DType) -> Vec<(&'static str, Tensor)> {
    let small = |shape: &[usize]| (scattered(shape) * 0.3).unwrap().to_dtype(dtype).unwrap();
    let vb = |tensors: &[(&str, Tensor)]| {
        let tensors = tensors.iter().map(|(key, x)| ((*key).to_owned(), x.clone()));
        VarBuilder::from_tensors(tensors.collect(), dtype, &Device::Cpu)
    };
    let x = small(&[4, 16, 9, 8]);
    let (weight, bias) = (small(&[16, 16, 3, 3]), small(&[16]));
    let conv = Conv2d::from_tensors(weight, Some(bias.clone()), ConvConfig::SAME_3).with_activation(Activation::Relu);
    let temporal = vb(&[("weight", small(&[16, 16, 3, 1, 1])), ("bias", bias.clone())]);
    let temporal = TemporalConv::new(16, 16, temporal).unwrap();
    let norm = GroupNorm::new(4, 16, 1e-5, vb(&[("weight", bias.clone()), ("bias", bias.clone())])).unwrap();
    let layer_norm = LayerNorm::new(16, 1e-5, vb(&[("weight", bias.clone()), ("bias", bias.clone())])).unwrap();
    let linear = Linear::from_tensors(small(&[16, 16]), Some(bias));
    let tokens = linear.forward_pixels(&x).unwrap();
    vec![
        ("conv", conv.forward_plus(&x, Some(&small(&[4, 16])), Some(&x)).unwrap()),
        ("temporal conv", temporal.forward(&x, 2, Some(&x)).unwrap()),
        ("group norm", norm.forward_frames(&x, 2, Activation::Silu).unwrap()),
        ("layer norm", layer_norm.forward(&tokens).unwrap()),
        ("linear", linear.forward_plus(&tokens, &tokens).unwrap()),
        ("gated", linear.forward_geglu(&tokens).unwrap()),
        ("back to pixels", linear.forward_to_pixels_plus(&tokens, &x).unwrap()),
        ("attention", attention(&tokens, &tokens, &tokens, 2, Mask::Causal).unwrap()),
        ("gelu", Activation::Gelu.forward(&tokens).unwrap()),
        ("quick gelu", Activation::QuickGelu.forward(&tokens).unwrap()),
        ("sum", add(&x, &x).unwrap()),
        ("enlarged", upsample_nearest(&x, 18, 13).unwrap()),
    ]
}

fn all_layers_stay_near_f32(dtype: DType, tolerance: f32) {
    for ((name, half), (_, whole)) in all_layers(dtype).iter().zip(&all_layers(DType::F32)) {
        println!("{name}");
        assert_eq!(half.dtype(), dtype, "{name}");
        assert_near(half, whole, tolerance);
    }
}

#[test]
fn f16_stays_near_f32() {
    all_layers_stay_near_f32(DType::F16, 0.01);
}

#[test]
fn bf16_stays_near_f32() {
    all_layers_stay_near_f32(DType::BF16, 0.08);
}

#[test]
fn layers_are_the_same_the_way_cards_compute_them() {
    as_on_cards(|| {
        convolutions_equal_candles();
        a_view_into_a_larger_tensor_convolves_like_its_copy();
        convolutions_over_time_equal_candles();
        linear_layers_equal_candles();
        a_gated_layer_equals_its_two_steps();
        linear_layers_take_pixels_and_give_them();
        attention_equals_the_whole_matrix_of_scores();
        norms_equal_their_definition();
        activations_equal_candles();
        // candle multiplies no matrices of bf16 on the processor.
        f16_stays_near_f32();
        wrong_shapes_are_errors();
    });
}

#[test]
fn wrong_shapes_are_errors() {
    let conv = Conv2d::from_tensors(scattered(&[4, 3, 3, 3]), None, ConvConfig::SAME_3);
    assert!(conv.forward(&scattered(&[1, 4, 8, 8])).is_err());
    assert!(conv.forward_plus(&scattered(&[1, 3, 8, 8]), Some(&scattered(&[1, 3])), None).is_err());
    assert!(conv.forward_plus(&scattered(&[1, 3, 8, 8]), None, Some(&scattered(&[1, 4, 8, 7]))).is_err());
    let linear = Linear::from_tensors(scattered(&[4, 3]), None);
    assert!(linear.forward(&scattered(&[2, 4])).is_err());
    assert!(linear.forward_plus(&scattered(&[2, 3]), &scattered(&[4])).is_err());
    let x = scattered(&[1, 5, 6]);
    assert!(attention(&x, &x, &x, 4, Mask::None).is_err());
    assert!(attention(&x, &x.narrow(1, 0, 4).unwrap(), &x, 2, Mask::None).is_err());
    assert!(attention(&x, &x.narrow(1, 0, 4).unwrap(), &x.narrow(1, 0, 4).unwrap(), 2, Mask::Causal).is_err());
}
