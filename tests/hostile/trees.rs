//! Folders, names and links that no backup writes: nested without end, twice of one name, leading elsewhere.

use std::fs;

use lifeboat_snapshot::content::Content;
use lifeboat_snapshot::entry::Node;

use super::forge::{self, Forge, entry, link, node_bytes, source};
use super::refused::{holding, refused};
use crate::support::Workbench;

/// The same of what no system could take either.
fn refused_unwritten(make: impl FnOnce(&Forge<'_>) -> Content) {
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
fn r7_folders_that_look_like_the_rest_of_a_restore_in_place() {
    for is_deep in [false, true] {
        let said = refused(|forge| {
            let journal = entry(b"journal", forge.file(b"a journal"));
            let stage = entry(b".lifeboat-restore-1", forge.folder(&[journal]));
            let folder = forge.folder(&[stage]);
            forge.of_root(match is_deep {
                true => forge.folder(&[entry(b"a", folder)]),
                false => folder,
            })
        });
        assert!(said.contains("restore in place"), "{said}");
    }
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
fn r7_a_snapshot_whose_record_names_other_sources_than_its_manifest_is_refused() {
    let bench = Workbench::new();
    let make = |forge: &forge::Forge<'_>| forge.of_root(forge.folder(&[]));
    forge::recorded(&bench.place(), make, |record| {
        record.sources = vec![b"/srv/harmless".to_vec().into()];
    });
    for args in [
        &["restore", "latest", "--in-place", "--yes"][..],
        &["restore", "latest", "--to", "restored"],
        &["show", "latest"],
    ] {
        bench.lifeboat(args).exits(9);
    }
    assert!(!bench.path("restored").exists());
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
