//! The source stays as it was: every byte, every inode, every name.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::support::{
    Child, Collected, add, capture_with, captured, check, crash_copy, database, folder,
    hot_journal, listing, options, refused, rows,
};
use crate::sqlite::{ExtentSink, SqliteError, Stopped, capture};

const WAL: &str = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0";

#[test]
fn f29_a_wal_without_shm_is_read_and_nothing_appears_or_changes() {
    let (from, path) = folder();
    let app = database(&path, WAL, 500);
    let (live, _) = captured(&path);
    let (to, copy) = folder();
    crash_copy(&path, &copy);
    let before = listing(to.path());
    assert_eq!(before.len(), 2);
    let (bytes, facts) = captured(&copy);
    assert!(bytes == live);
    assert_eq!(facts.row_counts["visits"], 500);
    assert!(listing(to.path()) == before);
    drop((app, from));
}

#[test]
fn a_closed_database_gets_no_wal_no_shm_no_journal() {
    for mode in ["delete", "wal"] {
        let (folder, path) = folder();
        drop(database(
            &path,
            &format!("PRAGMA journal_mode = {mode}"),
            500,
        ));
        let before = listing(folder.path());
        assert_eq!(before.len(), 1);
        captured(&path);
        assert!(listing(folder.path()) == before, "{mode}");
    }
}

/// That nothing in the folder of a database changes, but for what is in its `-shm`: the read mark is set there.
fn assert_touches_shm_alone(path: &Path, act: impl FnOnce()) {
    let folder = path.parent().unwrap();
    let shm = path.with_extension("db-shm");
    let mut before = listing(folder);
    act();
    let mut after = listing(folder);
    assert_eq!(
        before.remove(&shm).unwrap().0,
        after.remove(&shm).unwrap().0
    );
    assert!(before == after);
}

#[test]
fn a_live_wal_database_keeps_its_wal() {
    let (_folder, path) = folder();
    let app = database(&path, WAL, 500);
    assert_touches_shm_alone(&path, || drop(captured(&path)));
    drop(app);
}

#[test]
fn a_shm_left_by_a_crash_serves_and_the_wal_stays() {
    let (_from, path) = folder();
    let app = database(&path, WAL, 500);
    let (live, _) = captured(&path);
    let (_to, copy) = folder();
    crash_copy(&path, &copy);
    let shm = copy.with_extension("db-shm");
    fs::write(&shm, vec![7; 32768]).unwrap();
    assert_touches_shm_alone(&copy, || assert!(captured(&copy).0 == live));
    drop(app);
}

#[test]
fn bad_41_a_wal_of_garbage_or_of_another_database_is_ignored_as_sqlite_does() {
    let (_from, other) = folder();
    let app = database(&other, WAL, 50);
    let foreign = fs::read(other.with_extension("db-wal")).unwrap();
    let mut broken = foreign.clone();
    broken[24] ^= 1;
    for wal in [vec![9; 10_000], broken, Vec::new()] {
        let (folder, path) = folder();
        drop(database(&path, "PRAGMA journal_mode = WAL", 500));
        fs::write(path.with_extension("db-wal"), wal).unwrap();
        let before = listing(folder.path());
        assert!(captured(&path).0 == fs::read(&path).unwrap());
        assert!(listing(folder.path()) == before);
    }
    drop(app);
}

#[test]
fn f30_a_hot_journal_is_refused_without_a_scratch_folder() {
    let (folder, path) = folder();
    hot_journal(&path);
    let before = listing(folder.path());
    let error = refused(&path, &options());
    assert!(matches!(error, SqliteError::HotJournal { .. }), "{error:?}");
    assert!(listing(folder.path()) == before);
}

#[test]
fn f30_a_hot_journal_is_rolled_back_outside_the_database() {
    let (folder, path) = folder();
    let committed = hot_journal(&path);
    assert!(fs::read(&path).unwrap() != committed);
    let before = listing(folder.path());
    let scratch = tempfile::tempdir().unwrap();
    let mut options = options();
    options.scratch = Some(scratch.path().to_owned());
    let (bytes, facts) = capture_with(&path, &options).unwrap();
    assert!(bytes == committed);
    assert!(facts.rolled_back);
    assert_eq!(facts.row_counts["visits"], 2000);
    assert!(listing(folder.path()) == before);
    assert!(listing(scratch.path()).is_empty());
}

#[test]
fn f30_a_hot_journal_of_a_transaction_over_several_databases_is_rolled_back_outside_them() {
    let (folder, path) = folder();
    let committed = hot_journal(&path);
    let all = folder.path().join("app.db-mjABCDEF9AB");
    fs::write(&all, b"two names").unwrap();
    name_super_journal(&path.with_extension("db-journal"), &all);
    let before = listing(folder.path());
    let scratch = tempfile::tempdir().unwrap();
    let mut options = options();
    options.scratch = Some(scratch.path().to_owned());
    let (bytes, facts) = capture_with(&path, &options).unwrap();
    assert!(bytes == committed);
    assert!(facts.rolled_back);
    assert!(listing(folder.path()) == before);
}

