//! Clips.

use crate::studio::{animator, folder, photo, studio};
use crate::watch::{DENOISING, Watcher};
use candle_core::{DType, Device, Tensor};
use image::RgbImage;
use reelboard::models::weights::{Keep, Layout};
use reelboard::nets::action::Prototypes;
use reelboard::nets::camera_warp::{Direction, Movement, Speed};
use reelboard::nets::denoise::Denoising;
use reelboard::nets::samplers::SamplerKind;
use reelboard::progress::{Silent, Watch};
use reelboard::video::{Animate, AnimateError, Animator};

const STEPS: usize = 5;
/// After which the camera moves.
const CAMERA: usize = 2;
const FRAMES: usize = 3;

fn movement(direction: Direction, speed: Speed) -> Movement {
    Movement { direction, speed }
}

pub fn request() -> Animate {
    Animate {
        still: photo(1),
        prompt: "Mia and the lighthouse".to_owned(),
        verb_phrases: Some(Vec::new()),
        camera: movement(Direction::Right, Speed::Fast),
        camera_from_step: CAMERA,
        frames: FRAMES,
        size: [64, 48],
        steps: STEPS,
        seed: 3,
        ..Animate::default()
    }
}

fn made(what: &Animate, start: Option<Denoising>, watch: &dyn Watch) -> Result<Vec<RgbImage>, AnimateError> {
    studio().animator.animate(what, start, &mut |_| (), watch)
}

fn clip(what: &Animate) -> Vec<RgbImage> {
    made(what, None, &Silent).unwrap()
}

fn through_a_file(state: &Denoising) -> Denoising {
    Denoising::from_bytes(&state.to_bytes().unwrap(), &Device::Cpu).unwrap()
}

/// The frames, and the states that were handed out before the camera moved.
fn with_states(what: &Animate) -> (Vec<RgbImage>, Vec<Denoising>) {
    let mut states = Vec::new();
    let frames =
        studio().animator.animate(what, None, &mut |state| states.push(through_a_file(state)), &Silent).unwrap();
    (frames, states)
}

