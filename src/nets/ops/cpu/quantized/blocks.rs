//! Blocks of the GGUF formats to f32, in plain Rust: what everything faster is held to.

use crate::nets::ops::quantized::Format;
use crate::simd::vectorized_by;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use half::{bf16, f16};
use pulp::{Simd, WithSimd};

/// Unpacks whole blocks.
pub(crate) fn unpack(format: Format, bytes: &[u8], to: &mut [f32]) {
    match format {
        Format::F32 => {
            for (to, from) in to.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *to = f32::from_le_bytes(*from);
            }
        }
        Format::F16 => halves(bytes, to, |bits, to| bits.reinterpret_cast::<f16>().convert_to_f32_slice(to)),
        Format::BF16 => halves(bytes, to, |bits, to| bits.reinterpret_cast::<bf16>().convert_to_f32_slice(to)),
        _ => vectorized_by(Unpack { format, bytes, to }),
    }
}

/// Hands over 16-bit numbers some at a time: in the file they may lie at odd addresses.
fn halves(bytes: &[u8], to: &mut [f32], convert: impl Fn(&[u16], &mut [f32])) {
    const STEP: usize = 256;
    let mut bits = [0; STEP];
    for (to, from) in to.chunks_mut(STEP).zip(bytes.chunks(2 * STEP)) {
        for (bits, from) in bits.iter_mut().zip(from.as_chunks::<2>().0) {
            *bits = u16::from_le_bytes(*from);
        }
        convert(&bits[..to.len()], to);
    }
}

struct Unpack<'a> {
    format: Format,
    bytes: &'a [u8],
    to: &'a mut [f32],
}

impl WithSimd for Unpack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        // A function handed over as an argument would not be compiled with the vector instructions.
        macro_rules! each {
            ($unpack:ident) => {
                for (to, block) in self.to.as_chunks_mut().0.iter_mut().zip(self.bytes.as_chunks().0) {
                    $unpack(block, to);
                }
            };
        }
        match self.format {
            Format::Q4_0 => each!(q4_0),
            Format::Q4_1 => each!(q4_1),
            Format::Q5_0 => each!(q5_0),
            Format::Q5_1 => each!(q5_1),
            Format::Q8_0 => each!(q8_0),
            Format::Q2_K => each!(q2_k),
            Format::Q3_K => each!(q3_k),
            Format::Q4_K => each!(q4_k),
            Format::Q5_K => each!(q5_k),
            Format::Q6_K => each!(q6_k),
            Format::F32 | Format::F16 | Format::BF16 => {}
        }
    }
}

/// The f16 at byte `at`.
#[inline(always)]
pub(super) fn half_at(bytes: &[u8], at: usize) -> f32 {
    f32::from_bits(float_bits(u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))))
}

/// The bits of an f16 to those of an f32. Infinities become large numbers; scales have none.
#[inline(always)]
pub(super) fn float_bits(bits: u32) -> u32 {
    // The exponent of an f16 counts from 15, that of an f32 from 127.
    let size = ((bits & 0x7fff) << 13) + (112 << 23);
    // Scales are often smaller than the smallest normal f16. Such a number has no leading 1: with the exponent of the
    // smallest normal one it is too large by just that. A product with a power of two would do for both, but processors
    // take long for factors that are no normal f32.
    let least = 113 << 23;
    let small = f32::from_bits(size + (1 << 23)) - f32::from_bits(least);
    let size = if size < least { small.to_bits() } else { size };
    size | (bits & 0x8000) << 16
}

#[inline(always)]
pub(super) fn word_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The scales and the minima, of 6 bits each, of the eight parts of a `Q4_K` or `Q5_K` block, a byte each.
#[inline(always)]
pub(super) fn scales_of_8(bytes: &[u8], at: usize) -> [u32; 4] {
    let [a, b, c] = [word_at(bytes, at), word_at(bytes, at + 4), word_at(bytes, at + 8)];
    [
        a & 0x3f3f_3f3f,
        (c & 0x0f0f_0f0f) | ((a >> 6) & 0x0303_0303) << 4,
        b & 0x3f3f_3f3f,
        ((c >> 4) & 0x0f0f_0f0f) | ((b >> 6) & 0x0303_0303) << 4,
    ]
}

/// The scales, of 6 bits and 32 too large, of the sixteen parts of a `Q3_K` block, a byte each.
#[inline(always)]
pub(super) fn scales_of_16(bytes: &[u8], at: usize) -> [u32; 4] {
    let [a, b, c] = [word_at(bytes, at), word_at(bytes, at + 4), word_at(bytes, at + 8)];
    [
        (a & 0x0f0f_0f0f) | (c & 0x0303_0303) << 4,
        (b & 0x0f0f_0f0f) | ((c >> 2) & 0x0303_0303) << 4,
        ((a >> 4) & 0x0f0f_0f0f) | ((c >> 4) & 0x0303_0303) << 4,
        ((b >> 4) & 0x0f0f_0f0f) | ((c >> 6) & 0x0303_0303) << 4,
    ]
}

/// Byte `index` of some words.
#[inline(always)]
pub(super) fn byte_of(words: &[u32; 4], index: usize) -> u8 {
    (words[index / 4] >> (8 * (index % 4))) as u8
}

