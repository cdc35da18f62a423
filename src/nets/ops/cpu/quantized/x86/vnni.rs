//! AVX-512 with the instruction that multiplies bytes and adds four products to each word (VNNI).

use super::panels::Panel;
use super::wide::Wide;
use pulp::NullaryFnOnce;
use pulp::x86::{V3, V4};
use std::arch::x86_64::{__m512, __m512i, _mm512_dpbusd_epi32};

/// Proof that this processor has it.
#[derive(Clone, Copy)]
pub(in super::super) struct Vnni(V4);

impl Vnni {
    pub(super) fn try_new() -> Option<Self> {
        V4::try_new().filter(|_| std::arch::is_x86_feature_detected!("avx512vnni")).map(Self)
    }

    pub(super) fn without(self) -> V4 {
        self.0
    }

    pub(super) fn run(self, panel: Panel<'_, Self, 32>) {
        // SAFETY: `Vnni` is only made where the processor has these instructions.
        #[allow(unsafe_code, reason = "see above")]
        unsafe {
            run(panel);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vnni,avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
fn run(panel: Panel<'_, Vnni, 32>) {
    panel.call();
}

/// Methods that are those of AVX-512.
macro_rules! as_without {
    ($($name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        $(
            #[inline(always)]
            fn $name(self, $($argument: $type),*) $(-> $result)? {
                Wide::$name(self.0, $($argument),*)
            }
        )*
    };
}

impl Wide for Vnni {
    type Integers = __m512i;
    type Floats = __m512;
    const LANES: usize = 16;
    const DOTS: bool = true;

    #[inline(always)]
    fn dot(self, sum: __m512i, unsigned: __m512i, signed: __m512i) -> __m512i {
        // SAFETY: as for `Vnni::run`.
        #[allow(unsafe_code, reason = "see above")]
        unsafe {
            _mm512_dpbusd_epi32(sum, unsigned, signed)
        }
    }

    as_without! {
        words(from: &[u32]) -> __m512i;
        word(word: u32) -> __m512i;
        zero() -> __m512i;
        multiply_bytes(unsigned: __m512i, signed: __m512i) -> __m512i;
        multiply_16(a: __m512i, b: __m512i) -> __m512i;
        add_16(a: __m512i, b: __m512i) -> __m512i;
        add_32(a: __m512i, b: __m512i) -> __m512i;
        floats(from: __m512i) -> __m512;
        bits(from: __m512i) -> __m512;
        float(value: f32) -> __m512;
        multiply(a: __m512, b: __m512) -> __m512;
        multiply_add(a: __m512, b: __m512, c: __m512) -> __m512;
        load(from: &[f32]) -> __m512;
        store(values: __m512, to: &mut [f32]);
        put(words: __m512i, to: &mut [u32]);
        and(a: __m512i, b: __m512i) -> __m512i;
        or(a: __m512i, b: __m512i) -> __m512i;
        xor(a: __m512i, b: __m512i) -> __m512i;
        sub_32(a: __m512i, b: __m512i) -> __m512i;
        multiply_32(a: __m512i, b: __m512i) -> __m512i;
        left(a: __m512i, bits: usize) -> __m512i;
        right(a: __m512i, bits: usize) -> __m512i;
        right_signed(a: __m512i, bits: usize) -> __m512i;
        v3() -> V3;
    }
}
