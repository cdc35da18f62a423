//! The settings of a scheduler, as published in `scheduler_config.json`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A scheduler that cannot be built from its settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not the JSON of a scheduler.
    #[error("the scheduler's settings cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// A scheduler that we do not have.
    #[error(
        "there is no scheduler \"{0}\" here; choose DDIMScheduler, DPMSolverMultistepScheduler or EulerAncestralDiscreteScheduler"
    )]
    UnknownClass(String),
    /// A setting with a value that we do not have, or that makes no sense.
    #[error("the scheduler's setting {setting} is {value}; what works is {works}")]
    Unsupported {
        /// Its name in the file.
        setting: &'static str,
        /// What the file says.
        value: String,
        /// What would do.
        works: String,
    },
    /// Too many steps, or none.
    #[error(
        "{steps} steps cannot be spread over the {available} that the network was trained with; ask for fewer, and at least one"
    )]
    Steps {
        /// What was asked for.
        steps: usize,
        /// How many the network knows.
        available: usize,
    },
}

/// The samplers that we have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplerKind {
    /// Song et al. 2020.
    Ddim,
    /// Lu et al. 2022, DPM-Solver++ with several steps.
    DpmSolverMultistep,
    /// Euler's method with noise added back after each step.
    EulerAncestral,
}

impl SamplerKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ddim, Self::DpmSolverMultistep, Self::EulerAncestral];

    /// Its class in diffusers.
    pub fn class_name(self) -> &'static str {
        match self {
            Self::Ddim => "DDIMScheduler",
            Self::DpmSolverMultistep => "DPMSolverMultistepScheduler",
            Self::EulerAncestral => "EulerAncestralDiscreteScheduler",
        }
    }
}

/// A `scheduler_config.json`, with what diffusers 0.24 takes for a setting that the file lacks.
///
/// It mirrors the file; [`Sampler::new`](super::Sampler::new) says which settings it cannot follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SchedulerConfig {
    /// The sampler; see [`SamplerKind::class_name`].
    #[serde(rename = "_class_name")]
    pub class_name: String,
    /// How many noise levels the network was trained with.
    pub num_train_timesteps: usize,
    /// The noise that the first level adds.
    pub beta_start: f64,
    /// The noise that the last level adds.
    pub beta_end: f64,
    /// What lies between: `linear`, `scaled_linear` or `squaredcos_cap_v2`.
    pub beta_schedule: String,
    /// The noise of every level, in place of the three above.
    pub trained_betas: Option<Vec<f32>>,
    /// What the network predicts: `epsilon`, `v_prediction` or `sample`.
    pub prediction_type: String,
    /// How the steps lie among the levels: `leading`, `trailing` or `linspace`. Each sampler has its own default.
    pub timestep_spacing: Option<String>,
    /// Added to each level with `leading`.
    pub steps_offset: usize,
    /// Dynamic thresholding of Imagen; not for latents.
    pub thresholding: bool,
    /// Rescales the levels so that the last one is pure noise (Lin et al. 2023).
    pub rescale_betas_zero_snr: bool,

    /// DDIM: clips the predicted sample.
    pub clip_sample: bool,
    /// DDIM: to plus and minus this.
    pub clip_sample_range: f64,
    /// DDIM: the last step ends at no noise at all, not at the first level.
    pub set_alpha_to_one: bool,
    /// DDIM: how much of the noise is drawn anew at each step, from 0 to 1. Ours; published files leave it to the caller.
    pub eta: f64,

    /// DPM-Solver: 1, 2 or 3.
    pub solver_order: usize,
    /// DPM-Solver: `dpmsolver++`.
    pub algorithm_type: String,
    /// DPM-Solver: `midpoint` or `heun`.
    pub solver_type: String,
    /// DPM-Solver: lower orders at the end when there are fewer than 15 steps.
    pub lower_order_final: bool,
    /// DPM-Solver: order 1 in the last step.
    pub euler_at_final: bool,
    /// DPM-Solver: the noise levels of Karras et al. 2022.
    pub use_karras_sigmas: Option<bool>,
    /// DPM-Solver: equal steps in the logarithm of the signal-to-noise ratio.
    pub use_lu_lambdas: Option<bool>,
    /// DPM-Solver: leaves out the levels with more noise than this; none when absent.
    pub lambda_min_clipped: Option<f64>,
    /// DPM-Solver: set when the network predicts its variance too.
    pub variance_type: Option<String>,
    /// Where the last step ends, in newer files.
    pub final_sigmas_type: Option<String>,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            class_name: SamplerKind::Ddim.class_name().to_owned(),
            num_train_timesteps: 1000,
            beta_start: 0.0001,
            beta_end: 0.02,
            beta_schedule: "linear".to_owned(),
            trained_betas: None,
            prediction_type: "epsilon".to_owned(),
            timestep_spacing: None,
            steps_offset: 0,
            thresholding: false,
            rescale_betas_zero_snr: false,
            clip_sample: true,
            clip_sample_range: 1.0,
            set_alpha_to_one: true,
            eta: 0.0,
            solver_order: 2,
            algorithm_type: "dpmsolver++".to_owned(),
            solver_type: "midpoint".to_owned(),
            lower_order_final: true,
            euler_at_final: false,
            use_karras_sigmas: None,
            use_lu_lambdas: None,
            lambda_min_clipped: None,
            variance_type: None,
            final_sigmas_type: None,
        }
    }
}

