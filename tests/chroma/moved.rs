//! The files of a store move at a chosen moment: after they were looked at and read, right before the database is
//! captured. Made by a monitor, with a database and files that count together, so no Chroma is needed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use lifeboat_snapshot::manifest::Flaw;
use lifeboat_snapshot::{BackupReport, Monitor, Progress, WarningKind};
use rusqlite::Connection;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};

use crate::support::ledger::assert_committed;
use crate::support::{Ledger, Workbench};

/// Folders of index files have names as Chroma gives them.
pub(super) const INDEX: &str = "4d58ae16-7fb3-43dc-8af0-80cfcf7cba97";
const SECOND: &str = "aaade4e6-6780-4ba2-9c34-1547ea239607";

/// A store in a folder: its index file holds the number of the last commit of its database.
pub(super) struct Store {
    pub(super) folder: PathBuf,
}

impl Store {
    pub(super) fn create(folder: PathBuf) -> Self {
        fs::create_dir_all(folder.join(INDEX)).unwrap();
        Ledger::create(
            &folder.join("chroma.sqlite3"),
            "PRAGMA journal_mode = DELETE",
        );
        let store = Self { folder };
        fs::write(store.index(), "0").unwrap();
        fs::write(store.folder.join(INDEX).join("length.bin"), "never changes").unwrap();
        store
    }

    pub(super) fn database(&self) -> PathBuf {
        self.folder.join("chroma.sqlite3")
    }

    pub(super) fn index(&self) -> PathBuf {
        self.folder.join(INDEX).join("data_level0.bin")
    }

    /// What Chroma does now and then: index files first, then the database.
    pub(super) fn sync(&self) {
        let connection = Connection::open(self.database()).unwrap();
        let number: i64 = connection
            .query_row("SELECT n FROM counter", [], |row| row.get(0))
            .unwrap();
        fs::write(self.index(), (number + 1).to_string()).unwrap();
        Ledger::at(&self.database()).commit(&connection);
    }
}

/// Does something each time the capture comes to a database, and counts how often that was.
pub(super) struct Meddler<F> {
    pub(super) database: PathBuf,
    pub(super) act: F,
    pub(super) times: Mutex<u32>,
}

impl<F: Fn(u32) + Sync> Progress for Meddler<F> {}

impl<F: Fn(u32) + Sync> Monitor for Meddler<F> {
    fn item(&self, path: &Path) {
        if path == self.database {
            let mut times = self.times.lock().unwrap();
            *times += 1;
            (self.act)(*times);
        }
    }
}

/// Backs up while this is done at each capture of the store; gives how many captures there were.
fn back_up_while(
    bench: &Workbench,
    store: &Store,
    act: impl Fn(u32) + Sync,
) -> (BackupReport, u32) {
    let monitor = Meddler {
        database: store.database(),
        act,
        times: Mutex::new(0),
    };
    let report = bench.repository().backup(&bench.plan(), &monitor).unwrap();
    (report, monitor.times.into_inner().unwrap())
}

/// Restores the snapshot and compares what index and database say.
#[track_caller]
fn assert_pair(bench: &Workbench, report: &BackupReport, folder: &str, commits: i64) {
    let restored = bench.restore(report.snapshot.as_ref().unwrap(), "restored");
    let store = restored.join(folder);
    let index = fs::read_to_string(store.join(INDEX).join("data_level0.bin")).unwrap();
    assert_eq!(index, commits.to_string());
    let counter = assert_committed(&store.join("chroma.sqlite3"), commits);
    assert_eq!(counter, commits);
    fs::remove_dir_all(restored).unwrap();
}

#[test]
fn a_store_that_moves_once_is_captured_again_and_fits() {
    for folder in ["", "app/chroma"] {
        let bench = Workbench::new();
        let store = Store::create(bench.data().join(folder));
        let sync_once = |time: u32| {
            if time == 1 {
                store.sync();
            }
        };
        let (report, captures) = back_up_while(&bench, &store, sync_once);
        assert_eq!(captures, 2, "{folder:?}");
        assert_eq!(report.warnings, []);
        assert_eq!((report.files_new, report.databases.len()), (3, 1));
        assert_pair(&bench, &report, folder, 1);
    }
}

#[test]
fn a_store_that_moves_twice_still_fits() {
    let bench = Workbench::new();
    let store = Store::create(bench.data().join("chroma"));
    let sync_twice = |time: u32| {
        if time <= 2 {
            store.sync();
        }
    };
    let (report, captures) = back_up_while(&bench, &store, sync_twice);
    assert_eq!(captures, 3);
    assert_eq!(report.warnings, []);
    assert_pair(&bench, &report, "chroma", 2);
}

