//! How much of its thread's time a frame of the window takes, with 50 scenes of three takes each, while a studio renders.
//! Not a test: prints figures, never fails on time.
//!
//! `cargo bench --profile dev --bench window` measures what `make run` builds. The figures are processor time of the
//! window's thread, so that other programs do not change them much: events, commands, widgets and triangles, without
//! what the graphics card does. The median, the 95th percentile and the worst of each kind of frame are printed.

use egui::{Context, Event, Key, Modifiers, Pos2, RawInput, Rect, Vec2, pos2, vec2};
use image::{Rgb, RgbImage};
use reelboard::draft::example_project;
use reelboard::project::{MediaName, Project, ProjectStore, Scene, Take, TakeKind, wanted_recipe};
use reelboard::ui::App;
use rustix::time::{ClockId, clock_gettime};
use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, Instant};

const SCENES: usize = 50;
const TAKES: u64 = 3;
const SIZE: Vec2 = vec2(1440.0, 900.0);
const FRAMES: usize = 300;

/// The time that this thread has had a processor.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

struct Bench {
    ctx: Context,
    app: Option<App>,
    start: Instant,
    events: Vec<Event>,
}

impl Bench {
    /// Draws one frame and returns the time that it took of this thread.
    fn frame(&mut self) -> Duration {
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, SIZE)),
            time: Some(self.start.elapsed().as_secs_f64()),
            events: std::mem::take(&mut self.events),
            ..RawInput::default()
        };
        let Some(app) = &mut self.app else { return Duration::ZERO };
        let before = thread_time();
        let output = self.ctx.run_ui(input, |ui| {
            app.step(ui.ctx());
            app.draw(ui);
        });
        let triangles = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        let took = thread_time() - before;
        assert!(!triangles.is_empty());
        took
    }

    fn press(&mut self, modifiers: Modifiers, key: Key) {
        for pressed in [true, false] {
            self.events.push(Event::Key { key, physical_key: None, pressed, repeat: false, modifiers });
        }
    }

    fn move_to(&mut self, at: Pos2) {
        self.events.push(Event::PointerMoved(at));
    }

    fn click(&mut self, pos: Pos2) {
        self.move_to(pos);
        for pressed in [true, false] {
            let (button, modifiers) = (egui::PointerButton::Primary, Modifiers::NONE);
            self.events.push(Event::PointerButton { pos, button, pressed, modifiers });
        }
    }

    /// Draws frames until nothing is under way.
    fn settle(&mut self) {
        while self.app.as_ref().is_some_and(App::is_busy) {
            self.frame();
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Draws frames, about sixty a second, and prints how long they took. `prepare` says what happens before each.
    fn measure(&mut self, name: &str, mut prepare: impl FnMut(&mut Self, usize)) {
        let mut took = Vec::with_capacity(FRAMES);
        for n in 0..FRAMES {
            prepare(self, n);
            took.push(self.frame());
            std::thread::sleep(Duration::from_millis(10));
        }
        took.sort_unstable();
        let ms = |share: f64| took[((FRAMES - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        let rendering = self.app.as_ref().is_some_and(App::is_busy);
        println!(
            "{name:34} median {:5.2} ms, 95 % under {:5.2} ms, worst {:5.2} ms{}",
            ms(0.5),
            ms(0.95),
            ms(1.0),
            if rendering { "" } else { " (nothing was rendering any more)" }
        );
    }
}

/// A film of the example's scenes, again and again, whose takes have pictures of their own.
fn long_film(folder: &Path) -> std::io::Result<()> {
    let example = example_project();
    let mut project = Project { studio: "tiny".to_owned(), scenes: Vec::new(), ..example.clone() };
    for n in 0..SCENES {
        let id = project.new_scene_id();
        let seed = n as u64;
        project.scenes.push(Scene { id, seed, ..example.scenes[n % example.scenes.len()].clone() });
    }
    let mut pictures = Vec::new();
    for n in 0..SCENES {
        for take in 0..TAKES {
            let mut recipe = wanted_recipe(&project, &project.scenes[n], "tiny", &[]);
            recipe.seed += take;
            let shade = |k: usize| ((n * 37 + take as usize * 61 + k * 85) % 256) as u8;
            let picture = RgbImage::from_fn(672, 378, |x, y| Rgb([shade(0), shade(1), (x + y) as u8]));
            let mut png = Cursor::new(Vec::new());
            picture.write_to(&mut png, image::ImageFormat::Png).map_err(std::io::Error::other)?;
            let png = png.into_inner();
            let media = MediaName::of(&png, "png").map_err(std::io::Error::other)?;
            pictures.push(png);
            let take = Take::new(project.new_take_id(), TakeKind::Still, media, recipe);
            project.scenes[n].chosen = Some(take.id);
            project.scenes[n].takes.push(take);
        }
    }
    let store = ProjectStore::create(folder, &project).map_err(std::io::Error::other)?;
    for png in pictures {
        store.media().put(&png, "png").map_err(std::io::Error::other)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let film = folder.path().join("long.reel");
    long_film(&film)?;
    let ctx = Context::default();
    // Fonts are there from the second frame on.
    let mut bench = Bench { ctx: ctx.clone(), app: None, start: Instant::now(), events: Vec::new() };
    let mut app = None;
    let _ = ctx.run_ui(RawInput::default(), |ui| {
        if app.is_none() {
            app = Some(App::headless(ui.ctx(), folder.path().join("projects"), folder.path().join("models")));
        }
    });
    let mut app = app.ok_or("the window drew nothing")??;
    app.open(film);
    bench.app = Some(app);
    bench.frame();
    bench.settle();
    println!("{SCENES} scenes of {TAKES} takes, {} × {} points, while all are rendered:", SIZE.x, SIZE.y);
    bench.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::R);
    bench.frame();
    let cards = pos2(600.0, 300.0);
    bench.measure("the pointer over the cards", |bench, n| {
        bench.move_to(cards + vec2((n % 60) as f32 * 4.0 - 120.0, (n / 3 % 40) as f32 * 5.0));
    });
    bench.measure("cards scrolled", |bench, n| {
        let delta = vec2(0.0, if n % 100 < 50 { -60.0 } else { 60.0 });
        let (unit, modifiers, phase) = (egui::MouseWheelUnit::Point, Modifiers::NONE, egui::TouchPhase::Move);
        bench.events.push(Event::MouseWheel { unit, delta, modifiers, phase, source: egui::MouseWheelSource::Wheel });
    });
    // On the picture of a card: its lower edge has buttons.
    bench.click(cards - vec2(0.0, 130.0));
    bench.frame();
    bench.press(Modifiers::NONE, Key::Enter);
    for _ in 0..4 {
        bench.frame();
    }
    bench.measure("a letter typed in each frame", |bench, n| {
        let letter = if n % 6 == 5 { " " } else { "a" };
        bench.events.push(Event::Text(letter.to_owned()));
    });
    let typed = bench
        .app
        .as_ref()
        .and_then(App::project)
        .is_some_and(|project| project.scenes.iter().any(|scene| scene.prompt.contains("aaaaa aaaaa")));
    assert!(typed, "the letters did not reach the prompt");
    bench.press(Modifiers::NONE, Key::Escape);
    bench.frame();
    bench.measure("another scene in each frame", |bench, n| {
        let key = if n % 80 < 40 { Key::ArrowDown } else { Key::ArrowUp };
        bench.press(Modifiers::NONE, key);
    });
    bench.press(Modifiers::COMMAND, Key::A);
    bench.frame();
    // The first renders may be done by now.
    bench.press(Modifiers::SHIFT, Key::V);
    bench.frame();
    bench.measure("all scenes selected", |bench, n| bench.move_to(cards + vec2((n % 60) as f32 * 4.0, 0.0)));
    bench.press(Modifiers::NONE, Key::Escape);
    bench.frame();
    bench.press(Modifiers::NONE, Key::C);
    bench.frame();
    bench.measure("two takes compared", |bench, n| bench.move_to(cards + vec2((n % 60) as f32 * 4.0, 0.0)));
    bench.press(Modifiers::NONE, Key::C);
    bench.frame();
    bench.press(Modifiers::NONE, Key::Space);
    bench.measure("playing", |_, _| {});
    Ok(())
}
