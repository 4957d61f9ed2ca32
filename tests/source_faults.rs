//! Sources that fail, deceive or change hands while they are read, and repositories that were copied.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use lifeboat_snapshot::entry::Node;
use lifeboat_snapshot::store::progress::Progress;
use lifeboat_snapshot::{Monitor, Unwatched, Verify};
use rusqlite::Connection;

use crate::support::{Answer, Workbench, outside};

#[test]
fn f06_a_file_whose_disk_fails_is_named_and_the_rest_is_saved() {
    let bench = Workbench::with_files();
    let path = bench.data().join("papers/one.txt");
    let path = path.to_str().unwrap();
    let inject = [
        "-qq",
        "-f",
        "-o",
        "/dev/null",
        "-P",
        path,
        "-e",
        "inject=read,pread64:error=EIO",
    ];
    let strace: Vec<&str> = ["strace"].into_iter().chain(inject).collect();
    if !outside::works("strace", &["-qq", "-o", "/dev/null", "true"]) {
        return;
    }
    let program = [&strace[..], &[env!("CARGO_BIN_EXE_lifeboat")]].concat();
    let mut command = bench.command_by(&program, ["backup", "data", "--no-zip"]);
    let answer = Answer::of(&mut command).exits(3);
    answer.says_aside(&["papers/one.txt", "Input/output error"]);
    let listed = bench.lifeboat(&["ls", "-R", "latest"]).exits(0).text();
    assert!(
        listed.contains("papers/two.txt") && !listed.contains("one.txt"),
        "{listed}"
    );
    let shown = bench
        .lifeboat(&["show", "latest", "--json"])
        .exits(0)
        .json();
    assert_eq!(shown["flaws"][0]["flaw"], "missing");
}

#[test]
fn f26_a_file_that_becomes_a_pipe_or_a_link_between_two_looks_is_never_waited_for_nor_followed() {
    let bench = Workbench::with_files();
    fs::write(bench.path("secret"), "outside of the source").unwrap();
    let (racing, spare) = (bench.data().join("racing"), bench.path("spare"));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in (0..3).cycle() {
                let _ = fs::remove_file(&spare);
                match turn {
                    0 => fs::write(&spare, "a file").unwrap(),
                    1 => mkfifo(&spare),
                    _ => std::os::unix::fs::symlink(bench.path("secret"), &spare).unwrap(),
                }
                fs::rename(&spare, &racing).unwrap();
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        for _ in 0..60 {
            let report = bench.backup();
            let snapshot = report.snapshot.unwrap();
            let repository = bench.repository();
            let tree = repository.tree(&snapshot).unwrap();
            let racing = tree
                .walk()
                .map(Result::unwrap)
                .find(|(path, _)| path.to_string() == "racing");
            match racing.map(|(_, entry)| entry.node) {
                Some(Node::File { content, .. }) => assert_eq!(content.len, 6),
                Some(Node::Symlink { .. } | Node::Special { .. }) | None => {}
                Some(other) => panic!("{other:?}"),
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// Saves and writes files in the moment in which they are about to be read, long after the walk saw them.
struct Late(std::path::PathBuf);

impl Progress for Late {}

impl Monitor for Late {
    fn item(&self, path: &Path) {
        let spare = self.0.with_extension("spare");
        if path.ends_with("settings.json") {
            fs::write(&spare, "saved anew").unwrap();
            fs::rename(&spare, path).unwrap();
        }
        if path.ends_with("rotated.log") {
            fs::write(path, "no longer empty").unwrap();
        }
    }
}

#[test]
fn f24_what_was_saved_in_a_files_place_or_written_to_an_empty_one_since_the_walk_is_stored() {
    let bench = Workbench::with_files();
    bench.write("settings.json", "as the walk saw it");
    bench.write("rotated.log", "");
    let late = Late(bench.path("late"));
    let report = bench.repository().backup(&bench.plan(), &late).unwrap();
    assert_eq!(report.warnings, []);
    let restored = bench.restore(&report.snapshot.unwrap(), "restored");
    for (name, content) in [
        ("settings.json", "saved anew"),
        ("rotated.log", "no longer empty"),
    ] {
        assert_eq!(fs::read_to_string(restored.join(name)).unwrap(), content);
    }
}

fn mkfifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

#[test]
fn f31_a_wal_starts_over_after_the_backup_that_held_it() {
    let bench = Workbench::with_files();
    let app = Connection::open(bench.data().join("app.db")).unwrap();
    app.pragma_update(None, "journal_mode", "wal").unwrap();
    app.execute_batch("CREATE TABLE t (x)").unwrap();
    let wal = bench.data().join("app.db-wal");
    let repository = bench.repository();
    for _ in 0..3 {
        for _ in 0..200 {
            app.execute("INSERT INTO t VALUES (zeroblob(3000))", [])
                .unwrap();
        }
        repository.backup(&bench.plan(), &Unwatched).unwrap();
        // In the same process, whose descriptors of the database stay open: no lock may stay with them.
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let (busy, _) = app
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], row)
            .unwrap();
        assert_eq!(busy, 0, "nobody holds it any more");
        assert_eq!(fs::metadata(&wal).unwrap().len(), 0);
    }
}

#[test]
fn bad_32_files_that_claim_to_be_empty_are_read_to_their_end() {
    let bench = Workbench::with_files();
    let source = Path::new("/proc/sys/kernel/random");
    let Ok(id) = fs::read(source.join("boot_id")) else {
        return;
    };
    assert_eq!(fs::metadata(source.join("boot_id")).unwrap().len(), 0);
    bench
        .lifeboat(&["backup", source.to_str().unwrap(), "--no-zip"])
        .exits(0);
    let read = bench.lifeboat(&["cat", "latest", "boot_id"]).exits(0);
    assert_eq!(read.bytes(), id);
}

/// A repository with a cache: its packs are many.
fn with_cache(bench: &Workbench) {
    for number in 0..20 {
        bench.write(format!("file{number}"), format!("content {number}"));
        bench.backup();
    }
    assert!(bench.place().join("cache").exists());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn f78_a_copy_that_went_its_own_way_never_relies_on_the_packs_of_the_other() {
    let one = Workbench::with_files();
    with_cache(&one);
    let two = Workbench::with_files();
    copy(&one.place(), &two.place());
    // Both have the same id, and from here on each has packs that the other has not.
    for number in 0..20 {
        one.write(
            format!("more{number}"),
            format!("only in one, at first: {number}"),
        );
        one.backup();
    }
    // The cache of one names packs that only it has; the other is given it, as one cache for both would.
    fs::remove_dir_all(two.place().join("cache")).unwrap();
    copy(&one.place().join("cache"), &two.place().join("cache"));
    for entry in fs::read_dir(one.data()).unwrap().map(Result::unwrap) {
        if entry.file_name().as_bytes().starts_with(b"more") {
            fs::copy(entry.path(), two.data().join(entry.file_name())).unwrap();
        }
    }
    let snapshot = two.backup().snapshot.unwrap();
    let verify = Verify {
        read_data: true,
        ..Verify::default()
    };
    let report = two.repository().verify(&verify, &Unwatched).unwrap();
    assert!(report.damaged.is_empty());
    let restored = two.restore(&snapshot, "restored");
    assert_eq!(
        fs::read(restored.join("more7")).unwrap(),
        b"only in one, at first: 7"
    );
}
