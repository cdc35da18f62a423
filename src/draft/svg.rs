//! Vector pictures as SVG text: drawing into one, recolouring one, putting one into another.

use super::color::Rgb;
use std::fmt::Write;

/// The drawing instructions between the outer tags of an SVG document.
pub(super) fn body(svg: &str) -> &str {
    let start = svg.find('>').map_or(0, |i| i + 1);
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    svg.get(start..end).unwrap_or("")
}

/// Passes every colour of the picture through `change`.
pub(super) fn recolor(svg: &str, mut change: impl FnMut(Rgb) -> Rgb) -> String {
    let mut out = String::with_capacity(svg.len() + 64);
    let mut rest = svg;
    while let Some(at) = rest.find("\"#") {
        let (before, after) = rest.split_at(at + 2);
        let digits = after.bytes().take_while(u8::is_ascii_hexdigit).count();
        match parse_hex(&after[..digits]).filter(|_| after[digits..].starts_with('"') && !before.ends_with("href=\"#"))
        {
            Some(color) => {
                out.push_str(&before[..before.len() - 1]);
                let _ = write!(out, "{}", change(color));
                rest = &after[digits..];
            }
            None => {
                out.push_str(before);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn parse_hex(digits: &str) -> Option<Rgb> {
    let value = u32::from_str_radix(digits, 16).ok()?;
    match digits.len() {
        6 => Some(Rgb::hex(value)),
        3 => {
            let double = |shift: u32| (((value >> shift) & 15) * 17) as u8;
            Some(Rgb(double(8), double(4), double(0)))
        }
        _ => None,
    }
}

/// An SVG drawing in the making, `w` × `h` units.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    out: String,
    ids: u32,
    pub w: f32,
    pub h: f32,
}

/// Where a gradient runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Along {
    /// From the first y to the second.
    Down(f32, f32),
    /// From a centre outwards: x, y, radius.
    Out(f32, f32, f32),
}

impl Canvas {
    pub fn new(w: f32, h: f32) -> Self {
        Self { out: String::with_capacity(16 << 10), ids: 0, w, h }
    }

    /// Raw instructions.
    pub fn raw(&mut self, instructions: &str) {
        self.out.push_str(instructions);
    }

    pub fn rect(&mut self, [x, y, w, h]: [f32; 4], radius: f32, fill: impl std::fmt::Display) {
        let _ = write!(
            self.out,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{:.1}" height="{:.1}" rx="{radius:.1}" fill="{fill}"/>"#,
            w.max(0.1),
            h.max(0.1)
        );
    }

    pub fn ellipse(&mut self, [cx, cy, rx, ry]: [f32; 4], fill: impl std::fmt::Display, opacity: f32) {
        let _ = write!(
            self.out,
            r#"<ellipse cx="{cx:.1}" cy="{cy:.1}" rx="{:.1}" ry="{:.1}" fill="{fill}" fill-opacity="{opacity:.2}"/>"#,
            rx.max(0.1),
            ry.max(0.1)
        );
    }

    pub fn path(&mut self, d: &str, fill: impl std::fmt::Display, opacity: f32) {
        let _ = write!(self.out, r#"<path d="{d}" fill="{fill}" fill-opacity="{opacity:.2}"/>"#);
    }

    pub fn line(&mut self, d: &str, stroke: impl std::fmt::Display, width: f32, opacity: f32) {
        let _ = write!(
            self.out,
            r#"<path d="{d}" fill="none" stroke="{stroke}" stroke-width="{width:.1}" stroke-linecap="round" stroke-linejoin="round" stroke-opacity="{opacity:.2}"/>"#
        );
    }

    /// Defines a gradient of `(offset, colour, opacity)` stops and gives its paint, to be used as a fill.
    pub fn gradient(&mut self, along: Along, stops: &[(f32, Rgb, f32)]) -> String {
        self.ids += 1;
        let id = self.ids;
        let (tag, at) = match along {
            Along::Down(y0, y1) => ("linear", format!(r#"x1="0" x2="0" y1="{y0:.1}" y2="{y1:.1}""#)),
            Along::Out(x, y, r) => ("radial", format!(r#"cx="{x:.1}" cy="{y:.1}" r="{r:.1}""#)),
        };
        let _ = write!(self.out, r#"<{tag}Gradient id="g{id}" gradientUnits="userSpaceOnUse" {at}>"#);
        for (offset, color, opacity) in stops {
            let _ =
                write!(self.out, r#"<stop offset="{offset:.3}" stop-color="{color}" stop-opacity="{opacity:.3}"/>"#);
        }
        let _ = write!(self.out, "</{tag}Gradient>");
        format!("url(#g{id})")
    }

    /// Places a 32 × 32 library picture with its middle at `x`, its lower edge at `bottom` and a side of `size`.
    pub fn picture(
        &mut self,
        svg: &str,
        x: f32,
        bottom: f32,
        size: f32,
        flip: bool,
        recolored: impl FnMut(Rgb) -> Rgb,
    ) {
        self.ids += 1;
        let own = format!("p{}-", self.ids);
        let inner = recolor(body(svg), recolored)
            .replace("id=\"", &format!("id=\"{own}"))
            .replace("url(#", &format!("url(#{own}"))
            .replace("href=\"#", &format!("href=\"#{own}"));
        let scale = size / 32.0;
        let (sx, left) = if flip { (-scale, x + size / 2.0) } else { (scale, x - size / 2.0) };
        let _ = write!(
            self.out,
            r#"<g transform="matrix({sx:.4} 0 0 {scale:.4} {left:.2} {:.2})">{inner}</g>"#,
            bottom - size
        );
    }

    /// The finished document.
    pub fn finish(self) -> String {
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {} {}">{}</svg>"#,
            self.w, self.h, self.out
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recoloring_changes_colours_and_nothing_else() {
        let svg =
            r##"<svg viewBox="0 0 32 32"><use href="#abc"/><path fill="#fff" d="M0 0"/><path fill="url(#a)"/></svg>"##;
        let red = recolor(svg, |_| Rgb(255, 0, 0));
        assert!(red.contains(r##"fill="#ff0000""##) && red.contains(r##"href="#abc""##) && red.contains("url(#a)"));
        assert_eq!(recolor(svg, |c| c), svg.replace("#fff", "#ffffff"));
    }
}
