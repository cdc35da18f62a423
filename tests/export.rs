//! Films, read back through FFmpeg's decoder.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use ffmpeg_next::{self as ffmpeg, Rational, format, frame, media, util};
use image::{Rgb, RgbImage, Rgba, RgbaImage};
use reelboard::engine::{Engine, ExportJob, JobSpec};
use reelboard::export::{
    CLIP_EXTENSION, CutList, ExportError, ExportSettings, FrameError, Quality, clip_bytes, export_film, probe_encoders,
};
use reelboard::progress::{Cancelled, Progress, Silent};
use reelboard::project::{Format, MediaName, Project, ProjectStore, Scene, Take, TakeKind, wanted_recipe};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SIZE: (u32, u32) = (96, 64);

fn settings(path: impl AsRef<Path>) -> ExportSettings {
    let path = path.as_ref().to_owned();
    ExportSettings { path, width: SIZE.0, height: SIZE.1, fps: 24, quality: Quality::Standard }
}

/// A colour that changes from frame to frame, and a bright bar whose place is the frame's number.
fn draw_moving(frame: u64, out: &mut RgbaImage) -> Result<(), FrameError> {
    let (width, height) = out.dimensions();
    for (x, y, pixel) in out.enumerate_pixels_mut() {
        let bar = u64::from(x * 16 / width) == frame % 16;
        let shade = (x * 100 / width + y * 100 / height) as u8;
        *pixel = if bar { Rgba([250, 240, 230, 255]) } else { Rgba([shade, 60, 120, 255]) };
    }
    Ok(())
}

fn export(settings: &ExportSettings, frames: u64) -> Result<reelboard::export::ExportReport, ExportError> {
    export_film(&mut draw_moving, frames, settings, &Silent)
}

struct Film {
    frames: Vec<RgbaImage>,
    /// Start of each frame in seconds.
    times: Vec<f64>,
    rate: Rational,
    duration_secs: f64,
    tags: (util::color::Space, util::color::Range, util::color::Primaries, util::color::TransferCharacteristic),
}

/// RGB of a decoded frame by the BT.709 equations, with the nearest chroma sample.
fn rgb_from_yuv(frame: &frame::Video) -> RgbaImage {
    assert_eq!(frame.format(), format::Pixel::YUV420P);
    RgbaImage::from_fn(frame.width(), frame.height(), |x, y| {
        let sample =
            |plane: usize, x: u32, y: u32| f32::from(frame.data(plane)[y as usize * frame.stride(plane) + x as usize]);
        let luma = (sample(0, x, y) - 16.0) / 219.0;
        let blue = (sample(1, x / 2, y / 2) - 128.0) / 224.0;
        let red = (sample(2, x / 2, y / 2) - 128.0) / 224.0;
        let (r, b) = (luma + 1.5748 * red, luma + 1.8556 * blue);
        let g = (luma - 0.2126 * r - 0.0722 * b) / 0.7152;
        let level = |v: f32| (v * 255.0).round().clamp(0.0, 255.0) as u8;
        Rgba([level(r), level(g), level(b), 255])
    })
}

