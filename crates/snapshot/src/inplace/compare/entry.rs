//! One entry of the snapshot against what stands in its place.

use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::{Comparison, Place};
use crate::capture::{CountQuery, describe};
use crate::content::Content;
use crate::entry::{Entry, Meta, Node};
use crate::error::Result;
use crate::inplace::links::Linked;
use crate::inplace::live::{self, Stamp};
use crate::inplace::plan::{Difference, Inside, Now, PlannedDatabase, What};
use crate::inplace::was::Role;
use crate::inplace::{attributes, extras};
use crate::path::{Name, TreePath};
use crate::sqlite::{self, CaptureOptions, Fingerprint};

impl Comparison<'_> {
    pub(super) fn file(
        &mut self,
        place: Place,
        path: &TreePath,
        entry: &Entry,
        content: &Content,
        stat: &Metadata,
    ) -> Result<()> {
        let Node::File { seen, links, .. } = &entry.node else {
            return Ok(());
        };
        let at = self.target(place.0)?.at(&place.1);
        let stamp = Stamp::of(stat);
        let looks_same = stat.is_file()
            && content.len == stamp.bytes
            && entry.meta.mtime == stamp.mtime
            && seen.is_some_and(|seen| stamp.is(&seen));
        let is_same = match looks_same {
            true => true,
            // The bytes of a database are not all in its file.
            false if !stat.is_file() || live::is_database(&at, stat)? => false,
            false => live::has_bytes(self.repository.store(), &at, content)?,
        };
        if links.is_some() || stamp.links > 1 {
            self.links.note(Linked {
                place: place.clone(),
                tree: path.clone(),
                group: *links,
                inode: stat.is_file().then_some((stamp.device, stamp.inode)),
                bytes: content.len,
                stamp: Some(stamp),
                is_changed: !is_same,
            });
        }
        self.decide(place, path, entry, stat, is_same)
    }

    pub(super) fn database(
        &mut self,
        place: Place,
        path: &TreePath,
        entry: &Entry,
        (content, seen): (&Content, Option<&Fingerprint>),
        stat: &Metadata,
    ) -> Result<()> {
        let at = self.target(place.0)?.at(&place.1);
        let then = self.facts.get(path).cloned();
        let is_seen = || seen.is_some() && sqlite::fingerprint(&at).ok().flatten().as_ref() == seen;
        let (now, is_same) = if !live::is_database(&at, stat)? {
            (Now::NoDatabase, false)
        } else if is_seen() {
            (then.clone().map_or(Now::NoDatabase, Now::Facts), true)
        } else {
            let options = self.capture_options(path);
            match live::database(self.repository.store(), &at, Some(content), &options) {
                Ok((facts, is_same)) => (Now::Facts(facts), is_same),
                Err(error) if error.is_cancelled() => return Err(error),
                Err(error) => (Now::Unreadable(error.to_string()), false),
            }
        };
        self.plan.databases.push(PlannedDatabase {
            path: at,
            then,
            now,
            is_same,
        });
        // The time of a database that has the same bytes says when its WAL was folded into it, and nothing else.
        let meta = Meta {
            mtime: describe::meta(stat).mtime,
            ..entry.meta.clone()
        };
        let entry = Entry {
            meta: if is_same { meta } else { entry.meta.clone() },
            ..entry.clone()
        };
        self.decide(place, path, &entry, stat, is_same)
    }

    /// How a live database is looked at.
    pub(in crate::inplace) fn capture_options(&self, path: &TreePath) -> CaptureOptions {
        CaptureOptions {
            busy_timeout: self.options.busy_timeout,
            counts: CountQuery::of(&self.options.counts, path),
            scratch: Some(self.repository.place()),
            ..CaptureOptions::default()
        }
    }

    /// The entry stands there, and its bytes are the same or not.
    pub(super) fn decide(
        &mut self,
        place: Place,
        path: &TreePath,
        entry: &Entry,
        stat: &Metadata,
        is_same: bool,
    ) -> Result<()> {
        if !is_same {
            return self.replace(place, path, entry, stat);
        }
        let from = attributes::of(&self.target(place.0)?.at(&place.1), stat);
        let to = attributes::lent(&entry.meta, &from, self.options.setuid);
        if stat.is_symlink() || attributes::same(&from, &to) {
            self.plan.unchanged += 1;
            return Ok(());
        }
        self.plan.described += 1;
        self.plan.differences.push(Difference {
            what: What::Describe { from, to },
            stamp: Some(Stamp::of(stat)),
            ..Difference::at(place, path)
        });
        Ok(())
    }

    pub(super) fn replace(
        &mut self,
        place: Place,
        path: &TreePath,
        entry: &Entry,
        stat: &Metadata,
    ) -> Result<()> {
        let at = self.target(place.0)?.at(&place.1);
        let is_database =
            matches!(entry.node, Node::Database { .. }) || live::is_database(&at, stat)?;
        let bytes = entry.node.content().map_or(0, |content| content.len);
        if stat.is_dir() {
            // What is in the folder goes with it, and must be saved like anything else.
            extras::cover(self, &place)?;
        }
        self.plan.replaced += 1;
        self.plan.bytes += bytes;
        self.plan.staged.insert(path.clone());
        self.plan.differences.push(Difference {
            what: What::Put,
            bytes,
            is_database,
            stamp: Some(Stamp::of(stat)),
            side_files: match is_database {
                true => live::side_files(&at)?,
                false => Vec::new(),
            },
            ..Difference::at(place, path)
        });
        Ok(())
    }

    /// Side files of a database that is missing: they leave when it comes back, and are files like any other until then.
    fn orphans(&mut self, place: &Place) -> Result<Vec<(PathBuf, Option<Stamp>)>> {
        let target = self.target(place.0)?;
        if target.is_file() {
            // The safety snapshot has what is at the source and nothing beside it: they are kept.
            return Ok(Vec::new());
        }
        let found = live::side_files(&target.at(&place.1))?;
        for (path, stamp) in &found {
            let name = path
                .file_name()
                .and_then(|name| Name::new(name.as_bytes()).ok());
            if let (Some(stamp), Some(name), Some((above, _))) = (stamp, name, place.1.split_last())
            {
                self.plan.inside.push(Inside {
                    top: place.clone(),
                    place: (place.0, above.join(&name)),
                    stamp: *stamp,
                    role: Role::Plain,
                });
            }
        }
        Ok(found)
    }

    /// The entry is missing: it is put there, with the folder `top` that it is in, unless that is planned already.
    pub(super) fn add(
        &mut self,
        place: Place,
        path: &TreePath,
        entry: &Entry,
        top: Option<Place>,
    ) -> Result<()> {
        let bytes = entry.node.content().map_or(0, |content| content.len);
        if matches!(entry.node, Node::Database { .. }) {
            self.plan.databases.push(PlannedDatabase {
                path: self.target(place.0)?.at(&place.1),
                then: self.facts.get(path).cloned(),
                now: Now::Missing,
                is_same: false,
            });
        }
        if let Node::File {
            links: Some(group), ..
        } = entry.node
        {
            self.links.note(Linked {
                place: place.clone(),
                tree: path.clone(),
                group: Some(group),
                inode: None,
                bytes,
                stamp: None,
                is_changed: true,
            });
        }
        self.plan.added += 1;
        self.plan.bytes += bytes;
        self.plan.staged.insert(path.clone());
        match top {
            Some(top) => self.put(&place, entry, top, bytes),
            None => Ok(()),
        }
    }

    /// Plans the putting of `top`, which the missing entry is or is in.
    fn put(&mut self, place: &Place, entry: &Entry, top: Place, bytes: u64) -> Result<()> {
        let tree = self.target(top.0)?.tree_of(&top.1);
        let is_database = matches!(entry.node, Node::Database { .. }) && top == *place;
        let side_files = match is_database {
            true => self.orphans(place)?,
            false => Vec::new(),
        };
        self.plan.differences.push(Difference {
            what: What::Put,
            bytes,
            is_database,
            side_files,
            ..Difference::at(top.clone(), &tree)
        });
        if top != *place || matches!(entry.node, Node::Folder { .. }) {
            self.covered = Some(top);
        }
        Ok(())
    }
}
