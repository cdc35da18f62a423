//! Times the large networks on the CPU at their full size, with random weights in f32.
//!
//! `cargo bench --profile dev --bench nets` runs every case, each in a process of its own so that the peak of memory is
//! its own; `-- unet` or `-- vae` runs one. With `REELBOARD_PEER=python` naming a Python that has torch and diffusers,
//! `nets_peer.py` runs the same shapes in turn with ours (ours, theirs, ours, …), and the ratio is printed.
//! `RAYON_NUM_THREADS` sets the threads of both (default 2).

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;
use reelboard::nets::unet::{Config, UNet2d};
use reelboard::nets::vae::{AutoencoderKl, Config as VaeConfig, Run};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CASES: [&str; 2] = ["unet", "vae"];
const ROUNDS: usize = 5;

/// Weights of any shape: noise that keeps activations near 1.
struct Noise;

impl SimpleBackend for Noise {
    fn get(&self, shape: Shape, name: &str, _: candle_nn::Init, _: DType, device: &Device) -> Result<Tensor> {
        let inputs: usize = shape.dims().iter().skip(1).product();
        if shape.dims().len() == 1 {
            let value = if name.contains("norm") && name.ends_with("weight") { 1f32 } else { 0.01 };
            return Tensor::full(value, shape, device);
        }
        noise(&shape, (3.0 / inputs as f32).sqrt())?.to_device(device)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("{name}: only tensors of a known shape can be made up")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

fn noise(shape: &Shape, limit: f32) -> Result<Tensor> {
    let mut state = 0x2545_f491_u32;
    let values = (0..shape.elem_count()).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state as f32 / 2_147_483_648.0 - 1.0) * limit
    });
    Tensor::from_vec(values.collect::<Vec<f32>>(), shape, &Device::Cpu)
}

/// A case, ready to run again and again.
fn prepare(case: &str) -> Result<Box<dyn Fn() -> Result<()>>> {
    let weights = VarBuilder::from_backend(Box::new(Noise), DType::F32, Device::Cpu);
    Ok(match case {
        // One denoising step of Stable Diffusion 1.5 with guidance, at 512 × 512 pixels.
        "unet" => {
            let unet = UNet2d::new(&Config::sd15(), weights)?;
            let sample = noise(&(2, 4, 64, 64).into(), 1.7)?;
            let context = unet.prepare(&noise(&(2, 77, 768).into(), 1.7)?)?;
            let timestep = Tensor::new(&[500f32], &Device::Cpu)?;
            Box::new(move || unet.forward(&sample, &timestep, &context, None).map(|_| ()))
        }
        // From latents to 512 × 512 pixels.
        "vae" => {
            let vae = AutoencoderKl::new(&VaeConfig::sd_vae_ft_mse(), weights)?;
            let latents = noise(&(1, 4, 64, 64).into(), 1.7)?;
            Box::new(move || vae.decode(&latents, Run::default()).map(|_| ()))
        }
        _ => candle_core::bail!("no case {case:?}; there are {}", CASES.join(" and ")),
    })
}

/// The peer's process: it runs its case once for each line that it gets, and answers with the seconds.
struct Peer {
    process: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Peer {
    fn start(python: &str, case: &str, threads: &str) -> std::io::Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/nets_peer.py");
        let mut process =
            Command::new(python).args([script, case, threads]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let answers = BufReader::new(process.stdout.take().ok_or_else(|| std::io::Error::other("no output"))?);
        Ok(Self { process, answers })
    }

    fn ask(&mut self, question: &str) -> std::io::Result<f64> {
        if let Some(input) = &mut self.process.stdin {
            writeln!(input, "{question}")?;
        }
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        answer.trim().parse().map_err(|_| std::io::Error::other(format!("the peer answered {answer:?}")))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A peer that is gone already is what was wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The most memory that this process has held, in GB.
fn peak_gb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib * 1024.0 * 1e-9)
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn run(case: &str, threads: &str) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let run = prepare(case)?;
    let mut peer = match std::env::var("REELBOARD_PEER") {
        Ok(python) => Some(Peer::start(&python, case, threads)?),
        Err(_) => None,
    };
    run()?;
    if let Some(peer) = &mut peer {
        peer.ask("run")?;
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        run()?;
        ours.push(start.elapsed().as_secs_f64());
        if let Some(peer) = &mut peer {
            theirs.push(peer.ask("run")?);
        }
    }
    let ours = median(ours);
    print!("{case}: {ours:.2} s");
    if let Some(peak) = peak_gb() {
        print!(", peak {peak:.2} GB");
    }
    if let Some(peer) = &mut peer {
        let theirs = median(theirs);
        let peak = peer.ask("peak")?;
        print!("; PyTorch {theirs:.2} s, peak {peak:.2} GB; ours / theirs {:.2}", ours / theirs);
    }
    println!(" (medians of {ROUNDS}, {threads} threads)");
    Ok(())
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let threads = std::env::var("RAYON_NUM_THREADS").unwrap_or_else(|_| "2".into());
    // Cargo adds `--bench`.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    match asked.as_slice() {
        [case] => run(case, &threads),
        [] => {
            for case in CASES {
                let status =
                    Command::new(std::env::current_exe()?).arg(case).env("RAYON_NUM_THREADS", &threads).status()?;
                if !status.success() {
                    return Err(format!("{case} failed").into());
                }
            }
            Ok(())
        }
        _ => Err(format!("name one of {}, or none for all", CASES.join(", ")).into()),
    }
}