impl SchedulerConfig {
    /// Reads the text of a `scheduler_config.json`.
    ///
    /// # Errors
    /// When it is not the JSON of a scheduler, or does not say of which one.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        /// A file without a class is something else.
        #[derive(Deserialize)]
        struct Class {
            #[serde(rename = "_class_name")]
            _class_name: String,
        }
        tolerant_json::<Class>(text)?;
        Ok(tolerant_json(text)?)
    }

    /// What VideoStudio-Img and other Stable Diffusion 1.5 models use: DDIM over scaled linear levels.
    pub fn stable_diffusion() -> Self {
        Self {
            beta_start: 0.00085,
            beta_end: 0.012,
            beta_schedule: "scaled_linear".to_owned(),
            timestep_spacing: Some("leading".to_owned()),
            steps_offset: 1,
            clip_sample: false,
            set_alpha_to_one: false,
            ..Self::default()
        }
    }

    /// `stabilityai/stable-diffusion-2-1`: the same with v-prediction.
    pub fn stable_diffusion_2_1() -> Self {
        Self { prediction_type: "v_prediction".to_owned(), ..Self::stable_diffusion() }
    }

    /// The same settings with another sampler, as `from_config` of diffusers takes them over.
    pub fn with_sampler(&self, kind: SamplerKind) -> Self {
        Self { class_name: kind.class_name().to_owned(), ..self.clone() }
    }

    /// The sampler that the file names.
    ///
    /// # Errors
    /// When we do not have it.
    pub fn kind(&self) -> Result<SamplerKind, ConfigError> {
        let kind = SamplerKind::ALL.into_iter().find(|kind| kind.class_name() == self.class_name);
        kind.ok_or_else(|| ConfigError::UnknownClass(self.class_name.clone()))
    }
}

/// Reads JSON in which Python wrote `NaN`, `Infinity` or `-Infinity`, as it does for the bounds of some schedulers. JSON
/// has no such numbers; each becomes `null`.
///
/// # Errors
/// When the rest is not JSON, or not of this type.
pub fn tolerant_json<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    let mut strict = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        let word = ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| !in_string && rest.starts_with(word));
        let taken = match word {
            Some(word) => {
                strict.push_str("null");
                word.len()
            }
            None => {
                let escape = in_string && c == '\\';
                in_string ^= c == '"';
                // The character after a backslash ends no string.
                let taken = c.len_utf8() + if escape { rest[1..].chars().next().map_or(0, char::len_utf8) } else { 0 };
                strict.push_str(&rest[..taken]);
                taken
            }
        };
        rest = &rest[taken..];
    }
    serde_json::from_str(&strict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_file_with_minus_infinity_is_read() {
        let text = r#"{"_class_name": "DPMSolverMultistepScheduler", "_diffusers_version": "0.24.0",
            "lambda_min_clipped": -Infinity, "beta_end": 0.012, "trained_betas": null,
            "note": "-Infinity \" NaN", "solver_order": 3, "use_karras_sigmas": true}"#;
        let config = SchedulerConfig::from_json(text).unwrap();
        assert_eq!(config.kind().unwrap(), SamplerKind::DpmSolverMultistep);
        assert_eq!((config.lambda_min_clipped, config.beta_end, config.solver_order), (None, 0.012, 3));
        let value: serde_json::Value = tolerant_json(text).unwrap();
        assert_eq!(value["note"], "-Infinity \" NaN");
    }

    #[test]
    fn what_is_not_a_scheduler_is_refused() {
        assert!(matches!(SchedulerConfig::from_json("{}"), Err(ConfigError::Unreadable(_))));
        assert!(matches!(SchedulerConfig::from_json("{\"_class_name\": \"x\\"), Err(ConfigError::Unreadable(_))));
        let config = SchedulerConfig::from_json(r#"{"_class_name": "PNDMScheduler", "skip_prk_steps": true}"#).unwrap();
        assert!(config.kind().unwrap_err().to_string().contains("PNDMScheduler"));
        assert_eq!(config.with_sampler(SamplerKind::Ddim).kind().unwrap(), SamplerKind::Ddim);
        let bad = SchedulerConfig::from_json(r#"{"_class_name": "DDIMScheduler", "beta_start": NaN}"#);
        assert!(matches!(bad, Err(ConfigError::Unreadable(_))));
    }

    #[test]
    fn a_config_survives_a_file() {
        let config = SchedulerConfig { eta: 1.0, ..SchedulerConfig::stable_diffusion_2_1() };
        assert_eq!(SchedulerConfig::from_json(&serde_json::to_string(&config).unwrap()).unwrap(), config);
    }
}
