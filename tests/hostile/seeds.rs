//! What the decoders are fed with at first: at least one good input for each, and some that do harm where they are believed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use lifeboat_snapshot::content::Content;
use lifeboat_snapshot::entry::{Entry, Node, Seen, Special, Time};
use lifeboat_snapshot::manifest::{Database, Flag, Flaw};
use lifeboat_snapshot::path::TreePath;
use lifeboat_snapshot::sqlite::{Checked, Count, Facts};
use lifeboat_store::{Kind, codec};

use super::forge::{self, Forge, description, entry, facts, link, node_bytes, source};
use crate::support::Workbench;

/// A decoder, a name, and the bytes.
type Seed = (&'static str, &'static str, Vec<u8>);

/// What the corpus begins with: values as they are written, and such as nobody writes.
pub(super) fn seeds() -> Vec<Seed> {
    let bench = Workbench::new();
    let mut seeds = Vec::new();
    let make = |forge: &Forge<'_>| described(forge, &mut seeds);
    forge::recorded(&bench.place(), make, |record| {
        record.tags = vec!["daily".to_owned()];
        record.parent = Some(record.id);
        record.description = "before the move".to_owned();
    });
    seeds.extend(stored(&bench));
    seeds.push(("segment", "records", segment()));
    seeds.extend(small_seeds(&bench));
    seeds.push(("parts", "two", parts()));
    // One of a restore that was killed is there beside it.
    seeds.push(("journal", "empty", vec![0; 3]));
    let leader = b"77 /srv/.lifeboat-restore-0123456789abcdef";
    seeds.push(("leader", "one", leader.to_vec()));
    seeds.extend(frames());
    seeds.push((
        "excludes",
        "common",
        b"*.tmp\nbackups/\n!keep\n/**/x[a-z]\\ \n{a,b}".to_vec(),
    ));
    seeds.push((
        "path",
        "common",
        "./a//b/M\u{fc}ller/\u{202e}x\u{9b}\n".as_bytes().to_vec(),
    ));
    seeds
}

/// The descriptions of a snapshot: folders, lists, and the manifest that is given.
fn described(forge: &Forge<'_>, seeds: &mut Vec<Seed>) -> Content {
    let entries = entries(forge);
    seeds.push(("folder", "entries", node_bytes(&entries)));
    seeds.push(("folder", "empty", node_bytes(&[])));
    let refs = vec![forge.put(Kind::Data, b"y"); 9];
    seeds.push(("list", "nine", description(0x11, &refs)));
    let flag = Flag {
        source: 0,
        path: TreePath::root(),
        flaw: Flaw::Changed,
    };
    let root = source(b"x", forge.folder(&entries));
    let bytes = forge.manifest_bytes(&[root], &[database()], &[flag]);
    seeds.push(("manifest", "whole", bytes.clone()));
    let mut counted = vec![0x31, 253];
    counted.extend((1_u64 << 60).to_le_bytes());
    seeds.push(("manifest", "count", counted));
    forge.raw_manifest(&bytes)
}

/// An entry of each sort.
fn entries(forge: &Forge<'_>) -> Vec<Entry> {
    let file = forge.file(b"some bytes");
    let content = forge::one(forge.put(Kind::Data, b"x"));
    let linked = Node::File {
        content,
        seen: Some(Seen {
            inode: 77,
            ctime: Time { secs: -3, nanos: 5 },
        }),
        links: Some(1 << 40),
    };
    let pipe = Node::Special {
        kind: Special::Fifo,
        device: 0,
    };
    let mut marked = entry(b"marked", linked);
    marked.meta.xattrs = vec![(b"user.a".to_vec().into(), b"1".to_vec().into())];
    vec![
        entry(b"a", file),
        entry(b"folder", forge.folder(&[entry(b"inner", link(b"a"))])),
        entry(b"link", link(b"../a")),
        marked,
        entry(b"pipe", pipe),
    ]
}

/// A database with something in each field.
fn database() -> Database {
    Database {
        source: 0,
        path: TreePath::parse(b"folder/app.db").unwrap(),
        facts: Facts {
            row_counts: BTreeMap::from([("visits".to_owned(), 300)]),
            counts: BTreeMap::from([
                ("patients".to_owned(), Count::Is(-1)),
                ("why".to_owned(), Count::Unknown("no such table".to_owned())),
            ]),
            check: Checked::Damaged(vec!["row 1 missing".to_owned()]),
            schema_hash: Some([7; 32]),
            ..facts()
        },
        checked_ms: Some(5),
    }
}

