//! How a stage can run on this machine.
//!
//! How much memory a network takes is an estimate: its weights, and what it holds at its fullest moment besides,
//!
//! ```text
//! parameters × bytes + per_latent_pixel × latent pixels × rows × frames × bytes
//! ```
//!
//! with 2 rows for guidance, the given frame counted as one more frame, 8 × 8 pixels to a latent pixel, 4 bytes in f32
//! and 2 in f16 and bf16. Autoencoders run in f32, one picture at a time, in bands. `models.ron` has the two numbers of
//! each network. Those of Stable Diffusion 1.5 were measured in this program at 512 × 512 in f32 (3.9 GB for a step with
//! guidance, 3.44 GB of it weights; 1.2 GB for decoding a picture); VideoStudio-Vid is taken to hold as much per latent
//! pixel and frame as Stable Diffusion 1.5 does, which is not measured.
//!
//! Plans are tried in this order on each device, cards before the processor: the device's own numbers (f16 on a card, or
//! bf16 where cuDNN would add up f16 in f16; f32 on the processor) with all networks in memory, the same with one network
//! at a time, then the same two in the other numbers. One network at a time comes before other numbers because what is made
//! stays the same, to the last bit. Fewer frames and smaller pictures are only ever offered.

use super::devices::Candidate;
use super::{Compute, ComputeError, Devices, Dtype, DtypeChoice, Loading, Machine};
use crate::models::{ModelSpec, Network, NetworkPart, Role, bytes_text};
use std::fmt;

/// How a stage can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Where, such as `cuda:0` or `cpu`.
    pub device: String,
    /// The type of the numbers.
    pub dtype: Dtype,
    /// Whether only one of the stage's networks is in memory at a time.
    pub sequential: bool,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Frames; 1 for a still.
    pub frames: u32,
    /// Memory that it takes, as estimated.
    pub needed_bytes: u64,
}

impl Plan {
    /// Free memory that it is chosen with: a tenth more than it takes, since estimates are estimates.
    pub fn free_bytes(&self) -> u64 {
        with_room(self.needed_bytes)
    }

    /// Where and how, without size and memory: "f16 on cuda:0, one network at a time".
    pub fn way(&self) -> String {
        format!("{} on {}{}", self.dtype, self.device, self.sequential_text())
    }

    /// In which numbers and how loaded: "f16, one network at a time".
    fn numbers(&self) -> String {
        format!("{}{}", self.dtype, self.sequential_text())
    }

    fn sequential_text(&self) -> &'static str {
        if self.sequential { ", one network at a time" } else { "" }
    }

    /// Width, height and frames: "512×320, 16 frames".
    pub fn size_text(&self) -> String {
        let [width, height] = self.size;
        if self.frames > 1 {
            format!("{width}×{height}, {} frames", self.frames)
        } else {
            format!("{width}×{height}")
        }
    }
}

fn with_room(needed_bytes: u64) -> u64 {
    needed_bytes + needed_bytes / 10
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}, {}", self.dtype, self.device, self.size_text())?;
        if self.sequential {
            f.write_str(", one network at a time")?;
        }
        write!(f, ": {}", bytes_text(self.needed_bytes))
    }
}

/// The plans of a stage, in the order in which they are tried.
#[derive(Debug, Clone, PartialEq)]
pub struct StagePlans {
    /// Those that fit, in the size that was asked for.
    pub fitting: Vec<Plan>,
    /// Those that do not, in the size that was asked for.
    pub too_large: Vec<Plan>,
    /// Smaller pictures and fewer frames that would fit, the best of each size. Never taken unasked.
    pub smaller: Vec<Plan>,
    /// The cheapest way that the user's choice allows to run it in the size that was asked for, whether it fits or not.
    pub least: Plan,
    /// The same in ways that the choice does not allow: those that fit, or else the cheapest.
    pub unchosen: Vec<Plan>,
    /// The cheapest way that the choice allows, in the smallest size that is offered.
    pub smallest: Plan,
    /// Memory found on the device where there is most of it.
    pub found_bytes: Option<u64>,
}

