//! What stands in the data under the name of a stage and was put there by somebody else: it is not obeyed, not thrown away,
//! and in nobody's way.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::vouch::{Found, Vouchers};
use super::super::{leader, stage};
use super::left::{backup_of, journal_of, live_and_stage, look_at, settle, vouchers};
use super::*;
use crate::error::SnapshotError;
use crate::inplace::InPlaceError;
use crate::monitor::WarningKind;
use crate::{Repository, Unwatched};

fn write(journal: &Journal, stage: &std::path::Path, vouchers: &Vouchers) {
    journal.prepare(stage, vouchers).unwrap();
    Journal::begin(stage).unwrap();
}

/// A whole journal in its right place, that this user's restore would have written; the notes are somebody else's.
fn hostile(above: &std::path::Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let (live, stage) = live_and_stage(above);
    let (journal, _) = journal_of(&live, &stage);
    let theirs = tempfile::tempdir().unwrap();
    let theirs = Vouchers::new(Some(theirs.path()));
    write(&journal, &stage, &theirs);
    (live, stage)
}

#[test]
fn r7_a_journal_that_nobody_vouches_for_is_not_obeyed_and_the_backup_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (live, stage) = hostile(&root);
    let is_whole = || live.join("file").exists() && stage.join("journal").exists();
    let settled = settle(&live).unwrap();
    assert_eq!(settled.refused, std::slice::from_ref(&stage));
    assert!(settled.finished.is_empty() && is_whole());

    let repository = Repository::create(&root.join("repository")).unwrap();
    let report = repository.backup(&backup_of(&live), &Unwatched).unwrap();
    let is_told =
        |warning: &crate::Warning| warning.kind == WarningKind::Skipped && warning.path == stage;
    assert!(report.warnings.iter().any(is_told), "{:?}", report.warnings);
    assert_eq!(report.files_new, 1);
    look_at(&live).unwrap();
    assert!(is_whole());
    // Nor does a restore of one's own take its place.
    let error = stage::make(&stage, &vouchers()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("was not written by a restore of this user")
    );
    assert!(is_whole());
}

#[test]
fn r7_a_journal_of_other_folders_than_a_restore_would_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (live, stage) = live_and_stage(&root);
    let (journal, _) = journal_of(&live, &stage);
    let documents = root.join("documents");
    fs::create_dir(&documents).unwrap();
    let bytes = |path: &std::path::Path| {
        use std::os::unix::ffi::OsStrExt;
        serde_bytes::ByteBuf::from(path.as_os_str().as_bytes())
    };
    let good = journal.folders[0].clone();
    let with = |source: &std::path::Path, live: &std::path::Path, stage: &std::path::Path| {
        crate::inplace::journal::Folder {
            source: bytes(source),
            live: bytes(live),
            stage: bytes(stage),
        }
    };
    for folders in [
        vec![],
        vec![with(&root, &root, &stage)],
        vec![with(&live, &root, &stage)],
        vec![with(&live, &live, &documents)],
        vec![good.clone(), with(&documents, &documents, &documents)],
        vec![with(&documents, &documents, &documents), good.clone()],
        vec![with(&live.join("../data"), &live.join("../data"), &stage)],
    ] {
        let journal = Journal {
            folders,
            ..journal.clone()
        };
        write(&journal, &stage, &vouchers());
        let error = settle(&live).unwrap_err();
        let is_refused = matches!(
            error,
            SnapshotError::InPlace(InPlaceError::JournalUnusable { .. })
        );
        assert!(is_refused && documents.exists() && live.join("file").exists());
    }
}

#[test]
fn r7_a_journal_of_this_user_is_not_obeyed_from_another_folder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (live, stage) = live_and_stage(&root.join("one"));
    let (journal, _) = journal_of(&live, &stage);
    write(&journal, &stage, &vouchers());
    let (other, elsewhere) = live_and_stage(&root.join("two"));
    let inside = other.join(".lifeboat-restore-x");
    fs::create_dir(&inside).unwrap();
    for copy in [&elsewhere, &inside] {
        fs::copy(stage.join("journal"), copy.join("journal")).unwrap();
    }
    // One that names the stage with the journal as its leader, and is none of the journal's.
    let led = other.join(".lifeboat-restore-y");
    fs::create_dir(&led).unwrap();
    leader::note(&led, &stage, &vouchers()).unwrap();
    let settled = settle(&other).unwrap();
    let mut refused = vec![elsewhere, inside, led];
    refused.sort();
    assert_eq!(settled.refused, refused);
    assert!(live.join("file").exists() && settled.finished.is_empty());
}

