//! Colours of the drafts: mixing, and the words that people use for them.

/// A colour in 8-bit sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    pub const WHITE: Self = Self(255, 255, 255);
    pub const BLACK: Self = Self(0, 0, 0);

    /// `0xRRGGBB`.
    pub const fn hex(hex: u32) -> Self {
        Self((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
    }

    fn map2(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let g = |a: u8, b: u8| f(f32::from(a), f32::from(b)).round().clamp(0.0, 255.0) as u8;
        Self(g(self.0, other.0), g(self.1, other.1), g(self.2, other.2))
    }

    /// `self` at 0, `other` at 1.
    pub fn mix(self, other: Self, t: f32) -> Self {
        self.map2(other, |a, b| a + (b - a) * t)
    }

    /// Lit by a light of colour `light`.
    pub fn lit(self, light: Self) -> Self {
        self.map2(light, |a, b| a * b / 255.0)
    }

    pub fn darker(self, t: f32) -> Self {
        self.mix(Self(18, 16, 34), t)
    }

    pub fn lighter(self, t: f32) -> Self {
        self.mix(Self(255, 252, 244), t)
    }

    /// Perceived brightness, 0 to 1.
    pub fn luma(self) -> f32 {
        (0.299 * f32::from(self.0) + 0.587 * f32::from(self.1) + 0.114 * f32::from(self.2)) / 255.0
    }

    /// Hue in degrees, saturation and lightness in `0..=1`.
    pub fn hsl(self) -> [f32; 3] {
        let [r, g, b] = [self.0, self.1, self.2].map(|c| f32::from(c) / 255.0);
        let (max, min) = (r.max(g).max(b), r.min(g).min(b));
        let (l, d) = ((max + min) / 2.0, max - min);
        if d < 1e-5 {
            return [0.0, 0.0, l];
        }
        let s = d / (1.0 - (2.0 * l - 1.0).abs()).max(1e-5);
        let h = if max == r {
            (g - b) / d
        } else if max == g {
            (b - r) / d + 2.0
        } else {
            (r - g) / d + 4.0
        };
        [(h * 60.0).rem_euclid(360.0), s.min(1.0), l]
    }

    pub fn from_hsl([h, s, l]: [f32; 3]) -> Self {
        let (s, l) = (s.clamp(0.0, 1.0), l.clamp(0.0, 1.0));
        let c = (1.0 - (2.0 * l - 1.0).abs()) * s;
        let h = h.rem_euclid(360.0) / 60.0;
        let x = c * (1.0 - (h % 2.0 - 1.0).abs());
        let (r, g, b) = match h as u32 {
            0 => (c, x, 0.0),
            1 => (x, c, 0.0),
            2 => (0.0, c, x),
            3 => (0.0, x, c),
            4 => (x, 0.0, c),
            _ => (c, 0.0, x),
        };
        let m = l - c / 2.0;
        let byte = |v: f32| ((v + m) * 255.0).round().clamp(0.0, 255.0) as u8;
        Self(byte(r), byte(g), byte(b))
    }

    /// The colour that a word names, if it names one.
    pub fn named(word: &str) -> Option<Self> {
        NAMED.iter().find(|(names, _)| names.split(' ').any(|name| name == word)).map(|(_, hex)| Self::hex(*hex))
    }
}

impl std::fmt::Display for Rgb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

const NAMED: &[(&str, u32)] = &[
    ("red scarlet", 0xd8343f),
    ("crimson burgundy maroon", 0x9c2742),
    ("orange rust copper", 0xee7c2b),
    ("yellow mustard", 0xf2bd2d),
    ("gold golden", 0xe3a93a),
    ("green emerald", 0x3f9b58),
    ("olive khaki", 0x8b8a52),
    ("forest", 0x4c7a4a),
    ("lime", 0x9ccc3c),
    ("teal turquoise cyan", 0x2aa09a),
    ("blue cobalt", 0x2f74d0),
    ("navy indigo", 0x2d4379),
    ("sky azure", 0x62b4e8),
    ("purple violet", 0x7c4fb5),
    ("plum", 0x6a4686),
    ("lavender lilac", 0xb29ad9),
    ("pink rose", 0xea86ab),
    ("magenta", 0xc93a8c),
    ("brown chestnut chocolate", 0x7c4d2f),
    ("tan beige sand sandy", 0xcfae82),
    ("cream ivory", 0xefe2c4),
    ("white snowy snow-white", 0xf2f1ee),
    ("silver steel", 0xaab3c0),
    ("grey gray", 0x8b8f99),
    ("charcoal", 0x41454f),
    ("black ebony jet-black", 0x2a2730),
    ("auburn ginger", 0xb5532a),
];
