//! The shaders, held to their twins on the CPU.
#![cfg(feature = "gui")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use eframe::egui_wgpu::{RenderState, RendererOptions};
use egui_kittest::Harness;
use egui_kittest::wgpu::{WgpuTestRenderer, create_render_state, default_wgpu_setup};
use image::{DynamicImage, Rgba, RgbaImage};
use reelboard::draft::{camera_move, dissolve};
use reelboard::preview::{self, Compositor, Dissolve, PreviewError, PreviewTarget, Shot, adapters};
use reelboard::project::{CameraMove, Direction, Speed, View};
use reelboard::video::{Motion, MovingBlocks, OnTheWay};
use wgpu::naga;

/// Largest difference between a shader and its twin, in levels of 255.
const TOLERANCE: u8 = 2;

fn render_state() -> RenderState {
    assert!(!adapters().is_empty(), "nothing to draw with; install mesa-vulkan-drivers (make setup does)");
    create_render_state(default_wgpu_setup(), RendererOptions::PREDICTABLE)
}

struct Gpu {
    state: RenderState,
    compositor: Compositor,
}

impl Gpu {
    fn new() -> Self {
        let state = render_state();
        let compositor = Compositor::new(&state.device, 64 << 20);
        Self { state, compositor }
    }

    fn draw(&mut self, size: [u32; 2], shot: Shot<'_>, dissolve: Option<Dissolve<'_>>) -> RgbaImage {
        let (device, queue) = (&self.state.device, &self.state.queue);
        let target = PreviewTarget::new(device, size);
        self.compositor.render(device, queue, &target, shot, dissolve).unwrap();
        target.read(device, queue).unwrap()
    }
}

/// Grain that differs from pixel to pixel as much as it can: the hardest thing to sample alike.
fn grain(width: u32, height: u32, seed: u32) -> RgbaImage {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    RgbaImage::from_fn(width, height, |_, _| Rgba([next(), next(), next(), 255]))
}

fn largest_difference(a: &RgbaImage, b: &RgbaImage) -> u8 {
    assert_eq!(a.dimensions(), b.dimensions());
    a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}

/// Sizes of still and picture: as in a film, smaller, larger, odd, tall, tiny.
const SIZES: [((u32, u32), [u32; 2]); 7] = [
    ((320, 180), [320, 180]),
    ((320, 180), [160, 90]),
    ((160, 90), [640, 360]),
    ((321, 181), [213, 119]),
    ((97, 211), [101, 203]),
    ((1, 1), [64, 36]),
    ((64, 36), [1, 1]),
];

#[test]
fn every_shader_is_valid() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(&source, &path.display().to_string())));
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty())
            .validate(&module)
            .unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["camera_move.wgsl", "dissolve.wgsl", "frame_between.wgsl"]);
}

#[test]
fn the_viewer_shows_every_camera_move_as_the_export_draws_it() {
    let mut gpu = Gpu::new();
    let mut worst = 0;
    for (key, ((width, height), size)) in (0..).zip(SIZES) {
        let still = grain(width, height, 7 + key as u32);
        let mut expected = RgbaImage::new(size[0], size[1]);
        for direction in Direction::ALL {
            for speed in Speed::ALL {
                for t in [0.0, 0.13, 0.5, 0.77, 1.0] {
                    let view = CameraMove::new(direction, speed).view_at(t);
                    camera_move(&still, view, &mut expected);
                    let drawn = gpu.draw(size, Shot { key, still: &still, view, on_the_way: None }, None);
                    let difference = largest_difference(&drawn, &expected);
                    assert!(
                        difference <= TOLERANCE,
                        "{direction} {speed} at {t}, {width}×{height} as {size:?}: {difference} levels off"
                    );
                    worst = worst.max(difference);
                }
            }
        }
    }
    println!("largest difference: {worst} of 255");
}

#[test]
fn a_view_past_the_edge_of_the_still_repeats_its_border() {
    let mut gpu = Gpu::new();
    let still = grain(64, 36, 3);
    let view = View { center: [0.05, 0.98], extent: 0.6 };
    let mut expected = RgbaImage::new(128, 72);
    camera_move(&still, view, &mut expected);
    let drawn = gpu.draw([128, 72], Shot { key: 1, still: &still, view, on_the_way: None }, None);
    assert!(largest_difference(&drawn, &expected) <= TOLERANCE);
}

