//! Backups, collectors, forgetters and readers on one disk, in every order that some thousand seeds give (faults
//! F-17 to F-21): whatever the order, each committed snapshot is whole in the end, and what nobody needs is gone. And that
//! these tests would notice: each of the mistakes that the protocol must not make loses a snapshot under some seed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::gc::{Collect, Watch};
use lifeboat_store::mutant::{self, Mutant};
use lifeboat_store::progress::Progress;
use lifeboat_store::random::SeededRandom;
use lifeboat_store::storage::LocalStorage;
use lifeboat_store::{Backing, ChunkId, Kind, Options, Result, SnapshotId, Store, StoreError};
use rayon::prelude::*;

use crate::baton::{Baton, Dice};
use crate::stage::{Rows, backs_up, check_clean, collect, forget, open, repository};
use crate::support::{Acknowledged, BackUp, assert_none, check, unseal, words};
use crate::turned::Turned;

/// Seeds of the normal run.
const SEEDS: u64 = 1500;

/// Seeds within which each mistake must be noticed.
const NOTICED_WITHIN: u64 = 4000;

/// What an actor does.
#[derive(Debug, Clone, Copy)]
enum Role {
    BackUp,
    Collect,
    Forget,
    BringBack,
    Read,
}

/// A run under one seed.
struct Stage {
    disk: SimDisk,
    baton: Arc<Baton>,
    seed: u64,
    mutant: Option<Mutant>,
    /// Commits that were answered with success, and snapshots that somebody asked to forget.
    acknowledged: Mutex<Vec<Acknowledged>>,
    forgotten: Mutex<Vec<SnapshotId>>,
    wrong: Mutex<Vec<String>>,
}

/// Two snapshots that share some chunks, and one of which is forgotten.
fn beginning() -> (SimDisk, Vec<Acknowledged>) {
    let disk = repository();
    let old = backs_up(&disk, 2, 0..4, 900);
    let kept = backs_up(&disk, 3, 3..6, 900);
    forget(&disk, old.id);
    disk.settle();
    (disk, vec![kept])
}

fn roles(dice: &mut Dice) -> Vec<Role> {
    let mut roles = vec![Role::BackUp, Role::BackUp, Role::Collect];
    let others = [
        Role::BackUp,
        Role::Collect,
        Role::Collect,
        Role::Forget,
        Role::BringBack,
        Role::Read,
    ];
    for _ in 0..1 + dice.below(3) {
        roles.push(others[dice.below(others.len() as u64) as usize]);
    }
    roles
}

/// Runs a seed; tells what is wrong in the end.
fn run(
    seed: u64,
    mutant: Option<Mutant>,
    start: &(SimDisk, Vec<Acknowledged>),
) -> Result<(), String> {
    run_on(seed, mutant, &start.0.copy(), &start.1)
}

fn run_on(
    seed: u64,
    mutant: Option<Mutant>,
    disk: &SimDisk,
    known: &[Acknowledged],
) -> Result<(), String> {
    let mut dice = Dice::new(seed ^ 0xabcd);
    let roles = roles(&mut dice);
    let stage = Stage {
        disk: disk.clone(),
        baton: Baton::new(roles.len(), seed),
        seed,
        mutant,
        acknowledged: Mutex::new(known.to_vec()),
        forgotten: Mutex::default(),
        wrong: Mutex::default(),
    };
    let lives: Vec<u64> = roles.iter().map(|_| lifetime(&mut dice)).collect();
    std::thread::scope(|scope| {
        for (me, role) in roles.iter().enumerate() {
            let (stage, calls) = (&stage, lives[me]);
            scope.spawn(move || stage.act(me, *role, calls));
        }
    });
    let verdict = stage.judge();
    verdict.map_err(|what| format!("{what}\n  seed {seed}, {roles:?}"))
}

/// One in four dies early.
fn lifetime(dice: &mut Dice) -> u64 {
    match dice.below(4) {
        0 => 1 + dice.below(120),
        _ => u64::MAX,
    }
}

impl Stage {
    fn act(&self, me: usize, role: Role, calls: u64) {
        self.baton.start(me);
        mutant::set(self.mutant);
        let disk = Turned::new(&self.disk, &self.baton, me, calls);
        // What the store does in parallel is done by this thread alone.
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .use_current_thread()
            .build();
        let result = pool.unwrap().install(|| self.play(me, role, &disk));
        match result {
            Ok(()) | Err(StoreError::Evicted { .. }) => {}
            Err(_) if disk.is_dead() => {}
            Err(error) => self.note(format!("{role:?}: {}", words(error))),
        }
        self.baton.end(me);
    }

