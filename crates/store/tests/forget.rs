//! Forgetting, pinning and bringing back, with the power cut at every operation (rules R1, R2, R3).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    dead_code,
    reason = "a test fails by panicking; the support is shared"
)]

mod support;

use lifeboat_store::disk::sim::{Budget, CrashState, SimDisk};
use lifeboat_store::{Forgotten, Options, Store, StoreError};
use support::{Acknowledged, assert_none, back_up, backing, unseal, words};

const AT_MS: u64 = 1_767_225_600_123;

/// Two backups; the first is forgotten, the second pinned, and the first brought back.
fn workload() -> (SimDisk, [Acknowledged; 2]) {
    let disk = SimDisk::without_root();
    let store = Store::create(backing(&disk, 1)).unwrap();
    let first = back_up(&store, 0..12, 4000).unwrap();
    let second = back_up(&store, 6..20, 4000).unwrap();
    disk.mark("backed up");
    assert_eq!(store.forget(&[first.id], AT_MS).unwrap(), [first.id]);
    disk.mark("forgotten");
    assert!(store.pin(second.id, b"because").unwrap());
    disk.mark("pinned");
    let session = store.begin(Options::default()).unwrap();
    for chunk in unseal(&first.record).unwrap() {
        assert!(session.has(&chunk), "nothing was collected");
    }
    disk.mark("bringing back");
    session.bring_back(of(&first)).unwrap();
    disk.mark("back");
    session.abandon().unwrap();
    (disk, [first, second])
}

fn of(done: &Acknowledged) -> Forgotten {
    Forgotten {
        id: done.id,
        at_ms: AT_MS,
    }
}

/// What must hold of any state: each record under one name, whole, and where the last answer said.
fn check(state: &CrashState, [first, second]: &[Acknowledged; 2]) -> Result<(), String> {
    let store = Store::open(backing(&state.disk, 2)).map_err(words)?;
    let (records, forgotten) = (
        store.records().map_err(words)?,
        store.forgotten().map_err(words)?,
    );
    let is_listed = records.contains(&first.id);
    let is_forgotten = forgotten == [of(first)];
    if is_listed == is_forgotten {
        return Err(format!("listed {is_listed}, forgotten {forgotten:?}"));
    }
    if !records.contains(&second.id) {
        return Err("another record is gone".to_owned());
    }
    let record = match is_listed {
        true => store.record(first.id),
        false => store.forgotten_record(of(first)),
    };
    if record.map_err(words)? != first.record {
        return Err("the record has changed".to_owned());
    }
    let must = [
        ("forgotten", "bringing back", is_forgotten),
        ("back", "never", is_listed),
    ];
    for (from, to, holds) in must {
        if state.is_after(from) && !state.is_after(to) && !holds {
            return Err(format!("after '{from}' it does not hold"));
        }
    }
    let is_pinned = store.pins().map_err(words)? == [second.id];
    match is_pinned || !state.is_after("pinned") {
        true => Ok(()),
        false => Err("the pin is gone".to_owned()),
    }
}

#[test]
fn a_power_cut_leaves_a_record_forgotten_or_not_and_never_both_or_neither() {
    let (disk, records) = workload();
    let states = disk.crash_states(&Budget::default());
    let states: Vec<_> = states.filter(|state| state.is_after("backed up")).collect();
    let check = |state: &CrashState| {
        let what = check(state, &records).err()?;
        Some(format!("{what}\n  {state}"))
    };
    let failures: Vec<String> = states.iter().filter_map(check).collect();
    assert!(states.len() > 20, "{}", states.len());
    assert_none(&failures);
}

#[test]
fn of_several_that_bring_one_back_one_does() {
    let (disk, [first, _]) = workload();
    let store = Store::open(backing(&disk, 2)).unwrap();
    assert_eq!(
        store.forget(&[first.id, first.id], AT_MS).unwrap(),
        [first.id]
    );
    let [one, other] = [3, 4].map(|process| Store::open(backing(&disk, process)).unwrap());
    let [one, other] = [&one, &other].map(|store| store.begin(Options::default()).unwrap());
    one.bring_back(of(&first)).unwrap();
    let late = other.bring_back(of(&first)).unwrap_err();
    assert!(matches!(late, StoreError::NoRecord { id } if id == first.id));
    one.abandon().unwrap();
    other.abandon().unwrap();
    assert!(store.records().unwrap().contains(&first.id));
}

#[test]
fn one_that_was_brought_back_is_not_dropped_by_who_saw_it_forgotten() {
    let (disk, [first, _]) = workload();
    let store = Store::open(backing(&disk, 2)).unwrap();
    store.forget(&[first.id], AT_MS).unwrap();
    let seen = store.forgotten().unwrap();
    let session = store.begin(Options::default()).unwrap();
    session.bring_back(of(&first)).unwrap();
    session.abandon().unwrap();
    store.forget(&[first.id], AT_MS + 1).unwrap();
    for forgotten in seen {
        store.drop_forgotten(forgotten).unwrap();
    }
    let found = store.forgotten().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(store.forgotten_record(found[0]).unwrap(), first.record);
}
