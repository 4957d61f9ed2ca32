//! A fingerprint never says "unchanged" of a database that changed.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::support::{add, captured, database, folder};
use crate::sqlite::fingerprint::{Fingerprint, commit_mark, fingerprint_at};

/// As if taken much later than the last change, which no test waits for.
fn settled(path: &Path) -> Option<Fingerprint> {
    fingerprint_at(path, SystemTime::now() + Duration::from_secs(3600)).unwrap()
}

#[test]
fn an_untouched_database_keeps_its_fingerprint_through_captures_and_readers() {
    for mode in ["delete", "truncate", "persist", "wal"] {
        let (_folder, path) = folder();
        let app = database(&path, &format!("PRAGMA journal_mode = {mode}"), 100);
        let before = settled(&path);
        assert!(before.is_some(), "{mode}");
        captured(&path);
        let count = "SELECT count(*) FROM visits";
        app.query_row(count, [], |row| row.get::<_, i64>(0))
            .unwrap();
        assert_eq!(settled(&path), before, "{mode}");
    }
}

#[test]
fn every_commit_changes_it() {
    for mode in ["delete", "truncate", "persist", "memory", "off", "wal"] {
        let (_folder, path) = folder();
        let app = database(&path, &format!("PRAGMA journal_mode = {mode}"), 100);
        let mut seen = vec![settled(&path).unwrap()];
        for change in [
            "UPDATE visits SET note = 'x' WHERE id = 1",
            "UPDATE visits SET note = 'y' WHERE id = 1",
            "VACUUM",
            "PRAGMA user_version = 9",
            "DELETE FROM visits WHERE id = 2",
        ] {
            app.execute_batch(change).unwrap();
            let now = settled(&path).unwrap();
            assert!(!seen.contains(&now), "{mode} {change}");
            seen.push(now);
        }
    }
}

#[test]
fn a_wal_that_started_over_with_the_same_size_changes_it() {
    let (_folder, path) = folder();
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0";
    let app = database(&path, pragmas, 2000);
    let wal = path.with_extension("db-wal");
    let (size, before) = (fs::metadata(&wal).unwrap().len(), settled(&path).unwrap());
    app.execute_batch("PRAGMA wal_checkpoint(RESTART)").unwrap();
    add(&app, 1);
    assert_eq!(fs::metadata(&wal).unwrap().len(), size);
    assert_ne!(settled(&path).unwrap(), before);
    // A second commit into the same space: only a frame in the middle of the file is new.
    let before = settled(&path).unwrap();
    add(&app, 1);
    assert_eq!(fs::metadata(&wal).unwrap().len(), size);
    assert_ne!(settled(&path).unwrap(), before);
}

#[test]
fn the_content_of_the_wal_counts_even_if_all_times_stood_still() {
    use crate::sqlite::fingerprint::hash_wal;
    let hash = |path: &Path| {
        let mut hasher = blake3::Hasher::new();
        hash_wal(path, &mut hasher).unwrap();
        hasher.finalize()
    };
    let (_folder, path) = folder();
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0";
    let app = database(&path, pragmas, 2000);
    app.execute_batch("PRAGMA wal_checkpoint(RESTART)").unwrap();
    let mut seen = vec![hash(&path)];
    for _ in 0..20 {
        add(&app, 1);
        let now = hash(&path);
        assert!(!seen.contains(&now));
        seen.push(now);
    }
    app.execute_batch("BEGIN; PRAGMA cache_size = 1").unwrap();
    add(&app, 500);
    assert_eq!(seen.last(), Some(&hash(&path)), "spilled, not committed");
    app.execute_batch("COMMIT").unwrap();
    assert_ne!(seen.last(), Some(&hash(&path)));
}

#[test]
fn an_older_file_put_back_with_its_old_time_changes_it() {
    let (folder, path) = folder();
    let app = database(&path, "", 100);
    let old = folder.path().join("old");
    fs::copy(&path, &old).unwrap();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let before = settled(&path).unwrap();
    app.execute_batch("UPDATE visits SET note = 'new'").unwrap();
    drop(app);
    let newer = settled(&path).unwrap();
    // In place, and by renaming.
    fs::write(&path, fs::read(&old).unwrap()).unwrap();
    let times = FileTimes::new().set_modified(time);
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_times(times)
        .unwrap();
    let in_place = settled(&path).unwrap();
    File::options()
        .write(true)
        .open(&old)
        .unwrap()
        .set_times(times)
        .unwrap();
    fs::rename(&old, &path).unwrap();
    let renamed = settled(&path).unwrap();
    let all = [before, newer, in_place, renamed];
    let pairs = |i: usize| all.iter().skip(i + 1).all(|other| *other != all[i]);
    assert!((0..all.len()).all(pairs));
}

