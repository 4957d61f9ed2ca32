//! Days, weeks and hours as calendars have them, and what clocks may do to the rules.

use super::*;

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
