//! What a restore in place would change: the snapshot's entries held against what stands in the live folder.
//!
//! Nothing is changed by looking. A file that looks as the snapshot saw it is not opened; one of the same length is read and
//! hashed; a database is read through SQLite, with what is only in its WAL. What is the same stays, with its inode.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::links::{Linked, Links};
use super::live;
use super::plan::{Difference, InPlace, Plan, What};
use super::target::{Target, targets};
use super::{attributes, extras};
use crate::capture::exclude;
use crate::content::Content;
use crate::entry::{Entry, Meta, Node};
use crate::error::{Result, SnapshotError};
use crate::monitor::{Monitor, Warning, WarningKind};
use crate::path::TreePath;
use crate::repository::Repository;
use crate::restore::Selection;
use crate::sqlite::Facts;
use crate::tree::Tree;

mod entry;

/// A live path, with the number of its target.
pub(super) type Place = (usize, TreePath);

/// What the snapshot has at a place, as far as it matters to what it lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Folder,
    Database,
    Other,
}

/// A comparison in progress.
pub(super) struct Comparison<'a> {
    pub(super) repository: &'a Repository,
    pub(super) options: &'a InPlace,
    pub(super) selection: &'a Selection,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) plan: Plan,
    /// What the snapshot knows of its databases.
    facts: HashMap<TreePath, Facts>,
    /// Everything that the snapshot has, for telling what it lacks.
    pub(super) known: HashMap<Place, Known>,
    /// By folder, the snapshot's files of what is left out of backups.
    pub(super) patterns: HashMap<Place, Content>,
    /// A folder that is added as a whole, and what stands in it.
    covered: Option<Place>,
    links: Links,
    /// Folders that stay: how they are, and how they were.
    folders: BTreeMap<Place, (Meta, Meta)>,
}

/// Compares a snapshot, or a part of it, with the places that it was taken of.
pub(super) fn compare(
    repository: &Repository,
    tree: &Tree<'_>,
    options: &InPlace,
    monitor: &dyn Monitor,
) -> Result<Plan> {
    let selection = Selection::new(&options.paths)?;
    let manifest = tree.manifest();
    let facts = manifest.databases.iter();
    let mut comparison = Comparison {
        repository,
        options,
        selection: &selection,
        monitor,
        plan: Plan {
            targets: targets(tree)?,
            ..Plan::default()
        },
        facts: facts
            .map(|database| (tree.database_path(database), database.facts.clone()))
            .collect(),
        known: HashMap::new(),
        patterns: HashMap::new(),
        covered: None,
        links: Links::default(),
        folders: BTreeMap::new(),
    };
    comparison.walk(tree)?;
    extras::find(&mut comparison)?;
    comparison.finish(tree);
    Ok(comparison.plan)
}

