//! Illustrations and stills.

use crate::studio::{Studio, compositor, folder, photo, pictures, studio};
use crate::watch::{DENOISING, Watcher};
use candle_core::{DType, Device};
use image::RgbImage;
use reelboard::image::{Compose, CutOut, Illustrate, PictureError, StableDiffusion, hard_split};
use reelboard::models::weights::Layout;
use reelboard::nets::denoise::Denoising;
use reelboard::nets::samplers::SamplerKind;
use reelboard::progress::Silent;
use std::sync::Arc;

const STEPS: usize = 4;

pub fn request() -> Illustrate {
    Illustrate {
        prompt: "Mia, a young baker with red hair".to_owned(),
        negative: "blurry".to_owned(),
        size: [64, 48],
        steps: STEPS,
        seed: 7,
        ..Illustrate::default()
    }
}

pub fn still() -> Compose {
    Compose {
        prompt: "Mia kneads dough in her bakery".to_owned(),
        foregrounds: vec![photo(1)],
        background: Some(photo(2)),
        size: [64, 48],
        steps: STEPS,
        seed: 7,
        ..Compose::default()
    }
}

fn draw(what: &Illustrate) -> RgbImage {
    studio().pictures.illustrate(what, None, &Silent).unwrap()
}

fn compose(what: &Compose) -> RgbImage {
    studio().compositor.compose(what, None, &Silent).unwrap()
}

#[test]
fn a_seed_is_a_picture() {
    let picture = draw(&request());
    assert_eq!(picture.dimensions(), (64, 48));
    assert!(picture.iter().min() != picture.iter().max());
    assert_eq!(draw(&request()), picture);
    // Loaded anew, too.
    let again = pictures(&studio().models, DType::F32);
    assert_eq!(again.illustrate(&request(), None, &Silent).unwrap(), picture);
    assert_ne!(draw(&Illustrate { seed: 8, ..request() }), picture);
    assert_ne!(draw(&Illustrate { prompt: "A paper boat".to_owned(), ..request() }), picture);
    assert_ne!(draw(&Illustrate { negative: "sunny".to_owned(), ..request() }), picture);
    assert_ne!(draw(&Illustrate { guidance: 3.0, ..request() }), picture);
    // Without guidance nobody looks at the negative prompt.
    let plain = Illustrate { guidance: 1.0, ..request() };
    assert_eq!(draw(&plain), draw(&Illustrate { negative: String::new(), ..plain.clone() }));
}

#[test]
fn a_still_follows_all_of_its_references() {
    let (both, studio) = (compose(&still()), studio());
    assert_eq!(compose(&still()), both);
    assert_eq!(compositor(&studio.models, studio.pictures.clone()).compose(&still(), None, &Silent).unwrap(), both);
    let no_foreground = compose(&Compose { foregrounds: Vec::new(), ..still() });
    let no_background = compose(&Compose { background: None, ..still() });
    let two = |pictures: [u32; 2]| compose(&Compose { foregrounds: pictures.map(photo).to_vec(), ..still() });
    let with_second = two([1, 3]);
    let all = [&both, &no_foreground, &no_background, &with_second];
    for (index, picture) in all.iter().enumerate() {
        assert!(all[..index].iter().all(|other| other != picture), "{index}");
    }
    assert_ne!(two([1, 4]), with_second);
    assert_ne!(compose(&Compose { seed: 8, ..still() }), both);

    // A scale of 0 is the same as no reference.
    assert_eq!(compose(&Compose { fg_scale: 0.0, ..still() }), no_foreground);
    assert_eq!(compose(&Compose { bg_scale: 0.0, ..still() }), no_background);

    // Without any reference the still is an illustration.
    let bare = Compose { foregrounds: Vec::new(), background: None, ..still() };
    let same = Illustrate { prompt: bare.prompt.clone(), negative: bare.negative.clone(), ..request() };
    assert_eq!(compose(&bare), draw(&same));
}

#[test]
fn references_are_seen_without_guidance_too() {
    let plain = Compose { guidance: 1.0, ..still() };
    let other = Compose { foregrounds: vec![photo(3)], ..plain.clone() };
    assert_ne!(compose(&plain), compose(&other));
}

