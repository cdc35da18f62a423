//! Holds the whole way from noise to frames to the released pipeline: the first frame through the VAE, the denoising loop
//! with guidance, and the decoded frames.

use crate::camera_warp::movement;
use crate::fixture::{Fixture, Tensors, max_difference};
use crate::unet3d::{published, shapes};
use candle_core::{DType, Device, Result, Shape, Tensor};
use reelboard::nets::camera_warp::CameraWarp;
use reelboard::nets::denoise::Denoising;
use reelboard::nets::noise::Generator;
use reelboard::nets::samplers::guidance::Guidance;
use reelboard::nets::samplers::{Sampler, SamplerKind, SchedulerConfig};
use reelboard::nets::unet3d::{AddedConditions, Conditions, Config, FramePosition, UNet3d, fold_frames, unfold_frames};
use reelboard::nets::vae::{self, AutoencoderKl, Run, rgb8_truncated};
use reelboard::video::{ClipNetworks, move_camera};
use serde_json::Value;

struct Pipeline {
    fixture: Fixture,
    io: Tensors,
    unet: UNet3d,
    vae: AutoencoderKl,
}

/// One film of the fixture: the settings of its run and what its name adds to them.
struct Film {
    name: String,
    /// The run in config.json that it follows.
    run: String,
    guidance: Guidance,
    /// Aesthetic scores of the conditional and the unconditional row.
    scores: [f64; 2],
    position: FramePosition,
}

impl Pipeline {
    fn open() -> Self {
        let fixture = Fixture::open("video_pipeline");
        let unet = Fixture::open("unet3d");
        let weights = unet.tensors("weights.safetensors");
        let config = Config::detect(&shapes(&weights), &published(&unet)).unwrap();
        let vae = fixture.tensors("vae.safetensors").weights();
        Self {
            io: fixture.tensors("io.safetensors"),
            unet: UNet3d::new(&config, weights.weights()).unwrap(),
            vae: AutoencoderKl::new(&fixture.config::<vae::Config>("vae"), vae).unwrap(),
            fixture,
        }
    }

    /// Every film of which the fixture has the last latents.
    fn films(&self) -> Vec<Film> {
        let runs: Vec<String> = self.fixture.config["runs"].as_object().unwrap().keys().cloned().collect();
        let mut names: Vec<&str> = self.io.0.keys().filter_map(|key| key.strip_suffix(".final_latents")).collect();
        names.sort_unstable();
        assert!(!names.is_empty(), "the fixture has films");
        let film = |name: &str| {
            let run = runs.iter().filter(|run| name.starts_with(*run)).max_by_key(|run| run.len()).unwrap();
            let mut film = Film {
                name: name.to_owned(),
                run: run.clone(),
                guidance: Guidance { scale: self.fixture.config["guidance_scale"].as_f64().unwrap(), rescale: 0.0 },
                scores: self.fixture.config("aes"),
                position: FramePosition::First,
            };
            match name[run.len()..].trim_start_matches('_') {
                "" | "camera" => {}
                "noguidance" => film.guidance.scale = 1.0,
                "concat_middle" => film.position = FramePosition::Middle,
                scores => {
                    let (positive, negative) = scores.strip_prefix("aes").unwrap().split_once("_neg").unwrap();
                    film.scores = [positive.parse().unwrap(), negative.parse().unwrap()];
                }
            }
            film
        };
        names.into_iter().map(film).collect()
    }

    fn compare(&self, what: &str, ours: &Tensor) {
        let theirs = self.io.f32(what);
        let largest = theirs.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        let kind = self.fixture.config["tolerance_kind"].as_str().unwrap();
        let scale = if kind.contains("max|expected|") { f64::from(largest).max(1.0) } else { 1.0 };
        self.fixture.row(what, max_difference(ours, &theirs), scale * self.fixture.tolerance("latents"));
    }

    /// The latent of the given frame, `[1, channels, 1, height, width]`.
    fn frame_latent(&self) -> Tensor {
        let encoded = self.vae.encode(&fold_frames(&self.io.f32("frame_image")).unwrap(), Run::default()).unwrap();
        unfold_frames(&self.vae.scale(encoded.mode()).unwrap(), 1).unwrap()
    }

