//! Backups, collectors, forgetters and readers on one disk, in every order that some thousand seeds give (faults
//! F-17 to F-21): whatever the order, each committed snapshot is whole in the end, and what nobody needs is gone. And that
//! these tests would notice: each of the mistakes that the protocol must not make loses a snapshot under some seed.

use std::sync::Mutex;

use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::mutant::Mutant;
use rayon::prelude::*;

use crate::actors::{Role, Stage};
use crate::baton::{Baton, Dice};
use crate::stage::{backs_up, forget, repository};
use crate::support::{Acknowledged, assert_none};

/// Seeds of the normal run.
const SEEDS: u64 = 1500;

/// Seeds within which each mistake must be noticed.
const NOTICED_WITHIN: u64 = 4000;

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
