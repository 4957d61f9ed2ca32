//! A folder is the same chunks whatever was there before: what is taken from there whole, and what is encoded anew.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use lifeboat_store::gc::{Collect, Marks, Reach, Root, Watch};
use lifeboat_store::progress::Progress;
use lifeboat_store::{Forgotten, Kind, Options, StoreError};

use super::*;
use crate::content::{ContentWriter, Cut};
use crate::entry::{Meta, Node, Time};
use crate::path::Name;
use crate::repository::Repository;

/// Entries by their numbers, with the second of their last change.
type Files = BTreeMap<u64, i64>;

/// Some twelve nodes.
const COUNT: u64 = 3000;

fn entries(files: &Files) -> Vec<Entry> {
    let entry = |(number, secs): (&u64, &i64)| Entry {
        name: Name::new(format!("{number:06}")).unwrap(),
        meta: Meta {
            mode: 0o644,
            uid: 0,
            gid: 0,
            mtime: Time {
                secs: *secs,
                nanos: 0,
            },
            xattrs: Vec::new(),
        },
        node: Node::File {
            content: Content::empty(),
            seen: None,
            links: None,
        },
    };
    files.iter().map(entry).collect()
}

struct Folders {
    repository: Repository,
    _place: tempfile::TempDir,
}

impl Folders {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        Self {
            repository: Repository::create(&place.path().join("repository")).unwrap(),
            _place: place,
        }
    }

    /// Writes a folder; `ahead` asks for all entries before the first is written.
    fn write(&self, before: Option<&Content>, files: &Files, ahead: bool) -> Content {
        let store = self.repository.store();
        let session = store.begin(Options::default()).unwrap();
        let before = before.map(|before| Before::shared(store, before));
        let mut writer = FolderWriter::new(&session, before.clone());
        let find = |name: &Name| before.as_ref()?.borrow_mut().find(name);
        let is_same = |entry: Entry| (find(&entry.name).as_ref() == Some(&entry), entry);
        let mut told = entries(files).into_iter().map(is_same);
        let asked = if ahead { files.len() } else { 0 };
        let first: Vec<_> = told.by_ref().take(asked).collect();
        for (is_same, entry) in first.into_iter().chain(told) {
            writer.push(entry, is_same).unwrap();
        }
        let content = writer.finish().unwrap();
        session.commit(b"a record").unwrap();
        content
    }
}

/// Changes some files, takes some away and adds some, most of them beside each other.
fn edited(files: &Files, round: u64) -> Files {
    let mut files = files.clone();
    let place = |step: u64| (round * 7919 + step * step * 31) % (2 * COUNT);
    for step in 0..round % 7 {
        let at = place(step);
        match (round + step) % 3 {
            0 => drop(files.remove(&at)),
            1 => drop(files.insert(at, round.cast_signed())),
            _ => files.retain(|number, _| !(at..at + 5).contains(number)),
        }
    }
    files
}

#[test]
fn a_folder_is_the_same_chunks_whatever_was_there_before() {
    let folders = Folders::new();
    let mut files: Files = (0..COUNT).map(|number| (2 * number, 0)).collect();
    let mut before = folders.write(None, &files, false);
    for round in 1..40 {
        files = edited(&files, round);
        let is = folders.write(Some(&before), &files, round % 2 == 0);
        assert_eq!(is, Folders::new().write(None, &files, false), "{round}");
        before = is;
    }
}

#[test]
fn a_node_is_taken_whole_by_just_its_entries() {
    let folders = Folders::new();
    let files: Files = (0..COUNT).map(|number| (number, 0)).collect();
    let content = folders.write(None, &files, false);
    let store = folders.repository.store();
    let nodes: Vec<Ref> = nodes(store, &content).map(Result::unwrap).collect();
    let [one, next] = [0, 1].map(|number| read_node(store, &nodes[number]).unwrap());
    let before = Before::shared(store, &content);
    for name in [&one, &next].map(|entries| entries[1].name.clone()) {
        before.borrow_mut().find(&name).unwrap();
    }
    let node_of = |entries: &[Entry]| before.borrow().node_of(entries);
    assert_eq!(node_of(&one), Some(nodes[0]));
    assert_eq!(node_of(&next), Some(nodes[1]));
    assert_eq!(node_of(&one[1..]), None);
    assert_eq!(node_of(&one[..one.len() - 1]), None);
    // As many as the node has, from its first one on, but one is missing and one is the next node's.
    let mut shifted = one;
    shifted.remove(1);
    shifted.push(next[0].clone());
    assert_eq!(node_of(&shifted), None);
}

#[test]
fn nodes_that_begin_and_end_alike_are_not_taken_for_each_other() {
    let folders = Folders::new();
    let store = folders.repository.store();
    let session = store.begin(Options::default()).unwrap();
    let mut writer = ContentWriter::new(&session, Cut::ByContent, None);
    let [one, other] = [0, 1].map(|secs| entries(&[(1, 0), (2, secs), (3, 0)].into()));
    let nodes = [&one, &other].map(|entries| {
        let bytes = meta::encode(meta::Kind::Folder, entries).unwrap();
        let id = session.put(Kind::Meta, &bytes, None).unwrap().id;
        let len = bytes.len() as u64;
        Ref { id, len }
    });
    nodes.iter().for_each(|node| writer.push(*node).unwrap());
    let content = writer.finish().unwrap();
    session.commit(b"a record").unwrap();
    let before = Before::shared(store, &content);
    for entry in &one {
        assert_eq!(before.borrow_mut().find(&entry.name).as_ref(), Some(entry));
    }
    assert_eq!(before.borrow().node_of(&one), Some(nodes[0]));
}

/// No record leads to anything, and nobody is waited for.
struct AllGone;

impl Reach for AllGone {
    type Error = StoreError;

    fn mark(&self, _: &[Root], _: &Marks) -> Result<(), StoreError> {
        Ok(())
    }

    fn expired(&self, forgotten: &[Forgotten]) -> Result<Vec<Forgotten>, StoreError> {
        Ok(forgotten.to_vec())
    }
}

impl Progress for AllGone {}

impl Watch for AllGone {
    fn pause(&self, _: usize) -> bool {
        false
    }
}

#[test]
fn i6_nodes_that_a_plan_condemns_are_stored_again() {
    let folders = Folders::new();
    let files: Files = (0..COUNT).map(|number| (number, 0)).collect();
    let content = folders.write(None, &files, false);
    let store = folders.repository.store();
    let begin = || store.begin(Options::default()).unwrap();
    // A collection that waits for somebody leaves its plan, and the packs that it condemns.
    let waited_for = begin();
    store.forget(&store.records().unwrap(), 1).unwrap();
    let collected = store.collect(Collect::default(), &AllGone, &AllGone);
    assert_eq!(collected.unwrap().sessions, 1);
    let nodes: Vec<Ref> = nodes(store, &content).map(Result::unwrap).collect();
    let stored = || {
        let session = begin();
        let is_stored = |node: &&Ref| session.has(&node.id);
        nodes.iter().filter(is_stored).count()
    };
    assert_eq!(stored(), 0);
    assert_eq!(folders.write(Some(&content), &files, false), content);
    assert_eq!(stored(), nodes.len());
    drop(waited_for);
}