#[test]
fn a_store_that_keeps_moving_is_stored_and_flagged() {
    for folder in ["", "app/chroma"] {
        let bench = Workbench::new();
        let store = Store::create(bench.data().join(folder));
        let (report, captures) = back_up_while(&bench, &store, |_| store.sync());
        assert_eq!(captures, 3, "{folder:?}");
        let warning = match report.warnings.as_slice() {
            [warning] => warning,
            other => panic!("{other:?}"),
        };
        assert_eq!(warning.kind, WarningKind::Changed);
        assert!(warning.kind.is_loss());
        let repository = bench.repository();
        let snapshot = report.snapshot.as_ref().unwrap();
        let tree = repository.tree(snapshot).unwrap();
        let flags: Vec<_> = tree.manifest().flags.iter().collect();
        assert_eq!(flags.len(), 1, "{flags:?}");
        assert_eq!(flags[0].flaw, Flaw::Changed);
        assert_eq!(flags[0].path.to_string(), folder);
        // The next backup finds it still.
        let (report, captures) = back_up_while(&bench, &store, |_| {});
        assert_eq!((captures, report.warnings.len()), (1, 0));
        assert_pair(&bench, &report, folder, 3);
    }
}

/// Ways in which an index file can move.
const WAYS: [&str; 5] = [
    "grows",
    "same size and time",
    "replaced",
    "appears",
    "vanishes",
];

fn move_index(store: &Store, way: &str) {
    let index = store.index();
    match way {
        "grows" => fs::write(index, "10").unwrap(),
        "same size and time" => {
            let before = fs::metadata(&index).unwrap();
            fs::write(&index, "9").unwrap();
            let time = Timespec {
                tv_sec: before.mtime(),
                tv_nsec: before.mtime_nsec(),
            };
            let times = Timestamps {
                last_access: time,
                last_modification: time,
            };
            rustix::fs::utimensat(CWD, index, &times, AtFlags::empty()).unwrap();
        }
        "replaced" => {
            let new = store.folder.with_file_name("new");
            fs::write(&new, "0").unwrap();
            fs::rename(new, index).unwrap();
        }
        "appears" => {
            fs::create_dir(store.folder.join(SECOND)).unwrap();
            fs::write(store.folder.join(SECOND).join("header.bin"), "new").unwrap();
        }
        _ => fs::remove_file(index).unwrap(),
    }
}

#[test]
fn every_way_in_which_index_files_move_is_noticed() {
    for way in WAYS {
        let bench = Workbench::new();
        let store = Store::create(bench.data().join("chroma"));
        let once = |time: u32| {
            if time == 1 {
                move_index(&store, way);
            }
        };
        let (report, captures) = back_up_while(&bench, &store, once);
        assert_eq!(captures, 2, "{way}");
        assert_eq!(report.warnings, [], "{way}");
        let restored = bench.restore(&report.snapshot.unwrap(), "restored");
        for name in [
            format!("{INDEX}/data_level0.bin"),
            format!("{SECOND}/header.bin"),
        ] {
            let path = Path::new("chroma").join(name);
            let bytes = |folder: PathBuf| fs::read(folder.join(&path)).ok();
            assert_eq!(bytes(restored.clone()), bytes(bench.data()), "{way}");
        }
    }
}

#[test]
fn commits_and_files_elsewhere_do_not_make_a_store_move() {
    let bench = Workbench::new();
    let store = Store::create(bench.data().join("chroma"));
    bench.write("other.txt", "one");
    let (report, captures) = back_up_while(&bench, &store, |_| {
        bench.write("other.txt", "another");
        let connection = Connection::open(store.database()).unwrap();
        Ledger::at(&store.database()).commit(&connection);
    });
    assert_eq!(captures, 1);
    assert_eq!(report.warnings, []);
}

#[test]
fn files_of_others_beside_a_store_do_not_make_it_move() {
    let bench = Workbench::new();
    let store = Store::create(bench.data());
    bench.write("logs/app.log", "one\n");
    let (report, captures) = back_up_while(&bench, &store, |time| {
        bench.write("logs/app.log", "line\n".repeat(time as usize + 1));
    });
    assert_eq!(captures, 1);
    assert_eq!(report.warnings, []);
}
