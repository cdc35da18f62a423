//! Times the language model of the script writer: tokens of a prompt that it reads, and tokens that it says, in a second.
//!
//! `cargo bench --profile dev --bench writer -- model.gguf …` runs the models named, each in a process of its own so that
//! the peak of memory is its own. With `REELBOARD_PEER=python` naming a Python that has xllamacpp, `writer_peer.py` runs
//! llama.cpp on the same file and tokens in turn with ours (ours, theirs, ours, …), and the ratios are printed.
//! `RAYON_NUM_THREADS` sets the threads of both (default 2).

#[path = "common/peer.rs"]
mod peer;

use peer::{Peer, median, peak_gb};
use reelboard::nets::llama::Llama;
use reelboard::progress::Silent;
use reelboard::writer::network;
use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Tokens of the prompt, and tokens said after it.
const PROMPT: usize = 500;
const SAID: usize = 128;
/// Tokens of the prompt that are read at once, as the writer does.
const AT_ONCE: usize = 64;
const ROUNDS: usize = 5;

/// Tokens a second: of the prompt, and said.
type Speeds = [f64; 2];

/// Takes in the prompt and says what is likeliest, like [`the peer`](Peer).
fn run(net: &mut Llama) -> candle_core::Result<Speeds> {
    net.cut_back(0);
    let prompt: Vec<u32> = (0..PROMPT as u32).map(|i| 100 + i * 7919 % 50_000).collect();
    let start = Instant::now();
    let mut scores = Vec::new();
    for tokens in prompt.chunks(AT_ONCE) {
        scores = net.forward(tokens)?.to_vec1::<f32>()?;
    }
    let read = start.elapsed().as_secs_f64();
    let start = Instant::now();
    for _ in 0..SAID {
        let likeliest = (0..).zip(&scores).max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(token, _)| token);
        scores = net.forward(&[likeliest])?.to_vec1()?;
    }
    Ok([PROMPT as f64 / read, SAID as f64 / start.elapsed().as_secs_f64()])
}

fn measure(model: &str, threads: &str) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut net = network(Path::new(model), &Silent)?;
    let loaded = start.elapsed().as_secs_f64();
    let mut peer = match std::env::var("REELBOARD_PEER") {
        Ok(python) => {
            let numbers = [PROMPT.to_string(), SAID.to_string()];
            // llama.cpp tells much of what it does.
            let arguments = [model, threads, &numbers[0], &numbers[1]];
            Some(Peer::start(&python, "writer_peer.py", &arguments, Stdio::null())?)
        }
        Err(_) => None,
    };
    run(&mut net)?;
    if let Some(peer) = &mut peer {
        peer.ask("run")?;
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(run(&mut net)?);
        if let Some(peer) = &mut peer {
            let answer = peer.ask("run")?;
            theirs.push([answer[0], *answer.get(1).ok_or("the peer answered one number")?]);
        }
    }
    let name = Path::new(model).file_name().unwrap_or_default().display();
    println!("{name}: loaded in {loaded:.2} s, {threads} threads, at most {:.2} GB", peak_gb().unwrap_or(f64::NAN));
    for (at, what) in ["tokens read", "tokens said"].into_iter().enumerate() {
        let of = |speeds: &[Speeds]| median(speeds.iter().map(|speeds| speeds[at]).collect());
        print!("  {what}: {:.1} a second", of(&ours));
        if !theirs.is_empty() {
            let ratios = ours.iter().zip(&theirs).map(|(ours, theirs)| ours[at] / theirs[at]).collect();
            print!(", llama.cpp {:.1}, ratio {:.2}", of(&theirs), median(ratios));
        }
        println!();
    }
    if let Some(peer) = &mut peer {
        println!("  llama.cpp held at most {:.2} GB", peer.ask("peak")?[0]);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds flags of its own.
    let models: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let threads = std::env::var("RAYON_NUM_THREADS").unwrap_or_else(|_| "2".to_owned());
    match models.as_slice() {
        [] => {
            println!("name GGUF files: cargo bench --profile dev --bench writer -- model.gguf …");
            Ok(())
        }
        [model] if std::env::var_os("RAYON_NUM_THREADS").is_some() => measure(model, &threads),
        models => {
            for model in models {
                let program = std::env::current_exe()?;
                let status = Command::new(program).arg(model).env("RAYON_NUM_THREADS", &threads).status()?;
                if !status.success() {
                    return Err(format!("{model} could not be measured").into());
                }
            }
            Ok(())
        }
    }
}
