//! Every format, with every kind of instructions that this processor has, against plain numbers.

use super::integers::Integers;
use super::{Input, Weights, add_products_with, blocks};
use crate::nets::ops::quantized::Format;
use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{Device, Module, Tensor};

const FORMATS: [(Format, GgmlDType); 13] = [
    (Format::F32, GgmlDType::F32),
    (Format::F16, GgmlDType::F16),
    (Format::BF16, GgmlDType::BF16),
    (Format::Q4_0, GgmlDType::Q4_0),
    (Format::Q4_1, GgmlDType::Q4_1),
    (Format::Q5_0, GgmlDType::Q5_0),
    (Format::Q5_1, GgmlDType::Q5_1),
    (Format::Q8_0, GgmlDType::Q8_0),
    (Format::Q2_K, GgmlDType::Q2K),
    (Format::Q3_K, GgmlDType::Q3K),
    (Format::Q4_K, GgmlDType::Q4K),
    (Format::Q5_K, GgmlDType::Q5K),
    (Format::Q6_K, GgmlDType::Q6K),
];

struct Random(u64);

impl Random {
    fn bits(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }

    /// Uniform in -1..1.
    fn number(&mut self) -> f32 {
        self.bits() as f32 / (1_u64 << 31) as f32 - 1.0
    }

    fn numbers(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.number()).collect()
    }
}

/// Where a block has f16.
fn halves(format: Format) -> &'static [usize] {
    match format {
        Format::Q4_0 | Format::Q5_0 | Format::Q8_0 => &[0],
        Format::Q4_1 | Format::Q5_1 | Format::Q4_K | Format::Q5_K => &[0, 2],
        Format::Q2_K => &[80, 82],
        Format::Q3_K => &[108],
        Format::Q6_K => &[208],
        Format::F32 | Format::F16 | Format::BF16 => &[],
    }
}

/// A matrix as a file would hold it.
struct Matrix {
    format: Format,
    bytes: Vec<u8>,
    outputs: usize,
    inputs: usize,
}

impl Matrix {
    fn weights(&self) -> Weights<'_> {
        Weights {
            format: self.format,
            bytes: &self.bytes,
            row_bytes: self.inputs / self.format.block_len() * self.format.block_bytes(),
            outputs: self.outputs,
            inputs: self.inputs,
        }
    }

    fn numbers(&self) -> Vec<f32> {
        let mut numbers = vec![0.0; self.outputs * self.inputs];
        blocks::unpack(self.format, &self.bytes, &mut numbers);
        numbers
    }

    /// Blocks of any bits, with scales that a file could have: some are no normal f16.
    fn of_random_bits(format: Format, outputs: usize, inputs: usize, random: &mut Random) -> Self {
        let count = outputs * inputs / format.block_len();
        let mut bytes: Vec<u8> = (0..count * format.block_bytes()).map(|_| random.bits() as u8).collect();
        for block in bytes.chunks_exact_mut(format.block_bytes()) {
            for at in halves(format) {
                let scale = half::f16::from_f32(random.number() * 4e-4);
                block[*at..at + 2].copy_from_slice(&scale.to_le_bytes());
            }
        }
        Self { format, bytes, outputs, inputs }
    }
}

/// Products of plain numbers, and how far rounded inputs may lead away from them: half a step of the block that an input
/// is in, times the sizes of the weights.
fn expected(matrix: &Matrix, x: &[f32]) -> Vec<(f32, f32)> {
    let numbers = matrix.numbers();
    let length = matrix.format.block_len();
    let products = x.chunks_exact(matrix.inputs).flat_map(|x| {
        let steps: Vec<f32> =
            x.chunks(length).map(|block| block.iter().fold(0.0_f32, |most, x| most.max(x.abs())) / 127.0).collect();
        let product = |row: &[f32]| {
            let exact: f64 = row.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
            let size: f32 = row.iter().zip(x).map(|(w, x)| (w * x).abs()).sum();
            let away: f32 = row.iter().enumerate().map(|(i, w)| w.abs() * steps[i / length] / 2.0).sum();
            (exact as f32, if length > 1 { 1.01 * away } else { 0.0 } + 1e-5 * size + 1e-7)
        };
        numbers.chunks_exact(matrix.inputs).map(product).collect::<Vec<_>>()
    });
    products.collect()
}

/// Every way to multiply on this processor.
fn ways(format: Format) -> Vec<Option<Integers>> {
    Integers::all(format).into_iter().filter(Option::is_some).chain([None]).collect()
}