#[test]
fn half_precision_makes_pictures_and_stills() {
    for dtype in [DType::F16, DType::BF16] {
        let base = Arc::new(pictures(&studio().models, dtype));
        let (picture, again) =
            (base.illustrate(&request(), None, &Silent).unwrap(), base.illustrate(&request(), None, &Silent).unwrap());
        assert_eq!(picture, again);
        let still = compositor(&studio().models, base).compose(&still(), None, &Silent).unwrap();
        assert!(still.iter().min() != still.iter().max());
    }
}

#[test]
fn every_step_is_told_with_a_preview() {
    let watcher = Watcher::default();
    studio().pictures.illustrate(&request(), None, &watcher).unwrap();
    let seen = watcher.seen.into_inner().unwrap();
    let expected: Vec<(u64, u64)> = (0..=STEPS as u64).map(|done| (done, STEPS as u64)).collect();
    assert_eq!(seen.steps, expected);
    assert_eq!(seen.previews.len(), STEPS);
    for preview in seen.previews {
        let [picture] = &preview[..] else { panic!("{} previews of a picture", preview.len()) };
        assert_eq!((picture.width, picture.height, picture.pixels.len()), (8, 6, 8 * 6 * 3));
    }
    assert_eq!(seen.notes, [""; 0]);
}

#[test]
fn what_does_not_fit_into_the_prompt_is_told() {
    let watcher = Watcher::default();
    let prompt = format!("Mia {}", "bakes ".repeat(60)) + "and the lighthouse";
    studio().pictures.illustrate(&Illustrate { prompt, ..request() }, None, &watcher).unwrap();
    let [note] = &watcher.notes()[..] else { panic!("{:?}", watcher.notes()) };
    assert!(note.contains("prompt is too long") && note.ends_with("and the lighthouse"), "{note}");
}

#[test]
fn a_cancel_ends_the_work_at_once() {
    for (stage, done) in [("reading the prompt", 0), (DENOISING, 0), (DENOISING, 2), ("decoding", 4)] {
        let watcher = Watcher::cancelling_at(stage, done);
        let error = studio().pictures.illustrate(&request(), None, &watcher).unwrap_err();
        assert!(matches!(error, PictureError::Cancelled(_)), "{stage}: {error}");
        let seen = watcher.seen.into_inner().unwrap();
        assert_eq!(seen.after_cancel, 0, "{stage}");
        assert!(seen.previews.len() <= done as usize, "{stage}");
        let error = studio().compositor.compose(&still(), None, &Watcher::cancelling_at(stage, done)).unwrap_err();
        assert!(matches!(error, PictureError::Cancelled(_)), "{stage}: {error}");
    }
}

