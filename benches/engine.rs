//! How soon a cancelled render is over, and what remembered features save.
//!
//! `cargo bench --profile dev --bench engine` cancels renders of the tiny studio at 30 random moments; `-- full` does it
//! in the denoising of a Stable Diffusion 1.5 of full size with random weights at 512 × 512, and `-- features` times the
//! text encoder and the image encoder with its resampler at full size against reading what they gave from the cache.

#[path = "common/noise.rs"]
mod noise;

use candle_core::{DType, Device, Result, Tensor};
use noise::{noise, weights};
use reelboard::draft::example_project;
use reelboard::engine::{Cache, Engine, JobEvent, JobSpec, StudioModels, TakeJob};
use reelboard::models::{ModelCache, Registry};
use reelboard::nets::clip::{TextConfig, TextModel, VisionConfig, VisionModelWithProjection};
use reelboard::nets::denoise::{Denoising, guided};
use reelboard::nets::noise::Generator;
use reelboard::nets::resampler::{self, Resampler};
use reelboard::nets::samplers::guidance::Guidance;
use reelboard::nets::samplers::{Sampler, SchedulerConfig};
use reelboard::nets::unet::{Config, UNet2d};
use reelboard::project::ProjectStore;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

const CANCELS: usize = 30;

/// Numbers without a pattern, the same each time.
struct Dice(u64);

impl Dice {
    fn upto(&mut self, most: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        most.mul_f64((self.0 >> 11) as f64 / (1u64 << 53) as f64)
    }
}

fn print(what: &str, mut times: Vec<Duration>, step: Duration) {
    times.sort();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{what}: a cancel ends it after {median:.1?} (median), {worst:.1?} (worst of {}); a step takes {step:.1?}",
        times.len()
    );
}

/// Renders of the tiny studio through the engine, cancelled from outside.
fn tiny() -> std::result::Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let mut project = example_project();
    project.studio = "tiny".to_owned();
    let store = ProjectStore::create(&folder.path().join("a.reel"), &project)?;
    let models = ModelCache::at(folder.path().join("models"));
    let studio = StudioModels::new("tiny", Arc::new(Registry::built_in()), models)?;
    let (scene, project) = (project.scenes[0].id, Arc::new(project));
    let job = || {
        let (project, studio) = (Arc::clone(&project), Some(studio.clone()));
        JobSpec::RenderTake(TakeJob { project, scene, media: store.media(), studio })
    };
    let engine = Engine::start(|| {})?;
    engine.run(job(), |_, _| true)?;
    let start = Instant::now();
    engine.run(job(), |_, _| true)?;
    let whole = start.elapsed();
    let (mut dice, mut times) = (Dice(0x9e37_79b9_7f4a_7c15), Vec::new());
    while times.len() < CANCELS {
        let id = engine.submit(job())?;
        std::thread::sleep(dice.upto(whole));
        let start = Instant::now();
        engine.cancel(id);
        loop {
            let ended = engine
                .drain()
                .into_iter()
                .find(|event| event.job() == id && !matches!(event, JobEvent::Started(_) | JobEvent::Progress(_)));
            match ended {
                Some(JobEvent::Cancelled(_)) => break times.push(start.elapsed()),
                // It was over before.
                Some(_) => break,
                None => std::thread::yield_now(),
            }
        }
    }
    // Four steps and the decoding, which counts as about one.
    print("tiny studio", times, whole / 5);
    Ok(())
}

/// The denoising of Stable Diffusion 1.5 at full size.
fn full() -> std::result::Result<(), Failure> {
    let unet = UNet2d::new(&Config::sd15(), weights())?;
    let context = unet.prepare(&noise(&(2, 77, 768).into(), 1.7)?)?;
    let guidance = Guidance { scale: 7.5, rescale: 0.0 };
    let cancelled = AtomicBool::new(false);
    let run = || -> Result<Duration> {
        let mut sampler = Sampler::new(&SchedulerConfig::stable_diffusion(), 50).map_err(candle_core::Error::wrap)?;
        let noise = noise(&(1, 4, 64, 64).into(), 1.7)?;
        let mut state = Denoising::start(String::new(), &noise, Generator::new(1), &sampler)?;
        let start = Instant::now();
        let predict = |x: &Tensor, t: &Tensor| guided(guidance, x, |rows| unet.forward(rows, t, &context, None));
        let ended = state.run(&mut sampler, predict, |_, _, _| {
            if cancelled.load(SeqCst) { Err(candle_core::Error::Msg("cancelled".into())) } else { Ok(()) }
        });
        drop(ended);
        Ok(start.elapsed() / state.done().max(1) as u32)
    };
    cancelled.store(true, SeqCst);
    run()?;
    let step = run()?;
    let (mut dice, mut times) = (Dice(0x9e37_79b9_7f4a_7c15), Vec::new());
    while times.len() < CANCELS {
        cancelled.store(false, SeqCst);
        let wait = dice.upto(step);
        let asked = std::thread::scope(|scope| -> Result<Instant> {
            let worker = std::thread::Builder::new().name("denoising".to_owned()).spawn_scoped(scope, run)?;
            std::thread::sleep(wait);
            let asked = Instant::now();
            cancelled.store(true, SeqCst);
            worker.join().map_err(|_| candle_core::Error::Msg("the denoising panicked".into()))??;
            Ok(asked)
        })?;
        times.push(asked.elapsed());
    }
    print("Stable Diffusion 1.5, 512 × 512", times, step);
    Ok(())
}

fn median_of(rounds: usize, mut work: impl FnMut() -> Result<()>) -> Result<Duration> {
    work()?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed());
    }
    times.sort();
    Ok(times[rounds / 2])
}

/// What the encoders take, and what reading their results takes.
fn features() -> std::result::Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let cache = Cache::at(folder.path(), 1 << 30);
    let read = |bytes: usize| {
        cache.put("features", &vec![1; bytes]);
        median_of(5, || cache.get("features").map(drop).ok_or_else(|| candle_core::Error::Msg("it is gone".into())))
    };
    let config = TextConfig::stable_diffusion_1_5();
    let text = TextModel::new(&config, weights())?;
    let ids = Tensor::zeros((1, 77), DType::U32, &Device::Cpu)?;
    let took = median_of(5, || text.forward(&ids).map(drop))?;
    println!("a prompt through the text encoder: {took:.1?}; from the cache: {:.1?}", read(77 * 768 * 4)?);
    drop(text);
    let config = VisionConfig::clip_vit_h_14();
    let vision = VisionModelWithProjection::new(&config, weights())?;
    let resampler = Resampler::new(&resampler::Config::videostudio_img(), weights())?;
    let pixels = noise(&(1, 3, config.image_size, config.image_size).into(), 1.7)?;
    let took = median_of(3, || resampler.forward(&vision.model().penultimate(&pixels)?).map(drop))?;
    println!("a reference through the image encoder: {took:.1?}; from the cache: {:.1?}", read(16 * 768 * 4)?);
    Ok(())
}

fn main() -> std::result::Result<(), Failure> {
    // Cargo adds `--bench`.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    match asked.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => tiny(),
        ["full"] => full(),
        ["features"] => features(),
        _ => Err("name full or features, or nothing for the tiny studio".into()),
    }
}
