//! Every call to the disk failing in turn, once and for ever, in every way that disks fail.

use lifeboat_snapshot::Unwatched;
use lifeboat_store::disk::sim::{Among, ERRNOS, Fault, Harm, SimDisk};

use super::stage::{FIRST, Known, SECOND, Sources, create, open, words};
use crate::support::parallel;
use crate::support::snapshots::{Contents, contents};

/// A disk with the first backup on it, the source changed since, and what a second backup would hold.
fn half() -> (SimDisk, Sources, Known, Contents) {
    let disk = SimDisk::without_root();
    let sources = Sources::new();
    create(&disk, 1).unwrap();
    let first = Known::back_up(&disk, 2, FIRST, &sources);
    disk.settle();
    sources.change();
    let second = Known::back_up(&disk.copy(), 3, SECOND, &sources);
    (disk, sources, first, second.contents)
}

/// Backs up on a failing disk: the answer is an error or the truth, and what is there afterwards is whole. Tells whether
/// the fault struck.
fn back_up_failing(
    disk: &SimDisk,
    sources: &Sources,
    first: &Known,
    second: &Contents,
) -> Result<bool, String> {
    let repository = open(disk, 3);
    let report = repository.and_then(|repository| repository.backup(&sources.plan(), &Unwatched));
    let struck = disk.faults_struck() > 0;
    disk.clear_faults();
    let acknowledged = report.ok().and_then(|report| report.snapshot);
    let repository = open(disk, 4).map_err(words)?;
    let listing = repository.snapshots().map_err(words)?;
    for expected in acknowledged.iter().chain([&first.snapshot]) {
        if !listing.snapshots.contains(expected) {
            return Err("an acknowledged snapshot is gone".to_owned());
        }
    }
    for snapshot in &listing.snapshots {
        let is_first = *snapshot == first.snapshot;
        let expected = if is_first { &first.contents } else { second };
        if contents(&repository, snapshot).map_err(words)? != *expected {
            return Err("a snapshot holds what nobody backed up".to_owned());
        }
    }
    let next = repository
        .backup(&sources.plan(), &Unwatched)
        .map_err(words)?;
    let next = contents(&repository, &next.snapshot.ok_or("no snapshot")?).map_err(words)?;
    (next == *second)
        .then_some(struck)
        .ok_or_else(|| "the next backup is another".to_owned())
}

#[test]
fn f05_f08_no_failing_call_ends_in_a_false_success() {
    let (disk, sources, first, second) = half();
    let harms = ERRNOS.iter().map(|errno| Harm::Errno(*errno));
    let harms: Vec<Harm> = harms
        .chain([Harm::Half(ERRNOS[1]), Harm::Done(ERRNOS[0])])
        .collect();
    let runs = harms
        .iter()
        .flat_map(|harm| [(*harm, false), (*harm, true)]);
    let failures = parallel::each(runs, |(harm, forever)| {
        for nth in 1.. {
            let disk = disk.copy();
            let fault = Fault::nth(nth, harm).among(Among::All);
            disk.inject(if forever { fault.forever() } else { fault });
            match back_up_failing(&disk, &sources, &first, &second) {
                // A run that met no fault is the last.
                Ok(false) => break,
                Ok(true) => {}
                Err(what) => {
                    return Some(format!("{what}: {harm:?}, call {nth}, forever: {forever}"));
                }
            }
        }
        None
    });
    parallel::assert_none(&failures);
}