impl StagePlans {
    /// Why the stage, by this title, cannot run on this machine, and what would do.
    pub fn refusal(&self, title: &str) -> Option<String> {
        if !self.fitting.is_empty() {
            return None;
        }
        let Plan { needed_bytes, device, .. } = &self.least;
        let found = super::known_bytes(self.found_bytes);
        let mut text = format!(
            "{title} needs {} ({}), and {device} has {found} free",
            bytes_text(*needed_bytes),
            self.least.way()
        );
        let mut would_do = vec![format!("{} free", bytes_text(self.least.free_bytes()))];
        for plan in &self.unchosen {
            would_do.push(format!("{} ({})", plan.numbers(), bytes_text(plan.needed_bytes)));
        }
        for plan in &self.smaller {
            would_do.push(format!("{} ({})", plan.size_text(), bytes_text(plan.needed_bytes)));
        }
        if self.smaller.is_empty() && self.smallest != self.least {
            would_do.push(format!(
                "{} with {} free",
                self.smallest.size_text(),
                bytes_text(self.smallest.free_bytes())
            ));
        }
        text.push_str("; what would do: ");
        text.push_str(&would_do.join(", or "));
        Some(text)
    }

    /// The next plan after one that has run out of memory: one that takes less, or another device.
    pub fn after(&self, failed: &Plan) -> Option<&Plan> {
        let mut later = self.fitting.iter().skip_while(|plan| *plan != failed).skip(1);
        later.find(|plan| plan.device != failed.device || plan.needed_bytes < failed.needed_bytes)
    }
}

