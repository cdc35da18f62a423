//! Progress on a terminal: a line for each stage and, below it, one with a bar, a percentage and the time left.

use crate::models::bytes_text;
use crate::progress::{Cancelled, Progress};
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const REDRAW: Duration = Duration::from_millis(100);
/// Between two lines where there is no terminal to draw on.
const REPORT: Duration = Duration::from_secs(5);
const BAR_CELLS: usize = 24;

/// Lets Ctrl-C (and a request to end) raise the flag that [`TerminalProgress`] cancels by. A second one ends the
/// program at once. May be called once.
pub fn cancel_on_ctrl_c() -> Result<Arc<AtomicBool>, ctrlc::Error> {
    let cancel = Arc::new(AtomicBool::new(false));
    let flag = cancel.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })?;
    Ok(cancel)
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Shown as a percentage only.
    Steps,
    /// Shown with both sizes.
    Bytes,
}

/// Shows progress on standard error: drawn in place on a terminal, a line every few seconds elsewhere.
pub struct TerminalProgress {
    unit: Unit,
    cancel: Arc<AtomicBool>,
    is_terminal: bool,
    state: Mutex<State>,
}

struct State {
    stage: String,
    time_left: TimeLeft,
    shown_at: Option<Instant>,
    /// Whether there is a bar on the terminal, to be wiped before anything else is written.
    is_drawn: bool,
}

impl TerminalProgress {
    /// Cancels the work once `cancel` is set.
    pub fn new(unit: Unit, cancel: Arc<AtomicBool>) -> Self {
        let state = State { stage: String::new(), time_left: TimeLeft::default(), shown_at: None, is_drawn: false };
        Self { unit, cancel, is_terminal: io::stderr().is_terminal(), state: Mutex::new(state) }
    }

    /// Wipes the line, so that what is printed next starts on a clean one. Dropping does the same.
    pub fn clear(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.wipe(&mut state);
    }

    /// Prints a line of its own.
    pub fn note(&self, text: &str) {
        self.clear();
        write_stderr(&format!("{text}\n"));
    }

    fn wipe(&self, state: &mut State) {
        if std::mem::take(&mut state.is_drawn) {
            write_stderr("\r\x1b[K");
        }
    }
}

impl Drop for TerminalProgress {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Progress for TerminalProgress {
    fn step(&self, done: u64, total: u64) -> Result<(), Cancelled> {
        if self.cancel.load(Ordering::SeqCst) {
            return Err(Cancelled);
        }
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let left = state.time_left.update(now, done, total);
        let pause = if self.is_terminal { REDRAW } else { REPORT };
        let is_due = state.shown_at.is_none_or(|at| now.duration_since(at) >= pause);
        // The end of the work is drawn on a terminal, so that a bar does not stop short of it.
        let is_end = self.is_terminal && total > 0 && done == total;
        if !(is_due || is_end) {
            return Ok(());
        }
        let first = state.shown_at.replace(now).is_none();
        let text = figures(self.unit, done, total, left, self.is_terminal);
        if text.is_empty() {
            return Ok(());
        }
        if self.is_terminal {
            write_stderr(&format!("\r{text}\x1b[K"));
            state.is_drawn = true;
        } else if !first {
            // Short work leaves only the names of its stages.
            write_stderr(&format!("  {}\n", text.trim_start()));
        }
        Ok(())
    }

