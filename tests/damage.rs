//! Damage to every file of a repository, byte by byte (faults F-10, F-12 to F-15, F-57; rule R4): verify
//! names the object, the snapshots and the paths, or a whole read shows that the byte is of no account. No damage gives
//! wrong bytes with success.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lifeboat_snapshot::{Damaged, Repository, Snapshot, SnapshotError, Unwatched, Verify};
use lifeboat_store::Backing;
use lifeboat_store::clock::FixedClock;
use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::random::SeededRandom;
use lifeboat_store::storage::LocalStorage;
use rusqlite::Connection;

use crate::support::snapshots::{Contents, contents, readable};
use crate::support::{Workbench, parallel};

/// Whole files, and what the program says.
mod files;

fn open(disk: &SimDisk) -> Result<Repository, SnapshotError> {
    let backing = Backing {
        storage: Arc::new(LocalStorage::new(Arc::new(disk.clone()))),
        cache: Some(Arc::new(disk.below("cache"))),
        random: Arc::new(SeededRandom::new(1)),
    };
    Repository::open_on(backing, clock())
}

fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at(chrono::DateTime::UNIX_EPOCH))
}

/// A small repository with two snapshots, and what they hold.
struct Whole {
    disk: SimDisk,
    known: Vec<(Snapshot, Contents)>,
}

impl Whole {
    /// With so many more snapshots, each with packs of its own.
    fn new(more: usize) -> Self {
        let bench = Workbench::with_files();
        let app = Connection::open(bench.data().join("app.db")).unwrap();
        app.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES ('one')")
            .unwrap();
        let place = bench.place();
        let mut snapshots = Vec::new();
        for number in 0..2 + more {
            bench.write("papers/two.txt", format!("state {number}"));
            app.execute("INSERT INTO t VALUES (?1)", [number.to_string()])
                .unwrap();
            snapshots.extend(bench.backup().snapshot);
        }
        let disk = SimDisk::copy_from(&lifeboat_store::RealDisk::new(place)).unwrap();
        let repository = open(&disk).unwrap();
        let known = snapshots.into_iter().map(|snapshot| {
            let contents = contents(&repository, &snapshot).unwrap();
            (snapshot, contents)
        });
        Self {
            known: known.collect(),
            disk,
        }
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.disk.files()
    }

    /// Damages a copy of it, and tells what is wrong with the answers.
    fn judge(&self, harm: impl FnOnce(&SimDisk)) -> Result<Verdict, String> {
        let disk = self.disk.copy();
        harm(&disk);
        let repository = match open(&disk) {
            // Refused with a reason: nobody takes that for success.
            Err(error) => return Ok(Verdict::Refused(error.to_string())),
            Ok(repository) => repository,
        };
        let plan = Verify {
            read_data: true,
            threads: Some(1),
            ..Verify::default()
        };
        let report = repository
            .verify(&plan, &Unwatched)
            .map_err(|error| error.to_string())?;
        let mut lost = false;
        for (snapshot, expected) in &self.known {
            lost |= !self.holds(&repository, snapshot, expected, &report.damaged)?;
        }
        match (report.damaged.is_empty(), lost) {
            (true, true) => Err("something is lost and verify found nothing".to_owned()),
            (true, false) => Ok(Verdict::Harmless),
            (false, _) => Ok(Verdict::Found(report.damaged)),
        }
    }

    /// Whether a snapshot still gives all that it held. What it does not give must be an error that verify has named.
    fn holds(
        &self,
        repository: &Repository,
        snapshot: &Snapshot,
        expected: &Contents,
        damaged: &[Damaged],
    ) -> Result<bool, String> {
        let concerns = |damaged: &&Damaged| damaged.snapshots.contains(&snapshot.id);
        let listing = repository.snapshots().map_err(|error| error.to_string())?;
        if !listing
            .snapshots
            .iter()
            .any(|listed| listed.id == snapshot.id)
        {
            let missing = !listing.damaged.iter().any(|(id, _)| *id == snapshot.id);
            let is_told = missing || damaged.iter().any(|damaged| concerns(&damaged));
            return is_told
                .then_some(false)
                .ok_or_else(|| "a lost record was not named".to_owned());
        }
        let Ok((found, failed)) = readable(repository, snapshot) else {
            let is_told = damaged.iter().any(|damaged| concerns(&damaged));
            return is_told
                .then_some(false)
                .ok_or_else(|| "a lost manifest was not named".to_owned());
        };
        for (path, given) in &found {
            if expected.get(path) != Some(given) {
                return Err(format!("wrong content of {path} with success"));
            }
        }
        for (path, _) in failed.iter().filter(|(path, _)| !path.is_root()) {
            let mut named = damaged
                .iter()
                .filter(concerns)
                .flat_map(|damaged| &damaged.paths);
            if !named.any(|named| named.ends_with(&path.to_string())) {
                return Err(format!(
                    "{path} cannot be read, and verify does not name it"
                ));
            }
        }
        if failed.is_empty() && found.len() < expected.len() {
            return Err("entries are missing with success".to_owned());
        }
        let is_whole = found == *expected;
        let is_told = is_whole || damaged.iter().any(|damaged| concerns(&damaged));
        is_told
            .then_some(is_whole)
            .ok_or_else(|| "a loss was not named".to_owned())
    }
}

