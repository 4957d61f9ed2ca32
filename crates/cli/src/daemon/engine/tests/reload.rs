//! Jobs that are exchanged for others, with and without a past.

use super::*;

#[test]
fn a_reload_changes_what_comes_and_leaves_what_runs() {
    let jobs = ["a", "b"].map(|name| (backup(name, Timing::every(HOUR)), None));
    let mut world = World::with("2026-11-21T08:00:00Z", jobs.to_vec(), 2);
    assert_eq!(world.look(), ["a", "b"]);
    let past = Past {
        last_good: Some(time("2026-11-21T08:00:00Z")),
        has_failed: false,
        since: time("2026-11-21T08:00:00Z"),
    };
    let plans = ["a", "c"].map(|name| (backup(name, Timing::every(2 * HOUR)), past));
    world.engine.replace(plans.to_vec(), 2, world.now);
    assert!(world.look().is_empty(), "a still runs, and c has just run");
    world.end("a", GOOD);
    world.end("b", GOOD);
    world.pass(2 * HOUR);
    assert_eq!(world.look(), ["a", "c"], "and b is gone");
}

#[test]
fn where_nobody_can_tell_of_the_past_jobs_stay_where_they_stand() {
    let (every, daily) = (Timing::every(HOUR), Timing::every(DAY));
    let plans = vec![
        backup("a", every.clone()),
        backup("b", every.clone()),
        upkeep("gc", daily),
    ];
    let jobs = plans.iter().map(|plan| (plan.clone(), None)).collect();
    let mut world = World::with("2026-11-21T08:00:00Z", jobs, 2);
    for _ in 0..30 {
        for name in world.look() {
            world.end(&name, GOOD);
            world.engine.replace_blindly(plans.clone(), 2, world.now);
        }
        world.pass(HOUR);
    }
    let of = |name| world.started.iter().filter(|(run, _)| run == name).count();
    assert_eq!((of("a"), of("b"), of("gc")), (30, 30, 1));
}

#[test]
fn a_new_interval_counts_from_the_last_run_that_was_seen_and_what_is_new_runs() {
    let a = |hours| backup("a", Timing::every(hours * HOUR));
    let mut world = World::begin("2026-11-21T08:00:00Z", vec![(a(1), None)]);
    assert_eq!(world.look(), ["a"]);
    world.end("a", GOOD);
    let plans = vec![a(4), backup("new", Timing::every(HOUR))];
    world.engine.replace_blindly(plans, 1, world.now);
    assert_eq!(world.look(), ["new"]);
    world.pass(3 * HOUR);
    world.end("new", GOOD);
    let until = |world: &World| world.engine.until("a", world.now);
    assert_eq!(until(&world), Some(HOUR));
}