    fn conditions(&self, score: f64) -> Conditions {
        let (_, _, _, height, width) = self.io.get("frame_image").dims5().unwrap();
        let (height, width) = (height as f32, width as f32);
        Conditions {
            context: self.io.f32("midf_clip_token_fea"),
            added: AddedConditions {
                text_embeds: self.io.f32("pooled_text_embeds"),
                time_ids: Tensor::new(&[[height, width, 0.0, 0.0, height, width]], &Device::Cpu).unwrap(),
                aes_scores: Some(Tensor::new(&[score as f32], &Device::Cpu).unwrap()),
                midf_clip_pool: Some(self.io.f32("midf_clip_pool_fea")),
                action: Some(self.io.f32("action_prob_fea")),
            },
        }
    }

    fn sampler(&self, film: &Film) -> Sampler {
        let run = &self.fixture.config["runs"][&film.run];
        let mut settings: SchedulerConfig = serde_json::from_value(run["scheduler"].clone()).unwrap();
        // The settings of a run do not name their class.
        let kind = match &run["scheduler"]["solver_order"] {
            Value::Null => SamplerKind::Ddim,
            _ => SamplerKind::DpmSolverMultistep,
        };
        settings.class_name = kind.class_name().to_owned();
        settings.eta = film.run.split("eta").nth(1).map_or(0.0, |eta| eta.parse().unwrap());
        Sampler::new(&settings, run["steps"].as_u64().unwrap() as usize).unwrap()
    }

    /// The denoising loop. `after` sees the latents before each step and after it, with the guided prediction between
    /// them, and says with which latents to go on.
    fn denoise(
        &self,
        film: &Film,
        mut after: impl FnMut(&Sampler, usize, &Tensor, Tensor, &Tensor) -> Tensor,
    ) -> Tensor {
        let mut sampler = self.sampler(film);
        let frame = self.frame_latent();
        let mut conditions = self.conditions(film.scores[0]);
        if film.guidance.is_on() {
            conditions = conditions.guided(film.scores[1]).unwrap();
        }
        let context = self.unet.prepare(&conditions.context).unwrap();
        let mut latents = (self.io.f32("latents") * sampler.init_noise_sigma()).unwrap();
        for (index, timestep) in sampler.timesteps().to_vec().into_iter().enumerate() {
            let mut input = sampler.scale_model_input(&latents, index).unwrap();
            if film.guidance.is_on() {
                input = Tensor::cat(&[&input, &input], 0).unwrap();
            }
            let input = film.position.insert(&input, &frame).unwrap();
            let timestep = Tensor::new(&[timestep], &Device::Cpu).unwrap();
            let output = self.unet.forward(&input, &timestep, &context, &conditions.added).unwrap();
            let mut prediction = film.position.remove(&output).unwrap();
            if film.guidance.is_on() {
                prediction = film.guidance.apply(&prediction).unwrap();
            }
            // The release gives the sampler the frames as a batch, and draws its noise so.
            let noise_key = format!("{}.noise{index}", film.run);
            let mut noise = |shape: &Shape, dtype: DType| -> Result<Tensor> {
                let noise = self.io.f32(&noise_key).to_dtype(dtype)?;
                assert_eq!(noise.shape(), shape);
                Ok(noise)
            };
            let (folded, before) = (fold_frames(&prediction).unwrap(), fold_frames(&latents).unwrap());
            let stepped = unfold_frames(&sampler.step(&folded, index, &before, &mut noise).unwrap(), 1).unwrap();
            latents = after(&sampler, index, &latents, stepped, &prediction);
        }
        latents
    }
}

#[test]
pub fn parity_of_the_denoising_loops() {
    let pipeline = Pipeline::open();
    for film in pipeline.films() {
        if film.name.ends_with("_camera") {
            continue;
        }
        let listed = pipeline.fixture.config["runs"][&film.run]["timesteps"].clone();
        let listed: Vec<f32> = serde_json::from_value(listed).unwrap();
        assert_eq!(pipeline.sampler(&film).timesteps(), listed, "{}", film.name);
        let last = pipeline.denoise(&film, |_, index, _, latents, _| {
            let key = format!("{}.latents_after_step{index}", film.name);
            if pipeline.io.0.contains_key(&key) {
                pipeline.compare(&key, &latents);
            }
            latents
        });
        pipeline.compare(&format!("{}.final_latents", film.name), &last);
        decoded(&pipeline, &film.name, &last);
    }
}

