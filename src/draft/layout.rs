//! Where the cast stands: sizes by kind, a common ground line, room for everybody, the main one on a third.

use super::dice::Dice;
use super::library::Kind;

/// What the layout needs to know about one entity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Actor {
    pub kind: Kind,
    /// Height as share of the frame's.
    pub height: f32,
    /// Width by height.
    pub aspect: f32,
    /// The one that the scene is about.
    pub is_main: bool,
}

/// Where an entity is drawn, in shares of the frame's height (so a 16:9 frame is 1.78 wide).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    pub x: f32,
    /// Where it stands, or its lower edge in the air.
    pub bottom: f32,
    pub height: f32,
    pub flip: bool,
    /// How far it reaches into the water, as share of its height.
    pub sunk: f32,
    /// Whether it throws a shadow on the ground.
    pub grounded: bool,
    /// Larger is nearer and drawn later.
    pub depth: f32,
}

/// A piece of furniture that the layout adds for small things: middle, top, width, bottom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Table {
    pub x: f32,
    pub top: f32,
    pub width: f32,
    pub bottom: f32,
}

/// The stage that a place offers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage {
    pub aspect: f32,
    pub indoor: bool,
    /// Water is what one would stand on.
    pub water: bool,
    pub waterline: Option<f32>,
    pub weightless: bool,
}

/// The ground line. Camera moves show at least the middle 78 % of a frame: feet and faces stay inside.
const GROUND: f32 = 0.855;
/// The share of the width that the cast may take.
const USABLE: f32 = 0.8;
/// More than this many side by side make a second row.
const ROW: usize = 6;

