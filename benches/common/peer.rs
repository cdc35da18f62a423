//! Another program that does the same in turn with ours, and what both are measured by.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// The peer's process: it runs once for each line that it gets, and answers with numbers.
pub struct Peer {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts `python` with a script of `benches`. What it complains of goes to `errors`.
    pub fn start(python: &str, script: &str, arguments: &[&str], errors: Stdio) -> std::io::Result<Self> {
        let mut process = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join(script))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()?;
        let answers = BufReader::new(process.stdout.take().ok_or_else(|| std::io::Error::other("no output"))?);
        Ok(Self { process, answers })
    }

    /// What it answers to a line.
    pub fn ask(&mut self, question: &str) -> std::io::Result<Vec<f64>> {
        if let Some(input) = &mut self.process.stdin {
            writeln!(input, "{question}")?;
        }
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let numbers: Result<Vec<f64>, _> = answer.split_whitespace().map(str::parse).collect();
        match numbers {
            Ok(numbers) if !numbers.is_empty() => Ok(numbers),
            _ => Err(std::io::Error::other(format!("the peer answered {answer:?}"))),
        }
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
pub fn peak_gb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib * 1024.0 * 1e-9)
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
