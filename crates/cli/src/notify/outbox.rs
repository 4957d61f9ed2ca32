//! Messages that wait for being sent: a small file for each, until it was sent or is too old to be of use.
//!
//! Whoever sends one holds its file's lock meanwhile, so two runs do not send the same; and a run that dies lets go of it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::event::Event;
use super::state::{self, State};

/// Most messages that wait.
const MOST: usize = 200;

/// Most files that are looked at.
const MOST_FILES: usize = 10_000;

/// From this age a message is of no use.
const TOO_OLD: TimeDelta = TimeDelta::days(3);

/// From this age a ping would tell of another time than it seems to.
const PING_TOO_OLD: TimeDelta = TimeDelta::hours(6);

/// A message for one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Letter {
    /// The channel's name in the config.
    pub(crate) channel: String,
    pub(crate) content: Content,
    pub(crate) written: DateTime<Utc>,
    /// How often it was tried in vain.
    #[serde(default)]
    pub(crate) tried: u32,
    /// Not before this.
    #[serde(default)]
    pub(crate) not_before: DateTime<Utc>,
    /// Why it could not be sent.
    #[serde(default)]
    pub(crate) error: Option<String>,
}

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Content {
    /// News.
    Event(Event),
    /// A backup ended: whether well, and a short report.
    Ping { is_good: bool, report: String },
}

impl Letter {
    /// A new one.
    pub(crate) const fn new(channel: String, content: Content, now: DateTime<Utc>) -> Self {
        Self {
            channel,
            content,
            written: now,
            tried: 0,
            not_before: now,
            error: None,
        }
    }

    /// Whether it is time to try it.
    pub(crate) fn is_due(&self, now: DateTime<Utc>) -> bool {
        // A clock that went back must not keep it for longer than it would have waited.
        now >= self.not_before || self.not_before - now > pause(self.tried)
    }

    /// Whether it is too old to be of use.
    pub(crate) fn is_stale(&self, now: DateTime<Utc>) -> bool {
        let limit = match self.content {
            Content::Event(_) => TOO_OLD,
            Content::Ping { .. } => PING_TOO_OLD,
        };
        now.signed_duration_since(self.written) > limit
    }

    /// After it was tried in vain.
    pub(crate) fn failed(&mut self, error: String, now: DateTime<Utc>) {
        self.tried = self.tried.saturating_add(1);
        self.not_before = now + pause(self.tried);
        self.error = Some(error);
    }
}

/// How long to wait after so many tries.
pub(crate) fn pause(tried: u32) -> TimeDelta {
    match tried {
        0 => TimeDelta::zero(),
        1 => TimeDelta::minutes(1),
        2 => TimeDelta::minutes(5),
        3 => TimeDelta::minutes(15),
        4 => TimeDelta::hours(1),
        _ => TimeDelta::hours(4),
    }
}

/// A letter of which this process has hold.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) letter: Letter,
    /// `None` where it could not be kept, and is sent now or never.
    place: Option<(PathBuf, File)>,
}

/// The messages that wait.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    state: State,
}

impl Outbox {
    pub(crate) const fn new(state: State) -> Self {
        Self { state }
    }

    /// Keeps a letter. A ping takes the place of the one before: only the last is true.
    ///
    /// # Errors
    /// Where it cannot be written. It may be sent all the same: see [`Claimed::unkept`].
    pub(crate) fn put(&self, letter: &Letter) -> io::Result<()> {
        let name = match letter.content {
            Content::Ping { .. } => format!("ping-{}", plain(&letter.channel)),
            Content::Event(_) => {
                let ms = letter.written.timestamp_millis();
                let (process, number) = (std::process::id(), next());
                format!("{ms:013}-{process}-{number}")
            }
        };
        self.state.write(&format!("outbox/{name}.json"), letter)
    }

    /// All letters that wait, oldest first. What is damaged, too old or too much is removed.
    pub(crate) fn letters(&self, now: DateTime<Utc>) -> Vec<(PathBuf, Letter)> {
        let files = fs::read_dir(self.state.join("outbox"))
            .into_iter()
            .flatten();
        let paths = files.flatten().map(|entry| entry.path()).take(MOST_FILES);
        let mut letters: Vec<(PathBuf, Letter)> = Vec::new();
        for path in paths.filter(|path| path.extension().is_some_and(|end| end == "json")) {
            match state::read::<Letter>(&path) {
                Some(letter) if !letter.is_stale(now) => letters.push((path, letter)),
                _ => remove(&path),
            }
        }
        letters.sort_by(|(one, a), (other, b)| (a.written, one).cmp(&(b.written, other)));
        let over = letters.len().saturating_sub(MOST);
        letters.drain(..over).for_each(|(path, _)| remove(&path));
        letters
    }

    /// Takes hold of those that are due, or of all; others may have hold of some.
    pub(crate) fn claim(&self, now: DateTime<Utc>, is_all: bool) -> Vec<Claimed> {
        let letters = self.letters(now).into_iter();
        let due = letters.filter(|(_, letter)| is_all || letter.is_due(now));
        due.filter_map(|(path, _)| Claimed::hold(path)).collect()
    }
}

impl Claimed {
    fn hold(path: PathBuf) -> Option<Self> {
        let file = OpenOptions::new().read(true).write(true).open(&path).ok()?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
        // Another process may have sent it, or put another in its place, before it was locked.
        let letter = stands(&path, &file).then(|| state::read(&path)).flatten()?;
        Some(Self {
            letter,
            place: Some((path, file)),
        })
    }

    /// A letter that cannot be kept and is sent now or never.
    pub(crate) const fn unkept(letter: Letter) -> Self {
        Self {
            letter,
            place: None,
        }
    }

    /// It was sent.
    pub(crate) fn sent(self) {
        if let Some((path, lock)) = self.place
            && stands(&path, &lock)
        {
            remove(&path);
        }
    }

    /// It could not be sent, and is tried again later.
    pub(crate) fn failed(mut self, error: String, now: DateTime<Utc>) {
        self.letter.failed(error, now);
        if let Some((path, lock)) = &self.place
            && stands(path, lock)
        {
            let _ = state::replace(path, &self.letter);
        }
    }
}

/// Whether the file is still what stands at its place: a newer ping may have taken it.
fn stands(path: &Path, file: &File) -> bool {
    let of = |stat: fs::Metadata| (stat.dev(), stat.ino());
    let (held, there) = (file.metadata().map(of), path.metadata().map(of));
    held.is_ok() && held.ok() == there.ok()
}

/// A name that is one of a file, whatever it was.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    name.chars().map(plain).take(40).collect()
}

/// Numbers that differ within this process.
fn next() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn remove(path: &Path) {
    // Gone already, or in a folder that cannot be written: then it is tried again, and told twice at worst.
    let _ = fs::remove_file(path);
}

#[cfg(test)]
mod tests;
