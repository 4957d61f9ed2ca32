//! Limits of memory that need no rights: what a process may have of its own, and how little the system may keep for it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::{Advice, fadvise};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::measure::memory;
use super::table::bytes;

/// How often the system's cache is emptied.
const OFTEN: Duration = Duration::from_millis(100);

/// Lets the kernel refuse this process and its children more memory of their own than that.
pub(crate) fn own_memory(most: u64) -> u64 {
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    setrlimit(Resource::Data, limit).expect("a limit can be lowered");
    most
}

/// The same command, in an empty environment, refused more memory of its own than that by the kernel.
pub(crate) fn within(most: u64, command: &Command) -> Command {
    let mut limited = Command::new("/bin/sh");
    limited
        .env_clear()
        .current_dir("/")
        .args(["-c", "ulimit -d \"$0\" && exec \"$@\""])
        .arg((most / 1024).to_string())
        .arg(command.get_program())
        .args(command.get_args());
    limited
}

/// What this process was held to, in words; fails where it was more.
pub(crate) fn told(most: Option<u64>, is_cold: bool) -> String {
    let mut told = Vec::new();
    if let Some(most) = most {
        let peak = memory("VmHWM:");
        assert!(peak <= most, "{} of {} at most", bytes(peak), bytes(most));
        let most = bytes(most);
        told.push(format!(
            "own memory limited to {most} (RLIMIT_DATA), all memory (VmHWM) found below it"
        ));
    }
    if is_cold {
        told.push(
            "what nobody has mapped is dropped from the system's cache ten times a second"
                .to_owned(),
        );
    }
    told.extend(group().map(|most| format!("in a control group of {most} bytes")));
    match told.is_empty() {
        true => "No limit.".to_owned(),
        false => format!("Limits: {}.", told.join("; ")),
    }
}

/// The limit of the control group that this process is in, of either version.
pub(crate) fn group() -> Option<String> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let limits = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        match (fields.next()?, fields.next()?) {
            ("", path) => Some(format!("/sys/fs/cgroup{path}/memory.max")),
            ("memory", path) => Some(format!("/sys/fs/cgroup/memory{path}/memory.limit_in_bytes")),
            _ => None,
        }
    });
    let limits = limits.filter_map(|path| std::fs::read_to_string(path).ok());
    // No limit is `max`, or a number that no machine has.
    let mut limits = limits.map(|limit| limit.trim().to_owned());
    limits.find(|limit| limit.parse().is_ok_and(|most: u64| most < 1 << 50))
}

/// Keeps the system's cache empty of the files of a folder, but for what is mapped, until it is dropped.
pub(crate) struct Cold {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Cold {
    /// Begins.
    pub(crate) fn keep(folder: &Path) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let (seen, folder) = (Arc::clone(&ended), folder.to_owned());
        let thread = std::thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                empty(&folder);
                std::thread::sleep(OFTEN);
            }
        });
        Self {
            ended,
            thread: Some(thread),
        }
    }
}

impl Drop for Cold {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Drops what the system keeps of each file. What is not on the disk yet stays.
fn empty(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    for file in files.iter().filter_map(|path| File::open(path).ok()) {
        let _ = fadvise(&file, 0, None, Advice::DontNeed);
    }
}