fn read(path: &Path) -> Film {
    let mut input = format::input(path).unwrap();
    let stream = input.streams().best(media::Type::Video).unwrap();
    let (index, unit, rate) = (stream.index(), f64::from(stream.time_base()), stream.avg_frame_rate());
    let duration_secs = stream.duration() as f64 * unit;
    let context = ffmpeg::codec::Context::from_parameters(stream.parameters()).unwrap();
    let mut decoder = context.decoder().video().unwrap();
    let (mut frames, mut times) = (Vec::new(), Vec::new());
    let mut drain = |decoder: &mut ffmpeg::decoder::Video| {
        let mut decoded = frame::Video::empty();
        while decoder.receive_frame(&mut decoded).is_ok() {
            times.push(decoded.pts().unwrap() as f64 * unit);
            frames.push(rgb_from_yuv(&decoded));
        }
    };
    for (stream, packet) in input.packets() {
        if stream.index() == index {
            decoder.send_packet(&packet).unwrap();
            drain(&mut decoder);
        }
    }
    decoder.send_eof().unwrap();
    drain(&mut decoder);
    let tags = (
        decoder.color_space(),
        decoder.color_range(),
        decoder.color_primaries(),
        decoder.color_transfer_characteristic(),
    );
    Film { frames, times, rate, duration_secs, tags }
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_film_has_every_frame_once_at_its_time() {
    let folder = tempfile::tempdir().unwrap();
    for (fps, frames) in [(24, 1), (24, 2), (24, 50), (25, 49), (30, 31), (7, 23), (1, 3), (144, 145)] {
        let mut settings = settings(folder.path().join(format!("{fps}-{frames}.mp4")));
        settings.fps = fps;
        let report = export(&settings, frames).unwrap();
        assert_eq!(report.frames, frames);
        assert_eq!(report.duration_secs, frames as f64 / f64::from(fps));
        assert_eq!(report.bytes, std::fs::metadata(&settings.path).unwrap().len());

        let film = read(&settings.path);
        assert_eq!(film.frames.len() as u64, frames, "{fps} fps");
        assert!((film.duration_secs - report.duration_secs).abs() < 1e-9, "{fps} fps: {}", film.duration_secs);
        assert_eq!(film.rate, Rational(fps as i32, 1));
        for (index, (time, picture)) in film.times.iter().zip(&film.frames).enumerate() {
            assert!((time - index as f64 / f64::from(fps)).abs() < 1e-6, "frame {index} at {time}");
            let middle = (index as u32 % 16) * SIZE.0 / 16 + 3;
            assert!(picture.get_pixel(middle, 32)[1] > 200, "frame {index} of {frames} shows another one");
        }
    }
}

#[test]
fn colours_come_back_as_they_were_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path().join("colours.mp4"));
    let colours: [[u8; 3]; 10] = [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [0, 0, 0],
        [255, 255, 255],
        [128, 128, 128],
        [18, 18, 18],
        [224, 172, 141],
        [92, 58, 44],
        [30, 90, 200],
    ];
    let mut draw = |frame: u64, out: &mut RgbaImage| {
        let [r, g, b] = colours[frame as usize / 3];
        out.pixels_mut().for_each(|pixel| *pixel = Rgba([r, g, b, 255]));
        Ok(())
    };
    export_film(&mut draw, colours.len() as u64 * 3, &settings, &Silent).unwrap();
    let film = read(&settings.path);
    for (index, picture) in film.frames.iter().enumerate() {
        let drawn = colours[index / 3];
        for pixel in picture.pixels() {
            for channel in 0..3 {
                let off = pixel[channel].abs_diff(drawn[channel]);
                assert!(off <= 4, "{drawn:?} came back as {pixel:?} in frame {index}");
            }
        }
    }
    use util::color::{Primaries, Range, Space, TransferCharacteristic};
    let expected = (Space::BT709, Range::MPEG, Primaries::BT709, TransferCharacteristic::BT709);
    assert_eq!(film.tags, expected);
}

#[test]
fn a_film_with_dissolves_has_as_many_frames_as_the_cut_list_says() {
    let mut project = Project::new("two places");
    project.format = Format { width: SIZE.0, height: SIZE.1, ..Format::default() };
    for (duration_ms, dissolve_ms) in [(1000, 0), (1500, 500), (500, 9000)] {
        let mut scene = Scene::new(project.new_scene_id(), "a scene");
        (scene.duration_ms, scene.dissolve_ms) = (duration_ms, dissolve_ms);
        project.scenes.push(scene);
    }
    let cuts = CutList::new(&project);
    let shades = [40.0_f32, 120.0, 220.0];
    let shade_at = |frame: u64| {
        let visible = cuts.visible_at(frame).unwrap();
        let incoming = shades[visible.scene];
        visible.mix.map_or(incoming, |mix| shades[mix.scene] * (1.0 - mix.incoming) + incoming * mix.incoming)
    };
    let mut draw = |frame: u64, out: &mut RgbaImage| {
        let shade = shade_at(frame).round() as u8;
        out.pixels_mut().for_each(|pixel| *pixel = Rgba([shade, shade, shade, 255]));
        Ok(())
    };
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path().join("film.mp4"));
    export_film(&mut draw, cuts.total_frames(), &settings, &Silent).unwrap();
    let film = read(&settings.path);
    assert_eq!(film.frames.len(), 24 + 36 + 12 - 12 - 6);
    for (frame, picture) in film.frames.iter().enumerate() {
        let shade = f32::from(picture.get_pixel(40, 30)[1]);
        assert!((shade - shade_at(frame as u64)).abs() <= 4.0, "frame {frame} is {shade}");
    }
}

