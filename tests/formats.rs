//! Repositories of every format that was ever written, as files beside this one: they are listed, verified and restored
//! for ever (F-77). A written format is never edited; a new one gets a folder of its own.
//!
//! What is read is encoded again and must give the same bytes (`lifeboat_store::codec`), so a golden repository that can be
//! read also shows that records, manifests and folders are still written as they were. The rest is shown by writing: the
//! same data under the same seed gives the same config and the same pack of data, byte for byte. Records and folders cannot
//! be written again to the same bytes, because they hold what the file system chooses: inodes, times of change, owners.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lifeboat_snapshot::entry::Node;
use lifeboat_snapshot::{Backup, Repository, Snapshot, Unwatched, Verify};
use lifeboat_store::clock::FixedClock;
use lifeboat_store::random::SeededRandom;
use lifeboat_store::storage::LocalStorage;
use lifeboat_store::{Backing, RealDisk};
use rusqlite::Connection;

use crate::support::snapshots::contents;
use crate::support::{Workbench, tree};

/// Every format there is a golden repository of.
const FORMATS: [&str; 1] = ["v1"];

/// Where they are.
fn golden(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/formats")
        .join(format)
}

/// A repository whose names come from a seed and whose clock stands still.
fn backing(place: &Path) -> Backing {
    Backing {
        storage: Arc::new(LocalStorage::new(Arc::new(RealDisk::new(place)))),
        cache: None,
        random: Arc::new(SeededRandom::new(77)),
    }
}

fn clock() -> Arc<FixedClock> {
    let time = "2026-11-21T04:00:00Z".parse().unwrap();
    Arc::new(FixedClock::at(time))
}

