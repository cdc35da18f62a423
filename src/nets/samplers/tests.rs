use super::guidance::Guidance;
use super::*;
use crate::nets::noise::Generator;
use candle_core::{Device, Shape};
use serde::Deserialize;

/// A run of a scheduler of diffusers 0.24 with the network below, noise from seed 3 and the first sample below.
#[derive(Deserialize)]
struct Run {
    name: String,
    config: SchedulerConfig,
    steps: usize,
    timesteps: Vec<f32>,
    init_noise_sigma: f64,
    /// The sample after each step.
    after: Vec<Vec<f32>>,
}

fn reference() -> Vec<Run> {
    serde_json::from_str(include_str!("../../../tests/data/samplers.json")).unwrap()
}

fn tensor(values: &[f32]) -> Tensor {
    Tensor::new(values, &Device::Cpu).unwrap().unsqueeze(0).unwrap()
}

fn values(x: &Tensor) -> Vec<f32> {
    x.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn first_sample(sampler: &Sampler) -> Tensor {
    (tensor(&[0.5, -1.0, 2.0, -0.25]) * sampler.init_noise_sigma()).unwrap()
}

/// A network of which Python and we know the same.
fn network(x: &Tensor, timestep: f32) -> Tensor {
    let ratio = (x / (x.sqr().unwrap() + 1.0).unwrap()).unwrap();
    ratio.affine(1.5, f64::from(timestep) / 2000.0).unwrap()
}

fn step(sampler: &mut Sampler, index: usize, x: &Tensor, noise: &mut Generator) -> Tensor {
    let input = sampler.scale_model_input(x, index).unwrap();
    let prediction = network(&input, sampler.timesteps()[index]);
    sampler.step(&prediction, index, x, noise).unwrap()
}

/// How far two samples are apart, relative to the larger of 1 and the second.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs() / b.abs().max(1.0))
        .fold(0.0, |x, y| if y.is_nan() { y } else { x.max(y) })
}

#[test]
fn every_step_is_that_of_diffusers() {
    for run in reference() {
        let mut sampler = Sampler::new(&run.config, run.steps).unwrap();
        assert_eq!(sampler.timesteps(), run.timesteps, "{}", run.name);
        assert!((sampler.init_noise_sigma() - run.init_noise_sigma).abs() < 1e-5, "{}", run.name);
        let mut noise = Generator::new(3);
        let mut x = first_sample(&sampler);
        for (index, expected) in run.after.iter().enumerate() {
            x = step(&mut sampler, index, &x, &mut noise);
            let distance = distance(&values(&x), expected);
            assert!(distance < 2e-5, "{}: {distance:e} apart after step {index}", run.name);
        }
    }
}

#[test]
fn a_paused_render_goes_on_as_if_it_never_stopped() {
    for run in reference() {
        let mut sampler = Sampler::new(&run.config, run.steps).unwrap();
        let mut noise = Generator::new(3);
        let mut x = first_sample(&sampler);
        for index in 0..run.steps {
            if index == run.steps / 2 {
                // All that is kept: the settings, the state, the generator as text, the sample.
                let state = sampler.state().clone();
                assert_eq!(state.next, index);
                sampler = Sampler::new(&run.config, run.steps).unwrap();
                sampler.resume(state).unwrap();
                noise = serde_json::from_str(&serde_json::to_string(&noise).unwrap()).unwrap();
            }
            x = step(&mut sampler, index, &x, &mut noise);
        }
        let mut straight = Sampler::new(&run.config, run.steps).unwrap();
        let (mut noise, mut y) = (Generator::new(3), first_sample(&straight));
        for index in 0..run.steps {
            y = step(&mut straight, index, &y, &mut noise);
        }
        assert_eq!(values(&x), values(&y), "{}", run.name);
    }
}