#[test]
fn the_viewer_shows_dissolves_as_the_export_draws_them() {
    let mut gpu = Gpu::new();
    for (index, ((width, height), size)) in (0..).zip(SIZES) {
        let stills = [grain(width, height, 11), grain(height, width, 12)];
        let views = [
            CameraMove::new(Direction::Left, Speed::Fast).view_at(0.9),
            CameraMove::new(Direction::Forward, Speed::Medium).view_at(0.1),
        ];
        let mut shots = [RgbaImage::new(size[0], size[1]), RgbaImage::new(size[0], size[1])];
        let mut expected = RgbaImage::new(size[0], size[1]);
        for ((still, view), out) in stills.iter().zip(views).zip(&mut shots) {
            camera_move(still, view, out);
        }
        for t in [0.0, 1.0 / 13.0, 0.25, 0.5, 0.9, 1.0] {
            dissolve(&shots[0], &shots[1], t, &mut expected);
            let from = Shot { key: index * 2, still: &stills[0], view: views[0], on_the_way: None };
            let to = Shot { key: index * 2 + 1, still: &stills[1], view: views[1], on_the_way: None };
            let drawn = gpu.draw(size, to, Some(Dissolve { from, incoming: t }));
            let difference = largest_difference(&drawn, &expected);
            assert!(difference <= TOLERANCE, "{t} at {size:?}: {difference} levels off");
        }
    }
}

/// A soft pattern that a camera moves over, and a square that moves over it.
fn moving(width: u32, height: u32, t: f32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32, y as f32);
        let is_square = (20.0..60.0).contains(&(x - 24.0 * t)) && (14.0..40.0).contains(&(y - 5.0 * t));
        let (x, y, turn) = if is_square { (x - 24.0 * t, y - 5.0 * t, 2.0) } else { (x + 7.3 * t, y - 2.1 * t, 0.0) };
        let wave = |a: f32, b: f32| 127.0 + 60.0 * (x * a + y * b + turn).sin() + 60.0 * (x * b - y * a).cos();
        Rgba([wave(0.21, 0.13) as u8, wave(0.37, -0.29) as u8, wave(0.11, 0.44) as u8, 255])
    })
}

#[test]
fn the_viewer_shows_the_frames_between_those_of_a_clip_as_the_export_draws_them() {
    let mut gpu = Gpu::new();
    let opaque = |frame: &RgbaImage| DynamicImage::ImageRgba8(frame.clone()).into_rgb8();
    let (mut worst, mut moved) = (0, 0);
    for (key, ((width, height), size)) in (0..).zip(SIZES) {
        let frames = [moving(width, height, 0.0), moving(width, height, 1.0), grain(width, height, 5)];
        for (first, second) in [(0, 1), (1, 0), (0, 2)] {
            let motion = Motion::between(&opaque(&frames[first]), &opaque(&frames[second]));
            for t in [0.1, 1.0 / 3.0, 0.5, 0.9] {
                let OnTheWay::Between(blocks) = motion.on_the_way(t) else { continue };
                moved += usize::from(blocks.values().any(|[x, y, _]| (x, y) != (0.0, 0.0)));
                let values: Vec<[f32; 3]> = blocks.values().collect();
                let way = preview::OnTheWay {
                    key: key * 3 + second as u64,
                    next: &frames[second],
                    t: blocks.t(),
                    block_side: MovingBlocks::SIDE as f32,
                    columns: blocks.columns() as u32,
                    blocks: &values,
                };
                let (still, view) = (&frames[first], View::WHOLE);
                let shot = Shot { key: key * 3 + first as u64, still, view, on_the_way: Some(way) };
                let between = motion.at(&opaque(still), &opaque(&frames[second]), t);
                let between = DynamicImage::ImageRgb8(between).into_rgba8();
                let (mut expected, mut other) = (RgbaImage::new(size[0], size[1]), RgbaImage::new(size[0], size[1]));
                camera_move(&between, view, &mut expected);
                let place = format!("{first} to {second} at {t}, {width}×{height} as {size:?}");
                let difference = largest_difference(&gpu.draw(size, shot, None), &expected);
                assert!(difference <= TOLERANCE, "{place}: {difference} levels off");
                worst = worst.max(difference);
                // Out of it into another, each with its own movement.
                camera_move(still, view, &mut other);
                dissolve(&expected.clone(), &other, 0.3, &mut expected);
                let to = Shot { on_the_way: None, ..shot };
                let drawn = gpu.draw(size, to, Some(Dissolve { from: shot, incoming: 0.3 }));
                let difference = largest_difference(&drawn, &expected);
                assert!(difference <= TOLERANCE, "dissolve, {place}: {difference} levels off");
            }
        }
    }
    assert!(moved > 20, "{moved}");
    println!("largest difference: {worst} of 255");
}