/// A pattern that a camera moves over, six pixels for each frame of a clip.
fn panned(frame: f32) -> RgbImage {
    RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
        let (x, y) = (x as f32 + 6.0 * frame, y as f32 - frame);
        let wave = |a: f32, b: f32| 127.0 + 50.0 * (x * a + y * b).sin() + 50.0 * (x * b - y * a * 0.7).cos();
        Rgb([wave(0.21, 0.13) as u8, wave(0.27, -0.19) as u8, wave(0.11, 0.24) as u8])
    })
}

#[test]
fn between_the_frames_of_a_clip_a_film_shows_what_lies_between_or_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let mut project = Project::new("a pan");
    project.format = Format { width: SIZE.0, height: SIZE.1, ..Format::default() };
    let mut scene = Scene::new(project.new_scene_id(), "a pan");
    scene.duration_ms = 1000;
    let clip = clip_bytes(&[0.0, 1.0, 2.0, 3.0, 4.0].map(panned), 8).unwrap();
    let media = MediaName::of(&clip, CLIP_EXTENSION).unwrap();
    let recipe = wanted_recipe(&project, &scene, "tiny", &[]);
    scene.takes.push(Take::new(project.new_take_id(), TakeKind::Clip, media, recipe));
    scene.chosen = Some(scene.takes[0].id);
    project.scenes.push(scene);
    let store = ProjectStore::create(&folder.path().join("a.reel"), &project).unwrap();
    store.media().put(&clip, CLIP_EXTENSION).unwrap();
    let engine = Engine::start(|| {}).unwrap();
    let mut export = |name: &str, smooth: bool| {
        project.format.smooth = smooth;
        let settings = ExportSettings { quality: Quality::High, ..settings(folder.path().join(name)) };
        let path = settings.path.clone();
        let job = ExportJob { project: Arc::new(project.clone()), media: store.media().clone(), settings };
        engine.run(JobSpec::Export(job), |_, _| true).unwrap();
        path
    };
    let (smooth, nearest) = (export("smooth.mp4", true), export("nearest.mp4", false));
    let again = export("again.mp4", true);
    assert!(std::fs::read(&smooth).unwrap() == std::fs::read(again).unwrap());
    let (smooth, nearest) = (read(&smooth).frames, read(&nearest).frames);
    assert_eq!((smooth.len(), nearest.len()), (24, 24));
    // Mean difference in levels of 255.
    let apart = |seen: &RgbaImage, frame: f32| {
        let truth = panned(frame);
        let sum: u32 = seen.pixels().zip(truth.pixels()).map(|(a, b)| u32::from(a[1].abs_diff(b[1]))).sum();
        f64::from(sum) / f64::from(SIZE.0 * SIZE.1)
    };
    for index in 0..24 {
        let place = index as f32 * 4.0 / 23.0;
        let (moved, stayed) = (apart(&smooth[index], place), apart(&nearest[index], place));
        println!("frame {index}, at {place:.2} of the clip: {moved:.1} levels from the truth, the nearest {stayed:.1}");
        assert!(moved < 6.0 && (stayed < 6.0 || moved < stayed / 2.0), "frame {index}: {moved:.1}, {stayed:.1}");
        assert!(apart(&nearest[index], place.round()) < 4.0, "frame {index} is the nearest");
    }
}

