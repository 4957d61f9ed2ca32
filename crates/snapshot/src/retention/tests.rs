//! Rules against calendars: what each keeps, and what clocks may do to them.

use chrono::TimeZone;
use lifeboat_store::RepositoryId;

use super::*;
use crate::content::Content;

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
fn of_each_day_the_newest_stays_where_the_machine_was() {
    let snapshots = taken(&[
        "2026-11-01T23:30:00+02:00",
        // The same hour in UTC, and the next day there.
        "2026-11-02T00:10:00+02:00",
        "2026-11-02T09:00:00+02:00",
        "2026-11-05T09:00:00+02:00",
    ]);
    let daily = |days| Policy {
        daily: count(days),
        ..Policy::default()
    };
    assert_eq!(kept(&snapshots, &daily(9)), [1, 3, 4]);
    // Days without a snapshot do not count.
    assert_eq!(kept(&snapshots, &daily(2)), [3, 4]);
}

#[test]
fn weeks_begin_on_monday_and_cross_the_year() {
    let snapshots = taken(&[
        "2025-12-28T12:00:00Z",
        "2025-12-29T12:00:00Z",
        "2026-01-04T12:00:00Z",
        "2026-01-05T12:00:00Z",
    ]);
    let weekly = Policy {
        weekly: count(9),
        ..Policy::default()
    };
    assert_eq!(kept(&snapshots, &weekly), [1, 3, 4]);
    let yearly = Policy {
        yearly: count(9),
        ..Policy::default()
    };
    assert_eq!(kept(&snapshots, &yearly), [2, 4]);
    let monthly = Policy {
        monthly: count(1),
        ..Policy::default()
    };
    assert_eq!(kept(&snapshots, &monthly), [4]);
}

#[test]
fn f22_the_hour_that_comes_twice_is_two_and_the_one_left_out_is_none() {
    // Berlin: at three o'clock it is two again.
    let winter = taken(&[
        "2026-10-25T02:15:00+02:00",
        "2026-10-25T02:45:00+02:00",
        "2026-10-25T02:15:00+01:00",
        "2026-10-25T03:15:00+01:00",
    ]);
    let hourly = Policy {
        hourly: count(9),
        ..Policy::default()
    };
    assert_eq!(kept(&winter, &hourly), [2, 3, 4]);
    let daily = Policy {
        daily: count(9),
        ..Policy::default()
    };
    assert_eq!(kept(&winter, &daily), [4], "and the day is one");
    let summer = taken(&["2026-03-29T01:59:00+01:00", "2026-03-29T03:01:00+02:00"]);
    assert_eq!(kept(&summer, &hourly), [1, 2]);
    assert_eq!(kept(&summer, &daily), [2]);
}

#[test]
fn within_counts_from_the_newest_snapshot_and_not_from_now() {
    let snapshots = taken(&[
        "2026-01-01T00:00:00Z",
        "2026-01-20T00:00:00Z",
        "2026-02-01T00:00:00Z",
    ]);
    let within = Some(Duration::from_secs(12 * 86_400));
    // Nothing was taken for eleven months: that is no reason to lose what there is.
    assert_eq!(
        kept(
            &snapshots,
            &Policy {
                within,
                ..Policy::default()
            }
        ),
        [2, 3]
    );
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

#[test]
fn f22_a_time_to_come_or_one_that_goes_back_suspends_every_rule_by_time() {
    let by_time = Policy {
        daily: count(1),
        last: count(1),
        ..Policy::default()
    };
    let suspicion = |snapshots: &[Snapshot]| {
        let groups = decide(snapshots, &HashSet::new(), &by_time, now());
        assert_eq!(
            groups[0].suspicion.is_some(),
            kept(snapshots, &by_time).len() == snapshots.len()
        );
        groups[0].suspicion
    };
    let future = taken(&["2026-11-01T00:00:00Z", "2027-11-02T00:00:00Z"]);
    assert_eq!(suspicion(&future), Some(Suspicion::Future(future[1].id)));
    let back = taken(&[
        "2026-11-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "2026-11-02T00:00:00Z",
    ]);
    assert_eq!(suspicion(&back), Some(Suspicion::Backwards(back[1].id)));
    let fine = taken(&["2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"]);
    assert_eq!(suspicion(&fine), None);
    // Of two backups at once, the one that began first and took long is committed last.
    let mut at_once = taken(&["2026-11-01T00:10:00Z", "2026-11-01T00:00:00Z"]);
    at_once[1].duration_ms = 20 * 60_000;
    assert_eq!(suspicion(&at_once), None);
    // Without a rule by time, no time can mislead.
    let last = Policy {
        last: count(1),
        ..Policy::default()
    };
    assert_eq!(kept(&future, &last), [2]);
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
