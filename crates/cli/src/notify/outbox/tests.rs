//! Letters that wait, in folders that are well and in folders that are not.

use super::*;
use crate::notify::event::{Event, Topic};

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn letter(text: &str, minutes: i64) -> Letter {
    let event = Event {
        topic: Topic::Failure,
        time: at(minutes),
        host: "bench".to_owned(),
        repository: "/backup".to_owned(),
        title: text.to_owned(),
        text: text.to_owned(),
        sources: Vec::new(),
        snapshot: None,
        exit_code: 1,
        error: None,
        bytes: 0,
    };
    Letter::new("mail".to_owned(), Content::Event(event), at(minutes))
}

fn ping(is_good: bool, minutes: i64) -> Letter {
    let report = String::new();
    let content = Content::Ping { is_good, report };
    Letter::new("ping".to_owned(), content, at(minutes))
}

fn outbox() -> (tempfile::TempDir, Outbox) {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::new(State::at(folder.path().join("state")));
    (folder, outbox)
}

fn waiting(outbox: &Outbox, minutes: i64) -> usize {
    outbox.letters(at(minutes)).len()
}

#[test]
fn a_letter_waits_longer_after_each_try_and_goes_when_it_is_too_old() {
    let (_folder, outbox) = outbox();
    outbox.put(&letter("x", 0)).unwrap();
    let mut tries = Vec::new();
    for minute in 0..4 * 24 * 60 {
        for claimed in outbox.claim(at(minute), false) {
            tries.push(minute);
            claimed.failed("no".to_owned(), at(minute));
        }
    }
    assert_eq!(tries[..6], [0, 1, 6, 21, 81, 321]);
    assert!(
        tries.len() < 30 && *tries.last().unwrap() <= 3 * 24 * 60,
        "{tries:?}"
    );
    assert_eq!(waiting(&outbox, 3 * 24 * 60 + 1), 0);
}

#[test]
fn what_was_sent_is_gone_and_what_is_held_is_sent_by_nobody_else() {
    let (_folder, outbox) = outbox();
    outbox.put(&letter("first", 0)).unwrap();
    outbox.put(&letter("second", 1)).unwrap();
    let mut held = outbox.claim(at(2), false);
    assert_eq!(held.len(), 2);
    assert!(outbox.claim(at(2), true).is_empty());
    drop(held.pop());
    assert_eq!(
        outbox.claim(at(2), true).len(),
        1,
        "a run that died lets go"
    );
    held.remove(0).sent();
    assert_eq!(waiting(&outbox, 2), 1);
}

#[test]
fn of_pings_only_the_last_waits_and_an_older_one_does_not_take_it_away() {
    let (_folder, outbox) = outbox();
    outbox.put(&ping(false, 0)).unwrap();
    let old = outbox.claim(at(0), true).remove(0);
    outbox.put(&ping(true, 1)).unwrap();
    old.sent();
    let letters = outbox.letters(at(2));
    assert_eq!(letters.len(), 1);
    assert!(matches!(
        letters[0].1.content,
        Content::Ping { is_good: true, .. }
    ));
    let old = outbox.claim(at(2), true).remove(0);
    outbox.put(&ping(false, 3)).unwrap();
    old.failed("no".to_owned(), at(3));
    let letters = outbox.letters(at(3));
    assert!(matches!(
        letters[0].1.content,
        Content::Ping { is_good: false, .. }
    ));
    assert_eq!(waiting(&outbox, 3 + 6 * 60 + 1), 0);
}

#[test]
fn damaged_letters_are_removed_and_hide_no_other() {
    let (folder, outbox) = outbox();
    outbox.put(&letter("well", 0)).unwrap();
    let place = folder.path().join("state/outbox");
    fs::write(place.join("1.json"), "{\"channel\": 5").unwrap();
    fs::write(place.join("2.json"), vec![b'['; 3 << 20]).unwrap();
    fs::write(place.join("3.json"), "").unwrap();
    fs::create_dir(place.join("4.json")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", place.join("5.json")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.join("6.json"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    assert_eq!(waiting(&outbox, 1), 1);
    assert_eq!(outbox.claim(at(1), true).len(), 1);
    assert!(!place.join("1.json").exists() && !place.join("6.json").exists());
}

#[test]
fn a_full_outbox_keeps_the_newest() {
    let (_folder, outbox) = outbox();
    for number in 0..MOST as i64 + 20 {
        outbox.put(&letter(&number.to_string(), number)).unwrap();
    }
    let letters = outbox.letters(at(MOST as i64 + 20));
    assert_eq!(letters.len(), MOST);
    assert_eq!(letters[0].1.written, at(20));
    assert_eq!(waiting(&outbox, MOST as i64 + 20), MOST);
}

#[test]
fn f22_a_clock_that_went_back_keeps_no_letter_for_ever() {
    let mut letter = letter("x", 100_000);
    letter.failed("no".to_owned(), at(100_000));
    assert!(!letter.is_due(at(100_000)));
    assert!(letter.is_due(at(0)));
}

#[test]
fn an_outbox_that_cannot_be_is_an_error_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("state"), "in the way").unwrap();
    let outbox = Outbox::new(State::at(folder.path().join("state")));
    assert!(outbox.put(&letter("x", 0)).is_err());
    assert!(outbox.claim(at(0), true).is_empty());
}

#[test]
fn only_its_owner_reads_the_outbox() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, outbox) = outbox();
    outbox.put(&letter("x", 0)).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path().join("state/outbox")), 0o700);
    let (path, _) = outbox.letters(at(0)).remove(0);
    assert_eq!(mode(&path), 0o600);
}