/// Runs a sampler with a network that knows the clean sample, and gives the last sample.
fn with_an_oracle(config: &SchedulerConfig, steps: usize, clean: &Tensor) -> (Tensor, NoiseLevel) {
    let mut sampler = Sampler::new(config, steps).unwrap();
    let mut noise = Generator::new(11);
    let start = noise.randn(clean.shape(), DType::F32).unwrap();
    let mut x = sampler.level_before(0).unwrap().add_noise(clean, &start).unwrap();
    for index in 0..sampler.timesteps().len() {
        let level = sampler.level_before(index).unwrap();
        let epsilon = ((&x - (clean * level.alpha).unwrap()).unwrap() / level.sigma).unwrap();
        let prediction = match config.prediction_type.as_str() {
            "epsilon" => epsilon,
            "sample" => clean.clone(),
            _ => {
                let power = level.power().sqrt();
                ((epsilon * (level.alpha / power)).unwrap() - (clean * (level.sigma / power)).unwrap()).unwrap()
            }
        };
        let seen = sampler.clean(&prediction, index, &x).unwrap();
        assert!(distance(&values(&seen), &values(clean)) < 1e-4);
        x = sampler.step(&prediction, index, &x, &mut noise).unwrap();
    }
    (x, sampler.level_after(sampler.timesteps().len() - 1).unwrap())
}

#[test]
fn a_perfect_network_leads_each_sampler_to_the_clean_sample() {
    let clean = tensor(&[0.7, -1.3, 0.0, 2.5, -0.1]);
    for kind in SamplerKind::ALL {
        for spacing in ["leading", "trailing", "linspace"] {
            for prediction in ["epsilon", "v_prediction", "sample"] {
                let config = SchedulerConfig {
                    timestep_spacing: Some(spacing.to_owned()),
                    prediction_type: prediction.to_owned(),
                    set_alpha_to_one: true,
                    ..SchedulerConfig::stable_diffusion().with_sampler(kind)
                };
                if kind == SamplerKind::EulerAncestral && prediction == "sample" {
                    assert!(Sampler::new(&config, 20).is_err());
                    continue;
                }
                let (end, level) = with_an_oracle(&config, 20, &clean);
                // What noise the last level leaves is in the sample.
                let off = distance(&values(&end), &values(&clean));
                let allowed = 5e-4 + 4.0 * level.sigma as f32;
                assert!(off < allowed, "{kind:?} {spacing} {prediction}: {off} from the clean sample");
            }
        }
    }
}

#[test]
fn ddim_ends_at_the_clean_sample_exactly_when_nothing_is_left_of_the_noise() {
    let clean = tensor(&[0.7, -1.3, 0.0, 2.5, -0.1]);
    for eta in [0.0, 1.0] {
        let config = SchedulerConfig { eta, set_alpha_to_one: true, ..SchedulerConfig::stable_diffusion() };
        let (end, level) = with_an_oracle(&config, 20, &clean);
        assert_eq!(level, NoiseLevel { alpha: 1.0, sigma: 0.0 });
        assert!(distance(&values(&end), &values(&clean)) < 1e-4);
    }
}

#[test]
fn ddim_without_new_noise_is_dpm_solver_of_order_one() {
    let config = SchedulerConfig {
        timestep_spacing: Some("trailing".to_owned()),
        solver_order: 1,
        ..SchedulerConfig::stable_diffusion()
    };
    // With a divisor of 1000 both go through the same levels.
    let mut ddim = Sampler::new(&config, 10).unwrap();
    let mut dpm = Sampler::new(&config.with_sampler(SamplerKind::DpmSolverMultistep), 10).unwrap();
    assert_eq!(ddim.timesteps(), dpm.timesteps());
    let mut noise = Generator::new(0);
    let (mut x, mut y) = (first_sample(&ddim), first_sample(&dpm));
    for index in 0..10 {
        x = step(&mut ddim, index, &x, &mut noise);
        y = step(&mut dpm, index, &y, &mut noise);
        assert!(distance(&values(&x), &values(&y)) < 2e-5);
    }
    let level = ddim.level_after(9).unwrap();
    assert!((level.sigma - dpm.level_after(9).unwrap().sigma).abs() < 1e-6);
}

