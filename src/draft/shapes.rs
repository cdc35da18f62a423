//! Shapes that scenery is made of, as SVG path data.

use super::dice::Dice;
use std::fmt::Write;

pub(super) type Point = (f32, f32);

/// A closed polygon.
pub(super) fn polygon(points: &[Point]) -> String {
    let mut d = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        let _ = write!(d, "{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' });
    }
    d.push('Z');
    d
}

/// A smooth line through the points, open.
pub(super) fn smooth(points: &[Point]) -> String {
    let Some(first) = points.first() else { return String::new() };
    let mut d = format!("M{:.1} {:.1}", first.0, first.1);
    for pair in points.windows(2).skip(1) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let _ = write!(d, "Q{x0:.1} {y0:.1} {:.1} {:.1}", (x0 + x1) / 2.0, (y0 + y1) / 2.0);
    }
    if let Some((x, y)) = points.last() {
        let _ = write!(d, "L{x:.1} {y:.1}");
    }
    d
}

/// Land under a smooth skyline, down to `floor`.
pub(super) fn land(points: &[Point], floor: f32) -> String {
    match (points.first(), points.last()) {
        (Some(first), Some(last)) => format!("{}L{:.1} {floor:.1}L{:.1} {floor:.1}Z", smooth(points), last.0, first.0),
        _ => String::new(),
    }
}

/// Points of a rolling line: waves of three lengths around `y`.
pub(super) fn rolling(dice: &mut Dice, w: f32, y: f32, height: f32) -> Vec<Point> {
    let waves: Vec<(f32, f32, f32)> = [(1.2, 0.6), (2.6, 0.3), (5.3, 0.1)]
        .map(|(turns, share)| (turns * dice.range(0.8, 1.3), share * height, dice.range(0.0, 6.3)))
        .to_vec();
    (-1..=25)
        .map(|i| {
            let x = i as f32 / 24.0;
            let up: f32 =
                waves.iter().map(|(turns, tall, phase)| tall * (x * turns * std::f32::consts::TAU + phase).sin()).sum();
            (x * w, y - up - height * 0.5)
        })
        .collect()
}

/// A full circle as part of a path. All shapes here wind the same way, so that they can overlap within one path.
pub(super) fn circle(d: &mut String, x: f32, y: f32, r: f32) {
    let _ =
        write!(d, "M{:.1} {y:.1}a{r:.1} {r:.1} 0 1 1 {:.1} 0a{r:.1} {r:.1} 0 1 1 {:.1} 0Z", x - r, 2.0 * r, -2.0 * r);
}

/// A rectangle as part of a path.
pub(super) fn block(d: &mut String, x: f32, y: f32, w: f32, h: f32) {
    let _ = write!(d, "M{x:.1} {y:.1}h{w:.1}v{h:.1}h{:.1}Z", -w);
}

/// A cloud with a flat base and a bumpy top, `w` wide, its base at `y`.
pub(super) fn cloud(dice: &mut Dice, x: f32, y: f32, w: f32) -> String {
    let h = w * dice.range(0.26, 0.36);
    let peak = dice.range(0.38, 0.62);
    let tops = [
        (0.0, 0.0),
        (0.13, -0.42),
        (peak * 0.62 + 0.08, -0.78),
        (peak + 0.1, -1.0),
        (0.8, -0.62),
        (0.93, -0.3),
        (1.0, 0.0),
    ];
    let mut d = format!("M{:.1} {y:.1}", x - w / 2.0);
    let mut last = (x - w / 2.0, y);
    for (tx, ty) in tops.into_iter().skip(1) {
        let next = (x - w / 2.0 + tx * w, y + ty * h);
        let far = ((next.0 - last.0).powi(2) + (next.1 - last.1).powi(2)).sqrt();
        let _ = write!(d, "A{r:.1} {r:.1} 0 0 1 {:.1} {:.1}", next.0, next.1, r = far * 0.56);
        last = next;
    }
    d.push('Z');
    d
}

/// A conifer standing on `y`.
pub(super) fn pine(d: &mut String, x: f32, y: f32, h: f32) {
    let w = h * 0.42;
    block(d, x - h * 0.025, y - h * 0.14, h * 0.05, h * 0.14);
    for (top, bottom, wide) in [(1.0, 0.6, 0.56), (0.8, 0.34, 0.8), (0.58, 0.1, 1.0)] {
        let half = w * wide / 2.0;
        let _ = write!(
            d,
            "M{x:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z",
            y - h * top,
            x + half,
            y - h * bottom,
            x - half,
            y - h * bottom
        );
    }
}

/// The crown of a broad tree standing on `y`.
pub(super) fn crown(d: &mut String, dice: &mut Dice, x: f32, y: f32, h: f32) {
    let r = h * 0.24;
    for (dx, dy, share) in [(0.0, 0.72, 1.15), (-0.17, 0.58, 0.92), (0.17, 0.56, 0.95), (0.02, 0.5, 0.9)] {
        circle(d, x + dx * h, y - dy * h, r * share * dice.range(0.94, 1.06));
    }
}