#[test]
fn there_is_none_right_after_a_change_and_none_during_a_transaction() {
    let (_folder, path) = folder();
    let app = database(&path, "PRAGMA cache_size = 1", 100);
    let changed = fs::metadata(&path).unwrap();
    let changed = {
        use std::os::unix::fs::MetadataExt;
        let seconds = u64::try_from(changed.ctime()).unwrap();
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    };
    // At that very second, whatever the fraction: in the tick of the change, or before it.
    assert_eq!(fingerprint_at(&path, changed).unwrap(), None);
    app.execute_batch("BEGIN").unwrap();
    add(&app, 1000);
    assert_eq!(settled(&path), None);
    app.execute_batch("COMMIT").unwrap();
    assert!(settled(&path).is_some());
}

#[test]
fn the_commit_mark_tells_of_a_wal_that_came_and_went() {
    for (mode, is_certain_at_once) in [("wal", false), ("delete", true)] {
        let (_folder, path) = folder();
        database(&path, &format!("PRAGMA journal_mode = {mode}"), 100)
            .close()
            .unwrap();
        let fresh = {
            use std::os::unix::fs::MetadataExt;
            let changed = fs::metadata(&path).unwrap();
            let parts = (changed.ctime(), changed.ctime_nsec());
            SystemTime::UNIX_EPOCH
                + Duration::from_secs(u64::try_from(parts.0).unwrap())
                + Duration::from_nanos(u64::try_from(parts.1).unwrap())
        };
        // A change in the same tick of the clock would leave the same mark.
        let mark = commit_mark(&path, fresh).unwrap();
        assert_eq!(mark.is_certain, is_certain_at_once, "{mode}");
        let later = SystemTime::now() + Duration::from_secs(3600);
        let before = commit_mark(&path, later).unwrap();
        assert!(before.is_certain, "{mode}");
        captured(&path);
        assert_eq!(commit_mark(&path, later).unwrap().bytes, before.bytes);
        while fingerprint_at(&path, SystemTime::now()).unwrap().is_none() {
            std::thread::yield_now();
        }
        let app = rusqlite::Connection::open(&path).unwrap();
        app.execute_batch("UPDATE visits SET note = 'x' WHERE id = 1")
            .unwrap();
        app.close().unwrap();
        let after = commit_mark(&path, later).unwrap();
        assert_ne!(after.bytes, before.bytes, "{mode}");
    }
}

/// The wal-index as it was at some time, put back: what readers see while a commit waits for the disk, and what a writer
/// leaves that dies there.
struct Index(std::sync::Arc<File>, [u8; 96]);

impl Index {
    fn of(path: &Path) -> Self {
        let shm = path.with_extension("db-shm");
        let shm = File::options().read(true).write(true).open(shm).unwrap();
        let mut header = [0; 96];
        shm.read_exact_at(&mut header, 0).unwrap();
        // Closing it would drop the locks of the connection that the test has.
        let shm = std::sync::Arc::new(shm);
        crate::sqlite::keep_shared(std::sync::Arc::clone(&shm));
        Self(shm, header)
    }

    fn put_back(&self) {
        self.0.write_all_at(&self.1, 0).unwrap();
    }
}

#[test]
fn a_commit_that_readers_do_not_see_yet_has_no_fingerprint() {
    let (_folder, path) = folder();
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0";
    let app = database(&path, pragmas, 10);
    let later = SystemTime::now() + Duration::from_secs(3600);
    let before = Index::of(&path);
    assert!(settled(&path).is_some());
    add(&app, 1);
    let after = Index::of(&path);
    before.put_back();
    assert_eq!(
        settled(&path),
        None,
        "its frames are there, and nobody sees them"
    );
    assert!(!commit_mark(&path, later).unwrap().is_seen);
    after.put_back();
    assert!(settled(&path).is_some());
    assert!(commit_mark(&path, later).unwrap().is_seen);
    let mut torn = after.1;
    torn[60] ^= 1;
    Index(std::sync::Arc::clone(&after.0), torn).put_back();
    assert_eq!(settled(&path), None, "it is being written");
}

#[test]
fn a_wal_that_is_to_start_over_keeps_its_fingerprint_until_it_does() {
    let (_folder, path) = folder();
    let app = database(&path, "PRAGMA journal_mode = WAL", 10);
    for how in ["RESTART", "TRUNCATE"] {
        app.execute_batch(&format!("PRAGMA wal_checkpoint({how})"))
            .unwrap();
        let before = settled(&path);
        assert!(before.is_some(), "{how}");
        assert_eq!(settled(&path), before, "{how}");
        add(&app, 1);
        assert_ne!(settled(&path), before, "{how}");
        assert!(settled(&path).is_some(), "{how}");
    }
}
