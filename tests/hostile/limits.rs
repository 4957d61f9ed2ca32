//! Descriptions that hold more than any may, or what none may: refused with a reason, by each command that meets them.

use std::collections::BTreeMap;
use std::fs;

use lifeboat_snapshot::entry::{Entry, Node};
use lifeboat_snapshot::manifest::{Database, Flag, Flaw};
use lifeboat_snapshot::path::TreePath;
use lifeboat_snapshot::sqlite::{Checked, Facts};
use lifeboat_snapshot::{Repository, SnapshotError, Unwatched};
use lifeboat_store::codec;

use super::forge::{self, Forge, content, entry, facts, link, node_bytes, source};
use crate::support::Workbench;

/// Restores and verifies what was forged: refused with 9 and damage with 4, and nothing outside the target has changed.
/// Gives what was said.
fn refused(make: impl FnOnce(&Forge<'_>) -> lifeboat_snapshot::content::Content) -> String {
    let bench = Workbench::with_files();
    let before = crate::support::tree::looks(&bench.data());
    forge::repository(&bench.place(), make);
    let said = bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(9)
        .complains(&["not acceptable"])
        .stderr()
        .to_owned();
    bench.lifeboat(&["verify"]).exits(4);
    bench.lifeboat(&["ls", "-R", "latest"]).exits(9);
    let after = crate::support::tree::looks(&bench.data());
    assert_eq!(crate::support::tree::differences(&before, &after), [""; 0]);
    let known = ["data", "home", "repository", "restored"];
    for found in fs::read_dir(bench.folder()).unwrap() {
        let name = found.unwrap().file_name();
        assert!(
            known.contains(&name.to_str().unwrap()),
            "{name:?} was written"
        );
    }
    said
}

/// The same of what no system could take either.
fn refused_unwritten(make: impl FnOnce(&Forge<'_>) -> lifeboat_snapshot::content::Content) {
    let bench = Workbench::new();
    forge::repository(&bench.place(), make);
    let dry = ["restore", "latest", "--to", "restored", "--dry-run"];
    bench.lifeboat(&dry).exits(9).complains(&["too deeply"]);
    bench.lifeboat(&["ls", "-R", "latest"]).exits(9);
    let found = bench.lifeboat(&["verify"]).exits(4).text();
    assert!(found.contains("too deeply"));
    let restored = bench.lifeboat(&["restore", "latest", "--to", "restored"]);
    assert!(matches!(restored.code(), Some(1 | 9)));
}

/// A folder with one entry.
fn holding(forge: &Forge<'_>, entry: Entry) -> lifeboat_snapshot::content::Content {
    let folder = forge.folder(&[entry]);
    forge.of_root(folder)
}

/// A database described so.
fn described(facts: Facts) -> Database {
    Database {
        source: 0,
        path: TreePath::parse(b"app.db").unwrap(),
        facts,
        checked_ms: None,
    }
}

#[test]
fn bad_14_a_manifest_that_claims_more_than_there_is() {
    for count in [1_u64 << 60, u64::MAX, 100_000] {
        refused(|forge| {
            let mut bytes = vec![0x31];
            bytes.extend(codec::encode(&count).unwrap());
            bytes.extend([0, 0]);
            forge.raw_manifest(&bytes)
        });
    }
    // A name of 2⁶³ bytes.
    refused(|forge| {
        let mut bytes = vec![0x31, 1, 253];
        bytes.extend((1_u64 << 63).to_le_bytes());
        forge.raw_manifest(&bytes)
    });
}

#[test]
fn bad_15_folders_nested_without_end() {
    refused_unwritten(|forge| {
        let mut node = forge.file(b"x");
        for _ in 0..2100 {
            node = forge.folder(&[entry(b"d", node)]);
        }
        forge.of_root(node)
    });
}

#[test]
fn bad_15_paths_longer_than_any_that_is_stored() {
    refused_unwritten(|forge| {
        let mut node = forge.file(b"x");
        for _ in 0..80 {
            node = forge.folder(&[entry([b'n'; 1024], node)]);
        }
        forge.of_root(node)
    });
}

#[test]
fn bad_16_two_entries_of_one_name() {
    for is_one_node in [true, false] {
        refused(|forge| {
            let file = entry(b"a", forge.file(b"file"));
            let folder = entry(b"a", forge.folder(&[entry(b"b", forge.file(b"x"))]));
            forge.of_root(match is_one_node {
                true => forge.folder(&[file, folder]),
                false => forge.folder_of(&[&[file], &[folder]]),
            })
        });
    }
    refused(|forge| {
        let [b, a] = [b"b", b"a"].map(|name| entry(name, forge.file(name)));
        forge.of_root(forge.folder(&[b, a]))
    });
}

#[test]
fn bad_17_names_that_lead_elsewhere() {
    for name in [b"..", b"./", b"/x", b"x/", b"a\0"] {
        let said = refused(|forge| {
            let mut bytes = node_bytes(&[entry(b"ZZ", forge.file(b"pwned"))]);
            let at = bytes.windows(2).position(|window| window == b"ZZ").unwrap();
            bytes[at..at + 2].copy_from_slice(name);
            let node = forge.raw_node(&bytes);
            forge.of_root(Node::Folder {
                entries: forge::one(node),
            })
        });
        assert!(said.contains("unsafe name"), "{said}");
    }
    refused(|forge| {
        let mut bytes = node_bytes(&[entry(b"Z", forge.file(b"pwned"))]);
        let at = bytes
            .windows(2)
            .position(|window| window == [1, b'Z'])
            .unwrap();
        bytes.splice(at..at + 2, [0]);
        let node = forge.raw_node(&bytes);
        forge.of_root(Node::Folder {
            entries: forge::one(node),
        })
    });
}

#[test]
fn bad_18_a_link_and_then_a_folder_of_its_name() {
    let bench = Workbench::new();
    let outside = bench.path("outside");
    fs::create_dir(&outside).unwrap();
    forge::repository(&bench.place(), |forge| {
        let link = link(outside.as_os_str().as_encoded_bytes());
        let folder = forge.folder(&[entry(b"pwned", forge.file(b"pwned"))]);
        forge.of_root(forge.folder_of(&[&[entry(b"a", link)], &[entry(b"a", folder)]]))
    });
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(9);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    // Sources may share a name, and then they get others.
    let bench = Workbench::new();
    fs::create_dir(bench.path("outside")).unwrap();
    forge::repository(&bench.place(), |forge| {
        let link = link(bench.path("outside").as_os_str().as_encoded_bytes());
        let folder = forge.folder(&[entry(b"pwned", forge.file(b"pwned"))]);
        let sources = [
            source(b"a", link),
            source(b"a", folder.clone()),
            source(b"a-2", folder),
        ];
        forge.manifest(&sources, &[], &[])
    });
    bench
        .lifeboat(&["restore", "latest", "--to", "restored"])
        .exits(0);
    assert_eq!(fs::read_dir(bench.path("outside")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(bench.path("restored")).unwrap().count(), 3);
}

#[test]
fn bad_18_links_that_no_system_has() {
    for target in [&b""[..], b"a\0b"] {
        refused(|forge| holding(forge, entry(b"l", link(target))));
    }
}

#[test]
fn an_empty_folder_node_is_refused() {
    refused(|forge| forge.of_root(forge.folder_of(&[&[]])));
}

#[test]
fn f55_more_attributes_than_an_entry_may_have() {
    for (count, is_sorted) in [(1025, true), (500_000, true), (2, false)] {
        refused(|forge| {
            let mut file = entry(b"f", forge.file(b"x"));
            file.meta.xattrs = (0..count)
                .map(|number: u32| (number.to_be_bytes().to_vec().into(), Default::default()))
                .collect();
            if !is_sorted {
                file.meta.xattrs.reverse();
            }
            holding(forge, file)
        });
    }
}

#[test]
fn f55_a_folder_node_longer_than_any() {
    refused(|forge| {
        let entries: Vec<Entry> = (0..2000)
            .map(|number| entry(format!("{number:01000}"), link(b"x")))
            .collect();
        forge.of_root(forge.folder(&entries))
    });
}

#[test]
fn f55_more_references_than_a_content_may_have() {
    refused(|forge| {
        let piece = forge.put(lifeboat_store::Kind::Data, b"x");
        let file = forge::file_of(content(vec![piece; 9000]));
        holding(forge, entry(b"f", file))
    });
}

#[test]
fn f55_more_facts_than_a_database_may_have() {
    let tables: BTreeMap<String, u64> = (0..20_000).map(|n| (format!("{n:05}"), n)).collect();
    let many = [
        Facts {
            check: Checked::Damaged(vec![String::new(); 2000]),
            ..facts()
        },
        Facts {
            row_counts: tables,
            ..facts()
        },
    ];
    for facts in many {
        refused(|forge| {
            let root = source(b"x", forge.folder(&[]));
            forge.manifest(&[root], &[described(facts)], &[])
        });
    }
}

#[test]
fn f55_more_facts_than_a_manifest_may_have() {
    let tables: BTreeMap<String, u64> = (0..10_000).map(|n| (format!("{n:05}"), 1)).collect();
    let database = described(Facts {
        row_counts: tables,
        ..facts()
    });
    refused(|forge| {
        let root = source(b"x", forge.folder(&[]));
        forge.manifest(&[root], &vec![database; 120], &[])
    });
}

#[test]
fn f55_more_flags_than_a_manifest_may_have() {
    let flag = Flag {
        source: 9,
        path: TreePath::root(),
        flaw: Flaw::Changed,
    };
    refused(|forge| {
        let root = source(b"x", forge.folder(&[]));
        forge.manifest(&[root], &[], &vec![flag; 200_000])
    });
}

/// A repository with one record, which is changed.
fn with_record(change: impl FnOnce(&mut lifeboat_snapshot::Snapshot)) -> Workbench {
    let bench = Workbench::with_files();
    let make = |forge: &Forge<'_>| forge.of_root(forge.folder(&[]));
    forge::recorded(&bench.place(), make, change);
    bench
}

#[test]
fn f55_more_tags_or_sources_than_a_record_may_have() {
    let tags = with_record(|record| record.tags = vec![String::new(); 4_000_000]);
    let sources = with_record(|record| record.sources = vec![Default::default(); 70_000]);
    for bench in [tags, sources] {
        bench.lifeboat(&["list"]).exits(4).says_aside(&["damaged"]);
        bench.lifeboat(&["verify"]).exits(4);
        bench.backs_up();
    }
}

#[test]
fn a_sequence_that_nothing_could_follow_is_no_record() {
    let bench = with_record(|record| record.sequence = (1 << 62) + 1);
    bench.lifeboat(&["list"]).exits(4).says_aside(&["damaged"]);
    for highest in [1 << 62, (1 << 62) - 1] {
        let bench = with_record(|record| record.sequence = highest);
        for number in 2..5 {
            bench.backs_up();
            let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
            assert_eq!(listed.as_array().unwrap().len(), number);
        }
    }
}

#[test]
fn a_record_that_could_not_be_read_for_a_moment_is_not_the_newest_afterwards() {
    let bench = Workbench::with_files();
    for state in 0..4 {
        bench.write("notes.txt", state.to_string());
        let snapshot = bench.backs_up()["snapshot"].as_str().unwrap().to_owned();
        let record = bench.place().join(format!("snapshots/{snapshot}.snapshot"));
        let aside = bench.path("aside");
        fs::rename(&record, &aside).unwrap();
        fs::create_dir(&record).unwrap();
        bench.write("notes.txt", format!("after {state}"));
        let next = bench.backs_up()["snapshot"].clone();
        fs::remove_dir(&record).unwrap();
        fs::rename(&aside, &record).unwrap();
        let shown = bench
            .lifeboat(&["show", "latest", "--json"])
            .exits(0)
            .json();
        assert_eq!(shown["id"], next);
    }
}

#[test]
fn times_at_the_edge_of_what_can_be_told_end_nothing() {
    let edges = [
        (i64::MIN, i32::MIN),
        (i64::MAX, i32::MAX),
        (8_210_266_876_799_999, 1439),
        (-8_334_601_228_800_000, -1439),
        (253_402_300_799_999, 1439),
    ];
    for (time_ms, offset_minutes) in edges {
        let bench = with_record(|record| {
            record.time_ms = time_ms;
            record.offset_minutes = offset_minutes;
            record.duration_ms = u64::MAX;
            record.files = u64::MAX;
            record.bytes = 0;
            record.new_bytes = u64::MAX;
            record.stored_bytes = u64::MAX;
        });
        bench.backs_up();
        for args in [
            &["list"][..],
            &["list", "--json"],
            &["show", "latest~1"],
            &["show", "latest~1", "--json"],
            &["stats"],
            &["verify"],
            &["restore", "latest~1", "--to", "restored"],
            &["export", "latest~1"],
        ] {
            bench.lifeboat(args).exits(0);
        }
        let status = bench.lifeboat(&["status"]);
        assert!(matches!(status.code(), Some(0 | 20)), "{status}");
    }
}

#[test]
fn bad_19_times_and_modes_of_any_number() {
    let bench = Workbench::new();
    forge::repository(&bench.place(), |forge| {
        let seconds = [i64::MIN, i64::MAX, 8_210_266_876_799, -8_334_601_228_800];
        let files = seconds.into_iter().enumerate().map(|(number, secs)| {
            let mut file = entry(number.to_string(), forge.file(b"x"));
            file.meta.mtime.secs = secs;
            file.meta.mtime.nanos = u32::MAX;
            file.meta.mode = !0o7000;
            file.meta.uid = u32::MAX - 1;
            file
        });
        let files: Vec<Entry> = files.collect();
        let odd = described(Facts {
            page_size: u32::MAX,
            pages: u64::MAX,
            ..facts()
        });
        let odd = Database {
            checked_ms: Some(i64::MIN),
            ..odd
        };
        forge.manifest(&[source(b"x", forge.folder(&files))], &[odd], &[])
    });
    for args in [
        &["ls", "latest"][..],
        &["ls", "latest", "--json"],
        &["list"],
        &["show", "latest"],
    ] {
        bench.lifeboat(args).exits(0);
    }
    let restored = bench.lifeboat(&["restore", "latest", "--to", "restored"]);
    assert!(matches!(restored.code(), Some(0 | 3)), "{restored}");
    assert_eq!(fs::read(bench.path("restored/0")).unwrap(), b"x");
}

#[test]
fn bad_19_lengths_that_do_not_add_up() {
    let bench = Workbench::new();
    forge::repository(&bench.place(), |forge| {
        let mut file = forge::one(forge.put(lifeboat_store::Kind::Data, b"four"));
        file.len = 5;
        forge.of_root(forge.folder(&[entry(b"f", forge::file_of(file))]))
    });
    let restore = ["restore", "latest", "--to", "restored"];
    bench.lifeboat(&restore).exits(4).says_aside(&["add up"]);
    bench.lifeboat(&["verify"]).exits(4);
    // A chunk of another length than its reference says.
    let bench = Workbench::new();
    forge::repository(&bench.place(), |forge| {
        let mut found = forge.put(lifeboat_store::Kind::Data, b"four");
        found.len = 5;
        let file = forge::file_of(forge::one(found));
        forge.of_root(forge.folder(&[entry(b"f", file)]))
    });
    bench
        .lifeboat(&restore)
        .exits(4)
        .says_aside(&["as long as"]);
    bench.lifeboat(&["verify"]).exits(4);
}

#[test]
fn more_than_a_snapshot_holds_is_told_before_anything_is_read() {
    let bench = Workbench::with_files();
    let repository = Repository::create(&bench.place()).unwrap();
    let plan = lifeboat_snapshot::Backup {
        tags: vec!["t".to_owned(); 2000],
        ..bench.plan()
    };
    let error = repository.backup(&plan, &Unwatched).unwrap_err();
    assert!(
        matches!(error, SnapshotError::TooMany { count: 2000, .. }),
        "{error}"
    );
    let mut args = vec!["backup", "data"];
    args.extend(["--tag", "t"].repeat(2000));
    bench.lifeboat(&args).exits(2).complains(&["2000", "tags"]);
}
