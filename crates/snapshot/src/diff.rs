//! What differs between two snapshots, or between a snapshot and the live files.
//!
//! Both are merged walks in the order of names. Between snapshots, folders and runs of entries with equal ids are stepped
//! over without being read, so the work is that of what differs, not of what there is. Live files are believed to be
//! unchanged where a backup would believe it, and else read and compared chunk by chunk; nothing is stored, and a live
//! database is read by the same read-only way as in a backup.

use std::ops::ControlFlow;

use crate::entry::{Entry, Meta, Node};
use crate::error::Result;
use crate::path::TreePath;
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::sqlite::Facts;

use facts::FactsBySide;
pub use live::Live;
use pair::{Pair, Pairs};
pub use tables::DatabaseChange;

mod bytes;
mod facts;
mod live;
mod pair;
mod tables;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where: as `ls` shows it of the later state, or of the earlier one where the source is only there.
    pub path: TreePath,
    /// What sort of difference.
    pub kind: ChangeKind,
    /// How it was; `None` of what is new.
    pub before: Option<Look>,
    /// How it is; `None` of what is gone.
    pub after: Option<Look>,
    /// What of it differs, where it is on both sides.
    pub aspects: Vec<Aspect>,
    /// What differs inside, where it is a database on one side at least and its facts are known.
    pub database: Option<DatabaseChange>,
}

/// Sorts of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is only in the later state.
    Added,
    /// It is only in the earlier state.
    Removed,
    /// Its bytes, its target or what it is differ.
    Changed,
    /// Only what the file system keeps beside the bytes differs.
    Metadata,
}

impl ChangeKind {
    /// The word for it in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Metadata => "metadata",
        }
    }
}

/// Parts of an entry that may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// What it is.
    Kind,
    /// Its bytes, its link's target or its device number.
    Content,
    /// Permission bits.
    Mode,
    /// Owner or group.
    Owner,
    /// Time of the last change of its content. Not asked of folders, where it follows from what is in them.
    Time,
    /// Extended attributes.
    Xattrs,
}

impl Aspect {
    /// The word for it in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Content => "content",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Time => "time",
            Self::Xattrs => "xattrs",
        }
    }
}

/// How an entry looks on one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// As [`Node::kind`] says it.
    pub kind: &'static str,
    /// Its bytes, where it has any of its own.
    pub bytes: Option<u64>,
    /// What the file system keeps beside the bytes.
    pub meta: Meta,
}

impl Look {
    fn of(entry: &Entry) -> Self {
        Self {
            kind: entry.node.kind(),
            bytes: entry.node.content().map(|content| content.len),
            meta: entry.meta.clone(),
        }
    }
}

/// How many differences of each sort there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiffTotals {
    /// Entries that are only in the later state.
    pub added: u64,
    /// Entries that are only in the earlier state.
    pub removed: u64,
    /// Entries with other content.
    pub changed: u64,
    /// Entries of which only the metadata differs.
    pub metadata: u64,
    /// Live files that could not be read, and so not compared; each was a warning.
    pub unreadable: u64,
}

impl DiffTotals {
    fn count(&mut self, kind: ChangeKind) {
        let counted = match kind {
            ChangeKind::Added => &mut self.added,
            ChangeKind::Removed => &mut self.removed,
            ChangeKind::Changed => &mut self.changed,
            ChangeKind::Metadata => &mut self.metadata,
        };
        *counted += 1;
    }
}

/// Takes each difference as it is found, or the error that keeps a part of a snapshot from being read; the walk goes on with
/// the next part unless told to stop.
pub type TakeChange<'t> = dyn FnMut(Result<Change>) -> ControlFlow<()> + 't;