#[test]
fn the_same_frames_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for quality in Quality::ALL {
        let mut first = settings(folder.path().join("first.mp4"));
        first.quality = quality;
        let second = ExportSettings { path: folder.path().join("second.mp4"), ..first.clone() };
        export(&first, 60).unwrap();
        export(&second, 60).unwrap();
        assert!(std::fs::read(&first.path).unwrap() == std::fs::read(&second.path).unwrap(), "{quality:?}");
    }
}

#[test]
fn the_index_comes_before_the_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path().join("film.mp4"));
    export(&settings, 30).unwrap();
    let bytes = std::fs::read(&settings.path).unwrap();
    let place = |tag: &[u8]| bytes.windows(4).position(|four| four == tag).unwrap();
    assert!(place(b"moov") < place(b"mdat"));
}

/// Cancels at a step.
struct StopAt(u64, AtomicU64);

impl Progress for StopAt {
    fn step(&self, done: u64, _total: u64) -> Result<(), Cancelled> {
        self.1.store(done, Ordering::Relaxed);
        if done >= self.0 { Err(Cancelled) } else { Ok(()) }
    }
}

#[test]
fn a_cancelled_export_leaves_nothing_but_the_older_film() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path().join("film.mp4"));
    for stop in [0, 1, 20, 40] {
        let progress = StopAt(stop, AtomicU64::new(0));
        let result = export_film(&mut draw_moving, 40, &settings, &progress);
        assert!(matches!(result, Err(ExportError::Cancelled(_))), "{result:?}");
        assert_eq!(progress.1.into_inner(), stop);
        assert!(names_in(folder.path()).is_empty());
    }
    std::fs::write(&settings.path, "the older film").unwrap();
    export_film(&mut draw_moving, 40, &settings, &StopAt(30, AtomicU64::new(0))).unwrap_err();
    assert_eq!(names_in(folder.path()), ["film.mp4"]);
    assert_eq!(std::fs::read(&settings.path).unwrap(), b"the older film");
    export(&settings, 5).unwrap();
    assert_eq!(names_in(folder.path()), ["film.mp4"]);
    assert_eq!(read(&settings.path).frames.len(), 5);
}

#[test]
fn a_frame_that_cannot_be_drawn_ends_the_export() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path().join("film.mp4"));
    let mut broken = |frame: u64, out: &mut RgbaImage| match frame {
        3 => Err("the still of scene 2 is missing".into()),
        _ => draw_moving(frame, out),
    };
    let error = export_film(&mut broken, 40, &settings, &Silent).unwrap_err();
    assert_eq!(error.to_string(), "cannot draw frame 3: the still of scene 2 is missing");
    let mut cancelled = |_: u64, _: &mut RgbaImage| Err(Cancelled.into());
    let error = export_film(&mut cancelled, 40, &settings, &Silent).unwrap_err();
    assert!(matches!(error, ExportError::Cancelled(_)));
    let mut small = |_: u64, out: &mut RgbaImage| {
        *out = RgbaImage::new(10, 10);
        Ok(())
    };
    let error = export_film(&mut small, 40, &settings, &Silent).unwrap_err();
    assert_eq!(error.to_string(), "frame 0 was drawn at 10×10 instead of 96×64");
    assert!(names_in(folder.path()).is_empty());
}

#[test]
fn what_cannot_be_a_film_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let good = settings(folder.path().join("film.mp4"));
    let message = |settings: &ExportSettings| export(settings, 5).unwrap_err().to_string();
    for (width, height) in [(95, 64), (96, 63), (0, 0), (8, 8), (96, 10_000)] {
        let text = message(&ExportSettings { width, height, ..good.clone() });
        assert_eq!(text, format!("a film cannot be {width}×{height}; use even numbers from 16 to 8192"));
    }
    for fps in [0, 241] {
        let text = message(&ExportSettings { fps, ..good.clone() });
        assert_eq!(text, format!("a film cannot have {fps} frames per second; use 1 to 240"));
    }
    assert_eq!(export(&good, 0).unwrap_err().to_string(), "the film has no frames; add a scene first");

    let missing = folder.path().join("no/such/folder");
    let text = message(&settings(missing.join("film.mp4")));
    assert_eq!(text, format!("the folder {} does not exist; create it or choose another one", missing.display()));
    let text = message(&settings(folder.path()));
    assert_eq!(text, format!("{} is not a file; name one to write, such as film.mp4", folder.path().display()));
    assert!(matches!(export(&settings("/"), 5), Err(ExportError::TargetNotAFile { .. })));
    assert!(names_in(folder.path()).is_empty());
}

