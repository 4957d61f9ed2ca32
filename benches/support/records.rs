//! Repositories of very many snapshots, of which only some were taken: the others are records that lead to the same.

use std::path::Path;

use lifeboat_snapshot::store::{SnapshotId, envelope};
use lifeboat_snapshot::{Backup, Repository, Snapshot, Unwatched};

/// Takes snapshots of a folder, each with a change of a file in it.
pub(crate) fn take(repository: &Repository, source: &Path, count: u64) -> Vec<Snapshot> {
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let plan = Backup {
        sources: vec![source.to_owned()],
        host,
        ..Backup::default()
    };
    let mut taken = Vec::new();
    for number in 0..count {
        std::fs::write(source.join("notes.txt"), format!("note {number}")).expect("room");
        let report = repository.backup(&plan, &Unwatched);
        taken.extend(report.expect("it is backed up").snapshot);
    }
    taken
}

/// Adds records a minute apart until there are so many, in turns of what was taken.
pub(crate) fn multiply(place: &Path, taken: &[Snapshot], count: u64) {
    let newest = taken.last().expect("some were taken").clone();
    for number in taken.len() as u64..count {
        let model = &taken[(number % taken.len() as u64) as usize];
        let mut id = [7; SnapshotId::LEN];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let snapshot = Snapshot {
            id: SnapshotId::from_bytes(id),
            sequence: newest.sequence + number,
            time_ms: newest.time_ms - (count - number) as i64 * 60_000,
            ..model.clone()
        };
        let record = envelope::wrap(envelope::Kind::Snapshot, 1, &snapshot).expect("it encodes");
        let path = place.join(format!("snapshots/{}.snapshot", snapshot.id));
        std::fs::write(path, record).expect("room");
    }
}
