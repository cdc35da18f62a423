//! Frames between the frames of a clip: motion-compensated, no network.
//!
//! A clip has 8 frames a second and a film has more. [`Motion`] finds out where every block of 8 × 8 pixels of a frame
//! went by the next one (hierarchical matching, down to a quarter of a pixel, neighbours preferring to move alike) and
//! draws what lies between from both frames along these movements, blocks overlapping. Where that finds nothing to go
//! by (something is covered or comes to light, or is only light that changes) the two frames are mixed as they are, and
//! over a cut the nearer one stays. It knows nothing of things or depth: what changes its shape, or moves further than a
//! fifth of the picture or so from frame to frame, is mixed and not moved.
//!
//! At 512 × 320 on two cores finding the motion of a pair takes about 40 ms, and a frame between them 6 to 10 ms
//! (`cargo bench --bench draft`, "motion of a pair" and "frame between two"). Along a pan it is 46 to 49 dB from the truth,
//! where mixing the two frames is 22 dB from it; behind a thing that moves over something else it mixes (31 to 39 dB).

mod field;
mod plane;

use crate::simd::vectorized_by;
use field::{BLOCK, Field, STEPS};
use image::RgbImage;
use plane::Plane;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Up to the first mean difference a block counts as followed, from the second one on as lost, in levels of 255.
const FOLLOWED: [f32; 2] = [8.0, 24.0];
/// A block that moves like the first share of those around it is not trusted, one that moves like the second is.
const AGREED: [f32; 2] = [0.0, 0.5];
/// Up to the first difference a pixel is the same in both frames, from the second one on another, in levels of 255.
const SEEN_ALIKE: [f32; 2] = [32.0, 80.0];
/// Where blocks agree less than this with those around them …
const LEAST_AGREEMENT: f32 = 0.8;
/// … and the frames are less alike than this, place by place, there is a cut.
const LEAST_ALIKE: f64 = 0.7;

/// How the blocks of a frame move to the next one. Made once for a pair of frames.
#[derive(Debug, Clone)]
pub struct Motion {
    size: (u32, u32),
    /// Whether the frames were exchanged for the search: it is the same whichever comes first.
    exchanged: bool,
    path: Path,
}

/// What is seen between two frames.
#[derive(Debug, Clone, PartialEq)]
pub enum OnTheWay {
    /// The first frame as it is.
    First,
    /// The second frame as it is.
    Second,
    /// Both, moved.
    Between(MovingBlocks),
}

/// What moves through each block of a frame that is drawn from two others: all that a shader needs to draw it.
#[derive(Debug, Clone, PartialEq)]
pub struct MovingBlocks {
    columns: usize,
    blocks: Vec<Block>,
    t: f32,
}

impl MovingBlocks {
    /// Sides of a block, in pixels.
    pub const SIDE: usize = BLOCK;

    /// Blocks in a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Each block, row by row: the movement from the first frame to the second in pixels to the right and down, and how far
    /// it is trusted, from 0 to 1.
    pub fn values(&self) -> impl Iterator<Item = [f32; 3]> {
        self.blocks.iter().map(|block| [block.x, block.y, block.trust])
    }

    /// How far the frame is on the way from the first to the second, from 0 to 1.
    pub fn t(&self) -> f32 {
        self.t
    }
}

#[derive(Debug, Clone)]
enum Path {
    /// Nothing leads from one frame to the other.
    Cut,
    /// Nothing moves and nothing changes.
    Still,
    Moves {
        field: Field,
        /// How far the movement of a block can be trusted, from 0 to 1.
        trust: Vec<f32>,
    },
}

impl Motion {
    /// Finds out how `first` becomes `second`. The same frames give the same motion on any number of threads. Frames of
    /// two sizes have a cut between them.
    pub fn between(first: &RgbImage, second: &RgbImage) -> Self {
        let size = first.dimensions();
        let exchanged = second.as_raw() < first.as_raw();
        let path = if size != second.dimensions() {
            Path::Cut
        } else if first.as_raw() == second.as_raw() {
            Path::Still
        } else if exchanged {
            Path::find(second, first)
        } else {
            Path::find(first, second)
        };
        Self { size, exchanged, path }
    }

    /// Whether a cut lies between the two frames, over which nothing is interpolated.
    pub fn is_cut(&self) -> bool {
        matches!(self.path, Path::Cut)
    }

