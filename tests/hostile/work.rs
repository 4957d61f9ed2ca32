//! Work that multiplies: a few bytes that stand for more steps than anybody could take. How much is done is counted in
//! reads of the disk.

use lifeboat_snapshot::content::{Content, Ref};
use lifeboat_snapshot::entry::Node;
use lifeboat_snapshot::{Monitor, Progress, Restore, Unwatched};
use lifeboat_store::disk::sim::Call;
use lifeboat_store::{ChunkId, Kind};

use super::forge::{self, Forge, content, entry, file_of, lost_file, one, source};
use super::forged_pack::{Copy, pack};
use super::{counted, verified};
use crate::support::Workbench;

/// A file of 1024 references to one list of 1024 references to one list, and so on, at the bottom of which is `last`.
fn bomb(forge: &Forge<'_>, last: Ref, levels: u8) -> Node {
    let mut node = last;
    for _ in 0..levels {
        node = forge.list(&vec![node; 1024]);
    }
    file_of(Content {
        len: node.len,
        depth: levels,
        refs: vec![node],
    })
}

fn lists_of_lists() -> Workbench {
    let bench = Workbench::new();
    forge::repository(&bench.place(), |forge| {
        let last = forge.put(Kind::Data, b"x");
        forge.of_root(forge.folder(&[entry(b"f", bomb(forge, last, 5))]))
    });
    bench
}

/// Folders that each hold the next one twice; `last` is at the bottom.
fn ladder(forge: &Forge<'_>, last: Node, levels: usize) -> Node {
    let mut node = last;
    for _ in 0..levels {
        node = forge.folder(&[entry(b"a", node.clone()), entry(b"b", node)]);
    }
    node
}

#[test]
fn f55_lists_that_name_each_other_a_thousand_times_are_walked_once() {
    let bench = lists_of_lists();
    let (report, reads) = verified(&bench, false);
    assert_eq!(report.damaged, []);
    assert!(reads < 100, "{reads} reads");
}

#[test]
fn f55_what_was_read_of_such_lists_and_what_they_need_is_found_out_by_walking_them_once() {
    let bench = lists_of_lists();
    let (report, reads) = verified(&bench, true);
    assert_eq!(report.damaged, []);
    assert!(reads < 200, "{reads} reads");
    let (disk, repository) = counted(&bench);
    let before = disk.calls_of(Call::Read);
    let snapshot = repository.snapshots().unwrap().snapshots.remove(0);
    let plan = Restore {
        target: bench.path("restored"),
        ..Restore::default()
    };
    let restored = repository.restore(&snapshot, &plan, &Unwatched);
    let told = restored.unwrap_err().to_string();
    // 1024 to the fifth, in blocks.
    assert!(told.contains("1125899906842624 are needed"), "{told}");
    let reads = disk.calls_of(Call::Read) - before;
    assert!(reads < 200, "{reads} reads");
}

#[test]
fn f55_a_lost_chunk_at_the_bottom_of_such_lists_is_named_and_the_walk_ends() {
    let bench = Workbench::new();
    forge::repository(&bench.place(), |forge| {
        let id = ChunkId::from_bytes([7; 32]);
        let node = bomb(forge, Ref { id, len: 1 }, 5);
        forge.of_root(forge.folder(&[entry(b"f", node.clone()), entry(b"g", node)]))
    });
    let (report, reads) = verified(&bench, false);
    let lost = &report.damaged[0];
    assert!(lost.object.contains("0707"), "{report:?}");
    assert_eq!(lost.paths[0], "f");
    assert!(
        report
            .damaged
            .iter()
            .any(|damaged| damaged.paths.contains(&"g".to_owned()))
    );
    assert!(reads < 500_000, "{reads} reads");
}

#[test]
fn f55_folders_that_hold_each_other_twice_are_walked_once() {
    let bench = Workbench::new();
    forge::repository(&bench.place(), |forge| {
        forge.of_root(ladder(forge, forge.file(b"x"), 40))
    });
    let (report, reads) = verified(&bench, false);
    assert_eq!(report.damaged, []);
    assert!(reads < 500, "{reads} reads");
}

#[test]
fn f55_a_loss_below_such_folders_is_named_and_the_walk_ends() {
    for unreadable in [false, true] {
        let bench = Workbench::new();
        forge::repository(&bench.place(), |forge| {
            let last = match unreadable {
                false => lost_file(),
                true => Node::Folder {
                    entries: one(forge.raw_node(b"garbage")),
                },
            };
            forge.of_root(ladder(forge, last, 40))
        });
        let (report, _) = verified(&bench, false);
        assert!(!report.damaged.is_empty());
        assert!(report.damaged.len() < 10, "{}", report.damaged.len());
        let first = "a/".repeat(39) + "a";
        assert!(
            report
                .damaged
                .iter()
                .any(|damaged| damaged.paths.contains(&first)),
            "{report:?}"
        );
        for damaged in &report.damaged {
            assert!(damaged.paths.len() <= 1001, "{}", damaged.paths.len());
        }
        let told = &report.damaged.last().unwrap().paths;
        assert!(
            report
                .damaged
                .iter()
                .any(|d| d.what.contains("so many places")),
            "{told:?}"
        );
    }
}

/// Somebody who does not want to wait.
struct Impatient;

impl Progress for Impatient {
    fn cancelled(&self) -> bool {
        true
    }
}

impl Monitor for Impatient {}

