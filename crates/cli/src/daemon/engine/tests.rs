//! Whole days under two clocks that are set: one that may jump, and one that does not.

use super::*;
use crate::daemon::timing::{Calendar, Rule, Zone};

/// Upkeep beside backups.
mod beside;
/// Clocks that jump.
mod clocks;
/// Other jobs while some run.
mod reload;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

const GOOD: Ended = Ended {
    is_good: true,
    has_changes: None,
};
const FAILED: Ended = Ended {
    is_good: false,
    has_changes: None,
};

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn backup(name: &str, timing: Timing) -> Plan {
    Plan {
        name: name.to_owned(),
        timing,
        is_upkeep: false,
    }
}

fn upkeep(name: &str, timing: Timing) -> Plan {
    Plan {
        is_upkeep: true,
        ..backup(name, timing)
    }
}

/// Of a time of the day in Berlin.
fn berlin(expression: &str) -> Timing {
    let calendar = Calendar::parse(&[expression.to_owned()]).unwrap();
    Timing {
        rule: Rule::Calendar(calendar.in_zone(Zone::Named(chrono_tz::Europe::Berlin))),
        jitter: Duration::ZERO,
    }
}

/// An engine, its clocks, and what it started when.
struct World {
    engine: Engine,
    now: Moment,
    started: Vec<(String, DateTime<Utc>)>,
}

impl World {
    fn begin(at: &str, plans: Vec<(Plan, Option<&str>)>) -> Self {
        Self::with(at, plans, 1)
    }

    fn with(at: &str, plans: Vec<(Plan, Option<&str>)>, at_once: usize) -> Self {
        let now = Moment {
            wall: time(at),
            steady: Duration::from_secs(1000),
        };
        let past = |last: Option<&str>| Past {
            last_good: last.map(time),
            has_failed: false,
            since: now.wall,
        };
        let plans = plans.into_iter().map(|(plan, last)| (plan, past(last)));
        Self {
            engine: Engine::new(plans.collect(), at_once, 7, now),
            now,
            started: Vec::new(),
        }
    }

    /// Both clocks go on.
    fn pass(&mut self, span: Duration) {
        self.now.wall += span;
        self.now.steady += span;
    }

    /// The time of the day is set.
    fn set(&mut self, at: &str) {
        self.now.wall = time(at);
    }

    /// Starts what is due, as the loop does.
    fn look(&mut self) -> Vec<String> {
        self.engine.observe(self.now);
        let due = self.engine.due(self.now);
        for name in &due {
            self.engine.started(name, self.now);
            self.started.push((name.clone(), self.now.wall));
        }
        due
    }

    fn end(&mut self, name: &str, how: Ended) {
        self.engine.ended(name, how, self.now);
    }

    /// Starts what is due and ends it at once, waking when the engine wants to and at least every hour, for so long.
    fn live(&mut self, span: Duration, how: Ended) {
        let end = self.now.steady + span;
        while self.now.steady < end {
            while let Some(name) = self.look().pop() {
                self.end(&name, how);
            }
            let wait = self.engine.next_wake(self.now).unwrap_or(HOUR).min(HOUR);
            self.pass(wait.max(Duration::from_secs(1)).min(end - self.now.steady));
        }
    }

    fn times(&self) -> Vec<String> {
        let times = self
            .started
            .iter()
            .map(|(_, time)| time.format("%d %H:%M").to_string());
        times.collect()
    }
}

#[test]
fn what_never_ran_runs_at_once_and_then_at_its_interval() {
    let every = backup("a", Timing::every(4 * HOUR));
    let mut world = World::begin("2026-11-21T08:00:00Z", vec![(every, None)]);
    world.live(DAY / 2, GOOD);
    assert_eq!(world.times(), ["21 08:00", "21 12:00", "21 16:00"]);
}

#[test]
fn what_ran_lately_waits_for_the_rest_of_its_interval() {
    let every = backup("a", Timing::every(4 * HOUR));
    let mut world = World::begin(
        "2026-11-21T08:00:00Z",
        vec![(every, Some("2026-11-21T05:30:00Z"))],
    );
    assert_eq!(world.engine.next_wake(world.now), Some(90 * MINUTE));
    world.live(DAY / 4, GOOD);
    assert_eq!(world.times(), ["21 09:30", "21 13:30"]);
}

#[test]
fn a_source_is_never_beside_itself_and_makes_up_for_a_long_run_at_once() {
    let every = backup("a", Timing::every(HOUR));
    let mut world = World::begin("2026-11-21T08:00:00Z", vec![(every, None)]);
    assert_eq!(world.look(), ["a"]);
    world.pass(5 * HOUR);
    assert!(world.look().is_empty());
    assert_eq!(world.engine.next_wake(world.now), None);
    world.end("a", GOOD);
    assert_eq!(world.look(), ["a"]);
    world.end("a", GOOD);
    assert!(world.look().is_empty(), "once, and not five times");
}