#[test]
#[cfg(unix)]
fn a_folder_without_write_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let locked = folder.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    // The system administrator may write everywhere.
    let may_write_anyway = std::fs::File::create(locked.join("probe")).is_ok();
    let result = export(&settings(locked.join("film.mp4")), 5);
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o755)).unwrap();
    if may_write_anyway {
        result.unwrap();
    } else {
        let text = result.unwrap_err().to_string();
        assert!(text.starts_with(&format!("cannot write in the folder {}: ", locked.display())), "{text}");
        assert!(text.ends_with("; choose another one"), "{text}");
    }
}

#[test]
fn two_exports_of_one_film_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path().join("film.mp4"));
    let mut inner = None;
    let mut draw = |frame: u64, out: &mut RgbaImage| {
        if frame == 5 {
            inner = Some(export(&settings, 10).unwrap_err().to_string());
        }
        draw_moving(frame, out)
    };
    export_film(&mut draw, 20, &settings, &Silent).unwrap();
    let busy =
        format!("{} is being written by another export; wait for it or choose another name", settings.path.display());
    assert_eq!(inner, Some(busy));
    assert_eq!(names_in(folder.path()), ["film.mp4"]);
    assert_eq!(read(&settings.path).frames.len(), 20);
}

#[test]
fn what_a_killed_export_left_behind_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path().join("film.mp4"));
    std::fs::write(folder.path().join("film.mp4.part"), vec![7; 1 << 20]).unwrap();
    let report = export(&settings, 10).unwrap();
    assert!(report.bytes < 1 << 20);
    assert_eq!(names_in(folder.path()), ["film.mp4"]);
}

#[test]
fn film_names_may_hold_spaces_colons_and_letters_of_any_language() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["my film.mp4", "take 2: the end.mp4", "映画 – ½.mp4", "http:film.mp4", "film", "a%03d.mp4"] {
        let settings = settings(folder.path().join(name));
        export(&settings, 3).unwrap();
        assert!(settings.path.is_file(), "{name}");
    }
    assert_eq!(names_in(folder.path()).len(), 6);
}

#[test]
fn the_encoder_that_films_are_made_with_opens() {
    let encoders = probe_encoders();
    let used: Vec<_> = encoders.iter().filter(|encoder| encoder.used).collect();
    assert_eq!(used.len(), 1);
    assert!(used[0].listed && used[0].opens, "install FFmpeg with {}: {encoders:?}", used[0].name);
}

/// Give it a folder on a disk with 2 MB or less: `REELBOARD_FULL_DISK=/mnt/small cargo test --test export full_disk`.
#[test]
fn a_full_disk_is_named_and_left_as_it_was() {
    let Some(folder) = std::env::var_os("REELBOARD_FULL_DISK") else { return };
    let folder = Path::new(&folder);
    let mut settings = settings(folder.join("film.mp4"));
    (settings.width, settings.height, settings.quality) = (640, 360, Quality::High);
    std::fs::write(&settings.path, "the older film").unwrap();
    // Noise, which does not compress.
    let mut state = 1_u64;
    let mut draw = |_: u64, out: &mut RgbaImage| {
        for byte in out.iter_mut() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 56) as u8;
        }
        Ok(())
    };
    let error = export_film(&mut draw, 400, &settings, &Silent).unwrap_err();
    println!("{error}");
    assert!(matches!(error, ExportError::DiskFull { bytes_so_far: 1.., .. }), "{error}");
    assert_eq!(std::fs::read(&settings.path).unwrap(), b"the older film");
    assert!(!folder.join("film.mp4.part").exists());
}

