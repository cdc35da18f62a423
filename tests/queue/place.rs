//! A folder with projects, and the program run in it.

pub use crate::program::Place;
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

impl Place {
    /// A folder in which the models of the tiny studio make so many steps.
    pub fn with_steps(steps: u32) -> Self {
        let listed = include_str!("../../models.ron");
        let more =
            listed.replace("defaults: (steps: 4, guidance: 7.5", &format!("defaults: (steps: {steps}, guidance: 7.5"));
        assert_ne!(listed, more, "the tiny studio has other settings");
        Self::listing(&more)
    }

    /// The names of each scene's takes, the oldest first.
    pub fn takes(&self, project: &str) -> Vec<Vec<String>> {
        let shown = self.shown(project);
        let scenes = shown["scenes"].as_array().unwrap().iter();
        let media = |take: &Value| take["media"].as_str().unwrap().to_owned();
        scenes.map(|scene| scene["takes"].as_array().unwrap().iter().map(media).collect()).collect()
    }

    /// Starts a render that says each of its steps.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command.env("RUST_LOG", "reelboard::engine=debug");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Running { child, lines: Box::new(lines.map(Result::unwrap)), seen: Vec::new() }
    }
}

/// A program that runs.
pub struct Running {
    pub child: Child,
    lines: Box<dyn Iterator<Item = String>>,
    /// What it said.
    pub seen: Vec<String>,
}

impl Running {
    /// Waits until it has said so many lines for which `counts` is true. `false` when it ended before.
    pub fn wait_for(&mut self, count: usize, counts: impl Fn(&str) -> bool) -> bool {
        let mut found = 0;
        while found < count {
            let Some(line) = self.lines.next() else { return false };
            found += usize::from(counts(&line));
            self.seen.push(line);
        }
        true
    }

    /// Reads what is left and waits for its end.
    pub fn end(mut self) -> (Option<i32>, Vec<String>) {
        self.seen.extend(self.lines);
        (self.child.wait().unwrap().code(), self.seen)
    }
}

/// Keeps the processor busy for a moment, to be between two lines of another program.
pub fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Follows the denoising steps of renders over many runs of the program.
#[derive(Default)]
pub struct Steps {
    /// The last step that was kept on the disk, by title.
    kept: HashMap<String, u64>,
    begun: HashMap<(String, u64), u32>,
}

impl Steps {
    /// Takes in what one run has said: no step is made again that was kept, and at most one was begun and not kept.
    pub fn take(&mut self, lines: &[String]) {
        let mut open: Option<(String, u64)> = None;
        for line in lines {
            let Some((_, text)) = line.split_once("] ") else { continue };
            let Some((title, text)) = text.split_once(": ") else { continue };
            if let Some(step) = text.strip_prefix("step ").map(number) {
                let kept = self.kept.get(title).copied().unwrap_or(0);
                assert_eq!(step, kept + 1, "{title} makes step {step} although {kept} are kept");
                assert_eq!(
                    open.replace((title.to_owned(), step)),
                    None,
                    "{title} begins a step before the last is kept"
                );
                *self.begun.entry((title.to_owned(), step)).or_default() += 1;
            } else if let Some(step) = text.strip_prefix("kept step ").map(number) {
                assert_eq!(open.take(), Some((title.to_owned(), step)), "{title} keeps what it did not make");
                self.kept.insert(title.to_owned(), step);
            }
        }
    }

    /// How many times a step was made once more.
    pub fn redone(&self) -> u32 {
        self.begun.values().map(|times| times - 1).sum()
    }

    pub fn made(&self) -> usize {
        self.begun.len()
    }
}

fn number(text: &str) -> u64 {
    text.split_whitespace().next().unwrap().parse().unwrap()
}
