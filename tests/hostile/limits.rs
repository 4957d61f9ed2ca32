//! Descriptions that hold more than any may: refused with a reason, by each command that meets them.

use std::collections::BTreeMap;

use lifeboat_snapshot::entry::Entry;
use lifeboat_snapshot::manifest::{Database, Flag, Flaw};
use lifeboat_snapshot::path::TreePath;
use lifeboat_snapshot::sqlite::{Checked, Facts};
use lifeboat_snapshot::{Repository, SnapshotError, Unwatched};
use lifeboat_store::codec;

use super::forge::{self, content, entry, facts, link, source};
use super::refused::{holding, refused, with_record};
use crate::support::Workbench;

/// A database described so.
pub(super) fn described(facts: Facts) -> Database {
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