    /// What the frame at `t` from 0 to 1 between the two consists of. [`Self::at`] draws it.
    pub fn on_the_way(&self, t: f32) -> OnTheWay {
        // So that 1 - t is exact, and what is asked the other way round finds the same blocks.
        let t = (t * 4096.0).round() / 4096.0;
        // Of two that are as near, one that does not depend on which is called the first.
        let first_is_nearer = t < 0.5 || (t == 0.5 && !self.exchanged);
        match &self.path {
            _ if t <= 0.0 => OnTheWay::First,
            _ if t >= 1.0 => OnTheWay::Second,
            Path::Moves { field, trust } => {
                let sign = if self.exchanged { -1.0 } else { 1.0 };
                OnTheWay::Between(MovingBlocks { columns: field.columns, blocks: moved(field, trust, sign, t), t })
            }
            _ if first_is_nearer => OnTheWay::First,
            _ => OnTheWay::Second,
        }
    }

    /// The frame at `t` from 0 to 1 between the two that the motion was found in: exactly `first` at 0 and `second` at 1.
    /// Exchanged frames at `1 - t` give the same within rounding. Of frames of other sizes the nearer one is given.
    pub fn at(&self, first: &RgbImage, second: &RgbImage, t: f32) -> RgbImage {
        let fits = self.size == first.dimensions() && self.size == second.dimensions();
        match self.on_the_way(t) {
            OnTheWay::First => first.clone(),
            OnTheWay::Second => second.clone(),
            OnTheWay::Between(MovingBlocks { columns, blocks, t }) if fits => {
                Between { first, second, t, blocks, columns }.draw()
            }
            OnTheWay::Between(MovingBlocks { t, .. }) if t < 0.5 => first.clone(),
            OnTheWay::Between(_) => second.clone(),
        }
    }
}

impl Path {
    fn find(first: &RgbImage, second: &RgbImage) -> Self {
        let (first, second) = (Plane::of(first), Plane::of(second));
        let field = Field::between(&first, &second);
        let agreement = field.agreement();
        let mean = agreement.iter().sum::<f32>() / agreement.len() as f32;
        if mean < LEAST_AGREEMENT && first.correlation(&second) < LEAST_ALIKE {
            return Self::Cut;
        }
        let trusted = |(agreement, difference): (f32, Option<f32>)| {
            // What is outside of one of the frames cannot be compared, and comes from the other one.
            ramp(agreement, AGREED) * difference.map_or(1.0, |difference| 1.0 - ramp(difference, FOLLOWED))
        };
        let differences = field.differences(&first.details(), &second.details());
        Self::Moves { field, trust: agreement.into_iter().zip(differences).map(trusted).collect() }
    }
}

/// From 0 below the first bound to 1 above the second.
fn ramp(value: f32, [from, to]: [f32; 2]) -> f32 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

/// A block of the frame that is drawn: what moves through it, in pixels from the first frame to the second.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Block {
    x: f32,
    y: f32,
    trust: f32,
}

/// What moves through each block of the frame at `t`. The field is of the moment halfway; what is in a block at another
/// moment was or will be elsewhere then.
fn moved(field: &Field, trust: &[f32], sign: f32, t: f32) -> Vec<Block> {
    let pixels = |steps: i32| sign * 2.0 * steps as f32 / STEPS as f32;
    let place = |block: i32, movement: f32| {
        let centre = (block as f32 + 0.5) * BLOCK as f32 + (0.5 - t) * movement;
        (centre / BLOCK as f32).floor() as i32
    };
    let index = |at: i32, count: usize| at.clamp(0, count as i32 - 1) as usize;
    let mut blocks = Vec::with_capacity(field.halves.len());
    for row in 0..field.rows as i32 {
        for column in 0..field.columns as i32 {
            let here = field.at(column, row);
            let (column, row) = (place(column, pixels(here.x)), place(row, pixels(here.y)));
            let there = field.at(column, row);
            let trust = trust[index(row, field.rows) * field.columns + index(column, field.columns)];
            blocks.push(Block { x: pixels(there.x), y: pixels(there.y), trust });
        }
    }
    blocks
}

/// A frame that is being drawn: the twin of shaders/frame_between.wgsl.
struct Between<'a> {
    first: &'a RgbImage,
    second: &'a RgbImage,
    t: f32,
    blocks: Vec<Block>,
    columns: usize,
}

/// Two blocks that a pixel lies between, and how much the second counts.
#[inline(always)]
fn overlap(at: usize, count: usize) -> (usize, usize, f32) {
    let place = (at as f32 + 0.5) / BLOCK as f32 - 0.5;
    let before = place.floor();
    let index = |at: f32| at.clamp(0.0, (count - 1) as f32) as usize;
    (index(before), index(before + 1.0), place - before)
}