#[test]
fn an_interval_counts_from_the_run_of_somebody_else() {
    let every = backup("a", Timing::every(4 * HOUR));
    let daily = backup("b", berlin("0 13 * * *"));
    let last = Some("2026-11-21T08:00:00Z");
    let mut world = World::with(
        "2026-11-21T08:00:00Z",
        vec![(every, last), (daily, last)],
        2,
    );
    world.pass(4 * HOUR);
    let began = time("2026-11-21T11:00:00Z");
    assert!(world.engine.postpone("a", began, world.now));
    assert!(
        !world.engine.postpone("b", began, world.now),
        "it has its own time"
    );
    assert_eq!(world.look(), ["b"]);
    world.pass(3 * HOUR);
    assert!(
        !world.engine.postpone("a", began, world.now),
        "that is known"
    );
    assert_eq!(world.look(), ["a"]);
    world.end("a", GOOD);
    // One from the future, and one of before, are no reason to wait.
    for odd in ["2031-01-01T00:00:00Z", "2026-11-21T12:00:00Z"] {
        assert!(!world.engine.postpone("a", time(odd), world.now));
    }
}

#[test]
fn no_more_run_at_once_than_may_and_who_waits_longest_goes_first() {
    let jobs = ["a", "b", "c", "d"].map(|name| (backup(name, Timing::every(HOUR)), None));
    let mut world = World::with("2026-11-21T08:00:00Z", jobs.to_vec(), 2);
    assert_eq!(world.look(), ["a", "b"]);
    assert!(world.look().is_empty());
    world.pass(2 * HOUR);
    world.end("a", GOOD);
    assert_eq!(world.look(), ["c"], "a is due again, but c has waited");
    world.end("b", GOOD);
    assert_eq!(world.look(), ["d"]);
}

#[test]
fn a_failed_run_is_tried_again_soon_and_less_and_less_often() {
    let every = backup("a", Timing::every(4 * HOUR));
    let mut world = World::begin("2026-11-21T08:00:00Z", vec![(every, None)]);
    world.live(4 * HOUR, FAILED);
    let times = world.times();
    assert_eq!(
        times[..5],
        ["21 08:00", "21 08:01", "21 08:03", "21 08:07", "21 08:15"]
    );
    world.started.clear();
    world.live(DAY, GOOD);
    assert!(
        (6..=7).contains(&world.started.len()),
        "at its interval again"
    );
}

#[test]
fn a_short_interval_is_no_longer_for_a_failure() {
    let every = backup("a", Timing::every(Duration::from_secs(5)));
    let mut world = World::begin("2026-11-21T08:00:00Z", vec![(every, None)]);
    world.live(MINUTE, FAILED);
    assert_eq!(world.started.len(), 12);
}

#[test]
fn an_interval_between_bounds_is_short_while_data_changes_and_long_while_not() {
    let timing = Timing {
        rule: Rule::Every {
            least: 5 * MINUTE,
            most: HOUR,
        },
        jitter: Duration::ZERO,
    };
    let mut world = World::begin("2026-11-21T08:00:00Z", vec![(backup("a", timing), None)]);
    let mut gaps = Vec::new();
    for has_changes in [
        false, false, false, false, false, true, true, true, true, true,
    ] {
        assert_eq!(world.look(), ["a"]);
        let how = Ended {
            is_good: true,
            has_changes: Some(has_changes),
        };
        world.end("a", how);
        let gap = world.engine.next_wake(world.now).unwrap();
        gaps.push(gap.as_secs() / 60);
        world.pass(gap);
    }
    assert_eq!(gaps, [10, 20, 40, 60, 60, 30, 15, 7, 5, 5]);
}

#[test]
fn jitter_delays_a_run_and_never_brings_it_forward() {
    let mut delays = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let mut timing = berlin("0 3 * * *");
        timing.jitter = HOUR;
        let last = "2026-11-21T02:00:00Z";
        let mut world = World::begin(
            "2026-11-21T12:00:00Z",
            vec![(backup(name, timing), Some(last))],
        );
        world.live(DAY, GOOD);
        let (_, at) = world.started.first().unwrap();
        delays.push(
            at.signed_duration_since(time("2026-11-22T02:00:00Z"))
                .num_seconds(),
        );
    }
    assert!(
        delays.iter().all(|delay| (0..3600).contains(delay)),
        "{delays:?}"
    );
    delays.sort_unstable();
    delays.dedup();
    assert_eq!(delays.len(), 4);
}
