//! Times the large networks on the CPU at their full size, with random weights in f32.
//!
//! `cargo bench --profile dev --bench nets` runs every case, each in a process of its own so that the peak of memory is
//! its own; `-- unet` or `-- vae` runs one. With `REELBOARD_PEER=python` naming a Python that has torch and diffusers,
//! `nets_peer.py` runs the same shapes in turn with ours (ours, theirs, ours, …), and the ratio is printed.
//! `RAYON_NUM_THREADS` sets the threads of both (default 2).

#[path = "common/noise.rs"]
mod noise;
#[path = "common/peer.rs"]
mod peer;

use candle_core::{Device, Result, Tensor};
use noise::{noise, weights};
use peer::{Peer, median, peak_gb};
use reelboard::nets::unet::{Config, UNet2d};
use reelboard::nets::vae::{AutoencoderKl, Config as VaeConfig, Run};
use std::process::{Command, Stdio};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CASES: [&str; 2] = ["unet", "vae"];
const ROUNDS: usize = 5;

/// A case, ready to run again and again.
fn prepare(case: &str) -> Result<Box<dyn Fn() -> Result<()>>> {
    let weights = weights();
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

fn run(case: &str, threads: &str) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let run = prepare(case)?;
    let mut peer = match std::env::var("REELBOARD_PEER") {
        Ok(python) => Some(Peer::start(&python, "nets_peer.py", &[case, threads], Stdio::inherit())?),
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
            theirs.push(peer.ask("run")?[0]);
        }
    }
    let ours = median(ours);
    print!("{case}: {ours:.2} s");
    if let Some(peak) = peak_gb() {
        print!(", peak {peak:.2} GB");
    }
    if let Some(peer) = &mut peer {
        let theirs = median(theirs);
        let peak = peer.ask("peak")?[0];
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