/// The payloads of the files of a repository, without their frames and hashes.
fn stored(bench: &Workbench) -> Vec<Seed> {
    let mut seeds = Vec::new();
    let files = |folder: &str, ending: &str| -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = fs::read_dir(bench.place().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|found| found == ending))
            .collect();
        paths.sort_by_key(|path| fs::metadata(path).unwrap().len());
        paths
    };
    let record = fs::read(&files("snapshots", "snapshot")[0]).unwrap();
    seeds.push(("record", "whole", record[11..record.len() - 32].to_vec()));
    let config = fs::read(bench.place().join("config")).unwrap();
    seeds.push(("config", "whole", config[11..config.len() - 32].to_vec()));
    let feature = codec::encode(&([5_u8; 16], vec!["a".to_owned()])).unwrap();
    seeds.push(("config", "feature", feature));
    let pack = fs::read(files("packs", "pack").last().unwrap()).unwrap();
    let body = u64::from_le_bytes(pack[pack.len() - 48..pack.len() - 40].try_into().unwrap());
    let trailer = pack[8 + body as usize..pack.len() - 40].to_vec();
    seeds.push(("trailer", "pack", trailer));
    seeds
}

/// Chunks as they are stored.
fn frames() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let text = b"visit 17; patient 0001; ".repeat(40);
    let whole = zstd::bulk::compress(&text, 3).unwrap();
    let len = (text.len() as u32).to_le_bytes();
    seeds.push((
        "frame",
        "zstd",
        [&[1, len[0], len[1], len[2]], &whole[..]].concat(),
    ));
    seeds.push(("frame", "raw", [&[0, 3, 0, 0], &b"raw"[..]].concat()));
    let mut bomb = vec![1, 0, 0, 1, 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    bomb.extend([0x03, 0x00, 0x10, 0].repeat(400));
    seeds.push(("frame", "bomb", bomb));
    let halves = [(text.len() as u16).to_le_bytes(), 100_u16.to_le_bytes()].concat();
    seeds.push((
        "delta",
        "zstd",
        [&halves[..], &text[..100], &whole].concat(),
    ));
    seeds
}

/// The payloads of what a repository gathers beside its packs, and a parity object.
fn small_seeds(bench: &Workbench) -> Vec<Seed> {
    bench.write("data/more", vec![7; 9000]);
    bench.backs_up();
    let noise: Vec<u8> = (0..3000_u32)
        .flat_map(|n| *blake3::hash(&n.to_le_bytes()).as_bytes())
        .collect();
    bench.write("noise", noise);
    let id = bench.backs_up()["snapshot"].as_str().unwrap().to_owned();
    bench
        .lifeboat(&["pin", &id, "--reason", "the last good one"])
        .exits(0);
    bench.lifeboat(&["forget", "latest~1"]).exits(0);
    bench.lifeboat(&["verify", "--read-data"]).exits(0);
    bench.lifeboat(&["drill"]).exits(0);
    let first = |folder: &str| {
        let mut entries = fs::read_dir(bench.place().join(folder)).unwrap();
        fs::read(entries.next().unwrap().unwrap().path()).unwrap()
    };
    let payload = |bytes: Vec<u8>| bytes[11..bytes.len() - 32].to_vec();
    let open = codec::encode(&(
        [1_u8; 16],
        (
            0_u8,
            vec![[2_u8; 16]; 2],
            vec![([3_u8; 16], 7_u64)],
            Some(vec![[4_u8; 16]]),
        ),
    ));
    vec![
        ("pin", "whole", payload(first("pins"))),
        ("round", "whole", payload(first("verified"))),
        ("drill", "whole", payload(first("drills"))),
        ("run", "whole", payload(first("runs"))),
        ("parity", "small", first("parity")),
        ("plan", "open", open.unwrap()),
    ]
}

/// The table of a zip's segments, with two rows and without its hash.
fn parts() -> Vec<u8> {
    let mut bytes = b"lifeboat zip 01\n".to_vec();
    bytes.extend(9_u64.to_le_bytes());
    bytes.extend(5_u64.to_le_bytes());
    bytes.extend(b"a.zip");
    for key in [1, 2] {
        bytes.extend([key; 116]);
    }
    bytes
}

/// A file of the index cache with two packs and a hundred records, whose hashes the decoder puts right.
fn segment() -> Vec<u8> {
    let mut bytes = b"LBINDEX1".to_vec();
    bytes.extend([1; 16]);
    bytes.extend(2_u32.to_le_bytes());
    bytes.extend(100_u64.to_le_bytes());
    bytes.extend([0; 32]);
    bytes.extend([3; 32]);
    for number in 0..100_u8 {
        let mut record = [0; 64];
        record[0] = number;
        record[32] = 8;
        record[48] = number % 2;
        record[52..60].copy_from_slice(&[10, 0, 0, 0, 20, 0, 0, 0]);
        record[61] = 1 + number % 2;
        bytes.extend(record);
        if number == 62 || number == 99 {
            bytes.extend([0; 8]);
        }
    }
    bytes
}