#[test]
fn f75_a_verification_stops_wherever_it_is_when_it_is_asked_to() {
    let bench = Workbench::new();
    forge::repository(&bench.place(), |forge| {
        let last = forge.put(Kind::Data, b"x");
        forge.of_root(forge.folder(&[entry(b"f", bomb(forge, last, 1))]))
    });
    let (_, repository) = counted(&bench);
    let stopped = repository.verify(&Default::default(), &Impatient);
    assert!(stopped.unwrap_err().is_cancelled());
}

#[test]
fn f55_deltas_that_branch_at_every_link_cost_no_more_than_a_few_chains() {
    let bench = Workbench::new();
    // Chunks whose ids begin alike, in pairs a level; each is a delta against the pair below, and none decodes.
    let id = |level: u8, twin: u8| {
        let mut id = [level; 32];
        id[31] = twin;
        id
    };
    let copies: Vec<Copy> = (0..15)
        .flat_map(|level| [(level, 0), (level, 1)])
        .map(|(level, twin)| Copy {
            encoding: 2,
            id: id(level, twin),
            stored: vec![level, twin, 1],
            plain_len: 70_000,
            base: [level + 1; 8],
        })
        .chain([0, 1].map(|twin| Copy {
            encoding: 0,
            id: id(15, twin),
            stored: vec![twin; 70_000],
            plain_len: 70_000,
            base: [0; 8],
        }))
        .collect();
    forge::repository(&bench.place(), |forge| {
        let id = ChunkId::from_bytes(id(0, 0));
        forge.of_root(file_of(content(vec![Ref { id, len: 70_000 }])))
    });
    pack(&bench.place(), [0x55; 16], 1, &copies);
    let (disk, repository) = counted(&bench);
    let before = disk.calls_of(Call::Read);
    let got = repository.store().get(&ChunkId::from_bytes(id(0, 0)));
    assert!(got.unwrap_err().is_damage());
    let reads = disk.calls_of(Call::Read) - before;
    assert!(reads < 500, "{reads} reads");
    let (report, reads) = verified(&bench, true);
    assert!(!report.damaged.is_empty());
    assert!(reads < 5000, "{reads} reads");
}

#[test]
fn f55_a_chunk_with_a_hundred_thousand_copies_is_given_up() {
    let bench = Workbench::new();
    let copies: Vec<Copy> = (0..100_000_u32)
        .map(|number| Copy {
            encoding: 2,
            id: [9; 32],
            stored: vec![number as u8],
            plain_len: 100,
            base: [9; 8],
        })
        .collect();
    forge::repository(&bench.place(), |forge| forge.of_root(forge.folder(&[])));
    pack(&bench.place(), [0x55; 16], 1, &copies);
    let (disk, repository) = counted(&bench);
    let before = disk.calls_of(Call::Read);
    let got = repository.store().get(&ChunkId::from_bytes([9; 32]));
    assert!(got.unwrap_err().is_damage());
    let reads = disk.calls_of(Call::Read) - before;
    assert!(reads < 20_000, "{reads} reads");
    assert!(
        !repository
            .store()
            .contains(&ChunkId::from_bytes([9; 32]))
            .unwrap()
    );
}

#[test]
fn f55_a_manifest_in_a_million_pieces_is_refused() {
    let bench = Workbench::new();
    forge::repository(&bench.place(), |forge| {
        let piece = forge.put(Kind::Meta, b"1");
        let node = forge.list(&vec![piece; 1024]);
        let node = forge.list(&vec![node; 1024]);
        Content {
            len: node.len,
            depth: 2,
            refs: vec![node],
        }
    });
    let (disk, repository) = counted(&bench);
    let snapshot = repository.snapshots().unwrap().snapshots.remove(0);
    assert!(repository.manifest(&snapshot).is_err());
    assert!(disk.calls_of(Call::Read) < 3000);
}

#[test]
fn a_hundred_thousand_sources_of_one_name_each_have_a_name_of_their_own() {
    let bench = Workbench::new();
    let count = 60_000;
    forge::repository(&bench.place(), |forge| {
        let sources = vec![source(b"x", forge::link(b"y")); count];
        forge.manifest(&sources, &[], &[])
    });
    let (_, repository) = counted(&bench);
    let snapshot = repository.snapshots().unwrap().snapshots.remove(0);
    let tree = repository.tree(&snapshot).unwrap();
    let mut names: Vec<_> = tree.walk().map(|found| found.unwrap().0).collect();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn sources_of_one_very_long_name_are_all_restored() {
    let bench = Workbench::new();
    let name = [b'a'; 255];
    for len in [255, 1024] {
        let place = bench.path(format!("repository-{len}"));
        forge::repository(&place, |forge| {
            let name = [name.as_slice(), &[b'b'; 1024 - 255]].concat();
            let source = source(&name[..len], forge.file(b"one"));
            forge.manifest(&vec![source; 12], &[], &[])
        });
        let repository = lifeboat_snapshot::Repository::open(&place).unwrap();
        let snapshot = repository.snapshots().unwrap().snapshots.remove(0);
        let tree = repository.tree(&snapshot).unwrap();
        let mut names: Vec<_> = tree.walk().map(|found| found.unwrap().0).collect();
        names.dedup();
        assert_eq!(names.len(), 12);
        assert!(names.iter().all(|name| name.to_bytes().len() <= 1024));
    }
}