#[test]
fn a_seed_is_a_clip() {
    let frames = clip(&request());
    assert_eq!(frames.len(), FRAMES);
    assert!(frames.iter().all(|frame| frame.dimensions() == (64, 48)));
    assert!(frames.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(clip(&request()), frames);
    assert_eq!(animator(&studio().models, DType::F32).animate(&request(), None, &mut |_| (), &Silent).unwrap(), frames);
    let others = [
        Animate { seed: 4, ..request() },
        Animate { still: photo(2), ..request() },
        Animate { prompt: "Rain".to_owned(), ..request() },
        Animate { aes: [5.0, 6.0], ..request() },
        Animate { camera: movement(Direction::Right, Speed::Slow), ..request() },
        Animate { camera: movement(Direction::ZoomIn, Speed::Fast), ..request() },
        Animate { camera_from_step: 3, ..request() },
    ];
    for other in &others {
        assert_ne!(clip(other), frames, "{other:?}");
    }
}

#[test]
fn one_network_at_a_time_makes_the_same_frames() {
    let models = &studio().models;
    let (release, vision) =
        (folder(Layout::VideoStudio, &models.video_studio), folder(Layout::ClipVitH, &models.clip_vit_h));
    let on = (&Device::Cpu, DType::F32);
    let by_parts = Animator::open(&release, &vision, None, on, Keep::WhileUsed, &Silent).unwrap();
    let watcher = Watcher::default();
    assert_eq!(by_parts.animate(&request(), None, &mut |_| (), &watcher).unwrap(), clip(&request()));
    let loaded: Vec<_> = watcher.stages().into_iter().filter(|stage| stage.starts_with("loading")).collect();
    let expected = ["text encoder", "image encoder", "autoencoder", "video UNet", "autoencoder"];
    assert_eq!(loaded, expected.map(|name| format!("loading the {name}")));
}

#[test]
fn another_camera_movement_redoes_only_what_comes_after() {
    let three = &[Direction::Static, Direction::Left, Direction::ZoomOut][..];
    let two = &three[..2];
    for (sampler, directions) in
        [(SamplerKind::DpmSolverMultistep, three), (SamplerKind::Ddim, two), (SamplerKind::EulerAncestral, two)]
    {
        let request_of = |&direction| Animate { camera: movement(direction, Speed::Medium), sampler, ..request() };
        let all: Vec<Animate> = directions.iter().map(request_of).collect();
        let whole: Vec<_> = all.iter().map(with_states).collect();
        for (from, (_, states)) in all.iter().zip(&whole) {
            let [state] = &states[..] else { panic!("{} states", states.len()) };
            assert_eq!(state.done(), CAMERA);
            for (to, (frames, _)) in all.iter().zip(&whole) {
                let watcher = Watcher::default();
                let redone = made(to, Some(state.clone()), &watcher).unwrap();
                assert!(redone == *frames, "{sampler:?} {:?} to {:?}", from.camera, to.camera);
                assert_eq!(watcher.seen.into_inner().unwrap().previews.len(), STEPS - CAMERA);
            }
            let other = Animate { seed: 99, ..from.clone() };
            assert!(matches!(made(&other, Some(state.clone()), &Silent), Err(AnimateError::OtherState)));
        }
    }
}

#[test]
fn a_clip_that_was_put_aside_ends_as_if_it_was_not() {
    let other_camera = Animate { camera: movement(Direction::Up, Speed::Medium), ..request() };
    let (whole, other_whole) = (clip(&request()), clip(&other_camera));
    for step in 1..=STEPS {
        let Err(AnimateError::Paused(state)) = made(&request(), None, &Watcher::pausing_after(step)) else {
            panic!("it was not put aside");
        };
        assert_eq!(state.done(), step);
        let state = through_a_file(&state);
        assert!(made(&request(), Some(state.clone()), &Silent).unwrap() == whole, "step {step}");
        // The camera can be changed until it moves, and not after.
        match made(&other_camera, Some(state), &Silent) {
            Ok(frames) => assert!(step < CAMERA && frames == other_whole, "step {step}"),
            Err(error) => assert!(step >= CAMERA && matches!(error, AnimateError::OtherState), "{step}: {error}"),
        }
    }
    // A camera that never moves.
    let still = movement(Direction::Static, Speed::Slow);
    for camera_from_step in [0, STEPS, STEPS + 3] {
        let request = Animate { camera: still, camera_from_step, ..request() };
        let whole = clip(&request);
        let Err(AnimateError::Paused(state)) = made(&request, None, &Watcher::pausing_after(3)) else {
            panic!("it was not put aside");
        };
        assert!(made(&request, Some(through_a_file(&state)), &Silent).unwrap() == whole, "{camera_from_step}");
    }
}

#[test]
fn a_cancel_ends_the_work_at_once() {
    for (stage, done) in [(DENOISING, 0), (DENOISING, 3), ("decoding the frames", 1)] {
        let watcher = Watcher::cancelling_at(stage, done);
        let error = made(&request(), None, &watcher).unwrap_err();
        assert!(matches!(error, AnimateError::Cancelled(_)), "{stage}: {error}");
        assert_eq!(watcher.seen.into_inner().unwrap().after_cancel, 0);
    }
}

#[test]
fn every_step_is_told_with_a_preview_of_all_frames() {
    let watcher = Watcher::default();
    made(&request(), None, &watcher).unwrap();
    let seen = watcher.seen.into_inner().unwrap();
    let expected: Vec<(u64, u64)> = (0..=STEPS as u64).map(|done| (done, STEPS as u64)).collect();
    assert_eq!(seen.steps, expected);
    assert_eq!(seen.previews.len(), STEPS);
    for preview in seen.previews {
        assert_eq!(preview.len(), FRAMES);
        assert!(preview.iter().all(|frame| (frame.width, frame.height) == (8, 6)));
    }
}

/// One prototype for each action, all of them different.
fn prototypes(actions: usize) -> Prototypes {
    let rows: Vec<f32> = (0..actions * 32).map(|i| (i as f32 * 1.3).sin()).collect();
    Prototypes::from_embeddings(&Tensor::from_vec(rows, (actions, 32), &Device::Cpu).unwrap()).unwrap()
}

fn with_prototypes(actions: usize) -> Result<Animator, AnimateError> {
    let models = &studio().models;
    let (studio, vision) =
        (folder(Layout::VideoStudio, &models.video_studio), folder(Layout::ClipVitH, &models.clip_vit_h));
    Animator::load(&studio, &vision, Some(prototypes(actions)), &Device::Cpu, DType::F32, &Silent)
}

#[test]
fn actions_are_those_of_the_prompt_unless_they_are_given() {
    let animator = with_prototypes(400).unwrap();
    let clip = |phrases: Option<&[&str]>| {
        let verb_phrases = phrases.map(|phrases| phrases.iter().map(|&phrase| phrase.to_owned()).collect());
        let what = Animate { prompt: "Mia is riding a horse.".to_owned(), verb_phrases, ..request() };
        animator.animate(&what, None, &mut |_| (), &Silent).unwrap()
    };
    let found = clip(None);
    assert!(found == clip(Some(&["is riding"])));
    assert!(found != clip(Some(&[])));

    let error = with_prototypes(17).unwrap_err();
    assert!(matches!(error, AnimateError::Actions { prototypes: 17, actions: 400 }), "{error}");
}

#[test]
fn prototypes_that_were_not_given_are_computed_once_and_told() {
    let animator = animator(&studio().models, DType::F32);
    let what = Animate { verb_phrases: Some(vec!["riding".to_owned()]), ..request() };
    let clip = || {
        let watcher = Watcher::default();
        (animator.animate(&what, None, &mut |_| (), &watcher).unwrap(), watcher.notes())
    };
    let (first, second) = (clip(), clip());
    assert_eq!(first.1.len(), 1);
    assert!(first.1[0].contains("computed from the names"), "{:?}", first.1);
    assert!(first.0 == second.0 && second.1.is_empty());
}

#[test]
fn half_precision_makes_clips() {
    for dtype in [DType::F16, DType::BF16] {
        let animator = animator(&studio().models, dtype);
        let clip = || animator.animate(&request(), None, &mut |_| (), &Silent).unwrap();
        let frames = clip();
        assert!(frames.iter().all(|frame| frame.iter().min() != frame.iter().max()));
        assert!(clip() == frames);
    }
}

#[test]
fn requests_that_cannot_be_met_say_what_would_do() {
    for (what, says) in [
        (Animate { size: [60, 64], ..request() }, "multiples of 8 pixels"),
        (Animate { frames: 0, ..request() }, "at least one frame"),
        (Animate { camera_from_step: 0, ..request() }, "from 1 to 5"),
        (Animate { camera_from_step: 6, ..request() }, "from 1 to 5"),
        (Animate { steps: 0, ..request() }, "at least one"),
        (Animate { still: RgbImage::new(0, 9), ..request() }, "cannot be fitted"),
    ] {
        let error = made(&what, None, &Silent).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_wrong_folder_is_named_with_what_is_wrong_in_it() {
    let models = &studio().models;
    let load = |studio: &std::path::Path, vision: &std::path::Path| {
        let (studio, vision) = (folder(Layout::VideoStudio, studio), folder(Layout::ClipVitH, vision));
        Animator::load(&studio, &vision, None, &Device::Cpu, DType::F32, &Silent).unwrap_err().to_string()
    };
    let error = load(&models.video_studio, &models.sd_vae);
    assert!(error.contains(models.sd_vae.to_str().unwrap()), "{error}");
    let error = load(&models.clip_vit_h, &models.clip_vit_h);
    assert!(error.contains("videostudio-vid/scheduler/scheduler_config.json"), "{error}");
}
