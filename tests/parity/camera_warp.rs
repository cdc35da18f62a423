//! The camera warp against a reference of the paper's equation.

use crate::fixture::{Fixture, max_difference};
use candle_core::Tensor;
use reelboard::nets::camera_warp::{CameraWarp, Direction, Movement, Speed, warp};
use reelboard::nets::samplers::NoiseLevel;
use std::collections::BTreeMap;

/// A movement by the words of a fixture: "moving left" or `moving_left`, "medium".
pub fn movement(direction: &str, speed: &str) -> Movement {
    let direction = match direction.replace('_', " ").as_str() {
        "static" => Direction::Static,
        "moving left" => Direction::Left,
        "moving right" => Direction::Right,
        "moving up" => Direction::Up,
        "moving down" => Direction::Down,
        "zoom in" => Direction::ZoomIn,
        "zoom out" => Direction::ZoomOut,
        other => panic!("unknown direction {other:?}"),
    };
    let speed = match speed {
        "slow" => Speed::Slow,
        "medium" => Speed::Medium,
        "fast" => Speed::Fast,
        other => panic!("unknown speed {other:?}"),
    };
    Movement { direction, speed }
}

/// The settings of the fixture, with the mode and reference frame that a word between `y.` and the movement means.
pub fn camera(fixture: &Fixture, reading: Option<&str>) -> CameraWarp {
    let default: CameraWarp = fixture.config("");
    match reading {
        None => CameraWarp { mode: fixture.config("mode_default"), ..default },
        Some("ref_mid") => CameraWarp { reference_frame: fixture.config("ref_mid_reference_frame"), ..default },
        Some(mode) => CameraWarp { mode: serde_json::from_value(mode.into()).unwrap(), ..default },
    }
}

#[test]
fn parity_camera_warp() {
    let fixture = Fixture::open("camera_warp");
    let io = fixture.tensors("io.safetensors");
    let level = NoiseLevel { alpha: fixture.config("alpha"), sigma: fixture.config("sigma") };
    let (x, eps, x0) = (io.f32("x"), io.f32("eps"), io.f32("x0"));
    let &[_, frames, height, width] = x.dims() else { panic!("{:?}", x.dims()) };

    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    for key in io.0.keys() {
        let ours: Tensor = match key.split('.').collect::<Vec<_>>()[..] {
            ["flow", direction, speed] => {
                camera(&fixture, None).flow(movement(direction, speed), frames, height, width).unwrap()
            }
            ["warped", direction, speed] => {
                let flow = camera(&fixture, None).flow(movement(direction, speed), frames, height, width).unwrap();
                warp(&x0, &flow).unwrap()
            }
            ["y", direction, speed] => {
                camera(&fixture, None).apply(&x, &eps, level, movement(direction, speed)).unwrap()
            }
            ["y", reading, direction, speed] => {
                camera(&fixture, Some(reading)).apply(&x, &eps, level, movement(direction, speed)).unwrap()
            }
            ["x0"] => level.remove_noise(&x, &eps).unwrap(),
            ["x" | "eps"] => continue,
            _ => panic!("nothing is known of the output {key:?}"),
        };
        let difference = max_difference(&ours, io.get(key));
        assert!(difference <= fixture.tolerance("max_abs"), "{key}: {difference:e}");
        let so_far = worst.entry(key.split('.').next().unwrap()).or_default();
        *so_far = so_far.max(difference);
    }
    for (kind, difference) in worst {
        fixture.row(kind, difference, fixture.tolerance("max_abs"));
    }
}