    fn note(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    fn play(&self, me: usize, role: Role, disk: &Turned) -> Result<()> {
        let store = Store::open(Backing {
            storage: Arc::new(LocalStorage::new(Arc::new(disk.clone()))),
            cache: Some(Arc::new(disk.below("cache"))),
            random: Arc::new(SeededRandom::new(self.seed * 64 + 10 + me as u64)),
        })?;
        let mut dice = Dice::new(self.seed * 31 + me as u64);
        match role {
            Role::BackUp => self.back_up(&store, &mut dice),
            Role::Collect => {
                let watch = Patience {
                    baton: &self.baton,
                    me,
                    left: AtomicUsize::new(dice.below(30) as usize),
                };
                store
                    .collect(Collect::default(), &Rows(&store), &watch)
                    .map(drop)
            }
            Role::Forget => self.forget(&store, &mut dice),
            Role::BringBack => self.bring_back(&store),
            Role::Read => read(&store),
        }
    }

    fn back_up(&self, store: &Store, dice: &mut Dice) -> Result<()> {
        let mut back_up = BackUp::begin(store, 900)?;
        let first = dice.below(6) as u32;
        for number in first..=first + dice.below(3) as u32 {
            back_up.put(number)?;
        }
        if dice.below(5) == 0 {
            return back_up.abandon();
        }
        let done = back_up.commit()?;
        self.acknowledged.lock().unwrap().push(done);
        Ok(())
    }

    fn forget(&self, store: &Store, dice: &mut Dice) -> Result<()> {
        let mut records = store.records()?;
        records.sort_unstable();
        if let Some(id) = records.get(dice.below(records.len().max(1) as u64) as usize) {
            self.forgotten.lock().unwrap().push(*id);
            store.forget(&[*id], 2)?;
        }
        Ok(())
    }

    fn bring_back(&self, store: &Store) -> Result<()> {
        for forgotten in store.forgotten()? {
            let session = store.begin(Options::default())?;
            let back = || {
                let record = store.forgotten_record(forgotten)?;
                for id in unseal(&record).unwrap_or_default() {
                    if !session.has(&id) {
                        let plain = store.get(&id)?;
                        let kind = Kind::ALL
                            .into_iter()
                            .find(|kind| ChunkId::of(*kind, &plain) == id);
                        session.put(kind.unwrap(), &plain, None)?;
                    }
                }
                session.bring_back(forgotten)
            };
            match back() {
                // A collector was first.
                Err(StoreError::NoRecord { .. } | StoreError::ChunkMissing { .. }) => {}
                result => result?,
            }
            session.abandon()?;
        }
        Ok(())
    }

    /// What must hold when all have ended: dead sessions are given up, everything listed is whole, and the rest goes.
    fn judge(&self) -> Result<(), String> {
        if let Some(wrong) = self.wrong.lock().unwrap().pop() {
            return Err(wrong);
        }
        mutant::set(None);
        let forgotten = self.forgotten.lock().unwrap();
        let mut expected = self.acknowledged.lock().unwrap().clone();
        expected.retain(|record| !forgotten.contains(&record.id));
        check(&open(&self.disk, 4), &expected)?;
        collect(&open(&self.disk, 5)).map_err(words)?;
        check(&open(&self.disk, 6), &expected).map_err(|what| format!("collected: {what}"))?;
        check_clean(&self.disk, 7)
    }
}

/// A reader that holds the repository reads all of the snapshot that it was led to (F-19).
fn read(store: &Store) -> Result<()> {
    let _hold = store.hold();
    for id in store.records()? {
        let record = match store.record(id) {
            Err(StoreError::NoRecord { .. }) => continue,
            record => record?,
        };
        for chunk in unseal(&record).unwrap_or_default() {
            store.get(&chunk)?;
        }
    }
    Ok(())
}

/// Lets the others go on so many times.
struct Patience<'b> {
    baton: &'b Baton,
    me: usize,
    left: AtomicUsize,
}

impl Progress for Patience<'_> {}

impl Watch for Patience<'_> {
    fn pause(&self, _: usize) -> bool {
        let left = |left: usize| left.checked_sub(1);
        let order = Ordering::Relaxed;
        self.left.fetch_update(order, order, left).is_ok() && self.baton.pause(self.me)
    }
}

fn run_all(seeds: std::ops::Range<u64>) {
    let start = beginning();
    let failures: Vec<String> = seeds
        .into_par_iter()
        .filter_map(|seed| run(seed, None, &start).err())
        .collect();
    assert_none(&failures);
}

#[test]
fn f17_f18_f19_f20_in_whatever_order_calls_come_no_snapshot_is_lost() {
    run_all(0..SEEDS);
}

/// `cargo test --release -p lifeboat-store --test gc -- --ignored --nocapture a_million_orders`
#[test]
#[ignore = "half an hour or so; see docs/testing.md"]
fn f17_f18_f19_f20_a_million_orders() {
    for thousand in 0..1000 {
        run_all(thousand * 1000..(thousand + 1) * 1000);
        println!("{} orders", (thousand + 1) * 1000);
    }
}

#[test]
fn every_mistake_that_the_protocol_must_not_make_is_noticed() {
    let start = beginning();
    let missed: Vec<Mutant> = Mutant::ALL
        .into_iter()
        .filter(|mutant| {
            let mut seeds = 0..NOTICED_WITHIN;
            let noticed =
                seeds.find_map(|seed| Some((seed, run(seed, Some(*mutant), &start).err()?)));
            println!("{mutant:?}: {noticed:?}");
            noticed.is_none()
        })
        .collect();
    assert_eq!(missed, []);
}

/// `SEED=884 cargo test -p lifeboat-store --test gc -- --ignored --nocapture one_seed`
#[test]
#[ignore = "for a seed that failed: prints every change of the run"]
fn one_seed() {
    let seed = std::env::var("SEED").unwrap().parse().unwrap();
    let (disk, known) = beginning();
    let verdict = run_on(seed, None, &disk, &known);
    for operation in disk.operations() {
        println!("{operation}");
    }
    verdict.unwrap();
}
