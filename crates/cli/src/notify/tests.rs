//! What is news of what was seen.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lifeboat_snapshot::RunKind;

use super::condition::{Limits, conditions};
use super::desk::news;
use super::event::{Event, RunSeen, Seen, Topic};
use super::ledger::Ledger;
use super::report::Scene;
use crate::exit::Exit;

fn run(kind: RunKind, exit: Exit) -> RunSeen {
    RunSeen {
        kind,
        sources: vec!["/srv".to_owned()],
        exit,
        snapshot: None,
        bytes: 0,
        error: Some("it\nbroke".to_owned()),
        took: Duration::from_secs(1),
        is_thorough: false,
        hooks: None,
    }
}

/// A day of looks, one every minute.
struct Day {
    ledger: Ledger,
    now: DateTime<Utc>,
}

impl Day {
    fn new() -> Self {
        Self {
            ledger: Ledger::default(),
            now: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        }
    }

    fn sees(&mut self, seen: Seen) -> Vec<Event> {
        self.now += chrono::TimeDelta::minutes(1);
        let scene = Scene {
            host: "bench".to_owned(),
            repository: "/backup".to_owned(),
            now: self.now,
        };
        let limits = Limits {
            stale_after: Some(Duration::from_secs(3600)),
            low_space: 1000,
        };
        let remind = Duration::from_secs(86_400);
        news(&mut self.ledger, &seen, limits, remind, &scene)
    }

    fn topics(&mut self, seen: Seen) -> Vec<Topic> {
        self.sees(seen).iter().map(|event| event.topic).collect()
    }

    fn run(&mut self, kind: RunKind, exit: Exit) -> Vec<Topic> {
        self.topics(Seen::Run(run(kind, exit)))
    }
}

fn age(seconds: Option<u64>) -> Seen {
    Seen::Age {
        source: "/srv".to_owned(),
        age: seconds.map(Duration::from_secs),
        warn_after: Duration::from_secs(60),
    }
}

#[test]
fn a_backup_that_fails_is_news_and_so_is_the_next_that_does_not() {
    let mut day = Day::new();
    assert_eq!(day.run(RunKind::Backup, Exit::Done), []);
    assert_eq!(day.run(RunKind::Backup, Exit::NoSpace), [Topic::Failure]);
    assert_eq!(day.run(RunKind::Backup, Exit::NoSpace), []);
    assert_eq!(day.run(RunKind::Backup, Exit::Partial), [Topic::Failure]);
    assert_eq!(day.run(RunKind::Backup, Exit::Interrupted), []);
    assert_eq!(day.run(RunKind::Backup, Exit::Terminated), [Topic::Failure]);
    assert_eq!(day.run(RunKind::Backup, Exit::Done), [Topic::Recovery]);
    assert_eq!(day.run(RunKind::Backup, Exit::Done), []);
}

#[test]
fn a_message_says_what_where_why_and_what_next_in_plain_lines() {
    let mut day = Day::new();
    let events = day.sees(Seen::Run(run(RunKind::Backup, Exit::NoSpace)));
    let event = &events[0];
    assert_eq!(event.title, "lifeboat on bench: the backup of /srv failed");
    for part in [
        "Repository: /backup",
        "no-space (exit code 28)",
        "Error: it broke",
        "Next: ",
    ] {
        assert!(event.text.contains(part), "{part}: {}", event.text);
    }
}

#[test]
fn runs_that_somebody_looks_at_are_not_told() {
    let mut day = Day::new();
    for kind in [RunKind::Restore, RunKind::Export] {
        assert_eq!(day.run(kind, Exit::Target), []);
    }
    for kind in [
        RunKind::Forget,
        RunKind::Verify,
        RunKind::Collect,
        RunKind::Drill,
        RunKind::Repair,
    ] {
        assert_eq!(day.run(kind, Exit::Failed), [Topic::Failure]);
    }
}

