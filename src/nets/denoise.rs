//! The loop from noise to latents, for pictures and films alike, and how it is put aside and taken up again.
//!
//! [`Denoising`] is all that the loop knows between two steps. Written to a file and read again it goes on as if nothing
//! had happened, to the last bit.

use super::noise::Generator;
use super::samplers::guidance::Guidance;
use super::samplers::{Sampler, SamplerState};
use candle_core::{Device, Error, Result, Tensor, bail, safetensors::load_buffer};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The entry of the file's metadata that holds everything but the tensors.
const ENTRY: &str = "reelboard.denoising";

/// A picture or film on its way from noise to what the autoencoder decodes.
#[derive(Debug, Clone)]
pub struct Denoising {
    /// What is being made, in the words of the stage that makes it: a state goes on with the very same only. It does not
    /// name the weights; whoever keeps states keeps them apart by model.
    pub recipe: String,
    /// The sample, in any shape that the network's closure understands.
    pub latents: Tensor,
    /// What the sampler remembers, and which step comes next.
    pub sampler: SamplerState,
    /// Where the noise of the next steps comes from.
    pub noise: Generator,
    /// The noise that the network saw in the last step, after guidance, in a state that waits for a camera movement:
    /// what the movement needs beside the latents.
    pub epsilon: Option<Tensor>,
}

/// One step that was made.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which one, from 0.
    pub index: usize,
    /// The sample before it.
    pub before: Tensor,
    /// What the network predicted, after guidance.
    pub prediction: Tensor,
}

impl Step {
    /// The noise that the network saw.
    ///
    /// # Errors
    /// When the sampler is another.
    pub fn epsilon(&self, sampler: &Sampler) -> Result<Tensor> {
        sampler.epsilon(&self.prediction, self.index, &self.before)
    }

    /// The sample without noise, as the network sees it at this step: what a preview shows.
    ///
    /// # Errors
    /// When the sampler is another.
    pub fn clean(&self, sampler: &Sampler) -> Result<Tensor> {
        sampler.clean(&self.prediction, self.index, &self.before)
    }
}

/// What is written beside the tensors.
#[derive(Serialize, Deserialize)]
struct Rest {
    recipe: String,
    next: usize,
    predictions: usize,
    noise: Generator,
}

impl Denoising {
    /// Before the first step, from normal noise that `generator` gave.
    ///
    /// # Errors
    /// When the device fails.
    pub fn start(recipe: String, noise: &Tensor, generator: Generator, sampler: &Sampler) -> Result<Self> {
        let latents = match sampler.init_noise_sigma() {
            1.0 => noise.clone(),
            sigma => (noise * sigma)?,
        };
        Ok(Self { recipe, latents, sampler: SamplerState::default(), noise: generator, epsilon: None })
    }

    /// Steps that were made.
    pub fn done(&self) -> usize {
        self.sampler.next
    }

    /// The state on another device.
    ///
    /// # Errors
    /// When a device fails.
    pub fn to_device(mut self, device: &Device) -> Result<Self> {
        self.latents = self.latents.to_device(device)?;
        self.epsilon = self.epsilon.map(|epsilon| epsilon.to_device(device)).transpose()?;
        let history = &mut self.sampler.history;
        *history = history.iter().map(|prediction| prediction.to_device(device)).collect::<Result<_>>()?;
        Ok(self)
    }

    /// Makes the steps that are left. `sampler` is one of the settings and number of steps that the state began with.
    ///
    /// `predict` is the network with its guidance: from a sample as the network wants it and the timestep `[1]` to a
    /// prediction of the sample's shape. `after` sees the state after each step and may change it; its error ends the
    /// loop and leaves the state as it is after that step.
    ///
    /// # Errors
    /// Those of `predict` and `after`, and when the state is one of another sampler.
    pub fn run<E: From<Error>>(
        &mut self,
        sampler: &mut Sampler,
        mut predict: impl FnMut(&Tensor, &Tensor) -> Result<Tensor>,
        mut after: impl FnMut(&mut Self, &Sampler, &Step) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        sampler.resume(self.sampler.clone())?;
        for index in self.done()..sampler.timesteps().len() {
            let input = sampler.scale_model_input(&self.latents, index)?;
            let timestep = Tensor::new(&sampler.timesteps()[index..=index], self.latents.device())?;
            let prediction = predict(&input, &timestep)?;
            let next = sampler.step(&prediction, index, &self.latents, &mut self.noise)?;
            let before = std::mem::replace(&mut self.latents, next);
            self.sampler = sampler.state().clone();
            after(self, sampler, &Step { index, before, prediction })?;
        }
        Ok(())
    }

    /// The state as a file of safetensors.
    ///
    /// # Errors
    /// When the tensors cannot be fetched from their device.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let cpu = |x: &Tensor| x.to_device(&Device::Cpu);
        let mut tensors = vec![("latents".to_owned(), cpu(&self.latents)?)];
        for (index, prediction) in self.sampler.history.iter().enumerate() {
            tensors.push((prediction_name(index), cpu(prediction)?));
        }
        if let Some(epsilon) = &self.epsilon {
            tensors.push(("epsilon".to_owned(), cpu(epsilon)?));
        }
        let rest = Rest {
            recipe: self.recipe.clone(),
            next: self.sampler.next,
            predictions: self.sampler.history.len(),
            noise: self.noise.clone(),
        };
        let rest = serde_json::to_string(&rest).map_err(Error::wrap)?;
        safetensors::serialize(tensors, Some(HashMap::from([(ENTRY.to_owned(), rest)]))).map_err(Error::wrap)
    }

    /// The state from the bytes of [`Self::to_bytes`].
    ///
    /// # Errors
    /// When the bytes are something else, or damaged.
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        let damaged = |reason: String| Error::Msg(format!("the saved render cannot be read ({reason}); start it anew"));
        let (_, file) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(error.to_string()))?;
        let entry = file.metadata().as_ref().and_then(|entries| entries.get(ENTRY));
        let entry = entry.ok_or_else(|| damaged("it is another kind of file".to_owned()))?;
        let rest: Rest = serde_json::from_str(entry).map_err(|error| damaged(error.to_string()))?;
        let mut tensors = load_buffer(bytes, device).map_err(|error| damaged(error.to_string()))?;
        let mut take = |name: &str| tensors.remove(name).ok_or_else(|| damaged(format!("it has no {name}")));
        Ok(Self {
            recipe: rest.recipe,
            latents: take("latents")?,
            sampler: SamplerState {
                next: rest.next,
                history: (0..rest.predictions).map(|index| take(&prediction_name(index))).collect::<Result<_>>()?,
            },
            noise: rest.noise,
            epsilon: take("epsilon").ok(),
        })
    }
}

