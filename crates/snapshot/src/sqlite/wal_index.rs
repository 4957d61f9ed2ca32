//! What the index of a WAL says of its last commit.
//!
//! A commit is in the WAL before anybody sees it: SQLite writes its frames, waits for the disk, and only then tells the readers
//! by the header of the wal-index. Whoever asks the WAL alone takes what no reader sees yet for seen.

use std::io;
use std::path::Path;

use super::header::WAL_HEADER_BYTES;
use super::held;
use super::sniff::{first_bytes, sibling};

/// The header of a wal-index, which SQLite changes with every commit. It has two copies at the beginning of the `-shm`,
/// which differ while it is written: <https://www.sqlite.org/walformat.html#the_wal_index_header>.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexHeader([u8; 48]);

impl IndexHeader {
    /// That of the database at `path`, if there is one that is whole. The `-shm` is never closed (F-34).
    pub(super) fn of(path: &Path) -> Option<Self> {
        let shm = held::descriptor(&sibling(path, "-shm")).ok()?;
        let bytes = first_bytes::<96>(&shm).ok()?;
        let (one, two) = bytes.split_at(48);
        let header = one.first_chunk()?;
        (one == two && one != [0; 48]).then_some(Self(*header))
    }

    /// Frames of the WAL that readers see, in the order of this machine's bytes.
    fn frames(&self) -> u64 {
        let [.., a, b, c, d] = self.0.first_chunk::<20>().copied().unwrap_or([0; 20]);
        u64::from(u32::from_ne_bytes([a, b, c, d]))
    }

    /// The salts of the WAL that it is of, as they stand there.
    fn salts(&self) -> Option<&[u8]> {
        self.0.get(32..40)
    }
}

/// Whether readers see just the commits that the WAL has, of which the last one is in the frame `last`, counted from 0. Where
/// there is no `-shm` nobody has the database open, and whoever opens it sees them all.
pub(super) fn sees_all(
    path: &Path,
    wal: &[u8; WAL_HEADER_BYTES],
    last: Option<u64>,
) -> io::Result<bool> {
    match sibling(path, "-shm").symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let Some(index) = IndexHeader::of(path) else {
        return Ok(false);
    };
    Ok(match index.salts() == wal.get(16..24) {
        true => index.frames() == last.map_or(0, |frame| frame + 1),
        // The WAL is to start over with the next commit, and all that it has is in the main file.
        false => index.frames() == 0,
    })
}
