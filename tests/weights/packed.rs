//! Tensors that become blocks of a few bits while they are read.

use super::*;
use candle_core::quantized::{GgmlDType, QTensor};
use reelboard::nets::ops::quantized::Format;

/// More than one piece of a tensor that is packed at a time, and no whole number of them.
const SHAPE: [usize; 2] = [1030, 512];

fn waves() -> Tensor {
    let values = (0..SHAPE[0] * SHAPE[1]).map(|i| (i as f32 * 0.37).sin() * (1.0 + (i / 999) as f32)).collect();
    Tensor::from_vec(values, &SHAPE[..], &Device::Cpu).unwrap()
}

#[test]
fn pieces_are_packed_as_the_whole_would_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("waves.safetensors");
    for stored in [DType::F16, DType::BF16, DType::F32] {
        let waves = waves().to_dtype(stored).unwrap();
        save(&path, &[("waves", waves.clone())]);
        let wide = waves.to_dtype(DType::F32).unwrap();
        for (format, dtype) in [
            (Format::F32, GgmlDType::F32),
            (Format::Q8_0, GgmlDType::Q8_0),
            (Format::Q5_0, GgmlDType::Q5_0),
            (Format::Q4_K, GgmlDType::Q4K),
            (Format::Q6_K, GgmlDType::Q6K),
        ] {
            let checkpoint = Checkpoint::open(&path).unwrap();
            let packed = checkpoint.quantized("waves", &SHAPE, format).unwrap();
            assert_eq!((packed.format(), packed.shape()), (format, &SHAPE[..]));
            let expected = QTensor::quantize(&wide, dtype).unwrap();
            assert_eq!(packed.bytes(), &*expected.data().unwrap(), "{stored:?} as {format:?}");
            checkpoint.finish().unwrap();
        }
    }
}

#[test]
fn files_of_pytorch_are_packed_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pytorch_model.bin");
    // The second tensor lies in the middle of a storage, with its rows and columns exchanged.
    let describe =
        |key, offset, shape, strides| Describe { key, storage: "0", storage_len: 96, offset, shape, strides };
    let plain = describe("plain", 0, vec![3, 32], vec![32, 1]);
    let turned = describe("turned", 32, vec![2, 32], vec![1, 2]);
    let numbers = torch_file::numbers(96);
    write(&path, torch_zip(&Pickle::default().state_dict(&[plain, turned]), &[("0", &numbers)]));
    let checkpoint = Checkpoint::open(&path).unwrap();
    let found = |key: &str, shape: &[usize]| checkpoint.quantized(key, shape, Format::F32).unwrap().to_f32();
    assert_eq!(found("plain", &[3, 32])[64..], (64..96).map(|i| i as f32).collect::<Vec<_>>());
    assert_eq!(found("turned", &[2, 32])[..3], [32.0, 34.0, 36.0]);
    assert_eq!(found("turned", &[2, 32])[32], 33.0);
    let whole = checkpoint.tensor("plain", DType::F32, &Device::Cpu).unwrap();
    let expected = QTensor::quantize(&whole, GgmlDType::Q8_0).unwrap();
    assert_eq!(checkpoint.quantized("plain", &[3, 32], Format::Q8_0).unwrap().bytes(), &*expected.data().unwrap());
}

#[test]
fn what_cannot_be_packed_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.safetensors");
    let mut bad = vec![0.5_f32; 64];
    bad[63] = f32::INFINITY;
    let bad = Tensor::from_vec(bad, (2, 32), &Device::Cpu).unwrap();
    let whole = Tensor::zeros((2, 32), DType::I64, &Device::Cpu).unwrap();
    save(&path, &[("bad", bad), ("whole", whole), ("narrow", tensor(&[2, 3], 0.0))]);
    let checkpoint = Checkpoint::open(&path).unwrap();
    let error = |key: &str, shape: &[usize], format| told(checkpoint.quantized(key, shape, format), &path);
    assert_has(&error("bad", &[2, 32], Format::Q8_0), &["bad", "infinite"]);
    assert_has(&error("whole", &[2, 32], Format::Q8_0), &["whole", "i64"]);
    assert_has(&error("bad", &[2, 31], Format::Q8_0), &["bad", "[2, 32]", "[2, 31]"]);
    assert_has(&error("none", &[2, 32], Format::Q8_0), &["none", "no tensor"]);
    assert_has(&error("narrow", &[2, 3], Format::Q8_0), &["narrow", "rows of 3 numbers"]);
}