#[test]
fn blocks_that_do_not_fit_their_frames_are_named() {
    let mut gpu = Gpu::new();
    let (first, second) = (grain(64, 36, 1), grain(64, 32, 2));
    let blocks = [[0.0; 3]; 40];
    let way = |next, columns| preview::OnTheWay { key: 2, next, t: 0.5, block_side: 8.0, columns, blocks: &blocks };
    for way in [way(&second, 8), way(&first, 0), way(&first, 41)] {
        let shot = Shot { key: 1, still: &first, view: View::WHOLE, on_the_way: Some(way) };
        let (device, queue) = (&gpu.state.device, &gpu.state.queue);
        let target = PreviewTarget::new(device, [64, 36]);
        let result = gpu.compositor.render(device, queue, &target, shot, None);
        assert!(matches!(result, Err(PreviewError::Blocks { .. })), "{result:?}");
    }
}

#[test]
fn stills_on_the_gpu_stay_within_their_budget() {
    let state = render_state();
    let (device, queue) = (&state.device, &state.queue);
    let one = 64 * 36 * 4;
    let mut compositor = Compositor::new(device, one * 3);
    let target = PreviewTarget::new(device, [64, 36]);
    let view = CameraMove::default().view_at(0.0);
    let stills: Vec<_> = (0..10).map(|seed| grain(64, 36, 100 + seed)).collect();
    for round in 0..3 {
        for (key, still) in (0..).zip(&stills) {
            compositor.render(device, queue, &target, Shot { key, still, view, on_the_way: None }, None).unwrap();
            assert!(compositor.still_bytes() <= one * 3, "round {round}");
        }
    }
    assert_eq!(compositor.still_count(), 3);
    // One that is larger than the budget is shown all the same.
    let large = grain(640, 360, 5);
    compositor.render(device, queue, &target, Shot { key: 99, still: &large, view, on_the_way: None }, None).unwrap();
    assert_eq!((compositor.still_count(), compositor.still_bytes()), (1, 640 * 360 * 4));
}

#[test]
fn a_still_without_pixels_or_with_too_many_is_named() {
    let state = render_state();
    let (device, queue) = (&state.device, &state.queue);
    let mut compositor = Compositor::new(device, 1 << 20);
    let target = PreviewTarget::new(device, [64, 36]);
    let view = CameraMove::default().view_at(0.0);
    let max_side = device.limits().max_texture_dimension_2d;
    for (width, height) in [(0, 0), (max_side + 1, 1)] {
        let still = RgbaImage::new(width, height);
        let result =
            compositor.render(device, queue, &target, Shot { key: 0, still: &still, view, on_the_way: None }, None);
        assert_eq!(result, Err(PreviewError::StillSize { width, height, max_side }));
    }
    assert_eq!(compositor.still_count(), 0);
}

#[test]
fn a_target_says_when_its_texture_is_another_one() {
    let state = render_state();
    let mut target = PreviewTarget::new(&state.device, [64, 36]);
    assert!(!target.resize(&state.device, [64, 36]));
    assert_eq!(target.generation(), 0);
    assert!(target.resize(&state.device, [0, 36]));
    assert_eq!((target.size(), target.generation()), ([1, 36], 1));
    let max = state.device.limits().max_texture_dimension_2d;
    assert!(target.resize(&state.device, [u32::MAX, 36]));
    assert!(!target.resize(&state.device, [u32::MAX, 36]));
    assert_eq!((target.size(), target.generation()), ([max, 36], 2));
}