/// Ends a journal with the name of a super-journal, as SQLite does.
fn name_super_journal(journal: &Path, name: &Path) {
    let mut bytes = fs::read(journal).unwrap();
    let name = name.to_str().unwrap().as_bytes();
    let sum: u32 = name.iter().map(|&byte| u32::from(byte)).sum();
    bytes.extend((0x4000_0000_u32 / 4096 + 1).to_be_bytes());
    bytes.extend(name);
    bytes.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
    bytes.extend(sum.to_be_bytes());
    bytes.extend([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    fs::write(journal, bytes).unwrap();
}

/// Does something at the first extent.
struct Once<F: FnMut()>(Collected, Option<F>);

impl<F: FnMut()> ExtentSink for Once<F> {
    fn extent(&mut self, index: u64, bytes: Vec<u8>) -> Result<(), Stopped> {
        if let Some(mut act) = self.1.take() {
            act();
        }
        self.0.extent(index, bytes)
    }
}

fn during(path: &Path, act: impl FnMut()) -> Result<Vec<u8>, SqliteError> {
    let mut sink = Once(Collected::default(), Some(act));
    capture(path, &options(), &mut sink)?;
    Ok(sink.0.database())
}

#[test]
fn f33_a_database_replaced_or_removed_during_the_capture_is_an_error() {
    let (folder, path) = folder();
    drop(database(&path, "", 5000));
    let other = folder.path().join("other");
    fs::copy(&path, &other).unwrap();
    let error = during(&path, || fs::rename(&other, &path).unwrap())
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, SqliteError::Replaced { .. }), "{error:?}");
    assert!(error.is_transient());
    let error = during(&path, || fs::remove_file(&path).unwrap())
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, SqliteError::Replaced { .. }), "{error:?}");
}

#[test]
fn a_program_that_opens_a_wal_database_during_a_capture_without_shm_is_noticed() {
    let (_folder, path) = folder();
    drop(database(&path, WAL, 5000));
    let mut app = None;
    let error = during(&path, || {
        let opened = rusqlite::Connection::open(&path).unwrap();
        add(&opened, 10);
        app = Some(opened);
    });
    assert!(
        matches!(error, Err(SqliteError::Disturbed { .. })),
        "{error:?}"
    );
    // The second try finds the -shm and shares it.
    let bytes = during(&path, || add(app.as_ref().unwrap(), 10)).unwrap();
    assert_eq!(check(&bytes), ["ok"]);
    assert_eq!(rows(&bytes), 5010);
}

#[test]
fn a_program_that_came_and_went_during_a_capture_without_shm_is_noticed() {
    let (_folder, path) = folder();
    drop(database(&path, WAL, 5000));
    let error = during(&path, || {
        let app = rusqlite::Connection::open(&path).unwrap();
        add(&app, 10);
        app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
    });
    assert!(
        matches!(error, Err(SqliteError::Disturbed { .. })),
        "{error:?}"
    );
    assert_eq!(captured(&path).1.row_counts["visits"], 5010);
}

#[test]
fn f29_a_read_only_folder_is_enough() {
    for (mode, keep_shm) in [("delete", false), ("wal", false), ("wal", true)] {
        let (from, path) = folder();
        let pragmas = format!("PRAGMA journal_mode = {mode}; PRAGMA wal_autocheckpoint = 0");
        let app = database(&path, &pragmas, 500);
        let (live, _) = captured(&path);
        let (to, copy) = folder();
        crash_copy(&path, &copy);
        if keep_shm {
            let shm = |path: &Path| path.with_extension("db-shm");
            fs::copy(shm(&path), shm(&copy)).unwrap();
        }
        for file in listing(to.path()).keys() {
            fs::set_permissions(file, fs::Permissions::from_mode(0o444)).unwrap();
        }
        fs::set_permissions(to.path(), fs::Permissions::from_mode(0o555)).unwrap();
        let before = listing(to.path());
        if let Some(said) = Child::run_unprivileged("capture", &copy) {
            assert_eq!(
                said,
                blake3::hash(&live).to_hex().as_str(),
                "{mode} {keep_shm}"
            );
        }
        assert!(listing(to.path()) == before, "{mode} {keep_shm}");
        fs::set_permissions(to.path(), fs::Permissions::from_mode(0o755)).unwrap();
        drop((app, from));
    }
}

#[test]
fn names_that_mean_something_in_a_uri_are_only_names() {
    use std::os::unix::ffi::OsStrExt;
    let (folder, path) = folder();
    drop(database(&path, "", 10));
    for name in [
        &b"a?mode=rwc#x%41.db"[..],
        b"caf\xc3\xa9 \"'&=.db",
        b"latin\xe9.db",
    ] {
        let odd = folder.path().join(std::ffi::OsStr::from_bytes(name));
        fs::copy(&path, &odd).unwrap();
        assert!(captured(&odd).0 == fs::read(&odd).unwrap());
    }
}
