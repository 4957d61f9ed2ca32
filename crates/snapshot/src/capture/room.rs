//! How much room a backup is likely to need, before it is begun: better told now than when the disk is full.
//!
//! It is a guess. Of a first backup only the bytes of its files are known, which get smaller; of a later one, what those
//! before it took.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::plan::Backup;
use super::roots::excludes_of;
use super::walk::{Step, Walk, find_root};
use crate::error::{IoContext, Result, SnapshotError};
use crate::monitor::{Monitor, Warning, WarningKind, go_on};
use crate::record::Snapshot;

/// How many of the newest snapshots tell what the next one takes.
const PAST: usize = 10;

/// As small as a first backup gets of data that is not mostly empty.
const LEAST_SHARE: u64 = 20;

/// The place of a repository, and the bytes that it may still grow by where that is known.
pub(super) struct Room<'p> {
    pub(super) place: &'p Path,
    pub(super) free_bytes: Option<u64>,
}

impl<'p> Room<'p> {
    /// Where there is no repository yet, nor perhaps the folders above it.
    pub(super) fn to_be(place: &'p Path) -> Self {
        let mut above = place.ancestors();
        let found = above.find_map(|folder| rustix::fs::statvfs(folder).ok());
        let free = |stat: rustix::fs::StatVfs| stat.f_bavail.saturating_mul(stat.f_frsize);
        let free_bytes = found.map(free);
        Self { place, free_bytes }
    }

    /// Refuses a first backup of which a twentieth would not fit, and warns of one that may not. What the system does not
    /// tell is enough.
    pub(super) fn check<'s>(
        &self,
        plan: &Backup,
        sources: &[PathBuf],
        newest_first: impl Iterator<Item = &'s Snapshot>,
        monitor: &dyn Monitor,
    ) -> Result<Option<Warning>> {
        let Some(free_bytes) = self.free_bytes.filter(|_| plan.check_room) else {
            return Ok(None);
        };
        let path = self.place.to_owned();
        let newest = newest_first.take(PAST);
        let costs: Vec<u64> = newest.map(|snapshot| snapshot.stored_bytes).collect();
        let needed_bytes = match costs.as_slice() {
            [] if fits_in_any_case(plan, sources, free_bytes) => 0,
            [] => self.plain_bytes(plan, sources, monitor)?,
            // What the first one took says nothing of the second.
            [_] => 0,
            [later @ .., _] => later.iter().copied().max().unwrap_or(0),
        };
        if costs.is_empty() && free_bytes < needed_bytes / LEAST_SHARE {
            return Err(SnapshotError::NoSpace {
                path,
                needed_bytes,
                free_bytes,
            });
        }
        Ok((free_bytes < needed_bytes).then(|| Warning {
            message: format!(
                "it may not fit: up to {needed_bytes} bytes are needed, and {free_bytes} are free at {}",
                path.display()
            ),
            kind: WarningKind::LowSpace,
            path,
        }))
    }

    /// The bytes of all files, without their holes, and the parity of as many.
    fn plain_bytes(
        &self,
        plan: &Backup,
        sources: &[PathBuf],
        monitor: &dyn Monitor,
    ) -> Result<u64> {
        let mut bytes = 0_u64;
        for (number, source) in (0..).zip(sources) {
            let plan = plan.of_source(number);
            bytes = bytes.saturating_add(self.source_bytes(&plan, source, monitor)?);
        }
        Ok(with_parity(plan, bytes))
    }

    fn source_bytes(&self, plan: &Backup, source: &Path, monitor: &dyn Monitor) -> Result<u64> {
        let stat = std::fs::symlink_metadata(source).context("look at", source)?;
        let excludes = excludes_of(self.place, plan, source, &stat)?;
        let mut bytes = 0_u64;
        for step in Walk::new(&excludes, find_root(source, stat)?) {
            go_on(monitor)?;
            if let Step::Item(item) = step
                && item.stat.is_file()
            {
                let on_disk = item.stat.blocks().saturating_mul(512);
                bytes = bytes.saturating_add(item.stat.len().min(on_disk));
            }
        }
        Ok(bytes)
    }
}

/// File systems that store files as they are, by their magic numbers in `statfs`: ext2 to ext4, XFS, tmpfs. What others have
/// in use may be less than the bytes of their files.
const PLAIN: [u64; 3] = [0xef53, 0x5846_5342, 0x0102_1994];

/// Whether all that is stored on the file systems of the sources would fit, whatever the sources have of it: then their
/// files need not be counted. Other file systems that are mounted inside a source are not looked at; what they hold is told
/// when the disk is full.
fn fits_in_any_case(plan: &Backup, sources: &[PathBuf], free_bytes: u64) -> bool {
    let used = sources.iter().map(|source| used_bytes(source));
    let used = used.reduce(|a, b| Some(a?.saturating_add(b?)));
    used.flatten()
        .is_some_and(|used| with_parity(plan, used) <= free_bytes)
}

fn used_bytes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statfs(path).ok()?;
    let blocks = stat.f_blocks.checked_sub(stat.f_bfree)?;
    let block = u64::try_from(stat.f_bsize).ok()?;
    PLAIN
        .contains(&stat.f_type.cast_unsigned())
        .then(|| blocks.saturating_mul(block))
}

fn with_parity(plan: &Backup, bytes: u64) -> u64 {
    let parity = u64::from(plan.parity.get());
    bytes.saturating_add(bytes / 1000 * parity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_unless_all_of_their_file_system_fits() {
        let folder = tempfile::tempdir().unwrap();
        let plan = Backup::default();
        let fits = |path: &Path, free| fits_in_any_case(&plan, &[path.to_owned()], free);
        assert!(fits(folder.path(), u64::MAX));
        assert!(!fits(folder.path(), 0));
        assert!(!fits(Path::new("/proc"), u64::MAX), "it is none of those");
        assert!(!fits(&folder.path().join("missing"), u64::MAX));
    }

    #[test]
    fn room_is_known_where_the_repository_is_yet_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let room = Room::to_be(&folder.path().join("no/such/folder")).free_bytes;
        assert!(room.is_some_and(|free| free > 0));
    }
}
