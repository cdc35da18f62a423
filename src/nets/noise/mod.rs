//! Noise equal to PyTorch's, so that a seed from the Python original gives the same film here.
//!
//! [`Generator`] is `torch.Generator("cpu")` and [`Generator::randn`] is `torch.randn`: a Mersenne Twister, followed by
//! Box-Muller in one of three forms that depend on type and size. Fewer than 16 values come one by one in f64, each
//! second one kept for the next draw. From 16 on, the uniform numbers are drawn first and then turned into normal ones in
//! blocks of 16; what does not fill a block is drawn again together with the values before it. For f32 that second form
//! follows PyTorch's AVX2 code, which every recent x86 machine runs, down to its own logarithm, sine and cosine.
//!
//! Source: `ATen/native/cpu/DistributionTemplates.h`, `ATen/core/DistributionsHelper.h`, `ATen/core/MT19937RNGEngine.h`
//! of PyTorch 2.5.

mod approximate;
mod twister;

use approximate::{ln, sin_cos};
use candle_core::{DType, Device, Result, Shape, Tensor};
use half::{bf16, f16};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use twister::Twister;

/// From this many values on PyTorch fills blocks.
const BLOCK: usize = 16;

/// Gives normally distributed noise; what a step of a sampler draws from.
pub trait NoiseSource {
    /// Noise of this shape and type, on the CPU.
    ///
    /// # Errors
    /// When there is no noise of that type.
    fn noise(&mut self, shape: &Shape, dtype: DType) -> Result<Tensor>;
}

impl NoiseSource for Generator {
    fn noise(&mut self, shape: &Shape, dtype: DType) -> Result<Tensor> {
        self.randn(shape, dtype)
    }
}

impl<F: FnMut(&Shape, DType) -> Result<Tensor>> NoiseSource for F {
    fn noise(&mut self, shape: &Shape, dtype: DType) -> Result<Tensor> {
        self(shape, dtype)
    }
}

/// PyTorch's random number generator on the CPU.
///
/// It can be saved in the middle of a render: what is written is the seed and how much was drawn.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "SavedGenerator", into = "SavedGenerator")]
pub struct Generator {
    seed: u64,
    twister: Twister,
    /// The second of two normal values, until somebody asks for it.
    spare: Option<f64>,
}

/// A generator in a file. The floating-point number is kept as bits: text would round it.
#[derive(Serialize, Deserialize)]
struct SavedGenerator {
    seed: u64,
    drawn: u64,
    #[serde(default)]
    spare_bits: Option<u64>,
}

impl Generator {
    /// `torch.Generator("cpu").manual_seed(seed)`. As there, seeds that agree in their lower 32 bits give the same noise.
    pub fn new(seed: u64) -> Self {
        Self { seed, twister: Twister::new(seed as u32), spare: None }
    }

    /// The seed that it was made with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// `torch.randn(shape, generator=self, dtype=dtype)` on the CPU, for f32, f16, bf16 and f64.
    ///
    /// The numbers depend on the type: f16 noise is not f32 noise rounded.
    ///
    /// # Errors
    /// For another type.
    pub fn randn<S: Into<Shape>>(&mut self, shape: S, dtype: DType) -> Result<Tensor> {
        let shape = shape.into();
        let count = shape.elem_count();
        let cpu = &Device::Cpu;
        match dtype {
            DType::F32 => Tensor::from_vec(self.values(count, Self::uniform_f32, block_f32, |x| x as f32), shape, cpu),
            DType::F64 => Tensor::from_vec(self.values(count, Self::uniform_f64, block_f64, |x| x), shape, cpu),
            DType::F16 => {
                let round = |x| f16::from_f32(x).to_f32();
                let values = self.values(count, Self::uniform_bits::<11>, |b| block_rounded(b, round), |x| x as f32);
                Tensor::from_vec(values.into_iter().map(f16::from_f32).collect::<Vec<_>>(), shape, cpu)
            }
            DType::BF16 => {
                let round = |x| bf16::from_f32(x).to_f32();
                let values = self.values(count, Self::uniform_bits::<8>, |b| block_rounded(b, round), |x| x as f32);
                Tensor::from_vec(values.into_iter().map(bf16::from_f32).collect::<Vec<_>>(), shape, cpu)
            }
            other => candle_core::bail!("there is no normal noise of type {other:?}: ask for f32, f16, bf16 or f64"),
        }
    }

    /// `count` values, in blocks or one by one.
    fn values<T: Copy + Default>(
        &mut self,
        count: usize,
        uniform: impl Fn(&mut Self) -> T,
        transform: impl Fn(&mut [T]),
        narrow: impl Fn(f64) -> T,
    ) -> Vec<T> {
        if count < BLOCK {
            return (0..count).map(|_| narrow(self.normal())).collect();
        }
        let mut values: Vec<T> = (0..count).map(|_| uniform(self)).collect();
        values.chunks_exact_mut(BLOCK).for_each(&transform);
        if !count.is_multiple_of(BLOCK) {
            let tail = &mut values[count - BLOCK..];
            tail.fill_with(|| uniform(self));
            transform(tail);
        }
        values
    }

