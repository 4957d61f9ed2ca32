//! Makes the small repository whose bytes `docs/format.md` shows, the same on every machine: names from a seed, times and
//! owners by hand. Run it with the path of a folder that does not exist; `read.py` reads what it makes.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use lifeboat_snapshot::Snapshot;
use lifeboat_snapshot::content::{Content, ContentWriter, Cut, Ref, put_meta};
use lifeboat_snapshot::entry::{Entry, Meta, Node, Seen, Time};
use lifeboat_snapshot::manifest::{Database, Manifest, Source};
use lifeboat_snapshot::path::{Name, TreePath};
use lifeboat_snapshot::sqlite::{Checked, Count, Facts};
use lifeboat_store::random::SeededRandom;
use lifeboat_store::storage::LocalStorage;
use lifeboat_store::{
    Backing, ChunkId, Kind, Options, RealDisk, Session, Share, Store, codec, envelope,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Version of the records.
const RECORD: u16 = 1;

/// First bytes of descriptions.
const FOLDER: u8 = 0x21;
const MANIFEST: u8 = 0x31;

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).ok_or("which folder?")?;
    let store = Store::create(backing(Path::new(&folder)))?;
    let mut bytes = noise(8192);
    let first = take(&store, &bytes, None)?;
    if let Some(byte) = bytes.get_mut(5000) {
        *byte = byte.wrapping_add(1);
    }
    take(&store, &bytes, Some(first))?;
    Ok(())
}

fn backing(place: &Path) -> Backing {
    Backing {
        storage: Arc::new(LocalStorage::new(Arc::new(RealDisk::new(place)))),
        cache: None,
        random: Arc::new(SeededRandom::new(1)),
    }
}

/// Bytes that do not compress: the endless BLAKE3 of nothing.
fn noise(len: usize) -> Vec<u8> {
    let random = SeededRandom::new(0);
    let mut bytes = vec![0; len];
    let _ = lifeboat_store::Random::fill(&random, &mut bytes);
    bytes
}

/// One snapshot: a text, nine bytes in nine chunks, a file of noise, a link and a database without a page.
fn take(
    store: &Store,
    noise: &[u8],
    before: Option<(Snapshot, ChunkId)>,
) -> Result<(Snapshot, ChunkId)> {
    // The documented bytes are those of packs and records; parity has an example of its own.
    let options = Options {
        parity: Share::NONE,
        ..Options::default()
    };
    let session = store.begin(options)?;
    let near = before.as_ref().map(|(_, noise)| noise);
    let noise = put(&session, noise, near)?;
    let entries = vec![
        entry("empty.db", database())?,
        entry("hello.txt", file(row(&session, &[b"hello\n"])?))?,
        entry("latest", symlink())?,
        entry("nine", file(row(&session, &nine())?))?,
        entry(
            "noise",
            file(Content {
                len: noise.len,
                depth: 0,
                refs: vec![noise],
            }),
        )?,
    ];
    let node = described(FOLDER, codec::encode(&entries)?);
    let len = node.len() as u64;
    let id = session.put(Kind::Meta, &node, None)?.id;
    let root = Node::Folder {
        entries: Content {
            len,
            depth: 0,
            refs: vec![Ref { id, len }],
        },
    };
    let manifest = Manifest {
        sources: vec![Source {
            path: path(),
            files: 4,
            root: entry("notes", root)?,
        }],
        databases: vec![Database {
            source: 0,
            path: TreePath::parse(b"empty.db")?,
            facts: facts(),
            checked_ms: None,
        }],
        flags: Vec::new(),
    };
    let manifest = described(MANIFEST, codec::encode(&manifest)?);
    let near = before.as_ref().map(|(snapshot, _)| &snapshot.manifest);
    let manifest = put_meta(&session, &manifest, near)?;
    session.flush()?;
    let mut snapshot = record(&session, manifest, before.map(|(snapshot, _)| snapshot));
    // The record tells its own length as well; the number is as long with it as without.
    snapshot.stored_bytes += wrapped(&snapshot)?.len() as u64;
    session.commit(&wrapped(&snapshot)?)?;
    Ok((snapshot, noise.id))
}

/// A description: the byte that says what it is, and its value.
fn described(what: u8, value: Vec<u8>) -> Vec<u8> {
    [vec![what], value].concat()
}

fn put(session: &Session<'_>, bytes: &[u8], near: Option<&ChunkId>) -> Result<Ref> {
    let id = session.put(Kind::Data, bytes, near)?.id;
    Ok(Ref {
        id,
        len: bytes.len() as u64,
    })
}

/// The content of these chunks.
fn row(session: &Session<'_>, chunks: &[&[u8]]) -> Result<Content> {
    let mut writer = ContentWriter::new(session, Cut::Fixed, None);
    for chunk in chunks {
        writer.push(put(session, chunk, None)?)?;
    }
    Ok(writer.finish()?)
}

fn nine() -> [&'static [u8]; 9] {
    [b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"]
}

fn entry(name: &str, node: Node) -> Result<Entry> {
    let mtime = Time {
        secs: 1_767_225_600,
        nanos: 0,
    };
    let meta = Meta {
        mode: 0o644,
        uid: 1000,
        gid: 1000,
        mtime,
        xattrs: Vec::new(),
    };
    Ok(Entry {
        name: Name::new(name)?,
        meta,
        node,
    })
}

fn file(content: Content) -> Node {
    let ctime = Time {
        secs: 1_767_225_600,
        nanos: 500,
    };
    Node::File {
        content,
        seen: Some(Seen { inode: 77, ctime }),
        links: None,
    }
}

fn symlink() -> Node {
    Node::Symlink {
        target: b"hello.txt".to_vec().into(),
    }
}

fn database() -> Node {
    Node::Database {
        content: Content::empty(),
        seen: None,
    }
}

fn facts() -> Facts {
    Facts {
        page_size: 0,
        pages: 0,
        journal_mode: "delete".into(),
        encoding: "UTF-8".into(),
        user_version: 0,
        application_id: 0,
        schema_hash: None,
        row_counts: [("visits".to_owned(), 300)].into(),
        row_counts_complete: true,
        counts: [("patients".to_owned(), Count::Is(-1))].into(),
        check: Checked::Ok,
        rolled_back: false,
        lock: std::time::Duration::ZERO,
    }
}

fn record(session: &Session<'_>, manifest: Content, parent: Option<Snapshot>) -> Snapshot {
    Snapshot {
        repository: session.store().id(),
        id: session.id(),
        sequence: parent.as_ref().map_or(1, |parent| parent.sequence + 1),
        parent: parent.map(|parent| parent.id),
        time_ms: 1_767_225_600_123,
        offset_minutes: -90,
        duration_ms: 7,
        host: "clinic".into(),
        sources: vec![path()],
        tags: vec!["daily".into()],
        description: String::new(),
        files: 4,
        bytes: 8207,
        new_bytes: session.totals().new_bytes,
        stored_bytes: session.totals().stored_bytes,
        manifest,
    }
}

fn wrapped(snapshot: &Snapshot) -> Result<Vec<u8>> {
    Ok(envelope::wrap(envelope::Kind::Snapshot, RECORD, snapshot)?)
}

fn path() -> serde_bytes::ByteBuf {
    b"/srv/notes".to_vec().into()
}
