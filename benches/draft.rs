//! How long a draft takes after an edit, at 1280 × 720, and a frame between two of a clip, at 512 × 320 and in a film of
//! 1280 × 720. Not a test: prints figures and a ratio, never fails on time.
//!
//! `cargo bench --profile dev --bench draft -- [BASELINE]` measures what `make run` builds. It compares with the medians
//! in the file BASELINE, and writes that file when it is not there (default: `draft-bench.txt` in the build's temporary
//! folder).

use image::{DynamicImage, RgbaImage, imageops};
use reelboard::draft::{StillBackground, StillEntity, StillSpec, camera_move, dissolve, draw_still, forget_pictures};
use reelboard::engine::Clip;
use reelboard::project::{CameraMove, Direction, Speed, View};
use reelboard::video::Motion;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

const PLACES: [&str; 10] = [
    "stormy sea",
    "kitchen",
    "forest at night",
    "city street",
    "rocky shore",
    "living room",
    "desert",
    "library",
    "snowy field",
    "lighthouse gallery",
];
const PEOPLE: [&str; 8] = ["keeper", "young man with blue hair", "chef", "girl", "detective", "robot", "knight", "fox"];
const THINGS: [&str; 8] = ["dog", "paper boat", "birthday cake", "red car", "lantern", "cat", "sailboat", "tree"];

/// The scene after its `n`th edit: one of prompt, entity or place changes each time.
fn edited(n: usize) -> StillSpec {
    StillSpec {
        width: 1280,
        height: 720,
        prompt: format!("The keeper and the dog wait for the {}", ["morning", "night", "rain", "sunset"][n % 4]),
        style: String::new(),
        seed: n as u64,
        background: StillBackground { name: PLACES[(n / 3) % PLACES.len()].into(), ..StillBackground::default() },
        foreground: [PEOPLE[(n / 2) % PEOPLE.len()], THINGS[n % THINGS.len()], THINGS[(n / 5 + 3) % THINGS.len()]]
            .map(|name| StillEntity { name: name.into(), ..StillEntity::default() })
            .to_vec(),
    }
}

/// Median and worst of 50, in milliseconds.
fn measure(mut work: impl FnMut(usize)) -> (f64, f64) {
    let mut times: Vec<f64> = (0..50)
        .map(|n| {
            let start = Instant::now();
            work(n);
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() - 1])
}

fn main() -> std::io::Result<()> {
    let named = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).map(PathBuf::from);
    let baseline_path = named.unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("draft-bench.txt"));
    let baseline: BTreeMap<String, f64> = std::fs::read_to_string(&baseline_path)
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.rsplit_once(' ').and_then(|(name, ms)| Some((name.to_owned(), ms.parse().ok()?))))
        .collect();

    draw_still(&edited(0));
    let still = draw_still(&edited(7));
    let other = draw_still(&edited(8));
    let mut out = RgbaImage::new(1280, 720);
    let photo = DynamicImage::ImageRgba8(still.clone()).into_rgb8();
    let frame = |left, top| imageops::crop_imm(&photo, left, top, 512, 320).to_image();
    let (first, second) = (frame(300, 200), frame(313, 196));
    let motion = Motion::between(&first, &second);
    let clip = Clip::new([&first, &second].map(|frame| DynamicImage::ImageRgb8(frame.clone()).into_rgba8()).into());
    let mut film_frame = RgbaImage::new(1280, 720);
    let pan = CameraMove::new(Direction::Left, Speed::Fast);
    let results = [
        ("still after an edit", measure(|n| drop(draw_still(&edited(n))))),
        (
            "still, nothing cached",
            measure(|n| {
                forget_pictures();
                drop(draw_still(&edited(n)));
            }),
        ),
        ("camera move", measure(|n| camera_move(&still, pan.view_at(n as f32 / 50.0), &mut out))),
        ("dissolve", measure(|n| dissolve(&still, &other, n as f32 / 50.0, &mut out))),
        ("motion of a pair", measure(|_| drop(Motion::between(&first, &second)))),
        ("frame between two", measure(|n| drop(motion.at(&first, &second, (n as f32 + 0.5) / 50.0)))),
        (
            "film frame, nearest",
            measure(|n| camera_move(&clip.at(n as f32 / 50.0, false), View::WHOLE, &mut film_frame)),
        ),
        (
            "film frame, smooth",
            measure(|n| camera_move(&clip.at((n as f32 + 0.5) / 50.0, true), View::WHOLE, &mut film_frame)),
        ),
    ];
    println!("1280x720 and 512x320, milliseconds, {} threads", rayon::current_num_threads());
    for (name, (median, worst)) in &results {
        let ratio = baseline
            .get(*name)
            .map_or_else(|| "no baseline".to_owned(), |base| format!("{:.2} of the baseline {base:.1}", median / base));
        println!("{name:24} median {median:6.1}  worst {worst:6.1}  {ratio}");
    }
    if baseline.is_empty() {
        let lines: String = results.iter().map(|(name, (median, _))| format!("{name} {median:.3}\n")).collect();
        std::fs::write(&baseline_path, lines)?;
        println!("baseline written to {}", baseline_path.display());
    }
    Ok(())
}