fn prediction_name(index: usize) -> String {
    format!("predictions.{index}")
}

/// A prediction with guidance: where it is on, `network` sees the sample once for each row, the unconditional one first.
///
/// # Errors
/// Those of the network, and when it gives another number of rows.
pub fn guided(guidance: Guidance, sample: &Tensor, network: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    if !guidance.is_on() {
        return network(sample);
    }
    guidance.apply(&network(&Tensor::cat(&[sample, sample], 0)?)?)
}

/// Normal noise as diffusers draws it for latents: on the CPU, in the type in which the network runs.
///
/// # Errors
/// When there is no noise of that type, or the device fails.
pub fn noise_like_diffusers(
    generator: &mut Generator,
    shape: &[usize],
    dtype: candle_core::DType,
    device: &Device,
) -> Result<Tensor> {
    if shape.contains(&0) {
        bail!("latents of {shape:?} have nothing in them: ask for a larger picture");
    }
    generator.randn(shape, dtype)?.to_device(device)
}

/// A number for some bytes, the same on every machine, to tell recipes with other pictures apart (FNV-1a).
pub fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::samplers::{SamplerKind, SchedulerConfig};
    use candle_core::DType;

    /// A network that sees noise in everything.
    fn network(x: &Tensor, timestep: &Tensor) -> Result<Tensor> {
        let t = f64::from(timestep.to_vec1::<f32>()?[0]) / 1000.0;
        (x.tanh()? * (0.5 + t / 2.0))?.to_dtype(x.dtype())
    }

    fn bits(x: &Tensor) -> Vec<u32> {
        let values: Vec<f32> = x.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        values.into_iter().map(f32::to_bits).collect()
    }

    #[test]
    fn put_aside_after_any_step_and_taken_up_again_it_ends_the_same() {
        for kind in SamplerKind::ALL {
            for dtype in [DType::F32, DType::F16, DType::BF16] {
                let config = SchedulerConfig { eta: 0.5, ..SchedulerConfig::stable_diffusion() }.with_sampler(kind);
                let sampler = || Sampler::new(&config, 6).unwrap();
                let start = || {
                    let mut generator = Generator::new(3);
                    let noise = noise_like_diffusers(&mut generator, &[1, 4, 3, 3], dtype, &Device::Cpu).unwrap();
                    Denoising::start("r".to_owned(), &noise, generator, &sampler()).unwrap()
                };
                let mut whole = start();
                whole.run(&mut sampler(), network, |_, _, _| Ok::<(), Error>(())).unwrap();
                for stop in 0..6 {
                    let mut first = start();
                    let halt = |_: &mut Denoising, _: &Sampler, step: &Step| {
                        if step.index == stop { Err(Error::Msg("halt".into())) } else { Ok(()) }
                    };
                    first.run(&mut sampler(), network, halt).unwrap_err();
                    assert_eq!(first.done(), stop + 1);
                    let mut second = Denoising::from_bytes(&first.to_bytes().unwrap(), &Device::Cpu).unwrap();
                    assert_eq!((second.recipe.as_str(), second.latents.dtype()), ("r", dtype));
                    second.run(&mut sampler(), network, |_, _, _| Ok::<(), Error>(())).unwrap();
                    assert_eq!(bits(&second.latents), bits(&whole.latents), "{kind:?} {dtype:?} {stop}");
                }
            }
        }
    }

    #[test]
    fn a_damaged_file_is_refused_wherever_it_ends() {
        let sampler = Sampler::new(&SchedulerConfig::stable_diffusion(), 2).unwrap();
        let noise = Generator::new(1).randn((1, 4, 2, 2), DType::F32).unwrap();
        let state = Denoising::start(String::new(), &noise, Generator::new(1), &sampler).unwrap();
        let bytes = state.to_bytes().unwrap();
        for end in 0..bytes.len() {
            let error = Denoising::from_bytes(&bytes[..end], &Device::Cpu).unwrap_err().to_string();
            assert!(error.contains("start it anew"), "{error}");
        }
        let other = safetensors::serialize([("latents", &noise)], None).unwrap();
        assert!(Denoising::from_bytes(&other, &Device::Cpu).unwrap_err().to_string().contains("another kind of file"));
    }

    #[test]
    fn guidance_that_is_off_runs_one_row() {
        let x = Tensor::ones((1, 2), DType::F32, &Device::Cpu).unwrap();
        let rows = |scale| {
            let mut rows = 0;
            let network = |x: &Tensor| {
                rows = x.dim(0)?;
                Ok(x.clone())
            };
            guided(Guidance { scale, rescale: 0.0 }, &x, network).unwrap();
            rows
        };
        assert_eq!((rows(1.0), rows(7.5)), (1, 2));
    }
}
