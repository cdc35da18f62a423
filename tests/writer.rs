//! The script writer.

use reelboard::progress::Silent;
use reelboard::writer::{WriteRequest, Writer};
use std::path::PathBuf;
use std::time::Instant;

#[test]
#[ignore = "tuning"]
fn tune() {
    let path = PathBuf::from(std::env::var("WRITER_GGUF").unwrap());
    let start = Instant::now();
    let mut writer = Writer::load(&path, &Silent).unwrap();
    println!("loaded in {:.1} s", start.elapsed().as_secs_f32());
    let pick: Vec<usize> = std::env::var("PICK").ok().map(|p| p.split(',').map(|n| n.parse().unwrap()).collect()).unwrap_or_default();
    for (i, premise) in include_str!("data/premises.txt").lines().enumerate() {
        if !pick.is_empty() && !pick.contains(&i) { continue; }
        let start = Instant::now();
        let mut first = None;
        let request = WriteRequest { premise: premise.to_owned(), seed: std::env::var("SEED").map_or(7, |s| s.parse().unwrap()), ..Default::default() };
        let written = writer.write(&request, &Silent, &mut |_, _, done| { if done { first.get_or_insert(start.elapsed().as_secs_f32()); } }).unwrap();
        println!("\n#{i} {premise}\n  Story: {}", written.story);
        for s in &written.script.scenes { println!("  - {} [{}] @{} | {}", s.prompt, s.foreground.join(", "), s.background, s.camera); }
        println!("  {:.1} s, first scene {:.1} s, {:?}", start.elapsed().as_secs_f32(), first.unwrap_or_default(), written.notes);
    }
    println!("{}", std::fs::read_to_string("/proc/self/status").unwrap().lines().find(|l| l.starts_with("VmHWM")).unwrap());
}