/// How the stage of `role` can run with `models`, its own and those that it needs.
///
/// # Errors
/// When the device that the user chose is not there, or cannot compute in the numbers that they chose.
pub fn stage_plans(
    role: Role,
    models: &[&ModelSpec],
    machine: &Machine,
    size: [u32; 2],
    frames: u32,
) -> Result<StagePlans, ComputeError> {
    // What cuts out is small and runs on the processor, whatever else does.
    let own = Machine { chosen: Compute { device: super::DeviceChoice::Cpu, ..Compute::default() }, ..machine.clone() };
    let machine = if role == Role::Segmenter { &own } else { machine };
    let devices = machine.candidates()?;
    let fits = |plan: &Plan, free: Option<u64>| free.is_none_or(|free| plan.free_bytes() <= free);
    let (mut fitting, mut too_large, mut least) = (Vec::new(), Vec::new(), None::<Plan>);
    let mut smaller: Vec<Plan> = Vec::new();
    // As many frames as fit the free memory in one of the ways, where not all do.
    let cheapest = |device, frames| -> Result<Option<u64>, ComputeError> {
        let (device, _, known): Candidate<'_> = device;
        let ways = ways(role, device, known, machine.chosen)?.into_iter();
        Ok(ways.map(|(dtype, sequential)| needed_bytes(models, dtype, sequential, size, frames)).min())
    };
    let mut fewer = None;
    for &device in &devices {
        let Some(free) = device.1 else { continue };
        let least = |frames| Ok(cheapest(device, frames)?.is_some_and(|bytes| with_room(bytes) <= free));
        for frames in (FEWEST_FRAMES..frames).rev() {
            if least(frames)? {
                fewer = fewer.max(Some(frames));
                break;
            }
        }
    }
    let sizes = sizes(size, frames, fewer.unwrap_or((frames / 2).max(1)), role);
    for (index, &(size, frames)) in sizes.iter().enumerate() {
        for &(device, free, known) in &devices {
            for (dtype, sequential) in ways(role, device, known, machine.chosen)? {
                let needed_bytes = needed_bytes(models, dtype, sequential, size, frames);
                let plan = Plan { device: device.to_owned(), dtype, sequential, size, frames, needed_bytes };
                let fits = fits(&plan, free);
                if index > 0 {
                    if fits && !smaller.iter().any(|known| (known.size, known.frames) == (size, frames)) {
                        smaller.push(plan);
                    }
                    continue;
                }
                if least.as_ref().is_none_or(|least: &Plan| plan.needed_bytes < least.needed_bytes) {
                    least = Some(plan.clone());
                }
                if fits { fitting.push(plan) } else { too_large.push(plan) }
            }
        }
    }
    // Where there is most memory: what does not fit there fits nowhere.
    let roomiest = devices.iter().max_by_key(|(_, free, _)| free.unwrap_or(u64::MAX));
    let (device, found_bytes) = roomiest.map_or(("cpu", None), |&(device, free, _)| (device, free));
    let on_roomiest = |plan: Plan| Plan { device: device.to_owned(), ..plan };
    let (smallest_size, smallest_frames) = sizes.last().copied().unwrap_or((size, frames));
    let half = if role == Role::Segmenter { Dtype::F32 } else { Dtype::F16 };
    let way = |dtype, sequential, size, frames| {
        let needed_bytes = needed_bytes(models, dtype, sequential, size, frames);
        Plan { device: device.to_owned(), dtype, sequential, size, frames, needed_bytes }
    };
    let least = least.map_or_else(|| way(half, true, size, frames), on_roomiest);
    let smallest = way(least.dtype, least.sequential, smallest_size, smallest_frames);
    let mut unchosen: Vec<Plan> = Vec::new();
    for (dtype, sequential) in [(least.dtype, true), (half, false), (half, true)] {
        let plan = way(dtype, sequential, size, frames);
        // The cheapest way that is allowed takes no more than any other that is.
        if plan.needed_bytes < least.needed_bytes && !unchosen.contains(&plan) {
            unchosen.push(plan);
        }
    }
    match unchosen.iter().any(|plan| fits(plan, found_bytes)) {
        true => unchosen.retain(|plan| fits(plan, found_bytes)),
        false => unchosen = unchosen.into_iter().min_by_key(|plan| plan.needed_bytes).into_iter().collect(),
    }
    Ok(StagePlans { fitting, too_large, smaller, least, unchosen, smallest, found_bytes })
}

impl Machine {
    /// Where the first plan is, and in which numbers, whether it fits or not.
    ///
    /// # Errors
    /// When the device that the user chose is not there, or cannot compute in the numbers that they chose.
    pub fn first_way(&self) -> Result<(String, Dtype), ComputeError> {
        let devices = self.candidates()?;
        let mut first = None;
        for (device, _, known) in devices {
            let ways = ways(Role::Compositor, device, known, self.chosen)?;
            first = first.or_else(|| ways.first().map(|(dtype, _)| (device.to_owned(), *dtype)));
        }
        Ok(first.unwrap_or_else(|| ("cpu".to_owned(), Dtype::F32)))
    }
}

/// The ways to run on a device: numbers, and whether one network at a time.
fn ways(role: Role, device: &str, known: &[Dtype], chosen: Compute) -> Result<Vec<(Dtype, bool)>, ComputeError> {
    let dtypes: Vec<Dtype> = match chosen.dtype {
        _ if role == Role::Segmenter => vec![Dtype::F32],
        DtypeChoice::Only(dtype) if known.contains(&dtype) => vec![dtype],
        DtypeChoice::Only(dtype) => {
            let known = known.iter().map(Dtype::to_string).collect::<Vec<_>>().join(", ");
            return Err(ComputeError::Dtype { device: device.to_owned(), dtype, known });
        }
        // A card is at its best in 16 bits, a processor in 32.
        DtypeChoice::Auto if device == "cpu" => vec![Dtype::F32, Dtype::F16],
        // candle has cuDNN add up f16 in f16, and bf16 in f32.
        DtypeChoice::Auto if Devices::of_this_build().cudnn && known.contains(&Dtype::Bf16) => {
            vec![Dtype::Bf16, Dtype::F32]
        }
        DtypeChoice::Auto => vec![Dtype::F16, Dtype::F32],
    };
    let loads: &[bool] = match chosen.loading {
        _ if role == Role::Segmenter => &[false],
        Loading::Auto => &[false, true],
        Loading::Whole => &[false],
        Loading::OneAtATime => &[true],
    };
    Ok(dtypes.into_iter().flat_map(|dtype| loads.iter().map(move |&sequential| (dtype, sequential))).collect())
}

