//! Running a command as a child and telling what it took: wall time, CPU time and peak memory.
//!
//! Peak memory is the kernel's own `VmHWM` of the child, looked at every two milliseconds until it ends: what a child
//! takes in its last two milliseconds may be missed. CPU time comes in ticks of 10 ms.

use std::fmt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a command took.
#[derive(Debug, Clone, Default)]
pub(crate) struct Took {
    /// Seconds on the clock.
    pub(crate) wall: f64,
    /// Seconds of processors, of all threads together.
    pub(crate) cpu: f64,
    /// Most bytes that it held in memory at once.
    pub(crate) peak: u64,
    /// What it said.
    pub(crate) stdout: String,
}

impl Took {
    /// Both, one after the other.
    pub(crate) fn and(self, then: Self) -> Self {
        Self {
            wall: self.wall + then.wall,
            cpu: self.cpu + then.cpu,
            peak: self.peak.max(then.peak),
            stdout: then.stdout,
        }
    }
}

/// How a command ended that did not succeed.
#[derive(Debug)]
pub(crate) struct Failed {
    /// What it took until then.
    pub(crate) took: Took,
    status: ExitStatus,
    stderr: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.stderr.trim_end())
    }
}

/// Runs a command that must succeed.
pub(crate) fn run(command: &mut Command) -> Took {
    let took = attempt(command);
    took.unwrap_or_else(|why| panic!("{command:?} failed: {why}"))
}

/// Runs a command; what it said and took where it failed.
pub(crate) fn attempt(command: &mut Command) -> Result<Took, Failed> {
    let cpu_before = children_cpu();
    let began = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let peak = AtomicU64::new(0);
    let ended = AtomicBool::new(false);
    let (output, wall) = std::thread::scope(|scope| {
        let pid = child.id();
        let (peak, ended) = (&peak, &ended);
        scope.spawn(move || watch(pid, peak, ended));
        let output = wait(child);
        let wall = began.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        (output, wall)
    });
    let took = Took {
        wall,
        cpu: children_cpu() - cpu_before,
        peak: peak.into_inner(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
    };
    match output.status.success() {
        true => Ok(took),
        false => Err(Failed {
            took,
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }),
    }
}

fn wait(child: Child) -> std::process::Output {
    child.wait_with_output().expect("the child was started")
}

fn watch(pid: u32, peak: &AtomicU64, ended: &AtomicBool) {
    let path = format!("/proc/{pid}/status");
    while !ended.load(Ordering::Relaxed) {
        if let Some(bytes) = std::fs::read_to_string(&path)
            .ok()
            .and_then(|s| high_water(&s))
        {
            peak.fetch_max(bytes, Ordering::Relaxed);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn high_water(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// Seconds of processors that all children so far have taken.
fn children_cpu() -> f64 {
    ticks(16)
}

/// Seconds of processors that this process has taken.
pub(crate) fn cpu() -> f64 {
    ticks(14)
}

/// Seconds in a field of this process's line, counted from 1, and in the one after it.
fn ticks(field: usize) -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    // The first two are cut off.
    let ticks: u64 = fields
        .split_whitespace()
        .skip(field - 3)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    ticks as f64 / 100.0
}

/// A field of this process's status, in bytes.
pub(crate) fn memory(field: &str) -> u64 {
    number_in("/proc/self/status", field) * 1024
}

/// Bytes that this process had to wait for a disk for.
pub(crate) fn disk_reads() -> u64 {
    number_in("/proc/self/io", "read_bytes:")
}

fn number_in(path: &str, field: &str) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

/// The middle of what was measured.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Lets the disk finish with the removal of much: a file system that has just lost many files is slow to make new ones,
/// until its journal is written, which it is every five seconds.
pub(crate) fn rest() {
    settle();
    std::thread::sleep(Duration::from_secs(6));
    settle();
}

/// Lets the disk finish what was written before, so that the next command does not pay for it.
pub(crate) fn settle() {
    let _ = Command::new("sync").status();
    // A change of the last moments is no proof that there will be none at the same tick of the clock.
    std::thread::sleep(Duration::from_millis(150));
}