/// A golden repository, copied to where it may be used.
fn opened(bench: &Workbench, format: &str) -> Repository {
    copy_folder(&golden(format).join("repository"), &bench.place());
    Repository::open(&bench.place()).unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy_folder(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

/// Everything in a snapshot, a line for each entry.
fn described(repository: &Repository, snapshot: &Snapshot) -> String {
    let mut text = format!("snapshot {} of {}\n", snapshot.id, snapshot.time());
    for (path, (meta, kind, bytes)) in contents(repository, snapshot).unwrap() {
        let hash = blake3::hash(&bytes).to_hex();
        let (mode, secs) = (meta.mode, meta.mtime.secs);
        let len = bytes.len();
        text.push_str(&format!(
            "{kind} {path} {mode:04o} {secs} {len} {}\n",
            &hash[..16]
        ));
    }
    for database in repository
        .tree(snapshot)
        .unwrap()
        .manifest()
        .databases
        .iter()
    {
        let facts = &database.facts;
        let (path, pages, mode) = (&database.path, facts.pages, &facts.journal_mode);
        text.push_str(&format!(
            "database {path} {pages} pages {mode} {:?}\n",
            facts.row_counts
        ));
    }
    text
}

fn described_all(repository: &Repository) -> String {
    let listing = repository.snapshots().unwrap();
    assert!(listing.damaged.is_empty(), "{:?}", listing.damaged);
    let each = listing
        .snapshots
        .iter()
        .map(|snapshot| described(repository, snapshot));
    each.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_golden_repository_is_in_the_list() {
    assert_eq!(tree::names(golden("")), FORMATS);
}

#[test]
fn f77_golden_repositories_hold_what_they_always_held() {
    for format in FORMATS {
        let bench = Workbench::new();
        let repository = opened(&bench, format);
        let expected = fs::read_to_string(golden(format).join("expected.txt")).unwrap();
        assert_eq!(described_all(&repository), expected, "{format}");
        let plan = Verify {
            read_data: true,
            ..Verify::default()
        };
        assert_eq!(
            repository.verify(&plan, &Unwatched).unwrap().damaged,
            [],
            "{format}"
        );
    }
}

#[test]
fn f77_golden_repositories_are_restored_and_built_upon() {
    for format in FORMATS {
        let bench = Workbench::with_files();
        drop(opened(&bench, format));
        let count = bench
            .lifeboat(&["list", "--json"])
            .exits(0)
            .json()
            .as_array()
            .unwrap()
            .len();
        for back in 0..count {
            let (name, target) = (format!("latest~{back}"), format!("restored-{back}"));
            bench
                .lifeboat(&["restore", &name, "--to", &target])
                .exits(0)
                .quietly();
            let database = Connection::open(bench.path(target).join("app.db")).unwrap();
            let check: String = database
                .query_row("PRAGMA integrity_check", [], |row| row.get(0))
                .unwrap();
            assert_eq!(check, "ok", "{format}");
        }
        bench.backs_up();
        bench.lifeboat(&["verify", "--read-data"]).exits(0);
    }
}

/// The config and the packs that hold bytes of files, by name.
fn fixed_files(repository: &Path, data: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in ["config", "config.copy"] {
        files.insert(name.to_owned(), fs::read(repository.join(name)).unwrap());
    }
    let pack = data.file_name().unwrap().to_str().unwrap().to_owned();
    files.insert(pack, fs::read(data).unwrap());
    files
}

/// The larger of the packs: those of metadata are small here.
fn data_pack(repository: &Path) -> PathBuf {
    let packs = fs::read_dir(repository.join("packs")).unwrap();
    let packs = packs.map(|pack| pack.unwrap().path());
    packs
        .max_by_key(|pack| fs::metadata(pack).unwrap().len())
        .unwrap()
}

#[test]
fn the_same_data_under_the_same_seed_is_written_to_the_same_bytes() {
    let bench = Workbench::new();
    let repository = opened(&bench, "v1");
    let first = repository.snapshots().unwrap().snapshots.remove(0);
    fs::remove_dir(bench.data()).unwrap();
    bench.restore(&first, "data");
    let again = bench.path("again");
    let written = Repository::create_on(backing(&again), clock()).unwrap();
    written.backup(&plan(&bench), &Unwatched).unwrap();
    let pack = data_pack(&again);
    let twin = bench.place().join("packs").join(pack.file_name().unwrap());
    assert!(
        twin.exists(),
        "names are drawn in another order than they were"
    );
    let [written, golden] =
        [(&again, &pack), (&bench.place(), &twin)].map(|(place, pack)| fixed_files(place, pack));
    let differing: Vec<&String> = golden
        .keys()
        .filter(|name| golden[*name] != written[*name])
        .collect();
    assert_eq!(
        differing, [""; 0],
        "the format has changed, or the compressor: see docs/testing.md"
    );
}

fn plan(bench: &Workbench) -> Backup {
    Backup {
        threads: Some(1),
        tags: vec!["golden".to_owned()],
        description: "what every later version can read".to_owned(),
        ..bench.plan()
    }
}

/// Data that has something of every structure: lists of chunks, a database with many extents, deltas, links.
fn write_data(bench: &Workbench) {
    let block = |number: u32| number.to_le_bytes().repeat(16 * 1024);
    bench.write("large.bin", (0..160).flat_map(block).collect::<Vec<u8>>());
    fs::hard_link(
        bench.data().join("notes.txt"),
        bench.data().join("papers/linked.txt"),
    )
    .unwrap();
    let app = Connection::open(bench.data().join("app.db")).unwrap();
    app.execute_batch(
        "CREATE TABLE patients (id INTEGER PRIMARY KEY, name TEXT, picture BLOB);
         WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 900)
         INSERT INTO patients SELECT n, 'patient ' || n, zeroblob(800) FROM i;",
    )
    .unwrap();
}

/// `LIFEBOAT_BLESS=1 cargo test -p lifeboat --test suite -- --ignored write_the_golden_repository`
#[test]
#[ignore = "writes into the checkout, once for each format"]
fn write_the_golden_repository() {
    assert_eq!(
        std::env::var("LIFEBOAT_BLESS").as_deref(),
        Ok("1"),
        "LIFEBOAT_BLESS=1 is not set"
    );
    let folder = golden(FORMATS[FORMATS.len() - 1]);
    assert!(
        !folder.exists(),
        "{} is there, and a written format is never edited",
        folder.display()
    );
    let bench = Workbench::with_files();
    write_data(&bench);
    let repository = Repository::create_on(backing(&bench.place()), clock()).unwrap();
    repository.backup(&plan(&bench), &Unwatched).unwrap();
    let app = Connection::open(bench.data().join("app.db")).unwrap();
    app.execute("UPDATE patients SET name = 'renamed' WHERE id = 450", [])
        .unwrap();
    app.close().unwrap();
    bench.write("notes.txt", "remember more");
    repository.backup(&plan(&bench), &Unwatched).unwrap();
    let databases = repository
        .tree(&repository.snapshots().unwrap().snapshots[1])
        .unwrap();
    let has_lists = databases.walk().any(|found| match found.unwrap().1.node {
        Node::Database { content, .. } => content.depth > 0,
        _ => false,
    });
    assert!(
        has_lists,
        "the database is large enough for a list of chunks"
    );
    fs::create_dir_all(&folder).unwrap();
    copy_folder(&bench.place(), &folder.join("repository"));
    fs::write(folder.join("expected.txt"), described_all(&repository)).unwrap();
}