#[test]
fn damage_is_over_when_all_was_read_or_mended_and_not_before() {
    let mut day = Day::new();
    assert_eq!(day.run(RunKind::Verify, Exit::Damage), [Topic::Damage]);
    assert_eq!(day.run(RunKind::Collect, Exit::Damage), []);
    assert_eq!(
        day.run(RunKind::Verify, Exit::Done),
        [],
        "it looked at the shape only"
    );
    assert_eq!(day.run(RunKind::Verify, Exit::Damage), []);
    let thorough = RunSeen {
        is_thorough: true,
        ..run(RunKind::Verify, Exit::Done)
    };
    assert_eq!(day.topics(Seen::Run(thorough)), [Topic::Recovery]);
    assert_eq!(day.run(RunKind::Backup, Exit::Damage), [Topic::Damage]);
    assert_eq!(day.run(RunKind::Repair, Exit::Repaired), [Topic::Recovery]);
}

#[test]
fn a_source_that_grows_old_is_told_once_and_its_next_backup_once() {
    let mut day = Day::new();
    assert_eq!(day.topics(age(Some(10))), []);
    assert_eq!(day.topics(age(Some(3601))), [Topic::Stale]);
    assert_eq!(day.topics(age(Some(3661))), []);
    assert_eq!(day.run(RunKind::Backup, Exit::Failed), [Topic::Failure]);
    assert_eq!(day.run(RunKind::Backup, Exit::Done), [Topic::Recovery]);
    assert_eq!(day.topics(age(None)), [Topic::Stale]);
    assert_eq!(day.topics(age(Some(1))), [], "the backup itself says so");
}

#[test]
fn what_keeps_backups_from_being_made_is_told_by_their_failure_alone() {
    let blind = || Seen::Blind {
        why: "there is no repository".to_owned(),
    };
    let mut day = Day::new();
    assert_eq!(
        day.run(RunKind::Backup, Exit::NoRepository),
        [Topic::Failure]
    );
    assert_eq!(day.topics(blind()), []);
    assert_eq!(day.run(RunKind::Backup, Exit::Done), [Topic::Recovery]);
    assert_eq!(day.topics(age(Some(1))), []);
    assert_eq!(day.topics(blind()), [Topic::Failure], "before any backup");
}

#[test]
fn what_is_too_old_is_half_as_much_again_as_status_warns_at_where_nobody_says_it() {
    const DAY: Duration = Duration::from_secs(86_400);
    let limits = Limits {
        stale_after: None,
        low_space: 0,
    };
    let is_stale = |age: Duration| {
        let seen = Seen::Age {
            source: "/srv".to_owned(),
            age: Some(age),
            warn_after: DAY,
        };
        conditions(&seen, limits)[1].trouble.is_some()
    };
    assert!(!is_stale(DAY * 3 / 2) && is_stale(DAY * 3 / 2 + Duration::from_secs(1)));
}

#[test]
fn space_that_hovers_around_the_limit_is_told_once() {
    let mut day = Day::new();
    let topics: Vec<Topic> = [2000, 999, 1001, 998, 1050, 990, 1099]
        .into_iter()
        .flat_map(|free| day.topics(Seen::Space { free }))
        .collect();
    assert_eq!(topics, [Topic::LowSpace]);
    assert_eq!(day.topics(Seen::Space { free: 1100 }), []);
    assert_eq!(day.topics(Seen::Space { free: 10 }), [Topic::LowSpace]);
}

#[test]
fn a_hook_that_fails_is_told_beside_a_backup_that_does_not() {
    let mut day = Day::new();
    let hooks = |failed: &[&str]| {
        let failed = failed.iter().map(|&failed| failed.to_owned());
        Seen::Run(RunSeen {
            hooks: Some(failed.collect()),
            ..run(RunKind::Backup, Exit::Done)
        })
    };
    assert_eq!(
        day.topics(hooks(&["the hook after exited with 1"])),
        [Topic::Failure]
    );
    assert_eq!(day.topics(hooks(&["the hook after exited with 1"])), []);
    assert_eq!(day.topics(hooks(&[])), [Topic::Recovery]);
}