/// Smaller than this no model gives anything.
const SMALLEST_SIDE: u32 = 64;
/// Fewer than this are no clip.
const FEWEST_FRAMES: u32 = 2;
/// Pixels to a pixel of the latents, along each side.
const LATENT_SIDE: u64 = 8;

/// The full size, and what can be offered instead: as many frames as fit, then half of them and smaller pictures too.
fn sizes(full: [u32; 2], frames: u32, most_that_fit: u32, role: Role) -> Vec<([u32; 2], u32)> {
    let mut found = vec![(full, frames)];
    if role == Role::Segmenter {
        return found;
    }
    let half = (frames / 2).max(1);
    // Sides of the latents that halve three times without a rest.
    let scaled = |side: u32, eighths: u32| (side * eighths / 8 / SMALLEST_SIDE * SMALLEST_SIDE).max(SMALLEST_SIDE);
    for candidate in
        [(full, most_that_fit), (full.map(|side| scaled(side, 6)), half), (full.map(|side| scaled(side, 4)), half)]
    {
        let is_less = candidate.0.iter().zip(full).all(|(&side, full)| side <= full);
        if is_less && !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    found
}

/// Memory that the weights of `models` keep between two pictures, by this plan.
pub fn memory_held(models: &[&ModelSpec], plan: &Plan) -> u64 {
    if plan.sequential {
        return 0;
    }
    let networks = models.iter().flat_map(|model| &model.networks);
    networks.map(|network| network.parameters * bytes_of(network, plan.dtype)).sum()
}

/// Bytes of a number of such a network.
fn bytes_of(network: &Network, dtype: Dtype) -> u64 {
    match network.part {
        _ if network.always_f32 => Dtype::F32.bytes(),
        NetworkPart::Encoder | NetworkPart::Denoiser => dtype.bytes(),
        NetworkPart::Autoencoder | NetworkPart::Segmenter => Dtype::F32.bytes(),
    }
}

/// The estimate of the module's head, for all networks of a stage.
fn needed_bytes(models: &[&ModelSpec], dtype: Dtype, sequential: bool, size: [u32; 2], frames: u32) -> u64 {
    let latent_pixels: u64 = size.iter().map(|&side| u64::from(side).div_ceil(LATENT_SIDE)).product();
    let rows_and_frames = 2 * if frames > 1 { u64::from(frames) + 1 } else { 1 };
    let mut weights_of_all = 0;
    let (mut most_besides, mut most_at_once) = (0, 0);
    for part in [NetworkPart::Encoder, NetworkPart::Denoiser, NetworkPart::Autoencoder, NetworkPart::Segmenter] {
        let (mut weights, mut besides) = (0, 0);
        for network in models.iter().flat_map(|model| &model.networks).filter(|network| network.part == part) {
            let bytes = bytes_of(network, dtype);
            let pictures = if part == NetworkPart::Denoiser { rows_and_frames } else { 1 };
            weights += network.parameters * bytes;
            besides = besides.max(network.per_latent_pixel * latent_pixels * pictures * bytes);
        }
        weights_of_all += weights;
        most_besides = most_besides.max(besides);
        most_at_once = most_at_once.max(weights + besides);
    }
    if sequential { most_at_once } else { weights_of_all + most_besides }
}
