//! Clocks that jump, sleep, and change with the seasons (F-22).

use super::*;

#[test]
fn f22_a_week_of_sleep_is_made_up_for_by_one_run() {
    let jobs = vec![
        (
            backup("every", Timing::every(4 * HOUR)),
            Some("2026-11-21T07:00:00Z"),
        ),
        (
            backup("daily", berlin("30 2 * * *")),
            Some("2026-11-21T01:30:00Z"),
        ),
    ];
    let mut world = World::with("2026-11-21T08:00:00Z", jobs, 2);
    assert!(world.look().is_empty());
    world.pass(7 * DAY);
    assert_eq!(world.look(), ["every", "daily"]);
    world.end("every", GOOD);
    world.end("daily", GOOD);
    assert!(world.look().is_empty());
    world.started.clear();
    world.live(DAY - HOUR, GOOD);
    let (dailies, intervals): (Vec<_>, Vec<_>) =
        world.started.iter().partition(|(name, _)| name == "daily");
    assert_eq!((dailies.len(), intervals.len()), (1, 5));
}

#[test]
fn f22_what_was_missed_while_nothing_ran_is_made_up_for_once() {
    let jobs = vec![
        (
            backup("every", Timing::every(4 * HOUR)),
            Some("2026-11-14T08:00:00Z"),
        ),
        (
            backup("daily", berlin("30 2 * * *")),
            Some("2026-11-14T01:30:00Z"),
        ),
        (
            backup("missed none", berlin("30 2 * * *")),
            Some("2026-11-21T01:30:01Z"),
        ),
    ];
    let mut world = World::with("2026-11-21T08:00:00Z", jobs, 9);
    assert_eq!(world.look(), ["every", "daily"]);
}

#[test]
fn f22_an_interval_does_not_care_for_jumps_of_the_time_of_day() {
    for jump in [
        "1970-01-01T00:00:00Z",
        "2106-02-07T06:28:16Z",
        "2026-11-21T06:00:00Z",
    ] {
        let every = backup("a", Timing::every(4 * HOUR));
        let mut world = World::begin("2026-11-21T08:00:00Z", vec![(every, None)]);
        world.look();
        world.end("a", GOOD);
        world.pass(HOUR);
        world.set(jump);
        assert!(world.look().is_empty(), "{jump}");
        assert_eq!(world.engine.next_wake(world.now), Some(3 * HOUR), "{jump}");
        world.pass(3 * HOUR);
        assert_eq!(world.look(), ["a"], "{jump}");
    }
}

#[test]
fn f22_a_time_of_the_day_that_was_jumped_over_is_due_and_the_way_back_loses_no_day() {
    let daily = backup("a", berlin("30 2 * * *"));
    let mut world = World::begin(
        "2026-11-21T12:00:00Z",
        vec![(daily, Some("2026-11-21T01:30:00Z"))],
    );
    assert!(world.look().is_empty());
    world.pass(MINUTE);
    world.set("2031-01-01T12:00:00Z");
    assert_eq!(world.look(), ["a"]);
    world.end("a", GOOD);
    world.pass(MINUTE);
    world.set("2026-11-21T12:02:00Z");
    assert!(world.look().is_empty());
    world.live(2 * DAY, GOOD);
    assert_eq!(world.times(), ["01 12:00", "22 01:30", "23 01:30"]);
}

#[test]
fn f22_a_small_step_back_does_not_run_a_time_of_the_day_twice_nor_lose_it_to_the_jitter() {
    let mut daily = backup("a", berlin("30 2 * * *"));
    daily.timing.jitter = 10 * MINUTE;
    let mut world = World::begin(
        "2026-11-21T12:00:00Z",
        vec![(daily, Some("2026-11-21T01:30:00Z"))],
    );
    world.pass(13 * HOUR + 30 * MINUTE + Duration::from_secs(1));
    assert!(world.look().is_empty(), "it is still jittering");
    world.pass(Duration::from_secs(40));
    world.set("2026-11-22T01:30:01Z");
    assert!(world.look().is_empty());
    world.live(DAY - HOUR, GOOD);
    assert_eq!(world.started.len(), 1);
}

#[test]
fn f22_both_changes_of_the_clocks_have_one_daily_run_each() {
    for (day, runs) in [
        ("2026-03-28T12:00:00Z", ["29 01:00", "30 00:30"]),
        ("2026-10-24T12:00:00Z", ["25 00:30", "26 01:30"]),
    ] {
        let daily = backup("a", berlin("30 2 * * *"));
        let mut world = World::begin(day, vec![(daily, Some(day))]);
        world.live(2 * DAY, GOOD);
        assert_eq!(world.times(), runs);
    }
}

#[test]
fn f22_a_last_run_in_the_future_keeps_nobody_from_running() {
    let jobs = vec![
        (
            backup("every", Timing::every(4 * HOUR)),
            Some("2031-01-01T00:00:00Z"),
        ),
        (
            backup("daily", berlin("30 2 * * *")),
            Some("2031-01-01T00:00:00Z"),
        ),
    ];
    let mut world = World::with("2026-11-21T08:00:00Z", jobs, 2);
    assert_eq!(world.look(), ["every"]);
    world.end("every", GOOD);
    world.live(DAY, GOOD);
    assert!(world.started.iter().any(|(name, _)| name == "daily"));
}