/// The state of a picture that was put aside, written and read again.
fn put_aside<T>(result: Result<T, PictureError>) -> Denoising {
    match result {
        Err(PictureError::Paused(state)) => Denoising::from_bytes(&state.to_bytes().unwrap(), &Device::Cpu).unwrap(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not put aside"),
    }
}

#[test]
fn a_picture_that_was_put_aside_ends_as_if_it_was_not() {
    let Studio { pictures, compositor, .. } = studio();
    for sampler in SamplerKind::ALL {
        let request = Illustrate { sampler, ..request() };
        let whole = draw(&request);
        for step in 1..=STEPS {
            let state = put_aside(pictures.illustrate(&request, None, &Watcher::pausing_after(step)));
            assert_eq!(state.done(), step);
            assert_eq!(pictures.illustrate(&request, Some(state), &Silent).unwrap(), whole, "{sampler:?} {step}");
        }
    }
    let whole = compose(&still());
    let state = put_aside(compositor.compose(&still(), None, &Watcher::pausing_after(2)));
    assert_eq!(compositor.compose(&still(), Some(state.clone()), &Silent).unwrap(), whole);

    // Nothing goes on as something else.
    let others = [
        Compose { seed: 8, ..still() },
        Compose { size: [48, 64], ..still() },
        Compose { prompt: "Rain".to_owned(), ..still() },
        Compose { foregrounds: vec![photo(5)], ..still() },
        Compose { background: None, ..still() },
        Compose { steps: 5, ..still() },
    ];
    for other in others {
        let error = compositor.compose(&other, Some(state.clone()), &Silent).unwrap_err();
        assert!(matches!(error, PictureError::OtherState), "{error}");
    }
    let error = pictures.illustrate(&request(), Some(state), &Silent).unwrap_err();
    assert!(matches!(error, PictureError::OtherState), "{error}");
}

#[test]
fn requests_that_cannot_be_met_say_what_would_do() {
    for (what, says) in [
        (Illustrate { size: [60, 64], ..request() }, "multiples of 8 pixels"),
        (Illustrate { size: [0, 64], ..request() }, "multiples of 8 pixels"),
        (Illustrate { steps: 0, ..request() }, "at least one"),
        (Illustrate { steps: 5000, ..request() }, "ask for fewer"),
    ] {
        let error = studio().pictures.illustrate(&what, None, &Silent).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let empty = Compose { foregrounds: vec![RgbImage::new(0, 0)], ..still() };
    let error = studio().compositor.compose(&empty, None, &Silent).unwrap_err();
    assert!(matches!(error, PictureError::Reference(_)), "{error}");
}

#[test]
fn a_wrong_folder_is_named_with_what_is_wrong_in_it() {
    let models = &studio().models;
    let load = |base: &std::path::Path, vae| {
        let vae = vae && models.sd_vae.is_dir();
        let vae = vae.then(|| folder(Layout::SdVaeFtMse, &models.sd_vae));
        let base = folder(Layout::RealisticVision, base);
        StableDiffusion::load(&base, vae.as_ref(), &Device::Cpu, DType::F32, &Silent).unwrap_err().to_string()
    };
    // The model has no autoencoder of its own.
    let error = load(&models.realistic_vision, false);
    assert!(error.contains("has no vae"), "{error}");

    let copy = tempfile::tempdir().unwrap();
    for file in reelboard::models::tiny::tiny_files(Layout::RealisticVision) {
        std::fs::create_dir_all(copy.path().join(file).parent().unwrap()).unwrap();
        std::fs::copy(models.realistic_vision.join(file), copy.path().join(file)).unwrap();
    }
    let spoil = |file: &str, with: Option<&std::path::Path>| {
        let (path, kept) = (copy.path().join(file), std::fs::read(copy.path().join(file)).unwrap());
        match with {
            Some(other) => drop(std::fs::copy(other, &path).unwrap()),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let error = load(copy.path(), true);
        std::fs::write(path, kept).unwrap();
        error
    };
    let weights = "unet/diffusion_pytorch_model.safetensors";
    let error = spoil(weights, None);
    assert!(error.contains(weights), "{error}");
    let error = spoil("tokenizer/merges.txt", None);
    assert!(error.contains("tokenizer/merges.txt"), "{error}");
    // Another network's weights: the file and the first tensor that is not there.
    let error = spoil(weights, Some(&models.sd_vae.join("diffusion_pytorch_model.safetensors")));
    assert!(error.contains(weights) && error.contains("has no tensor \"down_blocks."), "{error}");
    let error = spoil("tokenizer/vocab.json", Some(&models.sd_vae.join("config.json")));
    assert!(error.contains("tokenizer") && error.contains("vocab.json"), "{error}");
}

#[test]
fn the_full_cut_out_network_is_read_from_the_release() {
    let models = &studio().models;
    let network = CutOut::load(&folder(Layout::VideoStudio, &models.video_studio)).unwrap();
    let photo = photo(1);
    let mask = network.mask(&photo, &Silent).unwrap();
    let (foreground, background) = hard_split(&photo, &mask);
    let still = compose(&Compose { foregrounds: vec![foreground], background: Some(background), ..still() });
    assert_eq!(still.dimensions(), (64, 48));
    let error = CutOut::load(&folder(Layout::VideoStudio, &models.sd_vae)).unwrap_err().to_string();
    assert!(error.contains("u2net.pth"), "{error}");
}
