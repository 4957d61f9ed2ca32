//! Numbers at the edge of what can be told, and beyond: times, modes, lengths, and the order of snapshots.

use std::fs;

use lifeboat_snapshot::entry::Entry;
use lifeboat_snapshot::manifest::Database;
use lifeboat_snapshot::sqlite::Facts;

use super::forge::{self, entry, facts, source};
use super::limits::described;
use super::refused::with_record;
use crate::support::Workbench;

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
fn bad_19_a_file_longer_than_any_is_lost_and_the_others_are_restored() {
    for many in [1_u64, 2] {
        let bench = Workbench::new();
        forge::repository(&bench.place(), |forge| {
            let mut list = forge.put(lifeboat_store::Kind::Data, b"whatever");
            list.len = 1 << 63;
            let file = forge::file_of(forge::one(list));
            let mut entries = vec![entry(b"good", forge.file(b"good"))];
            entries.extend((0..many).map(|number| entry(format!("huge {number}"), file.clone())));
            forge.of_root(forge.folder(&entries))
        });
        let restored = bench.lifeboat(&["restore", "latest", "--to", "restored"]);
        restored.exits(4).says_aside(&["huge 0", "add up"]);
        assert_eq!(fs::read(bench.path("restored/good")).unwrap(), b"good");
        assert!(!bench.path("restored/huge 0").exists());
    }
}