fn check(matrix: &Matrix, x: &[f32]) {
    let expected = expected(matrix, x);
    for (way, integers) in ways(matrix.format).into_iter().enumerate() {
        // What is there already is added to.
        let mut y = vec![0.5; expected.len()];
        let input = Input::new(x, matrix.inputs);
        add_products_with(|_| integers, &input, &[matrix.weights()], &mut [&mut y]);
        for (at, (y, (exact, away))) in y.iter().zip(&expected).enumerate() {
            let (format, rows) = (matrix.format, input.rows());
            assert!(
                (y - 0.5 - exact).abs() <= *away,
                "{format:?}, way {way}, {rows} rows, at {at}: {} instead of {exact}, at most {away} away",
                y - 0.5
            );
        }
    }
}

#[test]
fn unpacked_numbers_equal_candles() {
    let mut random = Random(1);
    for (format, dtype) in FORMATS {
        let tensor = Tensor::from_vec(random.numbers(4 * 512), (4, 512), &Device::Cpu).unwrap();
        let stored = QTensor::quantize(&tensor, dtype).unwrap();
        let matrix = Matrix { format, bytes: stored.data().unwrap().to_vec(), outputs: 4, inputs: 512 };
        let exact = stored.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (ours, candles) in matrix.numbers().into_iter().zip(exact) {
            assert!((ours - candles).abs() <= 1e-6 * candles.abs(), "{format:?}: {ours} for {candles}");
        }
    }
}

#[test]
fn products_are_as_exact_as_the_rounding_of_inputs_allows() {
    let mut random = Random(2);
    for (format, dtype) in FORMATS {
        for (outputs, inputs) in [(37, 512), (1, 256), (64, 768)] {
            let tensor = Tensor::from_vec(random.numbers(outputs * inputs), (outputs, inputs), &Device::Cpu).unwrap();
            let bytes = QTensor::quantize(&tensor, dtype).unwrap().data().unwrap().to_vec();
            let matrix = Matrix { format, bytes, outputs, inputs };
            for rows in [1, 2, 3, 4, 5, 7, 9, 17, 34] {
                check(&matrix, &random.numbers(rows * inputs));
            }
        }
    }
}

#[test]
fn no_bits_of_a_block_overflow() {
    let mut random = Random(3);
    for (format, _) in FORMATS.into_iter().filter(|(format, _)| format.block_len() > 1) {
        for rows in [1, 4, 20] {
            let matrix = Matrix::of_random_bits(format, 40, 512, &mut random);
            check(&matrix, &random.numbers(rows * 512));
            // The largest sums: all numbers at their largest, and all inputs, too.
            let mut largest = matrix;
            for block in largest.bytes.chunks_exact_mut(format.block_bytes()) {
                for (at, byte) in block.iter_mut().enumerate() {
                    if !halves(format).iter().any(|half| (*half..half + 2).contains(&at)) {
                        *byte = 0xff;
                    }
                }
            }
            check(&largest, &vec![1.0; rows * 512]);
            check(&largest, &vec![-1.0; rows * 512]);
        }
    }
}

#[test]
fn products_equal_candles_within_the_rounding_of_both() {
    let mut random = Random(4);
    for (format, dtype) in FORMATS {
        let (outputs, inputs, rows) = (48, 512, 6);
        let tensor = Tensor::from_vec(random.numbers(outputs * inputs), (outputs, inputs), &Device::Cpu).unwrap();
        let stored = QTensor::quantize(&tensor, dtype).unwrap();
        let matrix = Matrix { format, bytes: stored.data().unwrap().to_vec(), outputs, inputs };
        let x = random.numbers(rows * inputs);
        let candle = QMatMul::from_qtensor(stored).unwrap();
        let theirs = candle.forward(&Tensor::from_slice(&x, (rows, inputs), &Device::Cpu).unwrap()).unwrap();
        let theirs = theirs.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let mut ours = vec![0.0; rows * outputs];
        let input = Input::new(&x, inputs);
        add_products_with(Integers::for_format, &input, &[matrix.weights()], &mut [&mut ours]);
        for ((ours, theirs), (exact, away)) in ours.iter().zip(theirs).zip(expected(&matrix, &x)) {
            // candle rounds to f16 where its weights are f16.
            let away = 2.0 * away + if format.block_len() == 1 { 2e-2 } else { 1e-2 };
            assert!((ours - theirs).abs() <= away, "{format:?}: {ours} and {theirs} for {exact}, {away}");
        }
    }
}

#[test]
fn nothing_but_zeros_gives_zero() {
    let mut random = Random(5);
    for (format, _) in FORMATS.into_iter().filter(|(format, _)| format.block_len() > 1) {
        check(&Matrix::of_random_bits(format, 33, 256, &mut random), &vec![0.0; 7 * 256]);
    }
}
