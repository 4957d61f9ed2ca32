//! Errors of snapshots have their exits, and say what can be acted on.

use std::path::PathBuf;

use super::*;

#[test]
fn kinds_have_their_exits() {
    let path = PathBuf::from("/x");
    let missing = io::Error::from(io::ErrorKind::NotFound);
    let full = io::Error::from(io::ErrorKind::StorageFull);
    let cases = [
        (
            SnapshotError::SourceMissing {
                path: path.clone(),
                source: missing,
            },
            7,
        ),
        (
            SnapshotError::SourceVanished {
                path: path.clone(),
                files_before: 3,
            },
            7,
        ),
        (
            SnapshotError::SourceInRepository {
                path: path.clone(),
                repository: path.clone(),
            },
            2,
        ),
        (
            SnapshotError::SnapshotUnknown {
                name: "abcd".into(),
            },
            2,
        ),
        (
            SnapshotError::SnapshotRemoved {
                id: SnapshotId::from_bytes([1; 16]),
            },
            2,
        ),
        (SnapshotError::TargetNotEmpty { path: path.clone() }, 8),
        (
            SnapshotError::Refused {
                what: "a folder",
                reason: "order".into(),
            },
            9,
        ),
        (
            SnapshotError::Zip {
                path: path.clone(),
                source: ZipError::Write(full),
            },
            28,
        ),
        (
            SnapshotError::NoSpace {
                path,
                needed_bytes: 2,
                free_bytes: 1,
            },
            28,
        ),
    ];
    for (error, code) in cases {
        let text = error.to_string();
        assert_eq!(Failure::from(error).exit().code(), code, "{text}");
    }
}

#[test]
fn no_space_names_both_numbers() {
    let path = PathBuf::from("/media/usb");
    let (needed_bytes, free_bytes) = (3 << 20, 1 << 20);
    let failure = Failure::from(SnapshotError::NoSpace {
        path,
        needed_bytes,
        free_bytes,
    });
    assert_eq!(
        failure.lines()[1].1,
        "3.0 MiB are needed and 1.0 MiB are free"
    );
    assert_eq!(failure.event()["needed_bytes"], needed_bytes);
}

#[test]
fn the_cause_of_a_missing_source_is_the_systems() {
    let path = PathBuf::from("/gone");
    let source = io::Error::from_raw_os_error(2);
    let failure = Failure::from(SnapshotError::SourceMissing { path, source });
    assert_eq!(failure.lines()[1].1, "No such file or directory");
}

#[test]
fn of_many_things_the_first_are_told() {
    assert_eq!(first_of(&["a", "b"], 2), "a, b");
    assert_eq!(first_of(&["a", "b", "c"], 2), "a, b, …");
}