#[test]
fn timesteps_fall_and_stay_among_those_of_the_network() {
    for kind in SamplerKind::ALL {
        for spacing in ["leading", "trailing", "linspace"] {
            let config = SchedulerConfig {
                timestep_spacing: Some(spacing.to_owned()),
                ..SchedulerConfig::stable_diffusion().with_sampler(kind)
            };
            for steps in (1..=130).chain([250, 400, 498]) {
                let sampler = Sampler::new(&config, steps).unwrap();
                let timesteps = sampler.timesteps();
                assert_eq!(timesteps.len(), steps, "{kind:?} {spacing}");
                assert!(timesteps.windows(2).all(|pair| pair[0] > pair[1]), "{kind:?} {spacing} {steps}");
                assert!(timesteps.iter().all(|t| (0.0..1000.0).contains(t)), "{kind:?} {spacing} {steps}");
                for index in 0..steps {
                    let (before, after) = (sampler.level_before(index).unwrap(), sampler.level_after(index).unwrap());
                    assert!(before.sigma / before.alpha >= after.sigma / after.alpha, "{kind:?} {spacing} {steps}");
                }
            }
            for steps in [0, 1001, usize::MAX] {
                assert!(matches!(Sampler::new(&config, steps), Err(ConfigError::Steps { .. })));
            }
        }
    }
}

#[test]
fn settings_that_we_do_not_have_are_named() {
    let good = SchedulerConfig::stable_diffusion().with_sampler(SamplerKind::DpmSolverMultistep);
    type Change = fn(&mut SchedulerConfig);
    let changes: [(&str, Change); 15] = [
        ("algorithm_type", |c| c.algorithm_type = "sde-dpmsolver++".into()),
        ("solver_type", |c| c.solver_type = "bogus".into()),
        ("solver_order", |c| c.solver_order = 4),
        ("thresholding", |c| c.thresholding = true),
        ("use_lu_lambdas", |c| c.use_lu_lambdas = Some(true)),
        ("variance_type", |c| c.variance_type = Some("learned_range".into())),
        ("final_sigmas_type", |c| c.final_sigmas_type = Some("zero".into())),
        ("rescale_betas_zero_snr", |c| c.rescale_betas_zero_snr = true),
        ("beta_schedule", |c| c.beta_schedule = "sigmoid".into()),
        ("beta_start", |c| c.beta_start = f64::NAN),
        ("trained_betas", |c| c.trained_betas = Some(vec![0.1; 3])),
        ("num_train_timesteps", |c| c.num_train_timesteps = usize::MAX),
        ("timestep_spacing", |c| c.timestep_spacing = Some("karras".into())),
        ("prediction_type", |c| c.prediction_type = "flow".into()),
        ("EulerDiscreteScheduler", |c| c.class_name = "EulerDiscreteScheduler".into()),
    ];
    assert!(Sampler::new(&good, 20).is_ok());
    for (setting, change) in changes {
        let mut config = good.clone();
        change(&mut config);
        let error = Sampler::new(&config, 20).unwrap_err().to_string();
        assert!(error.contains(setting), "{setting}: {error}");
    }
    let eta = SchedulerConfig { eta: 1.5, ..SchedulerConfig::stable_diffusion() };
    assert!(Sampler::new(&eta, 20).unwrap_err().to_string().contains("eta"));
    let blind = SchedulerConfig {
        rescale_betas_zero_snr: true,
        timestep_spacing: Some("trailing".into()),
        ..SchedulerConfig::stable_diffusion()
    };
    assert!(Sampler::new(&blind, 20).unwrap_err().to_string().contains("epsilon"));
}

#[test]
fn steps_out_of_turn_and_foreign_states_are_errors() {
    let config = SchedulerConfig::stable_diffusion().with_sampler(SamplerKind::DpmSolverMultistep);
    let mut sampler = Sampler::new(&config, 6).unwrap();
    let mut noise = Generator::new(0);
    let x = first_sample(&sampler);
    // An image with noise added starts later; from there on each step has its turn, and step 0 starts anew.
    for index in [2, 3, 0, 1] {
        step(&mut sampler, index, &x, &mut noise);
    }
    assert!(sampler.step(&x, 5, &x, &mut noise).is_err());
    assert!(sampler.step(&x, 6, &x, &mut noise).is_err());
    assert!(sampler.step(&x.narrow(1, 0, 2).unwrap(), 2, &x, &mut noise).is_err());
    let state = sampler.state().clone();
    let mut ddim = Sampler::new(&SchedulerConfig::stable_diffusion(), 6).unwrap();
    assert!(ddim.resume(state.clone()).is_err());
    assert!(sampler.resume(SamplerState { next: 7, ..state }).is_err());
}

