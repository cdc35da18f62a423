//! Logarithm, sine and cosine in f32 with the roundings of PyTorch's AVX2 code.
//!
//! These are the polynomials of the Cephes library (Moshier, 1984-1992). PyTorch's build joins each product with the sum
//! that follows it into one operation with a single rounding; so do we, else about one value in a hundred differs.

/// ln x for a normal positive x.
pub(super) fn ln(x: f32) -> f32 {
    const COEFFICIENTS: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_84e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_7e-1,
        2.000_071_4e-1,
        -2.499_999_4e-1,
        3.333_333e-1,
    ];
    // ln 2 in two parts; the first has few bits, so that its product with the exponent is exact.
    const LN_2_HIGH: f32 = 355.0 / 512.0;
    const LN_2_LOW: f32 = -2.121_944_4e-4;

    // x = mantissa * 2^exponent with the mantissa in [1/sqrt 2, sqrt 2).
    let bits = x.to_bits();
    let mut exponent = (bits >> 23) as f32 - 126.0;
    let mut x = f32::from_bits(bits & 0x807f_ffff | 0.5_f32.to_bits());
    if x < std::f32::consts::FRAC_1_SQRT_2 {
        exponent -= 1.0;
        x += x;
    }
    x -= 1.0;

    let square = x * x;
    let cubed = x * polynomial(&COEFFICIENTS, x);
    let y = cubed.mul_add(square, exponent * LN_2_LOW);
    let y = (-square).mul_add(0.5, y);
    exponent.mul_add(LN_2_HIGH, x + y)
}

/// (sin x, cos x) for x in [0, 2 pi].
pub(super) fn sin_cos(x: f32) -> (f32, f32) {
    // pi/4 in three parts.
    const QUARTER_PI: [f32; 3] = [0.785_156_25, 2.418_756_5e-4, 3.774_895e-8];
    const COS: [f32; 3] = [2.443_315_7e-5, -1.388_731_6e-3, 4.166_664_6e-2];
    const SIN: [f32; 3] = [-1.951_529_6e-4, 8.332_161e-3, -1.666_665_5e-1];

    let octant = ((x * (4.0 / std::f32::consts::PI)) as i32 + 1) & !1;
    let x = QUARTER_PI.iter().fold(x, |x, part| (-(octant as f32)).mul_add(*part, x));

    let square = x * x;
    let half = square * 0.5;
    let cos = (polynomial(&COS, square) * square).mul_add(square, -half) + 1.0;
    let sin = (polynomial(&SIN, square) * square).mul_add(x, x);
    match octant & 7 {
        2 => (cos, -sin),
        4 => (-sin, -cos),
        6 => (-cos, sin),
        _ => (sin, cos),
    }
}

/// The polynomial with these coefficients, highest power first.
fn polynomial(coefficients: &[f32], x: f32) -> f32 {
    let (first, others) = coefficients.split_first().expect("there are coefficients");
    others.iter().fold(*first, |y, c| y.mul_add(x, *c))
}