impl Comparison<'_> {
    fn walk(&mut self, tree: &Tree<'_>) -> Result<()> {
        if let (Some(meta), [target]) = (tree.root_meta(), self.plan.targets.as_slice())
            && self.options.paths.is_empty()
            && let Some(stat) = live::look(&target.folder)?
        {
            let metas = (attributes::of(&target.folder, &stat), meta.clone());
            self.folders.insert((0, TreePath::root()), metas);
        }
        let mut is_met = false;
        for found in tree.walk() {
            let (path, entry) = found?;
            if self.monitor.cancelled() {
                return Err(SnapshotError::cancelled());
            }
            let Some((number, at)) = self.place(&path) else {
                continue;
            };
            let known = match entry.node {
                Node::Folder { .. } => Known::Folder,
                Node::Database { .. } => Known::Database,
                _ => Known::Other,
            };
            self.known.insert((number, at.clone()), known);
            self.note_patterns((number, &at), &entry);
            if self.selection.admits(&path, &entry) {
                is_met = true;
                self.entry((number, at), &path, &entry)?;
            }
        }
        match is_met || self.options.paths.is_empty() {
            true => Ok(()),
            false => Err(SnapshotError::NothingMatches {
                patterns: self.options.paths.join(", "),
            }),
        }
    }

    /// Keeps where to read what the snapshot's own files say about what is left out.
    fn note_patterns(&mut self, (number, at): (usize, &TreePath), entry: &Entry) {
        if let Node::File { content, .. } = &entry.node
            && entry.name.as_bytes() == exclude::IGNORE
            && content.len <= exclude::IGNORE_MAX
            && let Some(folder) = above(&(number, at.clone()))
        {
            self.patterns.insert(folder, content.clone());
        }
    }

    /// The target of a path of the snapshot, and where it is there.
    fn place(&self, path: &TreePath) -> Option<Place> {
        let mut targets = self.plan.targets.iter().enumerate();
        targets.find_map(|(number, target)| Some((number, target.live_of(path)?)))
    }

    pub(super) fn target(&self, number: usize) -> Result<Target> {
        let target = self.plan.targets.get(number).cloned();
        target.ok_or_else(SnapshotError::cancelled)
    }

    fn entry(&mut self, place: Place, path: &TreePath, entry: &Entry) -> Result<()> {
        let at = self.target(place.0)?.at(&place.1);
        self.monitor.item(&at);
        if let Node::Special { .. } = entry.node {
            self.warn(&at, format!("a {} is not restored", entry.node.kind()));
            return Ok(());
        }
        if self.is_covered(&place) {
            return self.add(place, path, entry, None);
        }
        let Some(stat) = live::look(&at)? else {
            let top = self.topmost_missing(&place)?;
            return self.add(place, path, entry, Some(top));
        };
        match &entry.node {
            Node::Folder { .. } if stat.is_dir() => {
                let metas = (attributes::of(&at, &stat), entry.meta.clone());
                self.folders.insert(place, metas);
                Ok(())
            }
            _ if stat.is_dir() && !self.options.delete => Err(SnapshotError::TargetUnusable {
                path: at,
                reason: format!(
                    "it is a folder, and a {} in the snapshot: only --delete may remove it",
                    entry.node.kind()
                ),
            }),
            Node::Folder { .. } => {
                self.covered = Some(place.clone());
                self.replace(place, path, entry, &stat)
            }
            Node::Symlink { target } => {
                let is_same = stat.is_symlink()
                    && link_target(&at).as_deref() == Some(target.as_ref())
                    && attributes::same_link(&attributes::of(&at, &stat), &entry.meta);
                self.decide(place, path, entry, &stat, is_same)
            }
            Node::File { content, .. } => self.file(place, path, entry, content, &stat),
            Node::Database { content, seen } => {
                self.database(place, path, entry, (content, seen.as_ref()), &stat)
            }
            Node::Special { .. } => Ok(()),
        }
    }

    fn is_covered(&self, place: &Place) -> bool {
        self.covered.as_ref().is_some_and(|(number, above)| {
            *number == place.0 && place.1.parts().starts_with(above.parts())
        })
    }

    /// The highest folder above that is missing too: nothing can be put into what is not there.
    fn topmost_missing(&self, (number, path): &Place) -> Result<Place> {
        let target = self.target(*number)?;
        let mut above = TreePath::root();
        for part in path.parts() {
            above = above.join(part);
            match live::look(&target.at(&above))? {
                None => break,
                Some(stat) if stat.is_dir() || above == *path => {}
                Some(_) => {
                    return Err(SnapshotError::TargetUnusable {
                        path: target.at(&above),
                        reason: "it is no folder, and one in the snapshot".to_owned(),
                    });
                }
            }
        }
        Ok((*number, above))
    }

    pub(super) fn warn(&mut self, path: &std::path::Path, message: String) {
        let warning = Warning {
            path: path.to_owned(),
            kind: WarningKind::Skipped,
            message,
        };
        self.monitor.warning(&warning);
        self.plan.warnings.push(warning);
    }

    /// What depends on everything else: hard links, and the folders whose times the changes change.
    fn finish(&mut self, tree: &Tree<'_>) {
        for link in std::mem::take(&mut self.links).torn() {
            self.tear(link);
        }
        let touched: BTreeSet<Place> = self
            .plan
            .differences
            .iter()
            .filter(|difference| !matches!(difference.what, What::Describe { .. }))
            .filter_map(|difference| above(&difference.place))
            .collect();
        for (place, (from, to)) in std::mem::take(&mut self.folders) {
            if attributes::same(&from, &to) && !touched.contains(&place) {
                continue;
            }
            self.plan.described += u64::from(!attributes::same(&from, &to));
            let target = self.plan.targets.get(place.0);
            let path = target.map(|target| target.tree_of(&place.1));
            self.plan.differences.push(Difference {
                what: What::Describe { from, to },
                ..Difference::at(place, &path.unwrap_or_default())
            });
        }
        self.plan.describe_new_folders(tree);
    }

    /// Replaces a file with the right bytes, since it shares them with the wrong names.
    fn tear(&mut self, link: Linked) {
        let is_planned = |difference: &&mut Difference| difference.place == link.place;
        self.plan.staged.insert(link.tree.clone());
        if let Some(planned) = self.plan.differences.iter_mut().find(is_planned) {
            if let What::Describe { .. } = planned.what {
                planned.what = What::Put;
                planned.bytes = link.bytes;
                self.plan.described -= 1;
                self.plan.replaced += 1;
                self.plan.bytes += link.bytes;
            }
            return;
        }
        self.plan.unchanged = self.plan.unchanged.saturating_sub(1);
        self.plan.replaced += 1;
        self.plan.bytes += link.bytes;
        self.plan.differences.push(Difference {
            what: What::Put,
            bytes: link.bytes,
            stamp: link.stamp,
            ..Difference::at(link.place, &link.tree)
        });
    }
}

fn above((number, path): &Place) -> Option<Place> {
    let (_, above) = path.parts().split_last()?;
    let above = above
        .iter()
        .fold(TreePath::root(), |path, part| path.join(part));
    Some((*number, above))
}

fn link_target(path: &std::path::Path) -> Option<Vec<u8>> {
    use std::os::unix::ffi::OsStringExt;
    let target = std::fs::read_link(path).ok()?;
    Some(target.into_os_string().into_vec())
}
