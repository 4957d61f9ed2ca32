//! What a crash has left in real folders is thrown away only where it is known to be waste.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::files::Files;
use super::super::recover::{Settled, finish_interrupted};
use super::super::vouch::{Found, Vouchers};
use super::super::was::{Inner, Role};
use super::super::{finish, leader, places, stage};
use super::*;
use crate::error::{IoContext, SnapshotError};
use crate::inplace::InPlaceError;
use crate::live::Health;
use crate::{Backup, CheckLive, Repository, Unwatched, check_live, preview_first_backup};

/// The folder for the notes of all these tests: what they are of has a name of its own in each.
pub(super) fn state() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    std::env::temp_dir().join(format!("lifeboat-test-state-{user}"))
}

pub(super) fn vouchers() -> Vouchers {
    Vouchers::new(Some(&state()))
}

/// A live folder in a folder of its own, and its stage with something in it.
pub(super) fn live_and_stage(above: &Path) -> (PathBuf, PathBuf) {
    let live = above.join("data");
    fs::create_dir_all(&live).unwrap();
    let stage = places::place(&live, &live).unwrap();
    stage::make(&stage, &vouchers()).unwrap();
    fs::write(stage.join("old"), "the only copy").unwrap();
    (live, stage)
}

pub(super) fn settle(live: &Path) -> Result<Settled, SnapshotError> {
    finish_interrupted(&[live.to_owned()], Some(&state()))
}

pub(super) fn backup_of(live: &Path) -> Backup {
    Backup {
        sources: vec![live.to_owned()],
        state: Some(state()),
        ..Backup::default()
    }
}

pub(super) fn look_at(live: &Path) -> Result<Vec<Health>, SnapshotError> {
    let how = CheckLive {
        full: false,
        busy_timeout: std::time::Duration::ZERO,
        scratch: None,
        state: Some(state()),
    };
    check_live(live, &BTreeSet::new(), &how, &Unwatched)
}

fn holds(stage: &Path) -> bool {
    fs::read(stage.join("old")).is_ok_and(|bytes| bytes == b"the only copy")
}

/// Two live folders, each with a stage, the second led by the first.
fn led() -> (tempfile::TempDir, PathBuf, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (_, first) = live_and_stage(&root.join("one"));
    let (live, stage) = live_and_stage(&root.join("two"));
    leader::note(&stage, &first, &vouchers()).unwrap();
    (folder, first, live, stage)
}

#[test]
fn f50_a_stage_whose_leader_is_on_a_disk_that_is_not_mounted_is_left_alone() {
    let (_folder, first, live, stage) = led();
    let above = first.parent().unwrap();
    fs::rename(above, above.with_extension("elsewhere")).unwrap();
    let check = || {
        let error = settle(&live).unwrap_err();
        assert!(matches!(
            &error,
            SnapshotError::InPlace(InPlaceError::LeaderMissing { path, leader }) if *path == stage && *leader == first
        ));
        assert!(holds(&stage));
    };
    check();
    // The folder that the disk is mounted on is there.
    fs::create_dir(above).unwrap();
    check();
}

#[test]
fn a_stage_whose_leader_is_gone_or_has_no_journal_is_waste() {
    for is_gone in [false, true] {
        let (_folder, first, live, stage) = led();
        if is_gone {
            stage::discard(&first).unwrap();
        }
        let settled = settle(&live).unwrap();
        assert!(settled.kept.is_empty());
        assert!(!stage.exists());
    }
}

#[test]
fn f50_a_stage_whose_leader_has_a_journal_that_cannot_be_read_is_left_alone() {
    let (_folder, first, live, stage) = led();
    fs::create_dir(first.join("journal")).unwrap();
    let settled = settle(&live).unwrap();
    assert_eq!(settled.refused, std::slice::from_ref(&stage));
    assert!(holds(&stage) && holds(&first));
}

#[test]
fn a_leader_file_that_names_nothing_is_an_error() {
    let (_folder, _, live, stage) = led();
    for bytes in ["", "7", "7 ", "x /a/.lifeboat-restore-1", "7 /a/b"] {
        fs::write(stage.join("leader"), bytes).unwrap();
        let error = settle(&live).unwrap_err();
        assert!(matches!(
            error,
            SnapshotError::InPlace(InPlaceError::JournalUnusable { .. })
        ));
        assert!(holds(&stage), "{bytes}");
    }
}

#[test]
fn a_restore_does_not_take_the_place_of_a_stage_that_is_led() {
    let (_folder, _, _, stage) = led();
    stage::make(&stage, &vouchers()).unwrap_err();
    assert!(holds(&stage));
}

#[test]
fn a_stage_at_which_another_process_works_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (live, stage) = live_and_stage(&folder.path().canonicalize().unwrap());
    let lock = stage::Lock::take(&live).unwrap();
    settle(&live).unwrap();
    assert!(holds(&stage));
    drop(lock);
    settle(&live).unwrap();
    assert!(!stage.exists());
}

#[test]
fn f50_what_is_to_be_kept_is_laid_aside_after_a_crash_behind_the_journals_end() {
    let folder = tempfile::tempdir().unwrap();
    let (live, stage) = live_and_stage(&folder.path().canonicalize().unwrap());
    // As the end of a journal does before it goes.
    stage::keep(&stage, b"").unwrap();
    let settled = settle(&live).unwrap();
    assert!(!stage.exists());
    assert!(matches!(&settled.kept[..], [kept] if holds(kept)));
    // Nor does the next restore throw it away where nobody has settled it.
    stage::make(&stage, &vouchers()).unwrap();
    stage::keep(&stage, b"").unwrap();
    stage::make(&stage, &vouchers()).unwrap();
    assert_eq!(fs::read_dir(&stage).unwrap().count(), 0);
    assert!(holds(&settled.kept[0]));
}

