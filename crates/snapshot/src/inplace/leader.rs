//! Which stage's journal speaks for a stage that has none of its own: a restore of several sources has one journal.
//!
//! Such a stage may hold what was in its live folder, so it is waste only where the leader is known to have no journal.
//! A leader that is not seen is no proof: its disk may not be mounted, and the folder that it would be in then be another.
//! So the number of that folder is noted with the leader's name.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::InPlaceError;
use super::files::write_whole;
use super::journal::Journal;
use super::places;
use super::vouch::{Found, Vouchers};
use crate::error::{IoContext, Result};
use crate::path::of_bytes;

/// The file's name in the stage that is led.
const NAME: &str = "leader";

/// Most bytes that are read of it: a number and a path.
const MAX_BYTES: u64 = 16 * 1024;

/// What a stage says of its leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leader {
    pub(super) stage: PathBuf,
    /// Inode of the folder that the leader is in.
    above: u64,
}

/// Notes the leader of a stage durably, as a whole or not at all. To be done before the leader has a journal.
pub(super) fn note(stage: &Path, leader: &Path, vouchers: &Vouchers) -> Result<()> {
    let above = leader.parent().unwrap_or(Path::new("/"));
    let inode = fs::metadata(above).context("look at", above)?.ino();
    let mut bytes = format!("{inode} ").into_bytes();
    bytes.extend_from_slice(leader.as_os_str().as_bytes());
    vouchers.give(stage, &bytes)?;
    write_whole(stage, NAME, &bytes).context("write", &stage.join(NAME))
}

/// The leader of a stage, where it has one.
///
/// # Errors
/// Where it is this user's and cannot be read or understood.
pub(super) fn of(stage: &Path, vouchers: &Vouchers) -> Result<Found<Leader>> {
    let leader = match vouchers.read(stage, NAME, MAX_BYTES)? {
        Found::Nothing => return Ok(Found::Nothing),
        Found::Foreign => return Ok(Found::Foreign),
        Found::Own(bytes) => bytes.and_then(|bytes| parse(&bytes)),
    };
    match leader {
        Some(leader) => Ok(Found::Own(leader)),
        None => Err(InPlaceError::JournalUnusable {
            path: stage.join(NAME),
            reason: "does not name another folder for restoring".to_owned(),
        }
        .into()),
    }
}

fn parse(bytes: &[u8]) -> Option<Leader> {
    let at = bytes.iter().position(|byte| *byte == b' ')?;
    let (inode, path) = bytes.split_at_checked(at)?;
    let above = std::str::from_utf8(inode).ok()?.parse().ok()?;
    let stage = of_bytes(path.get(1..)?).to_owned();
    let is_usable = places::is_name(&stage) && stage.is_absolute();
    is_usable.then_some(Leader { stage, above })
}

/// Takes any bytes for the name of a leader.
#[cfg(feature = "testing")]
pub(crate) fn try_leader(bytes: &[u8]) {
    if let Some(leader) = parse(bytes) {
        assert!(leader.stage.is_absolute(), "{}", leader.stage.display());
    }
}

impl Leader {
    /// Whether the leader has no journal, so that the stage that it leads is waste.
    ///
    /// # Errors
    /// Where that cannot be told.
    pub(super) fn is_done(&self, led: &Path) -> Result<bool> {
        match fs::symlink_metadata(&self.stage) {
            Ok(_) => Ok(!Journal::is_in(&self.stage)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.is_in_reach() => Ok(true),
            Err(_) => Err(InPlaceError::LeaderMissing {
                path: led.to_owned(),
                leader: self.stage.clone(),
            }
            .into()),
        }
    }

    /// Whether the folder of the leader is the one that it was in.
    fn is_in_reach(&self) -> bool {
        let above = self.stage.parent().unwrap_or(Path::new("/"));
        fs::metadata(above).is_ok_and(|stat| stat.is_dir() && stat.ino() == self.above)
    }
}