    fn stage(&self, name: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.stage == name {
            return;
        }
        self.wipe(&mut state);
        state.stage = name.to_owned();
        state.time_left = TimeLeft::default();
        state.shown_at = if self.is_terminal { None } else { Some(Instant::now()) };
        write_stderr(&format!("{name}\n"));
    }
}

/// A closed standard error must not end the work that reports there.
fn write_stderr(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// What is drawn; narrower than any terminal, since a line that wraps cannot be drawn over. Empty when there is nothing
/// to say.
fn figures(unit: Unit, done: u64, total: u64, left: Option<Duration>, with_bar: bool) -> String {
    let mut parts = Vec::new();
    if total > 0 {
        let share = (done as f64 / total as f64).clamp(0.0, 1.0);
        let bar = if with_bar { bar(share) + " " } else { String::new() };
        // Rounded down: 100 % is only shown when it is true.
        parts.push(format!("{bar}{:3}%", (share * 100.0) as u32));
    }
    if unit == Unit::Bytes && done > 0 {
        let of = if total > 0 { format!(" of {}", bytes_text(total)) } else { String::new() };
        parts.push(format!("{}{of}", bytes_text(done)));
    }
    parts.extend(left.map(|left| format!("{} left", time_text(left))));
    parts.join("  ")
}

fn bar(share: f64) -> String {
    const PARTS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = (share * (BAR_CELLS * 8) as f64) as usize;
    let mut bar = String::from("▕");
    bar.extend(std::iter::repeat_n('█', eighths / 8));
    if eighths / 8 < BAR_CELLS {
        bar.push(PARTS[eighths % 8]);
        bar.extend(std::iter::repeat_n(' ', BAR_CELLS - eighths / 8 - 1));
    }
    bar.push('▏');
    bar
}

/// A time for people: `45 s`, `3 min`, `1 h 20 min`.
fn time_text(time: Duration) -> String {
    match time.as_secs() {
        secs @ 0..90 => format!("{} s", secs.max(1)),
        secs @ 90..3600 => format!("{} min", (secs + 30) / 60),
        secs => format!("{} h {} min", secs / 3600, secs % 3600 / 60),
    }
}

/// Estimates the time left from the speed of the last few seconds.
///
/// The speed is averaged with weights that fade over [`TimeLeft::MEMORY`], so a stall or a resumed download neither
/// freezes the estimate nor makes it jump.
#[derive(Debug, Default)]
pub struct TimeLeft {
    total: u64,
    at: Option<(Instant, u64)>,
    /// Faded sums of seconds and of units.
    secs: f64,
    units: f64,
}

impl TimeLeft {
    const MEMORY: Duration = Duration::from_secs(15);
    /// Before this much was seen, an estimate would only be noise.
    const LEAST: Duration = Duration::from_secs(1);
    const SAMPLE: Duration = Duration::from_millis(200);

    /// Notes that `done` of `total` were finished at `now`, and estimates when the rest will be.
    pub fn update(&mut self, now: Instant, done: u64, total: u64) -> Option<Duration> {
        let starts_over = self.total != total || self.at.is_some_and(|(_, before)| done < before);
        if starts_over {
            *self = Self { total, ..Self::default() };
        }
        let Some((at, before)) = self.at else {
            self.at = Some((now, done));
            return None;
        };
        let passed = now.duration_since(at);
        if passed >= Self::SAMPLE {
            let fade = (-passed.as_secs_f64() / Self::MEMORY.as_secs_f64()).exp();
            self.secs = self.secs * fade + passed.as_secs_f64();
            self.units = self.units * fade + (done - before) as f64;
            self.at = Some((now, done));
        }
        if total == 0 || done >= total || self.secs < Self::LEAST.as_secs_f64() || self.units <= 0.0 {
            return None;
        }
        Duration::try_from_secs_f64((total - done) as f64 * self.secs / self.units).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_speed_of_the_last_seconds() {
        let (mut left, start) = (TimeLeft::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        assert_eq!(left.update(at(0), 0, 1000), None);
        assert_eq!(left.update(at(500), 5, 1000), None, "too early to say");
        for tenth in 6..=200 {
            left.update(at(tenth * 100), tenth, 1000);
        }
        // 200 of 1000 in 20 s, evenly.
        let even = left.update(at(20_000), 200, 1000).unwrap().as_secs_f64();
        assert!((even - 80.0).abs() < 1.0, "{even}");
        // Ten times as fast for as long as it remembers.
        for tenth in 1..=60 {
            left.update(at(20_000 + tenth * 100), 200 + tenth * 10, 1000);
        }
        let fast = left.update(at(26_000), 800, 1000).unwrap().as_secs_f64();
        assert!((2.0..10.0).contains(&fast), "{fast}");
    }

    #[test]
    fn a_resumed_download_does_not_look_fast() {
        let (mut left, start) = (TimeLeft::default(), Instant::now());
        left.update(start, 900, 1000);
        let rest = left.update(start + Duration::from_secs(10), 910, 1000).unwrap();
        assert!((80..=100).contains(&rest.as_secs()), "{rest:?}");
        assert_eq!(left.update(start + Duration::from_secs(11), 0, 1000), None, "started over");
        assert_eq!(left.update(start + Duration::from_secs(12), 5, 0), None, "no end known");
    }

    #[test]
    fn the_line_fits_and_tells_the_truth() {
        let text = figures(Unit::Bytes, 999_999_999, 1_000_000_000, Some(Duration::from_secs(200)), true);
        assert_eq!(text, "▕███████████████████████▉▏  99%  1.0 GB of 1.0 GB  3 min left");
        let long = figures(Unit::Bytes, 999_400_000, 999_999_999_999, Some(Duration::from_secs(4000)), true);
        assert!(long.ends_with("1 h 6 min left") && long.chars().count() < 80, "{long}");
        assert_eq!(figures(Unit::Steps, 5, 10, None, false), " 50%");
        assert_eq!(figures(Unit::Steps, 5, 0, None, true), "");
        assert_eq!(figures(Unit::Bytes, 5_000, 0, None, true), "5 kB");
        assert_eq!(bar(1.0).chars().count(), BAR_CELLS + 2);
        assert_eq!(bar(0.0).chars().count(), BAR_CELLS + 2);
    }

    #[test]
    fn a_raised_flag_cancels() {
        let cancel = Arc::new(AtomicBool::new(false));
        let progress = TerminalProgress::new(Unit::Steps, cancel.clone());
        assert_eq!(progress.step(1, 2), Ok(()));
        cancel.store(true, Ordering::SeqCst);
        assert_eq!(progress.step(1, 2), Err(Cancelled));
    }
}