/// Gives every actor a spot, in their order, and a table if small things need one.
pub(super) fn arrange(actors: &[Actor], stage: Stage, seed: u64) -> (Vec<Spot>, Option<Table>) {
    let mut dice = Dice::new(seed);
    let mirror = dice.chance(0.5);
    let mut spots: Vec<Option<Spot>> = vec![None; actors.len()];

    let in_air = |a: &Actor| matches!(a.kind, Kind::Sky | Kind::Flyer) && !stage.indoor;
    let flyers: Vec<usize> = (0..actors.len()).filter(|&i| in_air(&actors[i])).collect();
    let rest: Vec<usize> = (0..actors.len()).filter(|&i| !in_air(&actors[i])).collect();
    // A toy boat in a room is one more small thing.
    let is_small = |a: &Actor| a.kind == Kind::Small || (stage.indoor && a.kind == Kind::Boat && a.height < 0.3);
    let small: Vec<usize> = rest.iter().copied().filter(|&i| is_small(&actors[i])).collect();
    let has_beings = rest.iter().any(|&i| !is_small(&actors[i]));
    let table_wanted = stage.indoor && !small.is_empty() && small.len() <= 8;

    // Groups side by side: each being alone, small things of a room together on a table.
    let mut groups: Vec<Vec<usize>> =
        rest.iter().filter(|i| !(table_wanted && small.contains(i))).map(|i| vec![*i]).collect();
    if table_wanted {
        groups.push(small.clone());
    }
    // The main actor second of three or more puts them on a third, with something to look at on both sides.
    groups.sort_by_key(|group| !group.iter().any(|&i| actors[i].is_main));
    if groups.len() >= 3 {
        groups.swap(0, 1);
    }
    if mirror {
        groups.reverse();
    }

    let is_table = |group: &[usize]| table_wanted && group.first().is_some_and(|i| small.contains(i));
    let mut table = None;
    let rows: Vec<&[Vec<usize>]> = groups.chunks(ROW).collect();
    for (row, groups) in rows.iter().enumerate().rev() {
        // Rows behind are higher and smaller.
        let back = row as f32;
        let row_scale = 0.82f32.powf(back) * if rows.len() > 1 { 0.7 } else { 1.0 };
        let ground = GROUND - 0.075 * back;
        let crowd = match groups.len() {
            0..=2 => 1.0,
            3 => 0.94,
            4 => 0.88,
            _ => 0.8,
        };
        let size = |i: usize| {
            let a = &actors[i];
            let main = if a.is_main && has_beings { 1.08 } else { 1.0 };
            // Things alone in a picture are its subject.
            let alone = if actors.len() == 1 && a.kind == Kind::Small { 2.2 } else { 1.0 };
            let outdoors = if a.kind == Kind::Small && !stage.indoor { 1.15 } else { 1.0 };
            a.height * main * alone * outdoors * crowd * row_scale
        };
        let table_gap = 0.03;
        let group_width = |group: &Vec<usize>| {
            let inner: f32 = group.iter().map(|&i| size(i) * actors[i].aspect).sum();
            if is_table(group) { inner + table_gap * (group.len() as f32 - 1.0) + 0.14 } else { inner }
        };
        let widths: Vec<f32> = groups.iter().map(group_width).collect();
        let total: f32 = widths.iter().sum();
        let room = USABLE * stage.aspect;
        let shrink = (room * 0.94 / total).min(1.0);
        let gap = if groups.len() > 1 {
            ((room - total * shrink) / groups.len() as f32).max(0.01).min(0.17 * stage.aspect)
        } else {
            0.0
        };
        let span = total * shrink + gap * (groups.len() as f32 - 1.0);
        let lean = if groups.len() == 1 { (if mirror { 0.06 } else { -0.06 }) * stage.aspect } else { 0.0 };
        let mut x = stage.aspect / 2.0 - span / 2.0 + lean;
        for (group, wide) in groups.iter().zip(&widths) {
            let wide = wide * shrink;
            let middle = x + wide / 2.0;
            if is_table(group) {
                let top = ground - 0.2;
                table = Some(Table { x: middle, top, width: wide, bottom: ground + 0.015 });
                let mut left = x + 0.07 * shrink;
                for &i in group {
                    let (height, w) = (size(i) * shrink, size(i) * shrink * actors[i].aspect);
                    spots[i] = Some(Spot {
                        x: left + w / 2.0,
                        bottom: top + 0.008,
                        height,
                        flip: false,
                        sunk: 0.0,
                        grounded: true,
                        depth: ground + 0.02,
                    });
                    left += w + table_gap * shrink;
                }
            } else {
                for &i in group {
                    let facing_right = middle < stage.aspect / 2.0;
                    spots[i] =
                        Some(stand(&actors[i], middle, ground, size(i) * shrink, facing_right, stage, &mut dice));
                }
            }
            x += wide + gap;
        }
    }

    for (n, &i) in flyers.iter().enumerate() {
        let alone = rest.is_empty() && flyers.len() == 1;
        let height = if alone {
            (actors[i].height * 2.0).min(0.5)
        } else {
            actors[i].height / (1.0 + 0.1 * flyers.len() as f32)
        };
        let half = height * actors[i].aspect / 2.0;
        // The free part of the sky: as far as possible from every head and from what flies already.
        let y = if alone { 0.44 } else { 0.25 + 0.05 * (n % 2) as f32 + dice.range(-0.02, 0.02) };
        let clearance = |share: f32| {
            let x = share * stage.aspect;
            let others = spots.iter().zip(actors).filter_map(|(s, a)| s.map(|s| (s, a)));
            let near = others.map(|(s, a)| {
                let apart = (s.x - x).abs() - s.height * a.aspect / 2.0 - half;
                let above = (s.bottom - s.height) - (y + height / 2.0);
                apart.max(above)
            });
            near.fold(0.4f32, f32::min) - 0.02 * (share - 0.5).abs()
        };
        let shares =
            if mirror { [0.5, 0.72, 0.28, 0.82, 0.18, 0.6, 0.4] } else { [0.5, 0.28, 0.72, 0.18, 0.82, 0.4, 0.6] };
        let shares = &shares[usize::from(!alone)..];
        let share = shares
            .iter()
            .copied()
            .fold(shares[0], |best, s| if clearance(s) > clearance(best) + 1e-4 { s } else { best });
        let share = if alone { 0.5 } else { share };
        let x = share * stage.aspect;
        spots[i] = Some(Spot {
            x,
            bottom: y + height / 2.0,
            height,
            flip: actors[i].kind == Kind::Flyer && x < stage.aspect / 2.0,
            sunk: 0.0,
            grounded: false,
            depth: if actors[i].kind == Kind::Sky { 0.1 } else { 0.95 },
        });
    }
    let nowhere = Spot { x: 0.5, bottom: GROUND, height: 0.2, flip: false, sunk: 0.0, grounded: true, depth: GROUND };
    (spots.into_iter().map(|spot| spot.unwrap_or(nowhere)).collect(), table)
}

