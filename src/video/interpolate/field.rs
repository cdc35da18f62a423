//! Which way each block of a picture moves: hierarchical matching of blocks.
//!
//! A block is followed from the moment halfway between two pictures, half of its movement back into the first one and
//! half of it on into the second one. So it does not matter which picture is called the first, no place is left without
//! a movement, and none has two.

use super::plane::{Difference, Plane, Window};
use rayon::prelude::*;

/// Sides of a block, in pixels.
pub(super) const BLOCK: usize = 8;
/// What a block is compared by reaches this much further on every side.
const MARGIN: i32 = 4;
/// Steps of a movement in a pixel.
pub(super) const STEPS: i32 = 8;
/// The smaller side of the coarsest pictures, at most, in pixels.
const COARSEST: usize = 40;
/// How far half of a movement is searched for in the coarsest pictures, in pixels.
const REACH: i32 = 4;
/// How often blocks look at what their neighbours found, at each size.
const PASSES: usize = 3;
/// Pixels that differences are sums over: those of a window with its margins.
const AREA: u32 = (BLOCK as u32 + 2 * MARGIN as u32).pow(2);
/// What a step away from a neighbour's movement costs.
const STEP_COST: u32 = 6;
/// Further away costs no more: it is another thing that moves.
const FAR: i32 = 4 * STEPS;
/// Blocks that differ no more than this move alike.
const ALIKE: i32 = STEPS;
/// What a pixel costs where fewer than a quarter of a window can be compared.
const UNKNOWN_COST: u32 = 10;

/// Half of a movement, in steps of an eighth of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Half {
    pub x: i32,
    pub y: i32,
}

impl Half {
    pub fn negated(self) -> Self {
        Self { x: -self.x, y: -self.y }
    }

    fn plus(self, x: i32, y: i32) -> Self {
        Self { x: self.x + x, y: self.y + y }
    }

    fn doubled(self) -> Self {
        Self { x: 2 * self.x, y: 2 * self.y }
    }

    fn distance(self, other: Self) -> i32 {
        ((self.x - other.x).abs() + (self.y - other.y).abs()).min(FAR)
    }
}

/// The movements of all blocks of a picture, row by row.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub columns: usize,
    pub rows: usize,
    pub halves: Vec<Half>,
}

/// The place and the window of a block.
fn window(column: usize, row: usize) -> Window {
    let start = |index: usize| (index * BLOCK) as i32;
    let end = |index: usize| start(index) + BLOCK as i32 + MARGIN;
    [start(column) - MARGIN, start(row) - MARGIN, end(column), end(row)]
}

impl Field {
    /// Follows all blocks between two pictures of one size, neither of whose sides is 0.
    pub fn between(first: &Plane, second: &Plane) -> Self {
        Self::at_size(first, second, 1)
    }

    /// The same, coarser sizes first. `finest_step` is the smallest step that is tried.
    fn at_size(first: &Plane, second: &Plane, finest_step: i32) -> Self {
        let (columns, rows) = (first.width.div_ceil(BLOCK), first.height.div_ceil(BLOCK));
        let (first_details, second_details) = (first.details(), second.details());
        let search = Search { first: &first_details, second: &second_details, columns, rows };
        let start = if first.width.min(first.height) <= COARSEST {
            search.everywhere()
        } else {
            Self::at_size(&first.halved(), &second.halved(), 2).finer(columns, rows)
        };
        search.run(start, finest_step)
    }

    /// The movement of the block in this column and row, or of the nearest there is.
    pub fn at(&self, column: i32, row: i32) -> Half {
        let index = |at: i32, count: usize| at.clamp(0, count as i32 - 1) as usize;
        self.halves[index(row, self.rows) * self.columns + index(column, self.columns)]
    }

    /// What pictures of twice the size begin with.
    fn finer(&self, columns: usize, rows: usize) -> Self {
        let halves = each_block(columns, rows, |column, row| self.at(column / 2, row / 2).doubled());
        Self { columns, rows, halves }
    }

    /// How much each window differs in the two pictures after its movement, per pixel; `None` where nothing of it is in both.
    pub fn differences(&self, first: &Plane, second: &Plane) -> Vec<Option<f32>> {
        each_block(self.columns, self.rows, |column, row| {
            let window = window(column as usize, row as usize);
            let Difference { sum, pixels } = first.difference(second, window, self.at(column, row));
            (pixels > 0).then(|| sum as f32 / pixels as f32)
        })
    }

