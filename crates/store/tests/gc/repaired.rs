//! Damage that comes while a plan is made or carried out, and the repair that comes before the sweep.

use lifeboat_store::disk::sim::SimDisk;
use lifeboat_store::random::noise;
use lifeboat_store::{Kind, Options, Session, Store};

use crate::mending::{parity_of, repair};
use crate::stage::{collect, forget, open, packs, repository};
use crate::support::{Acknowledged, assert_none, backing, check, unseal, words};

/// Commits a record of these chunks.
fn commit(session: Session<'_>, chunks: &[lifeboat_store::ChunkId]) -> Acknowledged {
    let mut record: Vec<u8> = chunks.iter().flat_map(|id| *id.as_bytes()).collect();
    let seal = *blake3::hash(&record).as_bytes();
    record.extend(seal);
    let id = session.id();
    session.commit(&record).unwrap();
    Acknowledged { id, record }
}

/// A chunk that is stored as a delta in one pack and whole in another, by two sessions at once, and the pack that has it
/// whole. What the delta is made from is garbage to whoever keeps the whole copy.
fn stage() -> (SimDisk, Vec<Acknowledged>, String) {
    let disk = repository();
    let base = noise(20_000, 1);
    let like = [&base[..], b"a little more"].concat();
    let stores = [2, 3, 4].map(|process| Store::open(backing(&disk, process)).unwrap());
    let first = stores[0].begin(Options::default()).unwrap();
    let base = first.put(Kind::Data, &base, None).unwrap().id;
    let first = commit(first, &[base]);
    let [one, other] =
        [1, 2].map(|number: usize| stores[number].begin(Options::default()).unwrap());
    let mut known = Vec::new();
    let as_delta = [
        one.put(Kind::Data, &like, Some(&base)).unwrap().id,
        one.put(Kind::Data, &noise(9000, 2), None).unwrap().id,
    ];
    known.push(commit(one, &as_delta));
    let before = packs(&disk);
    let whole = [other.put(Kind::Data, &like, None).unwrap().id];
    known.push(commit(other, &whole));
    let new = packs(&disk).into_iter().find(|pack| !before.contains(pack));
    forget(&disk, first.id);
    disk.settle();
    (disk, known, new.unwrap())
}

#[test]
fn f10_f13_a_copy_that_goes_bad_under_a_plan_is_made_again_from_the_delta_before_its_base_is_deleted()
 {
    let (disk, known, whole) = stage();
    let parity = parity_of(&whole);
    let base = disk.operations().len();
    collect(&open(&disk, 5)).unwrap();
    check(&open(&disk, 90), &known).unwrap();
    let harms: [fn(&SimDisk, &str); 2] = [
        |disk, path| disk.delete(path).unwrap(),
        |disk, path| disk.truncate(path, 5000).unwrap(),
    ];
    let mut failures = Vec::new();
    let mut in_time = 0;
    for at in base..=disk.operations().len() {
        for (number, harm) in harms.iter().enumerate() {
            let killed = disk.killed_after(at);
            let before = packs(&killed).len();
            killed.delete(&parity).unwrap();
            harm(&killed, &whole);
            let of_one = check(&open(&killed, 6), &known);
            // After the sweep has begun with the base there is one copy, and that is the damaged one.
            if of_one.is_err() && before < 3 {
                continue;
            }
            in_time += 1;
            let done = repair(&killed, 7).map(drop).map_err(words);
            // Nobody knows what was in the one that lost its trailer, so it stays and nothing is collected.
            if packs(&killed).contains(&whole) {
                let refused = collect(&open(&killed, 8)).is_err();
                assert!(number == 1 && refused, "after {at}");
                killed.delete(&whole).unwrap();
            }
            let done = done.and_then(|()| collect(&open(&killed, 8)).map(drop).map_err(words));
            let done = done.and_then(|()| check(&open(&killed, 9), &known));
            failures.extend(
                done.err()
                    .map(|what| format!("{what}, after {at}, harm {number}")),
            );
        }
    }
    assert!(in_time > 20, "{in_time}");
    assert_none(&failures);
}

/// Ways to damage a pack that leave what it holds to be had: by its parity, or as it stands.
const HARMS: [fn(&SimDisk, &str, &str); 2] = [
    |disk, whole, _| disk.corrupt(whole, 5000, |byte| byte ^ 1).unwrap(),
    |disk, whole, parity| {
        disk.delete(parity).unwrap();
        disk.corrupt(whole, 2, |byte| byte ^ 1).unwrap();
    },
];

#[test]
fn i26_a_copy_whose_base_is_gone_is_no_reason_to_let_a_good_one_go() {
    let (disk, known, whole) = stage();
    collect(&open(&disk, 5)).unwrap();
    // The delta is still in its pack, and says nothing any more: who reads that pack has not read the chunk.
    assert_eq!(packs(&disk).len(), 2);
    let chunk = unseal(&known[1].record).unwrap()[0];
    let taken = open(&disk, 6).packs_of(&chunk).unwrap();
    let name = |packs: &Vec<lifeboat_store::PackId>| format!("packs/{}.pack", packs[0]);
    assert!(taken.iter().map(name).eq([whole.clone()]), "{taken:?}");
    for harm in HARMS {
        let disk = disk.copy();
        harm(&disk, &whole, &parity_of(&whole));
        repair(&disk, 7).unwrap();
        check(&open(&disk, 8), &known).unwrap();
        assert!(!packs(&disk).contains(&whole), "it is in the quarantine");
        repair(&disk, 9).unwrap();
        collect(&open(&disk, 10)).unwrap();
        check(&open(&disk, 11), &known).unwrap();
    }
}

#[test]
fn i26_a_copy_whose_base_is_condemned_is_no_reason_to_let_a_good_one_go() {
    let (disk, known, whole) = stage();
    let blocker = open(&disk, 5);
    let blocking = blocker.begin(Options::default()).unwrap();
    assert!(collect(&open(&disk, 6)).unwrap().pending_bytes > 0);
    blocking.abandon().unwrap();
    for harm in HARMS {
        let disk = disk.copy();
        harm(&disk, &whole, &parity_of(&whole));
        repair(&disk, 7).unwrap();
        check(&open(&disk, 8), &known).unwrap();
        collect(&open(&disk, 10)).unwrap();
        assert!(packs(&disk).len() > 1);
        check(&open(&disk, 11), &known).unwrap();
    }
}