#[inline(always)]
fn q4_0(block: &[u8; 18], to: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    for i in 0..16 {
        let byte = block[2 + i];
        to[i] = f32::from(i16::from(byte & 15) - 8) * scale;
        to[i + 16] = f32::from(i16::from(byte >> 4) - 8) * scale;
    }
}

#[inline(always)]
fn q4_1(block: &[u8; 20], to: &mut [f32; 32]) {
    let (scale, least) = (half_at(block, 0), half_at(block, 2));
    for i in 0..16 {
        let byte = block[4 + i];
        to[i] = f32::from(byte & 15) * scale + least;
        to[i + 16] = f32::from(byte >> 4) * scale + least;
    }
}

#[inline(always)]
fn q5_0(block: &[u8; 22], to: &mut [f32; 32]) {
    let (scale, high) = (half_at(block, 0), word_at(block, 2));
    for i in 0..16 {
        let byte = u32::from(block[6 + i]);
        let low = (byte & 15) | ((high >> i) & 1) << 4;
        let upper = (byte >> 4) | ((high >> (i + 16)) & 1) << 4;
        to[i] = (low as i32 - 16) as f32 * scale;
        to[i + 16] = (upper as i32 - 16) as f32 * scale;
    }
}

#[inline(always)]
fn q5_1(block: &[u8; 24], to: &mut [f32; 32]) {
    let (scale, least, high) = (half_at(block, 0), half_at(block, 2), word_at(block, 4));
    for i in 0..16 {
        let byte = u32::from(block[8 + i]);
        let low = (byte & 15) | ((high >> i) & 1) << 4;
        let upper = (byte >> 4) | ((high >> (i + 16)) & 1) << 4;
        to[i] = low as f32 * scale + least;
        to[i + 16] = upper as f32 * scale + least;
    }
}

#[inline(always)]
fn q8_0(block: &[u8; 34], to: &mut [f32; 32]) {
    let scale = half_at(block, 0);
    for i in 0..32 {
        to[i] = f32::from(block[2 + i].cast_signed()) * scale;
    }
}

#[inline(always)]
fn q2_k(block: &[u8; 84], to: &mut [f32; 256]) {
    let (scale, least) = (half_at(block, 80), half_at(block, 82));
    for part in 0..16 {
        let both = block[part];
        let (scale, least) = (scale * f32::from(both & 15), least * f32::from(both >> 4));
        let (half, shift, side) = (part / 8, part % 8 / 2 * 2, part % 2);
        for i in 0..16 {
            let bits = (block[16 + 32 * half + 16 * side + i] >> shift) & 3;
            to[16 * part + i] = f32::from(bits) * scale - least;
        }
    }
}

#[inline(always)]
fn q3_k(block: &[u8; 110], to: &mut [f32; 256]) {
    let (scale, scales) = (half_at(block, 108), scales_of_16(block, 96));
    for part in 0..16 {
        let scale = scale * f32::from(i16::from(byte_of(&scales, part)) - 32);
        let (half, shift, side) = (part / 8, part % 8 / 2 * 2, part % 2);
        for i in 0..16 {
            let low = (block[32 + 32 * half + 16 * side + i] >> shift) & 3;
            let high = (block[16 * side + i] >> (part / 2)) & 1;
            to[16 * part + i] = f32::from(i16::from(low | high << 2) - 4) * scale;
        }
    }
}

#[inline(always)]
fn q4_k(block: &[u8; 144], to: &mut [f32; 256]) {
    let (scale, least, scales) = (half_at(block, 0), half_at(block, 2), scales_of_8(block, 4));
    for part in 0..8 {
        let (scale, least) = (scale * f32::from(byte_of(&scales, part)), least * f32::from(byte_of(&scales, part + 8)));
        for i in 0..32 {
            let bits = (block[16 + 32 * (part / 2) + i] >> (4 * (part % 2))) & 15;
            to[32 * part + i] = f32::from(bits) * scale - least;
        }
    }
}

#[inline(always)]
fn q5_k(block: &[u8; 176], to: &mut [f32; 256]) {
    let (scale, least, scales) = (half_at(block, 0), half_at(block, 2), scales_of_8(block, 4));
    for part in 0..8 {
        let (scale, least) = (scale * f32::from(byte_of(&scales, part)), least * f32::from(byte_of(&scales, part + 8)));
        for i in 0..32 {
            let low = (block[48 + 32 * (part / 2) + i] >> (4 * (part % 2))) & 15;
            let high = (block[16 + i] >> part) & 1;
            to[32 * part + i] = f32::from(low | high << 4) * scale - least;
        }
    }
}

#[inline(always)]
fn q6_k(block: &[u8; 210], to: &mut [f32; 256]) {
    let scale = half_at(block, 208);
    for part in 0..16 {
        let scale = scale * f32::from(block[192 + part].cast_signed());
        let (half, quarter, side) = (part / 8, part % 8 / 2, part % 2);
        for i in 0..16 {
            let low = (block[64 * half + 32 * (quarter % 2) + 16 * side + i] >> (4 * (quarter / 2))) & 15;
            let high = (block[128 + 32 * half + 16 * side + i] >> (2 * quarter)) & 3;
            to[16 * part + i] = f32::from(i16::from(low | high << 4) - 32) * scale;
        }
    }
}