/// Compares the decoded frames, where the fixture has them.
fn decoded(pipeline: &Pipeline, name: &str, latents: &Tensor) {
    let (pictures, bytes) = (format!("{name}.decoded"), format!("{name}.frames_u8"));
    let Some(expected) = pipeline.io.0.get(&bytes) else { return };
    let latents = pipeline.vae.unscale(&fold_frames(latents).unwrap()).unwrap();
    let frames = pipeline.vae.decode(&latents, Run::default()).unwrap();
    if pipeline.io.0.contains_key(&pictures) {
        pipeline.compare(&pictures, &unfold_frames(&frames, 1).unwrap());
    }
    let expected: Vec<u8> = expected.flatten_all().unwrap().to_vec1().unwrap();
    let ours: Vec<u8> =
        (0..frames.dim(0).unwrap()).flat_map(|i| rgb8_truncated(&frames.narrow(0, i, 1).unwrap()).unwrap()).collect();
    assert_eq!(ours.len(), expected.len());
    // A value on the edge of two levels may fall to either side.
    let levels = ours.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    let others = ours.iter().zip(&expected).filter(|(a, b)| a != b).count() as f64 / ours.len() as f64;
    pipeline.fixture.row(&format!("{bytes}, levels"), levels.into(), 1.0);
    pipeline.fixture.row(&format!("{bytes}, share of other bytes"), others, 1e-2);
}

/// A camera movement put in after step T_m.
#[test]
pub fn parity_of_the_denoising_loops_with_a_camera() {
    let pipeline = Pipeline::open();
    let camera = &pipeline.fixture.config["runs"]["camera"];
    if camera.is_null() {
        return;
    }
    let [direction, speed]: [String; 2] = serde_json::from_value(camera["move"].clone()).unwrap();
    let movement = movement(&direction, &speed);
    let steps_before = camera["T_m"].as_u64().unwrap() as usize;
    for film in pipeline.films().iter().filter(|film| film.name.ends_with("_camera")) {
        let last = pipeline.denoise(film, |sampler, index, before, latents, prediction| {
            if index + 1 != steps_before {
                return latents;
            }
            let key = |what: &str| format!("{}.{what}_step{index}", film.name);
            let level = sampler.level_after(index).unwrap();
            if let Some(signal) = camera["alphas_cumprod"].as_f64() {
                let ours = level.alpha * level.alpha;
                pipeline.fixture.row(&format!("{}, signal left", film.name), (ours - signal).abs(), 1e-6);
            }
            let epsilon = sampler.epsilon(prediction, index, before).unwrap();
            pipeline.compare(&key("eps"), &epsilon);
            let moved = CameraWarp::default().apply(&latents, &epsilon, level, movement).unwrap();
            pipeline.compare(&key("adjusted_after"), &moved);
            moved
        });
        pipeline.compare(&format!("{}.final_latents", film.name), &last);
    }
}

/// The clip stage's own loop, on the films whose settings a user can choose: the given frame first, and noise that is
/// drawn only once.
#[test]
pub fn parity_of_the_clip_stage() {
    let pipeline = Pipeline::open();
    let camera = pipeline.fixture.config["runs"]["camera"].clone();
    let mut compared = 0;
    for film in pipeline.films() {
        let draws_noise = pipeline.io.0.contains_key(&format!("{}.noise0", film.run));
        if film.position != FramePosition::First || draws_noise {
            continue;
        }
        let mut sampler = pipeline.sampler(&film);
        let networks = ClipNetworks {
            unet: pipeline.unet.clone(),
            vae: pipeline.vae.clone(),
            scheduler: SchedulerConfig::stable_diffusion(),
        };
        let still = fold_frames(&pipeline.io.f32("frame_image")).unwrap();
        let first = networks.first_latent(&still, Run::default()).unwrap();
        let conditions = pipeline.conditions(film.scores[0]);
        let prepared = networks.prepare(conditions, first, film.guidance, film.scores[1]).unwrap();
        let noise = fold_frames(&pipeline.io.f32("latents")).unwrap();
        let mut state = Denoising::start(String::new(), &noise, Generator::new(0), &sampler).unwrap();
        let moves = film.name.ends_with("_camera");
        networks
            .denoise(&mut state, &mut sampler, &prepared, |state, sampler, step| {
                if moves && Some(state.done() as u64) == camera["T_m"].as_u64() {
                    let [direction, speed]: [String; 2] = serde_json::from_value(camera["move"].clone()).unwrap();
                    state.epsilon = Some(step.epsilon(sampler)?);
                    move_camera(state, sampler, &CameraWarp::default(), movement(&direction, &speed))?;
                }
                Ok::<(), candle_core::Error>(())
            })
            .unwrap();
        pipeline.compare(&format!("{}.final_latents", film.name), &unfold_frames(&state.latents, 1).unwrap());
        compared += 1;
    }
    assert!(compared > 1);
}