    /// One normal value; every other one is the spare of the one before.
    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let (u1, u2) = (self.uniform_f64(), self.uniform_f64());
        let radius = (-2.0 * (-u2).ln_1p()).sqrt();
        let (sin, cos) = (TAU * u1).sin_cos();
        self.spare = Some(radius * sin);
        radius * cos
    }

    fn uniform_f32(&mut self) -> f32 {
        self.uniform_bits::<24>()
    }

    /// Uniform in [0, 1), with as many bits as the significand of the type has.
    fn uniform_bits<const BITS: u32>(&mut self) -> f32 {
        let scale = 1 << BITS;
        (self.twister.next() & (scale - 1)) as f32 / scale as f32
    }

    fn uniform_f64(&mut self) -> f64 {
        let (high, low) = (u64::from(self.twister.next()), u64::from(self.twister.next()));
        let scale = 1 << f64::MANTISSA_DIGITS;
        ((high << 32 | low) & (scale - 1)) as f64 / scale as f64
    }
}

impl TryFrom<SavedGenerator> for Generator {
    type Error = String;

    fn try_from(saved: SavedGenerator) -> std::result::Result<Self, String> {
        // More than any film draws; going over that many takes half a minute.
        if saved.drawn > 1 << 34 {
            return Err(format!("a noise generator that gave {} numbers is not one of ours", saved.drawn));
        }
        let mut twister = Twister::new(saved.seed as u32);
        twister.skip(saved.drawn);
        Ok(Self { seed: saved.seed, twister, spare: saved.spare_bits.map(f64::from_bits) })
    }
}

impl From<Generator> for SavedGenerator {
    fn from(generator: Generator) -> Self {
        let Generator { seed, twister, spare } = generator;
        Self { seed, drawn: twister.drawn(), spare_bits: spare.map(f64::to_bits) }
    }
}

/// A block of 16 as the AVX2 code has it: the first eight numbers give the radius, the others the angle.
fn block_f32(block: &mut [f32]) {
    let (first, second) = block.split_at_mut(BLOCK / 2);
    for (a, b) in first.iter_mut().zip(second) {
        let radius = (-2.0 * ln(1.0 - *a)).sqrt();
        let (sin, cos) = sin_cos(TAU as f32 * *b);
        // Adding the mean turns -0 into 0.
        (*a, *b) = (radius * cos + 0.0, radius * sin + 0.0);
    }
}

fn block_f64(block: &mut [f64]) {
    let (first, second) = block.split_at_mut(BLOCK / 2);
    for (a, b) in first.iter_mut().zip(second) {
        let radius = (-2.0 * (1.0 - *a).ln()).sqrt();
        let (sin, cos) = (TAU * *b).sin_cos();
        (*a, *b) = (radius * cos + 0.0, radius * sin + 0.0);
    }
}

/// A block in f16 or bf16: PyTorch rounds after each operation.
fn block_rounded(block: &mut [f32], round: impl Fn(f32) -> f32) {
    let (first, second) = block.split_at_mut(BLOCK / 2);
    for (a, b) in first.iter_mut().zip(second) {
        let radius = round(round(-2.0 * round(round(1.0 - *a).ln())).sqrt());
        let angle = round((TAU * f64::from(*b)) as f32);
        let (sin, cos) = (round(angle.sin()), round(angle.cos()));
        (*a, *b) = (round(radius * cos) + 0.0, round(radius * sin) + 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(x: &Tensor) -> Vec<u32> {
        x.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
    }

    #[test]
    fn a_saved_generator_goes_on_where_it_was() {
        let mut generator = Generator::new(1 << 40 | 9);
        // An odd number of single values leaves one to spare; 700 more cross the end of the twister's state.
        generator.randn(700, DType::F32).unwrap();
        generator.randn(3, DType::F64).unwrap();
        let saved = serde_json::to_string(&generator).unwrap();
        assert!(saved.len() < 100, "{saved}");
        let mut restored: Generator = serde_json::from_str(&saved).unwrap();
        for count in [1, 5, 40, 1000] {
            assert_eq!(
                bits(&generator.randn(count, DType::F32).unwrap()),
                bits(&restored.randn(count, DType::F32).unwrap())
            );
        }
        assert_eq!(restored.seed(), 1 << 40 | 9);
        assert!(serde_json::from_str::<Generator>(r#"{"seed":1,"drawn":18446744073709551615}"#).is_err());
    }

    #[test]
    fn a_million_values_are_those_of_pytorch_to_the_bit() {
        // An FNV-1a hash over the bits of `torch.randn(1 << 20, generator=Generator("cpu").manual_seed(12345))`.
        let values = bits(&Generator::new(12345).randn(1 << 20, DType::F32).unwrap());
        let hash = values
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &bits| (hash ^ u64::from(bits)).wrapping_mul(0x0100_0000_01b3));
        assert_eq!(hash, 0xf316_60b8_30f2_2e61);
    }

    #[test]
    fn noise_is_normal_and_an_empty_shape_draws_nothing() {
        let mut generator = Generator::new(7);
        assert_eq!(generator.randn((0, 4), DType::F32).unwrap().dims(), [0, 4]);
        assert_eq!(generator.twister.drawn(), 0);
        let x = generator.randn(100_000, DType::F32).unwrap();
        let mean = x.mean_all().unwrap().to_scalar::<f32>().unwrap();
        let variance = x.sqr().unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        assert!(generator.randn(3, DType::U8).is_err());
    }
}
