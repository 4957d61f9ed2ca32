//! How often the same is told, over hours that take no time.

use super::*;
use crate::notify::event::Topic;

const DAY: Duration = Duration::from_secs(86_400);

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn condition(mark: Option<&str>) -> Condition {
    let trouble = mark.map(|mark| Trouble {
        topic: Topic::Failure,
        mark: mark.to_owned(),
        title: "no".to_owned(),
    });
    Condition {
        key: "backup /srv".to_owned(),
        trouble,
        is_recovery: true,
    }
}

/// Whether something is told of this trouble, or of its end.
fn tells(ledger: &mut Ledger, mark: Option<&str>, minutes: i64) -> bool {
    ledger.note(&condition(mark), DAY, at(minutes)) != News::Nothing
}

#[test]
fn the_same_failure_every_five_minutes_is_told_once_a_day() {
    let mut ledger = Ledger::default();
    let told = (0..7 * 24 * 12).filter(|turn| tells(&mut ledger, Some("busy"), turn * 5));
    let told: Vec<i64> = told.collect();
    assert_eq!(told, [0, 288, 576, 864, 1152, 1440, 1728]);
}

#[test]
fn a_reminder_says_since_when_and_how_often() {
    let mut ledger = Ledger::default();
    tells(&mut ledger, Some("busy"), 0);
    tells(&mut ledger, Some("busy"), 5);
    let news = ledger.note(&condition(Some("busy")), DAY, at(24 * 60));
    let since = at(0);
    assert_eq!(news, News::Trouble { since, times: 3 });
}

#[test]
fn another_trouble_is_told_at_once_and_two_that_take_turns_only_once_each() {
    let mut ledger = Ledger::default();
    let marks = ["busy", "no-space"];
    let told = (0..100).filter(|turn| tells(&mut ledger, Some(marks[turn % 2]), *turn as i64 * 5));
    assert_eq!(told.collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn the_first_success_after_a_failure_is_told_and_no_other() {
    let mut ledger = Ledger::default();
    assert!(!tells(&mut ledger, None, 0));
    assert!(tells(&mut ledger, Some("busy"), 5));
    assert!(ledger.is_in_trouble("backup /srv"));
    assert!(tells(&mut ledger, None, 10));
    assert!(!ledger.is_in_trouble("backup /srv"));
    assert!(!tells(&mut ledger, None, 15));
    assert!(tells(&mut ledger, Some("busy"), 20), "a new failure is new");
}

#[test]
fn what_comes_and_goes_is_told_a_few_times_an_hour_and_never_kept_silent_for_longer() {
    let mut ledger = Ledger::default();
    let mut told = Vec::new();
    for minute in 0..120 {
        let mark = (minute % 2 == 0).then_some("busy");
        if tells(&mut ledger, mark, minute) && mark.is_some() {
            told.push(minute);
        }
        ledger.tidy(at(minute));
    }
    assert_eq!(told, [0, 2, 4, 60, 62, 64]);
    assert!(tells(&mut ledger, Some("busy"), 190));
}

#[test]
fn f22_a_clock_that_jumps_tells_too_much_rather_than_too_little() {
    let mut ledger = Ledger::default();
    assert!(tells(&mut ledger, Some("busy"), 10_000_000));
    assert!(tells(&mut ledger, Some("busy"), 0));
    assert!(!tells(&mut ledger, Some("busy"), 5));
    assert!(tells(&mut ledger, Some("busy"), 24 * 60));
}

#[test]
fn what_nobody_asks_for_is_forgotten() {
    let mut ledger = Ledger::default();
    for number in 0..2000 {
        let key = format!("backup /{number}");
        let condition = Condition {
            key,
            ..condition(Some("busy"))
        };
        ledger.note(&condition, DAY, at(number));
    }
    ledger.tidy(at(2000));
    assert_eq!(ledger.matters.len(), MATTERS);
    assert!(ledger.is_in_trouble("backup /1999"));
    ledger.tidy(at(200 * 24 * 60));
    assert_eq!(ledger, Ledger::default());
}
