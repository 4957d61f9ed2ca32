//! Damaged and foreign files: what can be saved is saved, and named as what it is.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use rusqlite::Connection;

use super::support::{capture_with, captured, crash_copy, database, folder, options, refused};
use crate::sqlite::{Check, Checked, Image, Sniffed, SqliteError, open_image, side_files, sniff};

fn damaged(path: &std::path::Path, check: Check) -> (Vec<u8>, Checked) {
    let mut options = options();
    options.check = check;
    let (bytes, facts) = capture_with(path, &options).unwrap();
    (bytes, facts.check)
}

#[test]
fn f32_a_damaged_page_is_captured_as_it_is_and_flagged() {
    let (_folder, path) = folder();
    drop(database(&path, "", 2000));
    let mut bytes = fs::read(&path).unwrap();
    bytes[20 * 4096..21 * 4096].fill(0xee);
    fs::write(&path, &bytes).unwrap();
    for check in [Check::Quick, Check::Full] {
        let (captured, checked) = damaged(&path, check);
        assert!(captured == bytes);
        assert!(matches!(checked, Checked::Damaged(found) if !found.is_empty()));
    }
}

#[test]
fn f32_a_schema_that_cannot_be_read_does_not_keep_the_pages_from_being_saved() {
    let (_folder, path) = folder();
    drop(database(&path, "PRAGMA user_version = 3", 2000));
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..4096].fill(0xee);
    fs::write(&path, &bytes).unwrap();
    let (captured, facts) = capture_with(&path, &options()).unwrap();
    assert!(captured == bytes);
    assert_eq!((facts.user_version, facts.schema_hash), (3, None));
    assert!(matches!(facts.check, Checked::Damaged(_)));
    assert!(matches!(
        damaged(&path, Check::Quick).1,
        Checked::Damaged(_)
    ));
}

#[test]
fn a_check_that_cannot_be_run_is_not_damage() {
    let (_folder, path) = folder();
    let app = database(&path, "", 10);
    app.execute_batch(
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql =
        replace(sql, '(note)', '(note COLLATE only_here)') WHERE name = 'visits_note'",
    )
    .unwrap();
    drop(app);
    let (bytes, checked) = damaged(&path, Check::Full);
    assert!(bytes == fs::read(&path).unwrap());
    assert!(
        matches!(&checked, Checked::Unable(why) if why.contains("only_here")),
        "{checked:?}"
    );
}

#[test]
fn bad_37_text_and_random_bytes_are_not_a_database() {
    let (_folder, path) = folder();
    for content in [&b"just a text"[..], b"SQLite format 3", &[0xa5; 8192]] {
        fs::write(&path, content).unwrap();
        let file = File::open(&path).unwrap();
        assert_eq!(sniff(&file, &path).unwrap(), Sniffed::NotDatabase);
        let error = refused(&path, &options());
        assert!(
            matches!(error, SqliteError::NotADatabase { .. }),
            "{error:?}"
        );
    }
    let told = refused(&path, &options()).to_string();
    assert!(
        told.contains("is not a plain SQLite database: it begins with"),
        "{told}"
    );
}