/// What became of a damage.
#[derive(Debug)]
enum Verdict {
    Found(Vec<Damaged>),
    Refused(String),
    Harmless,
}

/// Judges many damages at once, each described; gives how many were found and how many of no account.
fn judge_all(whole: &Whole, harms: Vec<(String, String, Harm)>) -> (usize, usize) {
    let harmless = AtomicUsize::new(0);
    let count = harms.len();
    let failures = parallel::each(harms.into_iter(), |(what, path, harm)| {
        let failed = match whole.judge(harm) {
            Ok(Verdict::Found(damaged)) => {
                let is_named = damaged
                    .iter()
                    .any(|damaged| damaged.object.ends_with(&path));
                (!is_named).then(|| format!("the object is not named: {damaged:?}"))
            }
            Ok(Verdict::Refused(error)) => (!error.contains("config")).then_some(error),
            Ok(Verdict::Harmless) => {
                harmless.fetch_add(1, Ordering::Relaxed);
                (!path.starts_with("cache")).then(|| "nobody noticed".to_owned())
            }
            Err(failure) => Some(failure),
        };
        failed.map(|failed| format!("{what}: {failed}"))
    });
    parallel::assert_none(&failures);
    let harmless = harmless.into_inner();
    (count - harmless, harmless)
}

/// Something to do to a disk.
type Harm = Box<dyn FnOnce(&SimDisk) + Send>;

/// Every `step`th byte of every file, in this many ways.
fn flips(whole: &Whole, step: usize, masks: &[u8]) -> Vec<(String, String, Harm)> {
    let mut harms: Vec<(String, String, Harm)> = Vec::new();
    for (path, bytes) in whole.files() {
        for offset in (path.len() % step..bytes.len()).step_by(step) {
            let mask = masks[offset % masks.len()];
            let what = format!("byte {offset} of {path} xor {mask}");
            let at = path.clone();
            let harm = move |disk: &SimDisk| disk.corrupt(&at, offset, |byte| byte ^ mask).unwrap();
            harms.push((what, path.clone(), Box::new(harm)));
        }
    }
    harms
}

#[test]
fn f10_flipped_bytes_are_named_with_their_snapshots_and_paths() {
    let whole = Whole::new(0);
    let bytes: usize = whole.files().values().map(Vec::len).sum();
    let (found, harmless) = judge_all(&whole, flips(&whole, 1, &[1, 0x10, 0x80, 0xff]));
    println!("{found} flips found, {harmless} harmless, of {bytes} bytes");
    assert_eq!((found, harmless), (bytes, 0));
}

/// `cargo test --release -p lifeboat --test suite -- --ignored --nocapture every_byte`
#[test]
#[ignore = "minutes; see docs/testing.md"]
fn f10_every_byte_of_every_file_and_every_bit_of_it() {
    let whole = Whole::new(0);
    let mut found = 0;
    for mask in [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0xff] {
        found += judge_all(&whole, flips(&whole, 1, &[mask])).0;
    }
    println!("{found} flips, all found");
}

#[test]
fn f12_truncated_and_lengthened_files_are_named() {
    let whole = Whole::new(0);
    let mut harms: Vec<(String, String, Harm)> = Vec::new();
    for (path, bytes) in whole.files() {
        let step = bytes.len() / 60 + 1;
        let lengths = (0..bytes.len()).step_by(step);
        for len in lengths.chain([bytes.len() - 1, bytes.len() + 1, bytes.len() + 5000]) {
            let at = path.clone();
            let harm = move |disk: &SimDisk| disk.truncate(&at, len).unwrap();
            harms.push((
                format!("{path} of {len} bytes"),
                path.clone(),
                Box::new(harm),
            ));
        }
    }
    assert_eq!(judge_all(&whole, harms).1, 0);
}

#[test]
fn f10_zeroed_files_are_named() {
    let whole = Whole::new(0);
    let harm = |(path, _): (String, Vec<u8>)| -> (String, String, Harm) {
        let at = path.clone();
        let zero = |bytes: &mut Vec<u8>| {
            bytes.fill(0);
            Ok(())
        };
        let harm = move |disk: &SimDisk| disk.damage(&at, zero).unwrap();
        (format!("{path} zeroed"), path, Box::new(harm))
    };
    let harms = whole.files().into_iter().map(harm).collect();
    assert_eq!(judge_all(&whole, harms).1, 0);
}