/// A picture with what films are made of: soft shades, hard edges and fine grain.
fn painted_still(width: u32, height: u32) -> RgbaImage {
    let hash = |x: u32, y: u32| {
        let mixed = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77)).wrapping_mul(0xC2B2_AE3D);
        ((mixed ^ (mixed >> 15)) >> 16) as f32 / 65_536.0 - 0.5
    };
    let noise = |x: f32, y: f32| {
        let (fx, fy) = (x.fract(), y.fract());
        let at = |dx, dy| hash(x as u32 + dx, y as u32 + dy);
        let upper = at(0, 0) * (1.0 - fx) + at(1, 0) * fx;
        let lower = at(0, 1) * (1.0 - fx) + at(1, 1) * fx;
        upper * (1.0 - fy) + lower * fy
    };
    RgbaImage::from_fn(width, height, |x, y| {
        let (u, v) = (x as f32, y as f32);
        let cloud: f32 = (0..7).map(|octave| noise(u / f32::powi(2.0, octave), v / f32::powi(2.0, octave)) * 9.0).sum();
        let sky = 200.0 - 110.0 * v / height as f32;
        let in_figure = (u - width as f32 * 0.4).hypot(v - height as f32 * 0.6) < height as f32 * 0.25;
        let [r, g, b] = if in_figure { [200.0, 90.0, 60.0] } else { [sky * 0.7, sky * 0.85, sky] };
        Rgba(
            [r, g, b, 255.0]
                .map(|level: f32| if level == 255.0 { 255 } else { (level + cloud).clamp(0.0, 254.0) as u8 }),
        )
    })
}

/// `cargo test --test export -- --ignored --nocapture how_fast`
#[test]
#[ignore = "measures"]
fn how_fast_films_are_made_and_how_much_they_lose() {
    const FRAMES: usize = 120;
    let still = painted_still(1600, 900);
    let pictures: Vec<RgbaImage> = (0..FRAMES)
        .map(|frame| {
            let (dx, dy) = (frame as f32 * 1.3, frame as f32 * 0.7);
            RgbaImage::from_fn(1280, 720, |x, y| {
                let (u, v) = (x as f32 + dx, y as f32 + dy);
                let (fx, fy) = (u.fract(), v.fract());
                let at = |x, y| still.get_pixel(u as u32 + x, v as u32 + y).0.map(f32::from);
                let corners = [at(0, 0), at(1, 0), at(0, 1), at(1, 1)];
                Rgba([0, 1, 2, 3].map(|c| {
                    let upper = corners[0][c] * (1.0 - fx) + corners[1][c] * fx;
                    let lower = corners[2][c] * (1.0 - fx) + corners[3][c] * fx;
                    (upper * (1.0 - fy) + lower * fy).round() as u8
                }))
            })
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    for quality in Quality::ALL {
        let path = folder.path().join("film.mp4");
        let settings = ExportSettings { path, width: 1280, height: 720, fps: 24, quality };
        let mut draw = |frame: u64, out: &mut RgbaImage| {
            out.copy_from_slice(&pictures[frame as usize]);
            Ok(())
        };
        let start = std::time::Instant::now();
        let report = export_film(&mut draw, FRAMES as u64, &settings, &Silent).unwrap();
        let fps = FRAMES as f64 / start.elapsed().as_secs_f64();
        let squares: f64 = read(&settings.path)
            .frames
            .iter()
            .zip(&pictures)
            .flat_map(|(film, drawn)| film.iter().zip(drawn.iter()))
            .map(|(film, drawn)| f64::from(film.abs_diff(*drawn)).powi(2))
            .sum();
        let mean = squares / (FRAMES * 1280 * 720 * 3) as f64;
        let psnr = 10.0 * (255.0_f64.powi(2) / mean).log10();
        let megabits = report.bytes as f64 * 8.0 / report.duration_secs / 1e6;
        println!("{:>8}: {fps:.0} fps, {psnr:.1} dB in RGB, {megabits:.1} Mbit/s", quality.as_str());
    }
}
