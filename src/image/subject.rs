//! From a soft mask to a cut-out that can stand in a scene.

use image::{GrayImage, RgbImage, Rgba, RgbaImage};

/// A mask value that belongs to the subject, the original's threshold.
const INSIDE: u8 = 128;

/// A subject smaller than this share of the photo is a speck, not what the user photographed.
const MIN_COVERAGE: f64 = 0.01;

/// A part of the mask that is not connected to the largest part and smaller than this share of it is left out.
const MIN_PART: f64 = 0.05;

/// Below the first mask value a pixel is transparent, from the second on opaque. They lie around 140, not 128: an edge a
/// little inside of the subject shows less of the old background than one a little outside.
const FEATHER: (f32, f32) = (80.0, 200.0);

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The first column.
    pub x: u32,
    /// The first row.
    pub y: u32,
    /// At least 1.
    pub width: u32,
    /// At least 1.
    pub height: u32,
}

/// A part of the mask: pixels that touch by their sides or corners.
#[derive(Debug, Clone, Copy)]
struct Part {
    pixels: u64,
    left: u32,
    top: u32,
    /// One past the last column and row.
    right: u32,
    bottom: u32,
}

impl Part {
    fn join(self, other: Self) -> Self {
        Self {
            pixels: self.pixels + other.pixels,
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

/// What the subject covers, without stray specks, or `None` when the mask covers next to nothing.
pub fn find_subject(mask: &GrayImage) -> Option<Bounds> {
    let subject = kept_parts(&parts(mask)).reduce(Part::join)?;
    let photo = f64::from(mask.width()) * f64::from(mask.height());
    let Part { pixels, left, top, right, bottom } = subject;
    (pixels as f64 >= MIN_COVERAGE * photo).then(|| Bounds {
        x: left,
        y: top,
        width: right - left,
        height: bottom - top,
    })
}

/// The parts that are large enough to belong to the subject.
fn kept_parts(parts: &[Part]) -> impl Iterator<Item = Part> + '_ {
    let largest = parts.iter().map(|part| part.pixels).max().unwrap_or(0);
    parts.iter().copied().filter(move |part| part.pixels as f64 >= MIN_PART * largest as f64)
}

/// The connected parts of the mask, by joining the runs of neighbouring rows.
fn parts(mask: &GrayImage) -> Vec<Part> {
    /// The root of a run's tree, shortening the way to it.
    fn root(parents: &mut [usize], mut run: usize) -> usize {
        while parents[run] != run {
            parents[run] = parents[parents[run]];
            run = parents[run];
        }
        run
    }

    let mut runs: Vec<Part> = Vec::new();
    let mut parents: Vec<usize> = Vec::new();
    let mut above = 0..0;
    for (y, row) in mask.as_raw().chunks_exact(mask.width().max(1) as usize).enumerate() {
        let (first, mut x, y) = (runs.len(), 0, y as u32);
        while let Some(start) = row[x..].iter().position(|&value| value >= INSIDE).map(|found| x + found) {
            x = row[start..].iter().position(|&value| value < INSIDE).map_or(row.len(), |found| start + found);
            let (left, right) = (start as u32, x as u32);
            let run = runs.len();
            runs.push(Part { pixels: u64::from(right - left), left, top: y, right, bottom: y + 1 });
            parents.push(run);
            for other in above.clone() {
                if runs[other].left <= right && left <= runs[other].right {
                    let (one, two) = (root(&mut parents, run), root(&mut parents, other));
                    parents[one.max(two)] = one.min(two);
                }
            }
        }
        above = first..runs.len();
    }

    let mut joined: Vec<Option<Part>> = vec![None; runs.len()];
    for (index, run) in runs.iter().enumerate() {
        let root = root(&mut parents, index);
        joined[root] = Some(joined[root].map_or(*run, |part| part.join(*run)));
    }
    joined.into_iter().flatten().collect()
}

/// The subject of a photo with a transparent surrounding, cropped to what it covers; its edge fades over the mask's own
/// softness. A mask that covers next to nothing gives the whole photo, opaque.
///
/// # Panics
/// When the mask has another size than the photo.
pub fn cut_out_rgba(photo: &RgbImage, mask: &GrayImage) -> RgbaImage {
    assert_eq!(photo.dimensions(), mask.dimensions(), "a mask has its photo's size");
    let Some(subject) = find_subject(mask) else {
        return RgbaImage::from_fn(photo.width(), photo.height(), |x, y| opaque(photo, x, y));
    };
    // The fading edge lies outside of the bounds, by a few pixels of the 320 that the mask was made at.
    let margin = 2 + photo.width().max(photo.height()) / 160;
    let (left, top) = (subject.x.saturating_sub(margin), subject.y.saturating_sub(margin));
    let right = (subject.x + subject.width + margin).min(photo.width());
    let bottom = (subject.y + subject.height + margin).min(photo.height());

    let alpha_of: Vec<u8> = (0..=255).map(feathered).collect();
    let mut cut = RgbaImage::from_fn(right - left, bottom - top, |x, y| {
        let Rgba([r, g, b, _]) = opaque(photo, left + x, top + y);
        Rgba([r, g, b, alpha_of[usize::from(mask.get_pixel(left + x, top + y).0[0])]])
    });
    bleed_colours(&mut cut, margin);
    cut
}

fn opaque(photo: &RgbImage, x: u32, y: u32) -> Rgba<u8> {
    let [r, g, b] = photo.get_pixel(x, y).0;
    Rgba([r, g, b, 255])
}

/// The alpha of a mask value: a smooth step.
fn feathered(mask: u8) -> u8 {
    let t = ((f32::from(mask) - FEATHER.0) / (FEATHER.1 - FEATHER.0)).clamp(0.0, 1.0);
    (t * t * (3.0 - 2.0 * t) * 255.0).round() as u8
}

/// Gives each pixel that is not opaque the mean colour of the opaque ones around it, so that no rim of the old
/// background stays at the edge, also where the picture is later shrunk.
fn bleed_colours(cut: &mut RgbaImage, radius: u32) {
    let (width, height, radius) = (cut.width() as usize, cut.height() as usize, radius as usize);
    let source = cut.clone();
    let rows: Vec<&[u8]> = source.as_raw().chunks_exact(width * 4).collect();

    // Sums of the opaque pixels (red, green, blue, count) over the rows around the current one, for each column.
    let mut columns = vec![[0u32; 4]; width];
    let add = |columns: &mut [[u32; 4]], row: &[u8], sign: bool| {
        for (sums, pixel) in columns.iter_mut().zip(row.chunks_exact(4)) {
            if pixel[3] == 255 {
                let terms = [u32::from(pixel[0]), u32::from(pixel[1]), u32::from(pixel[2]), 1];
                for (sum, term) in sums.iter_mut().zip(terms) {
                    *sum = if sign { *sum + term } else { *sum - term };
                }
            }
        }
    };
    for row in rows.iter().take(radius) {
        add(&mut columns, row, true);
    }
    for (y, line) in cut.chunks_exact_mut(width * 4).enumerate() {
        if let Some(row) = rows.get(y + radius) {
            add(&mut columns, row, true);
        }
        if let Some(row) = y.checked_sub(radius + 1).and_then(|y| rows.get(y)) {
            add(&mut columns, row, false);
        }
        if y >= height || line.chunks_exact(4).all(|pixel| pixel[3] == 255) {
            continue;
        }
        let mut window = [0u32; 4];
        for sums in columns.iter().take(radius) {
            window = std::array::from_fn(|i| window[i] + sums[i]);
        }
        for (x, pixel) in line.chunks_exact_mut(4).enumerate() {
            if let Some(sums) = columns.get(x + radius) {
                window = std::array::from_fn(|i| window[i] + sums[i]);
            }
            if let Some(sums) = x.checked_sub(radius + 1).and_then(|x| columns.get(x)) {
                window = std::array::from_fn(|i| window[i] - sums[i]);
            }
            let [red, green, blue, count] = window;
            if pixel[3] < 255 && count > 0 {
                for (value, sum) in pixel.iter_mut().zip([red, green, blue]) {
                    *value = ((sum + count / 2) / count) as u8;
                }
            } else if pixel[3] == 0 {
                pixel.fill(0);
            }
        }
    }
}

/// The mask of a picture that is transparent around its subject already, which no network needs to find.
///
/// `None` when the picture is opaque all over, or transparent nearly everywhere.
pub fn mask_from_alpha(picture: &RgbaImage) -> Option<GrayImage> {
    let transparent = picture.pixels().filter(|pixel| pixel.0[3] < INSIDE).count();
    let all = f64::from(picture.width()) * f64::from(picture.height());
    if (transparent as f64) < MIN_COVERAGE * all {
        return None;
    }
    let mask =
        GrayImage::from_fn(picture.width(), picture.height(), |x, y| image::Luma([picture.get_pixel(x, y).0[3]]));
    find_subject(&mask).map(|_| mask)
}
