//! Where and how networks compute, as typed and as told.

use crate::models::{
    Accelerator, Compute, CpuInBuild, DeviceChoice, Devices, Dtype, DtypeChoice, Loading, Machine, bytes_text,
};
use serde::Serialize;
use std::fmt;

/// How networks compute. What is not given is as it is remembered for this machine; the window sets that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::Args)]
pub struct Computing {
    /// Where models compute: auto, cpu, cuda:0 (or another number) or metal.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// In which numbers: auto, f32, f16 or bf16. Fewer bits take less memory and change pictures by a hair.
    #[arg(long, value_name = "TYPE")]
    pub dtype: Option<DtypeChoice>,
    /// How much of a stage is in memory: auto, whole, or one-at-a-time, which takes less and gives the same pictures.
    #[arg(long, value_name = "HOW")]
    pub loading: Option<Loading>,
}

impl Computing {
    /// What was typed, and the rest of what is remembered.
    pub fn over(self, remembered: Compute) -> Compute {
        Compute {
            device: self.device.unwrap_or(remembered.device),
            dtype: self.dtype.unwrap_or(remembered.dtype),
            loading: self.loading.unwrap_or(remembered.loading),
        }
    }

    /// This machine, used as it was typed.
    pub fn on(self, machine: Machine) -> Machine {
        Machine { chosen: self.over(machine.chosen), ..machine }
    }
}

/// What can compute on this machine, and what will.
#[derive(Debug, Serialize)]
pub struct ComputeReport {
    /// What this build can drive.
    pub build: Devices,
    /// The devices, best first, the processor last.
    pub devices: Vec<Device>,
    /// What was chosen for this machine.
    pub chosen: Compute,
    /// What computes, and in which numbers.
    pub uses: Option<String>,
    /// Why nothing does as it was chosen.
    pub problem: Option<String>,
    /// Cards that the machine has and this build cannot drive.
    pub unused: Vec<String>,
    /// Why cards that this build could drive cannot be used.
    pub missing: Vec<String>,
}

/// A device that this build can use.
#[derive(Debug, Serialize)]
pub struct Device {
    /// Such as `cuda:0`.
    pub name: String,
    /// What its maker calls it.
    pub title: String,
    /// All its memory.
    pub total_bytes: Option<u64>,
    /// What is free of it now.
    pub free_bytes: Option<u64>,
    /// In which numbers it computes.
    pub dtypes: Vec<Dtype>,
}

impl ComputeReport {
    /// Of a machine. `total_bytes` is the processor's memory, `cards` what NVIDIA's own tool says of its cards.
    pub fn of(machine: &Machine, total_bytes: Option<u64>, cards: Vec<String>) -> Self {
        let build = Devices::of_this_build();
        let card = |card: &Accelerator| Device {
            name: card.name.clone(),
            title: card.title.clone(),
            total_bytes: card.total_bytes,
            free_bytes: card.free_bytes,
            dtypes: card.dtypes.clone(),
        };
        let cpu = Device {
            name: "cpu".to_owned(),
            title: "the processor".to_owned(),
            total_bytes,
            free_bytes: machine.room.memory_bytes,
            dtypes: vec![Dtype::F32, Dtype::F16, Dtype::Bf16],
        };
        let first = machine.first_way();
        Self {
            build,
            devices: machine.accelerators.iter().map(card).chain([cpu]).collect(),
            chosen: machine.chosen,
            uses: first.as_ref().ok().map(|(device, dtype)| format!("{dtype} on {device}")),
            problem: first.err().map(|error| error.to_string()),
            unused: if build.cuda { Vec::new() } else { cards },
            missing: build.problems(),
        }
    }
}

impl fmt::Display for ComputeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".to_owned(), bytes_text);
        for device in &self.devices {
            let dtypes = device.dtypes.iter().map(Dtype::to_string).collect::<Vec<_>>().join(" ");
            let (total, free) = (known(device.total_bytes), known(device.free_bytes));
            writeln!(f, "  {:10}  {}; memory {total}, {free} free; {dtypes}", device.name, device.title)?;
        }
        for card in &self.unused {
            writeln!(f, "  {:10}  {card}", "not used")?;
        }
        let Compute { device, dtype, loading } = self.chosen;
        let uses = self.uses.as_deref().unwrap_or("nothing");
        writeln!(f, "  {:10}  {uses}, where that fits (device {device}, numbers {dtype}, loading {loading})", "uses")?;
        let has = |is_there: bool, name: &'static str| is_there.then_some(name);
        let Devices { cuda, cudnn, flash_attention, metal, cpu } = self.build;
        let parts = [
            has(cuda, "cuda"),
            has(cudnn, "cudnn"),
            has(flash_attention, "flash-attn"),
            has(metal, "metal"),
            has(cpu == CpuInBuild::Accelerate, "accelerate"),
            has(cpu == CpuInBuild::Mkl, "mkl"),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        let built =
            if parts.is_empty() { "for the processor only".to_owned() } else { format!("with {}", parts.join(" ")) };
        writeln!(f, "  {:10}  {built}", "built")
    }
}

/// NVIDIA's cards, as its own tool tells of them: name, memory and driver. None where there is no such tool.
pub fn nvidia_cards() -> Vec<String> {
    let query = ["--query-gpu=name,memory.total,driver_version,compute_cap", "--format=csv,noheader,nounits"];
    match std::process::Command::new("nvidia-smi").args(query).output() {
        Ok(output) if output.status.success() => cards_from(&String::from_utf8_lossy(&output.stdout)),
        _ => Vec::new(),
    }
}

/// A line of the tool is `name, MiB, driver, compute capability`.
fn cards_from(lines: &str) -> Vec<String> {
    let card = |line: &str| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let [name, mebibytes, driver, capability] = fields[..] else { return None };
        let memory = mebibytes.parse::<u64>().map_or_else(|_| "unknown".to_owned(), |count| bytes_text(count << 20));
        Some(format!("{name}; memory {memory}, driver {driver}, compute capability {capability}"))
    };
    lines.lines().filter_map(card).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_that_the_build_cannot_drive_are_told_all_the_same() {
        let said = "NVIDIA H200, 143771, 580.95.05, 9.0\nNVIDIA T400, [N/A], 580.95.05, 7.5\nbroken line\n";
        assert_eq!(
            cards_from(said),
            [
                "NVIDIA H200; memory 150.8 GB, driver 580.95.05, compute capability 9.0",
                "NVIDIA T400; memory unknown, driver 580.95.05, compute capability 7.5"
            ]
        );
    }
}