impl Repository {
    /// Tells what is different in `after` as against `before`, in the order of paths.
    ///
    /// Sources are compared with those of the same path on the other side; where no path is on both sides and each has one
    /// source, these two are compared.
    ///
    /// # Errors
    /// Where a manifest cannot be read. What cannot be read below it is given to `take`.
    pub fn diff(
        &self,
        before: &Snapshot,
        after: &Snapshot,
        take: &mut TakeChange<'_>,
    ) -> Result<DiffTotals> {
        let (before, after) = (self.tree(before)?, self.tree(after)?);
        let roots = pair::roots(&before, &after);
        let facts = FactsBySide::of(&roots, &before, &after);
        let mut totals = DiffTotals::default();
        for found in Pairs::new(self.store(), roots) {
            let change = match found {
                Ok(pair) => match pair.change(&facts) {
                    Some(change) => Ok(change),
                    None => continue,
                },
                Err(error) => Err(error),
            };
            if let Ok(change) = &change {
                totals.count(change.kind);
            }
            if take(change).is_break() {
                break;
            }
        }
        Ok(totals)
    }
}

impl Pair {
    fn change(&self, facts: &FactsBySide<'_>) -> Option<Change> {
        let (before, after) = (self.before.as_ref(), self.after.as_ref());
        let (kind, aspects) = match (before, after) {
            (Some(before), Some(after)) => {
                let differs = !is_same_content(&before.node, &after.node);
                judge(aspects(before, after, differs))?
            }
            (None, Some(_)) => (ChangeKind::Added, Vec::new()),
            (Some(_), None) => (ChangeKind::Removed, Vec::new()),
            (None, None) => return None,
        };
        let is_inside = kind != ChangeKind::Metadata;
        let database = is_inside.then(|| facts.change(&self.path)).flatten();
        Some(Change {
            path: self.path.clone(),
            kind,
            before: before.map(Look::of),
            after: after.map(Look::of),
            aspects,
            database,
        })
    }
}

/// The sort of a difference in these aspects; `None` where there are none.
fn judge(aspects: Vec<Aspect>) -> Option<(ChangeKind, Vec<Aspect>)> {
    let is_change = |aspect: &Aspect| matches!(aspect, Aspect::Kind | Aspect::Content);
    match aspects.as_slice() {
        [] => None,
        some if some.iter().any(is_change) => Some((ChangeKind::Changed, aspects)),
        _ => Some((ChangeKind::Metadata, aspects)),
    }
}

/// What differs between two entries; `differs` tells of their content. Of folders not what is in them: that has differences
/// of its own.
fn aspects(before: &Entry, after: &Entry, differs: bool) -> Vec<Aspect> {
    let mut aspects = Vec::new();
    if before.node.kind() != after.node.kind() {
        aspects.push(Aspect::Kind);
    } else if differs {
        aspects.push(Aspect::Content);
    }
    let is_folder = after.is_folder();
    aspects.extend(differing_meta(&before.meta, &after.meta, is_folder));
    aspects
}

fn is_same_content(before: &Node, after: &Node) -> bool {
    match (before, after) {
        (Node::Folder { .. }, Node::Folder { .. }) => true,
        (Node::Symlink { target: a }, Node::Symlink { target: b }) => a == b,
        (Node::Special { device: a, .. }, Node::Special { device: b, .. }) => a == b,
        _ => before.content() == after.content(),
    }
}

fn differing_meta(before: &Meta, after: &Meta, is_folder: bool) -> impl Iterator<Item = Aspect> {
    let owner = |meta: &Meta| (meta.uid, meta.gid);
    let differs = [
        (Aspect::Mode, before.mode != after.mode),
        (Aspect::Owner, owner(before) != owner(after)),
        (Aspect::Time, !is_folder && before.mtime != after.mtime),
        (Aspect::Xattrs, before.xattrs != after.xattrs),
    ];
    differs
        .into_iter()
        .filter_map(|(aspect, differs)| differs.then_some(aspect))
}

/// The facts of a database on each side.
type TwoFacts<'f> = (Option<&'f Facts>, Option<&'f Facts>);
