//! What a restore will do, found out before it does anything: every description is read once, so that a tree that no backup
//! would have written, a selection of nothing and a disk without room end it while the target is untouched.

use std::collections::{BTreeMap, HashMap, HashSet};

use lifeboat_store::Store;

use super::parts::{Zeros, is_loss};
use super::select::Selection;
use crate::content::{Content, Ref, read_list};
use crate::entry::Node;
use crate::error::Result;
use crate::monitor::{Monitor, go_on};
use crate::path::TreePath;
use crate::tree::Tree;

/// Pairs of names that are told.
const PAIRS: usize = 10;

/// What is selected, counted.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) files: u64,
    pub(super) folders: u64,
    pub(super) links: u64,
    pub(super) specials: u64,
    /// Bytes of all files and databases, by each of their names.
    pub(super) bytes: u64,
    /// Whether anything is selected at all.
    pub(super) is_met: bool,
}

impl Survey {
    /// Counts what is selected.
    pub(super) fn of(
        tree: &Tree<'_>,
        selection: &Selection,
        monitor: &dyn Monitor,
    ) -> Result<Self> {
        let mut survey = Self::default();
        each(tree, selection, monitor, &mut |_, node| {
            survey.is_met = true;
            match node {
                Node::File { content, .. } | Node::Database { content, .. } => {
                    survey.files += 1;
                    survey.bytes = survey.bytes.saturating_add(content.len);
                }
                Node::Folder { .. } => survey.folders += 1,
                Node::Symlink { .. } => survey.links += 1,
                Node::Special { .. } => survey.specials += 1,
            }
            Ok(())
        })?;
        Ok(survey)
    }
}

/// Bytes on the disk, in blocks of this size, that the selected files need: holes are not counted, nor what the `present`
/// ones have.
pub(super) fn needed_bytes(
    (tree, store): (&Tree<'_>, &Store),
    selection: &Selection,
    monitor: &dyn Monitor,
    block: u64,
    present: &dyn Fn(&TreePath) -> u64,
) -> Result<u64> {
    let mut measure = Measure::new(store, monitor);
    let mut groups = HashSet::new();
    let mut needed = 0_u64;
    each(tree, selection, monitor, &mut |path, node| {
        let content = match node {
            Node::File { links, .. } if links.is_some_and(|group| !groups.insert(group)) => None,
            node => node.content(),
        };
        let bytes = match content {
            Some(content) => measure.content(content)?,
            None => 0,
        };
        let bytes = bytes.checked_next_multiple_of(block).unwrap_or(u64::MAX);
        let bytes = bytes.saturating_sub(present(path));
        needed = needed.saturating_add(bytes);
        Ok(())
    })?;
    Ok(needed)
}

/// Counts the bytes of contents that are in no chunk of zeros.
///
/// A few lists that name each other a thousand times stand for more chunks than anybody could count: each is counted once.
struct Measure<'a> {
    store: &'a Store,
    monitor: &'a dyn Monitor,
    zeros: Zeros,
    /// Bytes below lists, by the depth of what they list.
    lists: HashMap<(u8, Ref), u64>,
}

impl<'a> Measure<'a> {
    fn new(store: &'a Store, monitor: &'a dyn Monitor) -> Self {
        Self {
            store,
            monitor,
            zeros: Zeros::new(),
            lists: HashMap::new(),
        }
    }

    /// Nothing of one whose numbers do not fit each other will be written.
    fn content(&mut self, content: &Content) -> Result<u64> {
        match content.is_sound() {
            true => self.refs(content.depth, &content.refs),
            false => Ok(0),
        }
    }

    /// What these come to with all below them, which no content has many levels of.
    fn refs(&mut self, depth: u8, refs: &[Ref]) -> Result<u64> {
        let mut bytes = 0_u64;
        for found in refs {
            go_on(self.monitor)?;
            let below = match depth.checked_sub(1) {
                None if self.zeros.has(found) => 0,
                None => found.len,
                Some(depth) => self.list(depth, found)?,
            };
            bytes = bytes.saturating_add(below);
        }
        Ok(bytes)
    }

    fn list(&mut self, depth: u8, list: &Ref) -> Result<u64> {
        if let Some(known) = self.lists.get(&(depth, *list)) {
            return Ok(*known);
        }
        let bytes = match read_list(self.store, list) {
            Ok(refs) => self.refs(depth, &refs)?,
            Err(error) if is_loss(&error) => 0,
            Err(error) => return Err(error),
        };
        self.lists.insert((depth, *list), bytes);
        Ok(bytes)
    }
}

/// Names in one folder that differ in case alone, as a file system that takes them for one cannot hold them.
pub(super) fn colliding(
    tree: &Tree<'_>,
    selection: &Selection,
    monitor: &dyn Monitor,
) -> Result<Vec<String>> {
    // By folder and folded name: only of the folders that are being walked.
    let mut open: Vec<(TreePath, BTreeMap<String, TreePath>)> = Vec::new();
    let mut pairs = Vec::new();
    each(tree, selection, monitor, &mut |path, _| {
        let Some((folder, name)) = path.split_last() else {
            return Ok(());
        };
        while open.last().is_some_and(|(top, _)| !folder.starts_with(top)) {
            open.pop();
        }
        if open.last().is_none_or(|(top, _)| *top != folder) {
            open.push((folder, BTreeMap::new()));
        }
        let folded = String::from_utf8_lossy(name.as_bytes()).to_lowercase();
        if let Some((_, names)) = open.last_mut()
            && let Some(other) = names.insert(folded, path.clone())
            && pairs.len() <= PAIRS
        {
            pairs.push(format!("{other} and {path}"));
        }
        Ok(())
    })?;
    Ok(pairs)
}

/// Every selected entry. What cannot be read is passed over: the restore will name it.
fn each(
    tree: &Tree<'_>,
    selection: &Selection,
    monitor: &dyn Monitor,
    take: &mut dyn FnMut(&TreePath, &Node) -> Result<()>,
) -> Result<()> {
    for found in tree.walk() {
        go_on(monitor)?;
        match found {
            Ok((path, entry)) if selection.admits(&path, &entry) => take(&path, &entry.node)?,
            Ok(_) => {}
            Err(error) if is_loss(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