#[test]
fn half_precision_stays_what_it_is_and_close() {
    for kind in SamplerKind::ALL {
        let config = SchedulerConfig::stable_diffusion().with_sampler(kind);
        for dtype in [DType::F16, DType::BF16] {
            let (mut exact, mut half) = (Sampler::new(&config, 8).unwrap(), Sampler::new(&config, 8).unwrap());
            let mut x = first_sample(&exact);
            let mut y = x.to_dtype(dtype).unwrap();
            let mut zero = |shape: &Shape, dtype| Tensor::zeros(shape, dtype, &Device::Cpu);
            for index in 0..8 {
                let p = network(&exact.scale_model_input(&x, index).unwrap(), exact.timesteps()[index]);
                x = exact.step(&p, index, &x, &mut zero).unwrap();
                y = half.step(&p.to_dtype(dtype).unwrap(), index, &y, &mut zero).unwrap();
                assert_eq!(y.dtype(), dtype);
                assert_eq!(half.scale_model_input(&y, index).unwrap().dtype(), dtype);
            }
            assert!(distance(&values(&y), &values(&x)) < 0.1);
        }
    }
}

#[test]
fn guidance_goes_from_the_unconditional_row_through_the_conditional_one() {
    let rows =
        Tensor::new(&[[1f32, 2.0, 3.0], [0.0, 0.0, 4.0], [2.0, 2.0, 2.5], [1.0, -1.0, 5.0]], &Device::Cpu).unwrap();
    let guided = Guidance { scale: 3.0, rescale: 0.0 }.apply(&rows).unwrap();
    assert_eq!(guided.to_vec2::<f32>().unwrap(), [[4.0, 2.0, 1.5], [3.0, -3.0, 7.0]]);
    let same = Guidance { scale: 1.0, rescale: 1.0 }.apply(&rows).unwrap();
    assert!(distance(&values(&same), &[2.0, 2.0, 2.5, 1.0, -1.0, 5.0]) < 1e-6);
    assert!(!Guidance { scale: 1.0, rescale: 0.0 }.is_on());
    assert!(Guidance { scale: 2.0, rescale: 0.0 }.apply(&rows.narrow(0, 0, 3).unwrap()).is_err());
}

#[test]
fn full_rescale_gives_each_row_the_spread_of_its_conditional_row() {
    let mut noise = Generator::new(1);
    let rows = noise.randn((4, 2, 3, 5), DType::F32).unwrap();
    let spread = |x: &Tensor| values(&x.flatten_from(1).unwrap().var(1).unwrap().sqrt().unwrap());
    let wanted = spread(&rows.narrow(0, 2, 2).unwrap());
    let full = Guidance { scale: 12.0, rescale: 1.0 }.apply(&rows).unwrap();
    assert!(distance(&spread(&full), &wanted) < 1e-5);
    let half = Guidance { scale: 12.0, rescale: 0.5 }.apply(&rows).unwrap();
    let none = Guidance { scale: 12.0, rescale: 0.0 }.apply(&rows).unwrap();
    let middle: Vec<f32> = values(&full).iter().zip(values(&none)).map(|(a, b)| 0.5 * (a + b)).collect();
    assert!(distance(&values(&half), &middle) < 1e-5);
    // A flat picture must not become NaN.
    let flat = Tensor::ones((2, 3), DType::F16, &Device::Cpu).unwrap();
    assert_eq!(values(&Guidance { scale: 7.5, rescale: 1.0 }.apply(&flat).unwrap()), [1.0; 3]);
}
