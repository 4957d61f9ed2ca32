//! Those who are at a repository at once, each with something to do, and the judgement when all have ended.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::gc::{Collect, Watch};
use lifeboat_store::mutant::{self, Mutant};
use lifeboat_store::progress::Progress;
use lifeboat_store::random::SeededRandom;
use lifeboat_store::storage::LocalStorage;
use lifeboat_store::{Backing, ChunkId, Kind, Options, Result, SnapshotId, Store, StoreError};

use crate::baton::{Baton, Dice};
use crate::stage::{Rows, check_clean, collect, open};
use crate::support::{Acknowledged, BackUp, check, unseal, words};
use crate::turned::Turned;

/// What an actor does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    BackUp,
    Collect,
    Forget,
    BringBack,
    Read,
}

/// A run under one seed.
pub(crate) struct Stage {
    pub(crate) disk: SimDisk,
    pub(crate) baton: Arc<Baton>,
    pub(crate) seed: u64,
    pub(crate) mutant: Option<Mutant>,
    /// Commits that were answered with success, and snapshots that somebody asked to forget.
    pub(crate) acknowledged: Mutex<Vec<Acknowledged>>,
    pub(crate) forgotten: Mutex<Vec<SnapshotId>>,
    pub(crate) wrong: Mutex<Vec<String>>,
}

impl Stage {
    pub(crate) fn act(&self, me: usize, role: Role, calls: u64) {
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
    pub(crate) fn judge(&self) -> Result<(), String> {
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
