//! Clocks that stand still or jump: the order of snapshots and their names never depend on them (F-22, F-23; rule R8).

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use lifeboat_snapshot::{Backup, Filter, Repository, Unwatched, ZipTarget};
use lifeboat_store::Backing;
use lifeboat_store::clock::FixedClock;

use crate::support::Workbench;

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A new repository under a clock that can be set.
fn under(bench: &Workbench, begin: &str) -> (Repository, Arc<FixedClock>) {
    let clock = Arc::new(FixedClock::at(time(begin)));
    let repository = Repository::create_on(Backing::local(&bench.place()), clock.clone());
    (repository.unwrap(), clock)
}

#[test]
fn f23_snapshots_and_zips_of_one_second_have_names_of_their_own() {
    let bench = Workbench::with_files();
    let (repository, _clock) = under(&bench, "2026-11-21T04:00:00Z");
    let plan = Backup {
        zip: Some(ZipTarget::Repository),
        ..bench.plan()
    };
    let mut zips = BTreeSet::new();
    let mut ids = Vec::new();
    for _ in 0..20 {
        let report = repository.backup(&plan, &Unwatched).unwrap();
        zips.insert(report.zip.unwrap().path);
        ids.push(report.snapshot.unwrap().id);
    }
    assert_eq!(zips.len(), 20);
    let listed = repository.snapshots().unwrap().snapshots;
    let listed: Vec<_> = listed.into_iter().map(|snapshot| snapshot.id).collect();
    assert_eq!(listed, ids, "in the order in which they were taken");
}

#[test]
fn f22_the_order_of_snapshots_is_not_that_of_the_clock() {
    let bench = Workbench::with_files();
    let (repository, clock) = under(&bench, "2026-11-21T04:00:00Z");
    let mut ids = Vec::new();
    for now in [
        "2026-11-21T04:00:00Z",
        "1970-01-01T00:00:00Z",
        "2106-02-07T06:28:16Z",
        "1969-12-31T23:59:59Z",
        "2262-04-12T00:00:00Z",
        "2026-11-21T04:00:01Z",
    ] {
        clock.set(time(now));
        let report = repository.backup(&bench.plan(), &Unwatched).unwrap();
        let snapshot = report.snapshot.unwrap();
        assert_eq!(snapshot.time(), time(now));
        assert_eq!(report.parent.map(|parent| parent.id), ids.last().copied());
        ids.push(snapshot.id);
    }
    for (back, id) in ids.iter().rev().enumerate() {
        let name = format!("latest~{back}");
        assert_eq!(repository.find(&name, &Filter::default()).unwrap().id, *id);
    }
    // The program shows them all, whatever their times.
    let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
    assert_eq!(listed.as_array().unwrap().len(), ids.len());
    bench.lifeboat(&["list"]).exits(0).quietly();
    let code = bench.lifeboat(&["status"]).code();
    assert!(matches!(code, Some(0 | 20)), "the newest is young or old");
}

#[test]
fn f22_a_snapshot_from_the_future_keeps_nobody_calm() {
    let bench = Workbench::with_files();
    let (repository, _clock) = under(&bench, "2262-04-11T00:00:00Z");
    repository.backup(&bench.plan(), &Unwatched).unwrap();
    let status = bench.lifeboat(&["status", "--json"]).exits(20).json();
    assert_eq!(status["state"], "stale");
}