/// A journal over a real folder whose file is not what was saved.
pub(super) fn journal_of(live: &Path, stage: &Path) -> (Journal, super::super::files::Real) {
    use super::super::journal::Folder;
    use std::os::unix::ffi::OsStrExt;
    let bytes = |path: &Path| serde_bytes::ByteBuf::from(path.as_os_str().as_bytes());
    fs::write(live.join("file"), "written after it was saved").unwrap();
    fs::remove_file(stage.join("old")).unwrap();
    fs::create_dir(stage.join("old")).unwrap();
    let journal = Journal {
        folders: vec![Folder {
            source: bytes(live),
            live: bytes(live),
            stage: bytes(stage),
        }],
        steps: vec![Step {
            folder: 0,
            path: path("file"),
            change: Change::Remove {
                was: was(1),
                is_database: false,
                side_files: [None, None],
            },
        }],
        inside: Vec::new(),
    };
    let files = super::super::files::Real::open(live, stage).unwrap();
    (journal, files)
}

#[test]
fn f50_the_journal_goes_only_when_what_is_to_be_kept_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    let (live, stage) = live_and_stage(&folder.path().canonicalize().unwrap());
    let (journal, files) = journal_of(&live, &stage);
    journal.prepare(&stage, &vouchers()).unwrap();
    Journal::begin(&stage).unwrap();
    finish::finish(&journal, std::slice::from_ref(&files), &stage, &vouchers()).unwrap();
    assert_eq!(Journal::read(&stage, &vouchers()).unwrap(), Found::Nothing);
    // The crash: nothing was tidied up.
    let settled = settle(&live).unwrap();
    let kept = fs::read(settled.kept[0].join("old/0")).unwrap();
    assert_eq!(kept, b"written after it was saved");
    let says = fs::read_to_string(settled.kept[0].join("keep")).unwrap();
    assert_eq!(says, format!("old/0 was {}\n", live.join("file").display()));
    assert!(!live.join("file").exists());
}

#[test]
fn f50_a_backup_finishes_a_stopped_restore_before_it_looks_and_a_check_or_preview_only_tells() {
    for is_backup in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (live, stage) = live_and_stage(&root);
        let (journal, _) = journal_of(&live, &stage);
        fs::write(live.join("other"), "stays").unwrap();
        journal.prepare(&stage, &vouchers()).unwrap();
        Journal::begin(&stage).unwrap();
        if is_backup {
            let repository = Repository::create(&root.join("repository")).unwrap();
            let report = repository.backup(&backup_of(&live), &Unwatched).unwrap();
            assert_eq!(report.settled.finished, std::slice::from_ref(&live));
            assert_eq!(report.settled.kept.len(), 1);
            assert_eq!(report.files_new, 1);
        } else {
            let plan = backup_of(&live);
            let preview = preview_first_backup(&root.join("none"), &plan, &Unwatched).unwrap();
            assert_eq!(preview.unfinished, std::slice::from_ref(&live));
            assert_eq!(preview.sources[0].files_new, 2);
            let error = look_at(&live).unwrap_err();
            assert!(matches!(
                error,
                SnapshotError::InPlace(InPlaceError::Unfinished { path }) if path == live
            ));
        }
        assert_eq!(live.join("file").exists(), !is_backup);
        assert_eq!(stage.exists(), !is_backup);
    }
}

#[test]
fn f50_what_a_program_wrote_into_a_folder_behind_the_journal_is_kept_when_that_is_finished() {
    use super::work::put_folder_step;
    for is_written in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (live, stage) = live_and_stage(&folder.path().canonicalize().unwrap());
        let (mut journal, files) = journal_of(&live, &stage);
        fs::create_dir_all(live.join("x/sub")).unwrap();
        fs::create_dir(stage.join("new")).unwrap();
        fs::write(stage.join("new/x"), "a file").unwrap();
        let inode = files.look(&staged("x")).unwrap().unwrap().inode;
        journal.steps = vec![put_folder_step("x", inode, 1)];
        journal.inside = vec![Inner {
            step: 0,
            path: path("sub"),
            shape: shape(0, true),
            role: Role::Plain,
        }];
        journal.prepare(&stage, &vouchers()).unwrap();
        Journal::begin(&stage).unwrap();
        if is_written {
            fs::write(live.join("x/sub/new"), "in no snapshot").unwrap();
        }
        let settled = settle(&live).unwrap();
        assert_eq!(fs::read(live.join("x")).unwrap(), b"a file");
        assert_eq!(settled.kept.len(), usize::from(is_written));
        for kept in settled.kept {
            let bytes = fs::read(kept.join("new/x/sub/new")).unwrap();
            assert_eq!(bytes, b"in no snapshot");
        }
    }
}

#[test]
fn r7_a_link_in_the_place_of_a_stage_is_refused_and_what_it_leads_to_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let (_, stage) = live_and_stage(&root.join("one"));
    let elsewhere = root.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("mine"), "mine").unwrap();
    fs::remove_dir_all(&stage).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &stage).unwrap();
    for refused in [
        stage::discard(&stage).map(drop),
        stage::make(&stage, &vouchers()),
        super::super::files::Real::open(&root, &stage)
            .map(drop)
            .context("open", &stage),
    ] {
        assert!(refused.is_err());
        assert_eq!(fs::read(elsewhere.join("mine")).unwrap(), b"mine");
        assert!(stage.is_symlink());
    }
}