/// Blocks that move alike are one block.
fn joined(around: [(Block, f32); 4]) -> [(Block, f32); 4] {
    let (one, _) = around[0];
    if around.iter().any(|(block, _)| (block.x, block.y) != (one.x, one.y)) {
        return around;
    }
    let trust = around.iter().map(|(block, share)| block.trust * share).sum();
    let nothing = (one, 0.0);
    [(Block { trust, ..one }, 1.0), nothing, nothing, nothing]
}

impl Between<'_> {
    fn draw(&self) -> RgbImage {
        let (width, height) = self.first.dimensions();
        let mut frame = RgbImage::new(width, height);
        let rows = self.blocks.len() / self.columns;
        let lines = frame.par_chunks_exact_mut(3 * width as usize).enumerate();
        lines.for_each(|(y, out)| vectorized_by(Line { between: self, y, overlap: overlap(y, rows), out }));
        frame
    }

    /// One pixel, from the blocks around it and how much each counts.
    #[inline(always)]
    fn pixel(&self, x: f32, y: f32, around: &[(Block, f32); 4]) -> [u8; 3] {
        let t = self.t;
        let mut sum = [0.0; 3];
        let mut mixed = 0.0;
        for &(block, share) in around.iter().filter(|(_, share)| *share > 0.0) {
            let (a, a_inside) = sample(self.first, x - t * block.x, y - t * block.y);
            let (b, b_inside) = sample(self.second, x + (1.0 - t) * block.x, y + (1.0 - t) * block.y);
            let (mut a_share, mut b_share) = ((1.0 - t) * a_inside, t * b_inside);
            // What only one of the frames has comes from that one.
            if a_share + b_share < 1e-3 {
                (a_share, b_share) = (1.0 - t, t);
            }
            let apart = (0..3).map(|i| (a[i] - b[i]).abs()).fold(0.0, f32::max) * a_inside * b_inside;
            let trust = share * block.trust * (1.0 - ramp(apart, SEEN_ALIKE));
            for i in 0..3 {
                sum[i] += trust * (a_share * a[i] + b_share * b[i]) / (a_share + b_share);
            }
            mixed += share - trust;
        }
        if mixed > 0.0 {
            let ((a, _), (b, _)) = (sample(self.first, x, y), sample(self.second, x, y));
            for i in 0..3 {
                sum[i] += mixed * ((1.0 - t) * a[i] + t * b[i]);
            }
        }
        sum.map(|level| level.round().clamp(0.0, 255.0) as u8)
    }
}

/// A line of pixels to draw.
struct Line<'a> {
    between: &'a Between<'a>,
    y: usize,
    /// Rows of blocks that it lies between.
    overlap: (usize, usize, f32),
    out: &'a mut [u8],
}

impl WithSimd for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { between, y, overlap: (above, below, down), out } = self;
        for (x, out) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (left, right, over) = overlap(x, between.columns);
            let block = |row: usize, column: usize| between.blocks[row * between.columns + column];
            let around = [
                (block(above, left), (1.0 - over) * (1.0 - down)),
                (block(above, right), over * (1.0 - down)),
                (block(below, left), (1.0 - over) * down),
                (block(below, right), over * down),
            ];
            *out = between.pixel(x as f32, y as f32, &joined(around));
        }
    }
}

/// The colour at a place between pixels, and how far it is inside of the picture: 1 on it, 0 from a pixel beside it on.
#[inline(always)]
fn sample(picture: &RgbImage, x: f32, y: f32) -> ([f32; 3], f32) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (last_x, last_y) = ((width - 1) as f32, (height - 1) as f32);
    let (on_x, on_y) = (x.clamp(0.0, last_x), y.clamp(0.0, last_y));
    let inside = (1.0 - (x - on_x).abs()).max(0.0) * (1.0 - (y - on_y).abs()).max(0.0);
    let (left, top) = (on_x as usize, on_y as usize);
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let (over, down) = (on_x - left as f32, on_y - top as f32);
    let levels = picture.as_raw();
    let at = |x: usize, y: usize| &levels[3 * (y * width + x)..][..3];
    let (upper_left, upper_right) = (at(left, top), at(right, top));
    let (lower_left, lower_right) = (at(left, bottom), at(right, bottom));
    let mut colour = [0.0; 3];
    for i in 0..3 {
        let upper = f32::from(upper_left[i]) * (1.0 - over) + f32::from(upper_right[i]) * over;
        let lower = f32::from(lower_left[i]) * (1.0 - over) + f32::from(lower_right[i]) * over;
        colour[i] = upper * (1.0 - down) + lower * down;
    }
    (colour, inside)
}