    /// How many of the four blocks around each move as it does, from 0 to 1.
    pub fn agreement(&self) -> Vec<f32> {
        each_block(self.columns, self.rows, |column, row| {
            let half = self.at(column, row);
            let alike = |(x, y): (i32, i32)| half.distance(self.at(column + x, row + y)) <= ALIKE;
            [(0, -1), (-1, 0), (1, 0), (0, 1)].into_iter().filter(|&to| alike(to)).count() as f32 / 4.0
        })
    }

    /// The movement in the middle of all, along each side.
    fn median(&self) -> Half {
        let middle = |mut all: Vec<i32>| {
            let half = all.len() / 2;
            *all.select_nth_unstable(half).1
        };
        let side = |of: fn(&Half) -> i32| middle(self.halves.iter().map(of).collect());
        Half { x: side(|half| half.x), y: side(|half| half.y) }
    }
}

/// One value for each block, row by row.
fn each_block<T: Send>(columns: usize, rows: usize, of: impl Fn(i32, i32) -> T + Sync) -> Vec<T> {
    let all = (0..columns * rows).into_par_iter();
    all.map(|index| of((index % columns) as i32, (index / columns) as i32)).collect()
}

/// The search at one size.
struct Search<'a> {
    first: &'a Plane,
    second: &'a Plane,
    columns: usize,
    rows: usize,
}

/// The best movement for a block so far.
struct Best {
    half: Half,
    cost: u32,
}

impl Search<'_> {
    /// The best match of each block in reach, whatever its neighbours do.
    fn everywhere(&self) -> Field {
        let halves = each_block(self.columns, self.rows, |column, row| {
            let mut best = self.judge(column, row, Half::default(), &[]);
            for y in -REACH..=REACH {
                for x in -REACH..=REACH {
                    self.try_one(column, row, Half { x: x * STEPS, y: y * STEPS }, &[], &mut best);
                }
            }
            best.half
        });
        Field { columns: self.columns, rows: self.rows, halves }
    }

    /// Passes over all blocks. Each looks at what its neighbours found in the pass before, so that the order of the
    /// blocks, and with it the number of threads, does not matter.
    fn run(&self, mut field: Field, finest_step: i32) -> Field {
        for pass in 0..PASSES {
            let median = field.median();
            let halves = each_block(self.columns, self.rows, |column, row| {
                let neighbours = [(0, -1), (-1, 0), (1, 0), (0, 1)].map(|(x, y)| field.at(column + x, row + y));
                let mut best = self.judge(column, row, field.at(column, row), &neighbours);
                let corners = [(-1, -1), (1, -1), (-1, 1), (1, 1)].map(|(x, y)| field.at(column + x, row + y));
                for half in neighbours.into_iter().chain(corners).chain([Half::default(), median]) {
                    self.try_one(column, row, half, &neighbours, &mut best);
                }
                let mut step = if pass == 0 { STEPS } else { STEPS / 2 };
                while step >= finest_step {
                    let centre = best.half;
                    for (x, y) in [(step, 0), (-step, 0), (0, step), (0, -step)] {
                        self.try_one(column, row, centre.plus(x, y), &neighbours, &mut best);
                    }
                    // As long as it gets better with whole pixels, it goes on: a small thing may have left the coarser path.
                    if step < STEPS || best.half == centre {
                        step /= 2;
                    }
                }
                best.half
            });
            field.halves = halves;
        }
        field
    }

    fn try_one(&self, column: i32, row: i32, half: Half, neighbours: &[Half], best: &mut Best) {
        if half != best.half {
            let found = self.judge(column, row, half, neighbours);
            if found.cost < best.cost {
                *best = found;
            }
        }
    }

    fn judge(&self, column: i32, row: i32, half: Half, neighbours: &[Half]) -> Best {
        let Difference { sum, pixels } =
            self.first.difference(self.second, window(column as usize, row as usize), half);
        let match_cost = if 4 * pixels < AREA && half != Half::default() {
            UNKNOWN_COST * AREA
        } else {
            (u64::from(sum) * u64::from(AREA) / u64::from(pixels.max(1))) as u32
        };
        let away: i32 = neighbours.iter().map(|neighbour| half.distance(*neighbour)).sum();
        Best { half, cost: match_cost + away as u32 * STEP_COST }
    }
}
