//! Names of one file: they are put back together, or not at all.
//!
//! A file is replaced name by name, and a name that changes places leaves the others on the old inode. So where one name of
//! a group is replaced all are; and where names share a file by now that did not in the snapshot, they are told apart.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::Place;
use super::live::Stamp;
use crate::path::TreePath;

/// A name of a file that has or had more than one.
#[derive(Debug, Clone)]
pub(super) struct Linked {
    pub(super) place: Place,
    pub(super) tree: TreePath,
    /// Number of its group in the snapshot.
    pub(super) group: Option<u64>,
    /// The live file, where there is one.
    pub(super) inode: Option<(u64, u64)>,
    pub(super) bytes: u64,
    pub(super) stamp: Option<Stamp>,
    /// It is replaced, or added, whatever the other names are.
    pub(super) is_changed: bool,
}

/// All such names.
#[derive(Debug, Default)]
pub(super) struct Links(Vec<Linked>);

impl Links {
    pub(super) fn note(&mut self, link: Linked) {
        self.0.push(link);
    }

    /// Names whose bytes are right, and that must be replaced all the same.
    pub(super) fn torn(self) -> Vec<Linked> {
        let mut links = self.0;
        // What one change entails may entail another; each round adds some or is the last.
        loop {
            let torn = round(&links);
            let mut is_more = false;
            for link in &mut links {
                if !link.is_changed && torn.contains(&link.place) {
                    link.is_changed = true;
                    is_more = true;
                }
            }
            if !is_more {
                break;
            }
        }
        links.retain(|link| link.is_changed && link.stamp.is_some());
        links
    }
}

fn round(links: &[Linked]) -> BTreeSet<Place> {
    let mut groups: BTreeMap<u64, Vec<&Linked>> = BTreeMap::new();
    let mut inodes: BTreeMap<(u64, u64), Vec<&Linked>> = BTreeMap::new();
    for link in links {
        if let Some(group) = link.group {
            groups.entry(group).or_default().push(link);
        }
        if let Some(inode) = link.inode {
            inodes.entry(inode).or_default().push(link);
        }
    }
    let one_inode = |names: &[&Linked]| {
        names
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if a.inode == b.inode))
    };
    let one_group = |names: &[&Linked]| {
        names
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if a.group == b.group && a.group.is_some()))
    };
    let any_changed = |names: &[&Linked]| names.iter().any(|link| link.is_changed);
    let of_groups = groups
        .into_values()
        .filter(|names| any_changed(names) || !one_inode(names));
    let of_inodes = inodes
        .into_values()
        .filter(|names| any_changed(names) || !one_group(names));
    of_groups
        .chain(of_inodes)
        .flatten()
        .map(|link| link.place.clone())
        .collect()
}