#[test]
fn bad_38_lies_in_the_header_and_truncated_files_are_damage() {
    let (_folder, path) = folder();
    drop(database(&path, "", 2000));
    let intact = fs::read(&path).unwrap();
    let lie = |at: usize, value: &[u8]| {
        let mut bytes = intact.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    for content in [
        lie(16, &[0, 0]),
        lie(16, &[0x10, 1]),
        lie(16, &[0, 255]),
        lie(19, &[9]),
        lie(28, &[0, 0, 0xff, 0]),
        intact[..intact.len() - 4096].to_vec(),
        intact[..intact.len() - 100].to_vec(),
        intact[..5000].to_vec(),
        intact[..100].to_vec(),
        intact[..60].to_vec(),
    ] {
        fs::write(&path, &content).unwrap();
        let error = refused(&path, &options());
        assert!(matches!(error, SqliteError::Damaged { .. }), "{error:?}");
        assert!(fs::read(&path).unwrap() == content);
    }
}

#[test]
fn bad_42_a_link_is_not_followed_and_a_missing_file_is_told() {
    let (folder, path) = folder();
    drop(database(&path, "", 10));
    let link = folder.path().join("link.db");
    symlink(&path, &link).unwrap();
    for path in [
        link,
        folder.path().join("missing"),
        folder.path().to_owned(),
    ] {
        let error = refused(&path, &options());
        assert!(matches!(error, SqliteError::Io { .. }), "{error:?}");
    }
    // A folder that is reached through a link is fine: it is resolved once.
    let (other, _) = super::support::folder();
    symlink(folder.path(), other.path().join("data")).unwrap();
    assert!(captured(&other.path().join("data/app.db")).0 == fs::read(&path).unwrap());
}

#[test]
fn content_decides_what_is_a_database_not_the_name() {
    let (folder, path) = folder();
    let app = database(&path, "PRAGMA journal_mode = WAL", 10);
    let sniffed = |path: &std::path::Path| sniff(&File::open(path).unwrap(), path).unwrap();
    let photo = folder.path().join("photo.jpg");
    crash_copy(&path, &photo);
    assert_eq!(sniffed(&photo), Sniffed::Database);
    fs::write(&photo, b"").unwrap();
    let [wal, shm, journal] = side_files(&photo);
    assert!(wal.ends_with("photo.jpg-wal") && shm.ends_with("photo.jpg-shm"));
    assert!(journal.ends_with("photo.jpg-journal"));
    assert_eq!(sniffed(&photo), Sniffed::Database, "empty, but with a WAL");
    fs::write(&wal, b"shopping list, nothing like a write-ahead log").unwrap();
    assert_eq!(sniffed(&photo), Sniffed::NotDatabase);
    assert_eq!(sniffed(folder.path()), Sniffed::NotDatabase);
    drop(app);
}

#[test]
fn f34_a_file_whose_first_page_is_not_written_yet_may_become_a_database() {
    let (_folder, path) = folder();
    fs::write(&path, [0; 8192]).unwrap();
    let sniffed = || sniff(&File::open(&path).unwrap(), &path).unwrap();
    assert_eq!(sniffed(), Sniffed::NotDatabase);
    let [.., journal] = side_files(&path);
    fs::write(journal, "a transaction").unwrap();
    assert_eq!(sniffed(), Sniffed::Unfinished);
    fs::write(&path, [1; 8192]).unwrap();
    assert_eq!(sniffed(), Sniffed::NotDatabase);
}

struct Bytes(Vec<u8>);

impl Image for Bytes {
    fn len(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap()
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        buf.copy_from_slice(&self.0[start..start + buf.len()]);
        Ok(())
    }
}

fn all_ok(connection: &Connection) -> String {
    let query = "PRAGMA quick_check";
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn an_image_is_a_database_to_read_and_nothing_else() {
    for mode in ["wal", "delete"] {
        let (folder, path) = folder();
        drop(database(
            &path,
            &format!("PRAGMA journal_mode = {mode}"),
            2000,
        ));
        let connection = open_image(Arc::new(Bytes(captured(&path).0))).unwrap();
        assert_eq!(all_ok(&connection), "ok");
        let sorted = "SELECT note FROM visits ORDER BY length(note) DESC, note DESC LIMIT 1";
        let note: String = connection.query_row(sorted, [], |row| row.get(0)).unwrap();
        assert_eq!(note, "note 2000");
        let other = folder.path().join("out.db");
        for refused in [
            "DELETE FROM visits".to_owned(),
            format!("ATTACH '{}' AS other", path.display()),
            format!("VACUUM INTO '{}'", other.display()),
        ] {
            assert!(connection.execute_batch(&refused).is_err(), "{refused}");
        }
        assert!(!other.exists());
    }
    let empty = open_image(Arc::new(Bytes(Vec::new()))).unwrap();
    assert_eq!(all_ok(&empty), "ok");
}

#[test]
fn an_image_that_fails_or_panics_is_an_error_of_the_query() {
    struct Broken(Bytes, bool);
    impl Image for Broken {
        fn len(&self) -> u64 {
            self.0.len()
        }
        fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
            match (offset, self.1) {
                (0..8192, _) => self.0.read_exact_at(buf, offset),
                (_, true) => panic!("on purpose"),
                (_, false) => Err(io::Error::other("on purpose")),
            }
        }
    }
    let (_folder, path) = folder();
    drop(database(&path, "", 2000));
    let bytes = captured(&path).0;
    for panics in [false, true] {
        let image = Broken(Bytes(bytes.clone()), panics);
        let connection = open_image(Arc::new(image)).unwrap();
        let query = "SELECT sum(length(note)) FROM visits";
        let result = connection.query_row(query, [], |row| row.get::<_, i64>(0));
        assert!(result.is_err());
    }
}
