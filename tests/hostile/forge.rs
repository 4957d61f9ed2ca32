//! A repository written by a hostile hand: through the library where it can say what is wanted, and byte by byte, from
//! `docs/format.md`, where it cannot.

use std::cell::RefCell;
use std::path::Path;

use lifeboat_snapshot::content::{Content, Ref};
use lifeboat_snapshot::entry::{Entry, Meta, Node, Time};
use lifeboat_snapshot::manifest::{Database, Flag, Source};
use lifeboat_snapshot::path::Name;
use lifeboat_snapshot::sqlite::{Checked, Facts};
use lifeboat_snapshot::{Repository, Snapshot};
use lifeboat_store::{
    Backing, ChunkId, Kind, Options, Session, SnapshotId, Store, codec, envelope,
};
use serde::Serialize;

/// Bytes of a list node, a folder node and a manifest begin so.
const LIST: u8 = 0x11;
const FOLDER: u8 = 0x21;
const MANIFEST: u8 = 0x31;

/// What a forged repository is made with.
pub(super) struct Forge<'a> {
    session: Session<'a>,
    store: &'a Store,
    /// The sources of the manifest that was made last: the record names the same ones.
    sources: RefCell<Vec<Source>>,
}

/// Makes a repository with one snapshot, whose manifest `make` gives.
pub(super) fn repository(place: &Path, make: impl FnOnce(&Forge<'_>) -> Content) -> SnapshotId {
    recorded(place, make, |_| {})
}

/// The same, with a record that is changed before it is written.
pub(super) fn recorded(
    place: &Path,
    make: impl FnOnce(&Forge<'_>) -> Content,
    change: impl FnOnce(&mut Snapshot),
) -> SnapshotId {
    if !place.exists() {
        drop(Repository::create(place).unwrap());
    }
    let store = Store::open(Backing::local(place)).unwrap();
    let session = store.begin(Options::default()).unwrap();
    let forge = Forge {
        session,
        store: &store,
        sources: RefCell::default(),
    };
    let manifest = make(&forge);
    let mut record = forge.record(manifest);
    change(&mut record);
    let id = record.id;
    let bytes = envelope::wrap(envelope::Kind::Snapshot, 1, &record).unwrap();
    forge.session.commit(&bytes).unwrap();
    id
}

impl Forge<'_> {
    fn record(&self, manifest: Content) -> Snapshot {
        Snapshot {
            repository: self.store.id(),
            id: self.session.id(),
            sequence: 1,
            parent: None,
            time_ms: 1_767_225_600_123,
            offset_minutes: 0,
            duration_ms: 7,
            host: "host".to_owned(),
            sources: self
                .sources
                .borrow()
                .iter()
                .map(|source| source.path.clone())
                .collect(),
            tags: Vec::new(),
            description: String::new(),
            files: 1,
            bytes: 1,
            new_bytes: 0,
            stored_bytes: 0,
            manifest,
        }
    }

    /// Stores a chunk.
    pub(super) fn put(&self, kind: Kind, bytes: &[u8]) -> Ref {
        let id = self.session.put(kind, bytes, None).unwrap().id;
        let len = bytes.len() as u64;
        Ref { id, len }
    }

    /// A list node of these references, of whatever depth they are.
    pub(super) fn list(&self, refs: &[Ref]) -> Ref {
        let node = self.put(Kind::Meta, &description(LIST, &refs));
        let len = refs.iter().map(|r| r.len).sum();
        Ref { id: node.id, len }
    }

    /// A file of these bytes.
    pub(super) fn file(&self, bytes: &[u8]) -> Node {
        file_of(one(self.put(Kind::Data, bytes)))
    }

    /// A folder of one node with these entries.
    pub(super) fn folder(&self, entries: &[Entry]) -> Node {
        match entries.is_empty() {
            true => self.folder_of(&[]),
            false => self.folder_of(&[entries]),
        }
    }

    /// A folder of several nodes.
    pub(super) fn folder_of(&self, nodes: &[&[Entry]]) -> Node {
        let node = |entries: &&[Entry]| self.raw_node(&description(FOLDER, entries));
        Node::Folder {
            entries: content(nodes.iter().map(node).collect()),
        }
    }

    /// A folder node of any bytes.
    pub(super) fn raw_node(&self, bytes: &[u8]) -> Ref {
        self.put(Kind::Meta, bytes)
    }

    /// A manifest of a single source.
    pub(super) fn of_root(&self, root: Node) -> Content {
        self.manifest(&[source(b"x", root)], &[], &[])
    }

    /// A manifest.
    pub(super) fn manifest(
        &self,
        sources: &[Source],
        databases: &[Database],
        flags: &[Flag],
    ) -> Content {
        self.raw_manifest(&self.manifest_bytes(sources, databases, flags))
    }

    /// The bytes of a manifest.
    pub(super) fn manifest_bytes(
        &self,
        sources: &[Source],
        databases: &[Database],
        flags: &[Flag],
    ) -> Vec<u8> {
        *self.sources.borrow_mut() = sources.to_vec();
        let mut bytes = vec![MANIFEST];
        each(sources, &mut bytes);
        each(databases, &mut bytes);
        each(flags, &mut bytes);
        bytes
    }

    /// A manifest of any bytes.
    pub(super) fn raw_manifest(&self, bytes: &[u8]) -> Content {
        content(
            bytes
                .chunks(1 << 20)
                .map(|piece| self.put(Kind::Meta, piece))
                .collect(),
        )
    }
}

fn each<T: Serialize>(items: &[T], bytes: &mut Vec<u8>) {
    bytes.extend(codec::encode(&(items.len() as u64)).unwrap());
    items
        .iter()
        .for_each(|item| bytes.extend(codec::encode(item).unwrap()));
}

/// An encoded value behind the byte that says what it is.
pub(super) fn description<T: Serialize + ?Sized>(tag: u8, value: &T) -> Vec<u8> {
    [vec![tag], codec::encode(&value).unwrap()].concat()
}

/// The encoded entries of a folder node.
pub(super) fn node_bytes(entries: &[Entry]) -> Vec<u8> {
    description(FOLDER, entries)
}

/// A content of one reference to its bytes.
pub(super) fn one(found: Ref) -> Content {
    content(vec![found])
}

/// A content of references to its bytes.
pub(super) fn content(refs: Vec<Ref>) -> Content {
    Content {
        len: refs.iter().map(|r| r.len).sum(),
        depth: 0,
        refs,
    }
}

/// A file with this content.
pub(super) const fn file_of(content: Content) -> Node {
    Node::File {
        content,
        seen: None,
        links: None,
    }
}

/// A file whose only chunk is nowhere.
pub(super) fn lost_file() -> Node {
    let id = ChunkId::from_bytes([7; 32]);
    file_of(one(Ref { id, len: 3 }))
}

/// An entry of this name, any bytes that are a name.
pub(super) fn entry(name: impl AsRef<[u8]>, node: Node) -> Entry {
    Entry {
        name: Name::new(name.as_ref()).unwrap(),
        meta: Meta {
            mode: 0o755,
            uid: 0,
            gid: 0,
            mtime: Time { secs: 1, nanos: 0 },
            xattrs: Vec::new(),
        },
        node,
    }
}

/// A source whose root has this name.
pub(super) fn source(name: &[u8], root: Node) -> Source {
    Source {
        path: b"/srv/x".to_vec().into(),
        files: 1,
        root: entry(name, root),
    }
}

/// A link.
pub(super) fn link(target: &[u8]) -> Node {
    Node::Symlink {
        target: target.to_vec().into(),
    }
}

/// What might be said of a database.
pub(super) fn facts() -> Facts {
    Facts {
        page_size: 0,
        pages: 0,
        journal_mode: "delete".to_owned(),
        encoding: "UTF-8".to_owned(),
        user_version: 0,
        application_id: 0,
        schema_hash: None,
        row_counts: Default::default(),
        row_counts_complete: true,
        counts: Default::default(),
        check: Checked::Ok,
        rolled_back: false,
        lock: Default::default(),
    }
}
