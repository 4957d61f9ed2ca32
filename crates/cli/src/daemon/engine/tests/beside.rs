//! Upkeep, which has its place beside backups.

use super::*;

#[test]
fn upkeep_is_one_at_a_time_and_waits_for_a_moment_without_a_backup() {
    let jobs = vec![
        (backup("a", Timing::every(4 * HOUR)), None),
        (
            upkeep("prune", Timing::every(DAY)),
            Some("2026-11-01T00:00:00Z"),
        ),
        (
            upkeep("gc", Timing::every(DAY)),
            Some("2026-11-01T00:00:00Z"),
        ),
    ];
    let mut world = World::begin("2026-11-21T08:00:00Z", jobs);
    assert_eq!(world.look(), ["a"]);
    assert!(world.look().is_empty());
    world.end("a", GOOD);
    assert_eq!(world.look(), ["prune"]);
    assert!(world.look().is_empty());
    world.pass(4 * HOUR);
    assert_eq!(world.look(), ["a"], "a backup waits for no upkeep");
    world.end("prune", GOOD);
    world.end("a", GOOD);
    assert_eq!(world.look(), ["gc"]);
}

#[test]
fn upkeep_does_not_wait_for_ever() {
    let jobs = vec![
        (backup("a", Timing::every(MINUTE)), None),
        (
            upkeep("gc", Timing::every(DAY)),
            Some("2026-11-01T00:00:00Z"),
        ),
    ];
    let mut world = World::begin("2026-11-21T08:00:00Z", jobs);
    assert_eq!(world.look(), ["a"]);
    assert!(world.look().is_empty());
    assert_eq!(world.engine.next_wake(world.now), Some(PATIENCE));
    world.pass(PATIENCE);
    assert_eq!(world.look(), ["gc"]);
}

#[test]
fn upkeep_that_never_ran_counts_from_the_first_that_is_remembered() {
    let plan = upkeep("gc", Timing::every(7 * DAY));
    let now = Moment {
        wall: time("2026-11-21T08:00:00Z"),
        steady: Duration::ZERO,
    };
    let past = Past {
        last_good: None,
        has_failed: false,
        since: time("2026-11-16T08:00:00Z"),
    };
    let engine = Engine::new(vec![(plan, past)], 1, 7, now);
    assert_eq!(engine.next_wake(now), Some(2 * DAY));
}

#[test]
fn what_cannot_be_ended_keeps_nothing_else_from_being_done_and_is_not_started_beside_itself() {
    let jobs = vec![
        (backup("a", Timing::every(HOUR)), None),
        (backup("b", Timing::every(HOUR)), None),
    ];
    let mut world = World::begin("2026-11-21T08:00:00Z", jobs);
    assert_eq!(world.look(), ["a"]);
    world.pass(HOUR);
    assert!(world.look().is_empty(), "one at once");
    world.engine.given_up("a");
    assert_eq!(world.look(), ["b"]);
    world.end("b", GOOD);
    world.pass(HOUR);
    assert_eq!(world.look(), ["b"]);
    world.end("b", GOOD);
    world.end("a", FAILED);
    world.pass(MINUTE);
    assert_eq!(world.look(), ["a"], "it has ended after all");
}

#[test]
fn what_may_not_start_is_not_woken_for_however_long_it_has_waited() {
    let jobs = vec![
        (backup("a", Timing::every(MINUTE)), None),
        (upkeep("gc", Timing::every(HOUR)), None),
        (upkeep("verify", Timing::every(DAY)), None),
    ];
    let mut world = World::begin("2026-11-21T08:00:00Z", jobs);
    for _ in 0..2 {
        world.pass(2 * HOUR);
        assert!(!world.engine.due(world.now).is_empty());
        world.engine.bar(true);
        let wake = world.engine.next_wake(world.now);
        assert!(
            wake.is_some_and(|wake| wake > 10 * HOUR),
            "{wake:?}: that of verify"
        );
    }
    world.engine.bar(false);
    assert_eq!(world.engine.next_wake(world.now), Some(Duration::ZERO));
}