fn stand(actor: &Actor, x: f32, ground: f32, height: f32, facing_right: bool, stage: Stage, dice: &mut Dice) -> Spot {
    // Pictures of animals and vehicles look left; flipped ones look to the middle of the frame.
    let turns = matches!(actor.kind, Kind::Animal | Kind::Vehicle | Kind::Swimmer | Kind::Flyer);
    let mut spot =
        Spot { x, bottom: ground, height, flip: turns && facing_right, sunk: 0.0, grounded: true, depth: ground };
    if stage.weightless {
        spot.bottom = (0.5 + height / 2.0 + dice.range(-0.07, 0.07)).min(0.88);
        spot.grounded = false;
        return spot;
    }
    match actor.kind {
        Kind::Boat | Kind::Swimmer => {
            if stage.water {
                spot.bottom = ground + 0.01;
                spot.sunk = if actor.kind == Kind::Boat { 0.1 } else { 0.3 };
                spot.grounded = false;
            } else if let Some(line) = stage.waterline.filter(|_| actor.height > 0.25) {
                // Boats stay on the water behind the shore; toys may lie on it.
                spot.bottom = line;
                spot.height = height * 0.8;
                spot.sunk = 0.08;
                spot.grounded = false;
                spot.depth = line;
            }
        }
        Kind::Building | Kind::Plant if actor.height > 0.5 => {
            spot.bottom = ground - 0.075;
            spot.depth = spot.bottom;
            if stage.water {
                spot.sunk = 0.02;
                spot.grounded = false;
            }
        }
        Kind::Small => {
            spot.bottom = ground + 0.02;
            spot.depth = spot.bottom;
            if stage.water {
                spot.sunk = 0.2;
                spot.grounded = false;
            }
        }
        Kind::Sky | Kind::Flyer => {
            // Indoors they hang in the air of the room.
            spot.bottom = 0.36 + height / 2.0;
            spot.grounded = false;
        }
        _ if stage.water => {
            // Whoever has no boat is in the water to the waist.
            spot.sunk = if actor.kind == Kind::Person { 0.34 } else { 0.25 };
            spot.bottom = ground + 0.03 + height * spot.sunk * 0.4;
            spot.grounded = false;
        }
        _ => {}
    }
    spot
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGE: Stage = Stage { aspect: 16.0 / 9.0, indoor: false, water: false, waterline: None, weightless: false };

    fn actor(kind: Kind, height: f32, is_main: bool) -> Actor {
        Actor { kind, height, aspect: 0.5, is_main }
    }

    #[test]
    fn up_to_six_stand_apart_and_inside_what_every_camera_move_shows() {
        for count in 1..=6 {
            for seed in 0..40 {
                let actors: Vec<Actor> = (0..count).map(|i| actor(Kind::Person, 0.64, i == 0)).collect();
                let (mut spots, _) = arrange(&actors, STAGE, seed);
                spots.sort_by(|a, b| a.x.total_cmp(&b.x));
                for pair in spots.windows(2) {
                    let overlap = pair[0].x + pair[0].height * 0.25 - (pair[1].x - pair[1].height * 0.25);
                    assert!(overlap < 0.02, "{count} people overlap by {overlap}");
                }
                for spot in spots {
                    assert!(spot.bottom - spot.height >= 0.11, "a face is cut off by a camera move");
                    assert!(spot.x > 0.11 * STAGE.aspect && spot.x < 0.89 * STAGE.aspect);
                }
            }
        }
    }

    #[test]
    fn small_things_of_a_room_stand_on_a_table() {
        let actors = [actor(Kind::Person, 0.64, true), actor(Kind::Small, 0.15, false)];
        let (spots, table) = arrange(&actors, Stage { indoor: true, ..STAGE }, 3);
        let table = table.unwrap();
        assert!((spots[1].bottom - table.top).abs() < 0.02 && spots[1].depth > spots[0].depth);
    }
}