#[test]
fn r7_a_leader_file_and_a_folder_of_somebody_else_stay_and_are_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (live, victim) = live_and_stage(&root.join("one"));
    let led = live.join(".lifeboat-restore-x");
    fs::create_dir(&led).unwrap();
    for leader in [&victim, &root.join("nowhere/.lifeboat-restore-1")] {
        let line = format!("7 {}", leader.display());
        fs::write(led.join("leader"), line).unwrap();
        let settled = settle(&led).unwrap();
        assert!(settled.kept.is_empty());
        settle(&live).unwrap();
        assert!(led.exists());
    }
    fs::remove_file(led.join("leader")).unwrap();
    fs::write(led.join("mine"), "mine").unwrap();
    let settled = settle(&live).unwrap();
    assert_eq!(settled.refused, std::slice::from_ref(&led));
    assert!(led.join("mine").exists());
}

#[test]
fn r7_a_journal_that_others_can_write_or_that_has_another_name_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (live, stage) = live_and_stage(&root);
    let (journal, _) = journal_of(&live, &stage);
    write(&journal, &stage, &vouchers());
    let path = stage.join("journal");
    let read = || Journal::read(&stage, &vouchers()).unwrap();
    assert_eq!(read(), Found::Own(journal.clone()));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
    assert_eq!(read(), Found::Foreign);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::hard_link(&path, root.join("other")).unwrap();
    assert_eq!(read(), Found::Foreign);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(root.join("other"), &path).unwrap();
    assert_eq!(read(), Found::Foreign);
}

#[test]
fn f50_a_journal_of_this_user_that_is_not_what_was_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (live, stage) = live_and_stage(&root);
    let (journal, _) = journal_of(&live, &stage);
    write(&journal, &stage, &vouchers());
    let path = stage.join("journal");
    let whole = fs::read(&path).unwrap();
    for changed in [&whole[..whole.len() - 1], &[], &[&whole[..], b"x"].concat()] {
        fs::write(&path, changed).unwrap();
        let error = Journal::read(&stage, &vouchers()).unwrap_err();
        assert!(
            error.to_string().contains("is not what was written"),
            "{error}"
        );
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(
        Journal::read(&stage, &vouchers()).unwrap(),
        Found::Own(journal)
    );
}

#[test]
fn r7_what_is_kept_is_noted_in_no_file_that_a_link_leads_to() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (_, stage) = live_and_stage(&root);
    let mine = root.join("mine");
    fs::write(&mine, "mine").unwrap();
    std::os::unix::fs::symlink(&mine, stage.join("keep")).unwrap();
    stage::keep(&stage, b"why").unwrap_err();
    let moved = root.join("moved");
    fs::rename(&stage, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &stage).unwrap();
    fs::remove_file(moved.join("keep")).unwrap();
    stage::keep(&stage, b"why").unwrap_err();
    assert!(!moved.join("keep").exists());
    assert_eq!(fs::read(&mine).unwrap(), b"mine");
}

#[test]
fn r7_a_note_in_a_folder_that_others_can_write_to_is_no_note() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let state = root.join("a/state");
    let vouchers = Vouchers::new(Some(&state));
    let stage = root.join(".lifeboat-restore-1");
    vouchers.give(&stage, b"one").unwrap();
    let noted = || vouchers.noted(&stage).unwrap();
    assert_eq!(noted(), [*blake3::hash(b"one").as_bytes()]);
    for open in [&state, &state.join("restores"), &root.join("a")] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(noted().is_empty(), "{}", open.display());
        fs::set_permissions(open, fs::Permissions::from_mode(0o700)).unwrap();
    }
    vouchers.forget(&stage);
    assert!(noted().is_empty());
}
