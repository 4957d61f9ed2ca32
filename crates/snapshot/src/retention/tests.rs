//! What each rule keeps, and what they keep together.

use chrono::TimeZone;
use lifeboat_store::RepositoryId;

use super::*;
use crate::content::Content;

mod calendar;

/// A snapshot of this time, with the offset of its place; numbers follow from the order in the slice.
fn taken(times: &[&str]) -> Vec<Snapshot> {
    let mut snapshots = Vec::new();
    for (number, time) in (1_u8..).zip(times) {
        let time = DateTime::parse_from_rfc3339(time).unwrap();
        snapshots.push(Snapshot {
            repository: RepositoryId::from_bytes([0; 16]),
            id: SnapshotId::from_bytes([number; 16]),
            sequence: u64::from(number),
            parent: None,
            time_ms: time.timestamp_millis(),
            offset_minutes: time.offset().local_minus_utc() / 60,
            duration_ms: 1000,
            host: "clinic".to_owned(),
            sources: vec![ByteBuf::from(b"/srv".to_vec())],
            tags: Vec::new(),
            description: String::new(),
            files: 1,
            bytes: 1,
            new_bytes: 1,
            stored_bytes: 1,
            manifest: Content::empty(),
        });
    }
    snapshots
}

fn count(number: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(number)
}

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2027, 1, 1, 0, 0, 0).unwrap()
}

/// The numbers of those that stay.
fn kept(snapshots: &[Snapshot], policy: &Policy) -> Vec<u64> {
    let groups = decide(snapshots, &HashSet::new(), policy, now());
    let verdicts = groups.iter().flat_map(|group| &group.verdicts);
    let kept = verdicts.filter(|verdict| verdict.keep);
    kept.map(|verdict| verdict.snapshot.sequence).collect()
}

#[test]
fn the_last_are_the_last_by_number() {
    let mut snapshots = taken(&[
        "2026-11-01T00:00:00Z",
        "2026-11-02T00:00:00Z",
        "2026-11-03T00:00:00Z",
    ]);
    let policy = Policy {
        last: count(2),
        ..Policy::default()
    };
    assert_eq!(kept(&snapshots, &policy), [2, 3]);
    // A clock that lies changes nothing for a rule without times.
    snapshots[0].time_ms = i64::MAX;
    assert_eq!(kept(&snapshots, &policy), [2, 3]);
}

#[test]
fn rules_add_up_and_every_keeping_has_its_reason() {
    let mut snapshots = taken(&[
        "2026-11-01T00:00:00Z",
        "2026-11-02T00:00:00Z",
        "2026-11-02T01:00:00Z",
    ]);
    snapshots[0].tags.push("release".to_owned());
    let policy = Policy {
        last: count(1),
        daily: count(1),
        tags: vec!["release".to_owned()],
        ..Policy::default()
    };
    let pins = HashSet::from([snapshots[1].id]);
    let groups = decide(&snapshots, &pins, &policy, now());
    let reasons = groups[0]
        .verdicts
        .iter()
        .map(|verdict| verdict.reasons.clone());
    let day = Reason::Period(Period::Day, "2026-11-02".to_owned());
    assert_eq!(
        reasons.collect::<Vec<_>>(),
        [
            vec![Reason::Tag("release".to_owned())],
            vec![Reason::Pinned],
            vec![Reason::Last(1), day]
        ]
    );
    let only_tag = Policy {
        tags: vec!["other".to_owned()],
        ..Policy::default()
    };
    assert_eq!(kept(&snapshots, &only_tag), [0; 0]);
    assert_eq!(
        kept(&snapshots, &Policy::default()),
        [1, 2, 3],
        "no rule drops nothing"
    );
}

#[test]
fn hosts_and_sources_are_judged_apart() {
    let mut snapshots = taken(&[
        "2026-11-01T00:00:00Z",
        "2026-11-02T00:00:00Z",
        "2026-11-03T00:00:00Z",
    ]);
    snapshots[0].host = "other".to_owned();
    snapshots[1].sources = vec![ByteBuf::from(b"/home".to_vec())];
    let policy = Policy {
        last: count(1),
        ..Policy::default()
    };
    let groups = decide(&snapshots, &HashSet::new(), &policy, now());
    assert_eq!(groups.len(), 3);
    assert!(groups.iter().all(|group| group.verdicts[0].keep));
}

/// What the rules say, word for word and without regard for cost.
fn keeps_naively(snapshots: &[Snapshot], number: usize, policy: &Policy) -> bool {
    let newer = &snapshots[number + 1..];
    let is_newest_of = |period: Period, most: Option<NonZeroU32>| {
        let name = period.of(snapshots[number].time());
        let later: HashSet<String> = newer.iter().map(|one| period.of(one.time())).collect();
        most.is_some_and(|most| !later.contains(&name) && later.len() < most.get() as usize)
    };
    let last = policy
        .last
        .is_some_and(|last| newer.len() < last.get() as usize);
    last || policy
        .periods()
        .into_iter()
        .any(|(period, most)| is_newest_of(period, most))
}

#[test]
fn any_policy_keeps_what_its_words_say() {
    let mut state = 1_u64;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    for _ in 0..200 {
        let mut snapshots = taken(&vec!["2024-01-01T00:00:00+05:30"; 1 + draw(60) as usize]);
        let mut time = snapshots[0].time_ms;
        for snapshot in &mut snapshots {
            snapshot.time_ms = time;
            let scale = [60_000, 3_600_000, 86_400_000][draw(3) as usize];
            time += (draw(12) * scale) as i64;
        }
        let mut rule = || count(draw(6) as u32);
        let policy = Policy {
            last: rule(),
            hourly: rule(),
            daily: rule(),
            weekly: rule(),
            monthly: rule(),
            yearly: count(1),
            ..Policy::default()
        };
        let naive =
            (0..snapshots.len()).filter(|&number| keeps_naively(&snapshots, number, &policy));
        let naive: Vec<u64> = naive.map(|number| number as u64 + 1).collect();
        assert_eq!(kept(&snapshots, &policy), naive, "{policy:?}");
    }
}

#[test]
fn what_a_restore_saved_takes_the_place_of_no_backup() {
    let mut snapshots = taken(&[
        "2026-11-01T00:00:00Z",
        "2026-11-02T00:00:00Z",
        "2026-11-02T01:00:00Z",
    ]);
    snapshots[2].tags = vec![crate::SAFETY_TAG.to_owned()];
    let last = Policy {
        last: count(1),
        ..Policy::default()
    };
    assert_eq!(kept(&snapshots, &last), [2]);
    let daily = Policy {
        daily: count(1),
        ..Policy::default()
    };
    assert_eq!(kept(&snapshots, &daily), [2]);
    let within = Policy {
        within: Some(Duration::from_secs(1)),
        ..Policy::default()
    };
    assert_eq!(kept(&snapshots, &within), [2]);
    // It is pinned when it is taken.
    let pins = HashSet::from([snapshots[2].id]);
    let groups = decide(&snapshots, &pins, &last, now());
    let keeps = groups[0].verdicts.iter().map(|verdict| verdict.keep);
    assert_eq!(keeps.collect::<Vec<_>>(), [false, true, true]);
    // Where there is nothing else, it is what there is.
    assert_eq!(kept(&snapshots[2..], &last), [3]);
}