#[test]
fn the_window_shows_a_picture_with_the_colours_that_it_has() {
    let state = render_state();
    let mut compositor = Compositor::new(&state.device, 1 << 20);
    let target = PreviewTarget::new(&state.device, [32, 32]);
    let still = RgbaImage::from_pixel(16, 16, Rgba([200, 90, 30, 255]));
    let view = CameraMove::default().view_at(0.0);
    compositor
        .render(&state.device, &state.queue, &target, Shot { key: 0, still: &still, view, on_the_way: None }, None)
        .unwrap();
    let filter = wgpu::FilterMode::Linear;
    let texture = state.renderer.write().register_native_texture(&state.device, target.view(), filter);

    let renderer = WgpuTestRenderer::from_render_state(state);
    let mut harness = Harness::builder()
        .with_size([64.0, 64.0])
        .with_pixels_per_point(1.0)
        .renderer(renderer)
        .build_ui(|ui| drop(ui.image((texture, eframe::egui::vec2(40.0, 40.0)))));
    harness.run();
    let window = harness.render().unwrap();
    assert!(window.pixels().filter(|pixel| pixel.0 == [200, 90, 30, 255]).count() >= 38 * 38);
}

#[test]
fn every_adapter_has_a_name_and_an_interface() {
    let found = adapters();
    assert!(!found.is_empty(), "nothing to draw with; install mesa-vulkan-drivers (make setup does)");
    for adapter in found {
        println!("{adapter:?}");
        assert!(!adapter.name.is_empty() && !adapter.backend.is_empty());
    }
}

/// `cargo test --test shaders -- --ignored --nocapture how_fast`
#[test]
#[ignore = "measures"]
fn how_fast_frames_are_drawn() {
    let mut gpu = Gpu::new();
    let (device, queue) = (gpu.state.device.clone(), gpu.state.queue.clone());
    let stills = [grain(1280, 720, 1), grain(1280, 720, 2)];
    for size in [[640, 360], [960, 540], [1280, 720]] {
        let target = PreviewTarget::new(&device, size);
        for mixed in [false, true] {
            let mut draw = |frame: u32| {
                let view = CameraMove::new(Direction::Forward, Speed::Slow).view_at(frame as f32 / 60.0);
                let shot = |key: usize| Shot { key: key as u64, still: &stills[key], view, on_the_way: None };
                let dissolve = mixed.then(|| Dissolve { from: shot(1), incoming: 0.4 });
                gpu.compositor.render(&device, &queue, &target, shot(0), dissolve).unwrap();
                device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
            };
            draw(0);
            let start = std::time::Instant::now();
            (0..60).for_each(&mut draw);
            let millis = start.elapsed().as_secs_f64() * 1000.0 / 60.0;
            println!("{size:?} {}: {millis:.1} ms", if mixed { "dissolve" } else { "camera move" });
        }
        let frames = [moving(512, 320, 0.0), moving(512, 320, 1.0)];
        let opaque = frames.clone().map(|frame| DynamicImage::ImageRgba8(frame).into_rgb8());
        let motion = Motion::between(&opaque[0], &opaque[1]);
        let (mut worst, start) = (0.0, std::time::Instant::now());
        for frame in 0..60 {
            let began = std::time::Instant::now();
            let OnTheWay::Between(blocks) = motion.on_the_way((frame as f32 + 0.5) / 60.0) else { panic!("a cut") };
            let values: Vec<[f32; 3]> = blocks.values().collect();
            let way = preview::OnTheWay {
                key: 11,
                next: &frames[1],
                t: blocks.t(),
                block_side: MovingBlocks::SIDE as f32,
                columns: blocks.columns() as u32,
                blocks: &values,
            };
            let shot = Shot { key: 10, still: &frames[0], view: View::WHOLE, on_the_way: Some(way) };
            gpu.compositor.render(&device, &queue, &target, shot, None).unwrap();
            worst = began.elapsed().as_secs_f64().max(worst);
            device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        }
        let millis = start.elapsed().as_secs_f64() * 1000.0 / 60.0;
        println!(
            "{size:?} between frames of 512×320: {millis:.1} ms, of which the caller at most {:.1}",
            worst * 1000.0
        );
    }
}
