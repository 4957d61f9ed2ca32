//! The folders of a restore: made when something in them is, and given their attributes when everything in them is there.
//!
//! A folder that nothing selected is in is not made. One that is finished is opened anew beneath the target: between the two,
//! somebody may have put something else in its place.

use rustix::fs::{Mode, OFlags};

use super::attributes::{Missed, Thing};
use super::file::Files;
use super::root::Folder;
use super::sweep;
use super::{Overwrite, target};
use crate::entry::Meta;
use crate::error::{IoContext, Result};
use crate::path::{Name, TreePath};

/// A folder that the walk is in.
struct Open {
    path: TreePath,
    /// What it is given in the end; the target of a restore into an old folder keeps what it has.
    meta: Option<Meta>,
    is_made: bool,
    /// Something stands in its place that is not replaced: nothing is written below it.
    is_barred: bool,
    /// The names that belong in it, where others are to be deleted; `None` where they are not all known.
    names: Option<Vec<Name>>,
}

/// Whether the folders that an entry is in are there.
pub(super) enum Made {
    /// They are.
    All,
    /// One of them cannot be, in words.
    Barred(String),
}

/// What became of a folder that is finished: attributes it lacks, and how many entries were deleted in it.
type Finished = Result<(Missed, u64)>;

/// The folders that the walk is in, and those that wait for their last files.
pub(super) struct Folders<'a> {
    files: &'a Files<'a>,
    deletes: bool,
    open: Vec<Open>,
    left: Vec<Open>,
}

impl<'a> Folders<'a> {
    /// The walk begins at the target itself.
    pub(super) fn new(files: &'a Files<'a>, root: Option<Meta>, deletes: bool) -> Self {
        let deletes = deletes && files.overwrite.is_some_and(|how| how != Overwrite::Never);
        let root = Open {
            path: TreePath::root(),
            meta: root,
            is_made: true,
            is_barred: false,
            names: deletes.then(Vec::new),
        };
        Self {
            files,
            deletes,
            open: vec![root],
            left: Vec::new(),
        }
    }

    /// The walk has come to this entry: folders that it is not in are left, and its own knows its name.
    pub(super) fn arrive(&mut self, path: &TreePath) {
        while let Some(open) = self.open.pop_if(|open| !path.starts_with(&open.path)) {
            self.left.push(open);
        }
        if let Some(names) = self.open.last_mut().and_then(|open| open.names.as_mut())
            && let Some((_, name)) = path.split_last()
        {
            names.push(name.clone());
        }
    }

    /// The walk enters this folder.
    pub(super) fn enter(&mut self, path: &TreePath, meta: Meta) {
        let is_barred = self.is_barred();
        self.open.push(Open {
            path: path.clone(),
            meta: Some(meta),
            is_made: false,
            is_barred,
            names: self.deletes.then(Vec::new),
        });
    }

    /// Whether nothing can be written where the walk is.
    pub(super) fn is_barred(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_barred)
    }

    /// Some names of this folder are not known, so that nothing in it may be deleted.
    pub(super) fn is_lacking(&mut self, path: &TreePath) {
        for open in self.open.iter_mut().chain(&mut self.left) {
            if open.path == *path {
                open.names = None;
            }
        }
    }

    /// Makes the folders that the walk is in, as far as they are not there.
    pub(super) fn make(&mut self) -> Result<Made> {
        for open in &mut self.open {
            if open.is_made {
                continue;
            }
            if let Some(obstacle) = make(self.files, &open.path)? {
                open.is_barred = true;
                return Ok(Made::Barred(obstacle));
            }
            open.is_made = true;
        }
        Ok(Made::All)
    }

    /// The walk is over.
    pub(super) fn leave_all(&mut self) {
        while let Some(open) = self.open.pop() {
            self.left.push(open);
        }
    }

    /// Finishes the folders that were left: nothing more will be written into them.
    pub(super) fn finish(&mut self) -> Vec<(TreePath, Finished)> {
        let left = std::mem::take(&mut self.left).into_iter();
        let made = left.filter(|open| open.is_made && !open.is_barred);
        made.map(|open| (open.path.clone(), finish(self.files, &open)))
            .collect()
    }
}

/// Makes a folder, or finds it; words where it cannot be.
fn make(files: &Files<'_>, path: &TreePath) -> Result<Option<String>> {
    let (parent, name) = files.root.parent(path)?;
    let located = parent.locate(&name);
    let is_new = match parent.make_folder(&name) {
        // A name that this file system does not take.
        Err(error) if matches!(error.raw_os_error(), Some(13 | 22 | 36 | 84)) => {
            return Ok(Some(lifeboat_store::words::system_words(&error)));
        }
        result => result.context("create", &located)?,
    };
    if is_new {
        return Ok(None);
    }
    let Some(overwrite) = files.overwrite else {
        return Ok(Some("something of this name is there by now".to_owned()));
    };
    if parent.has_folder(&name)? {
        open_up(&parent, &name)?;
        return Ok(None);
    }
    if overwrite == Overwrite::Never {
        let words = "something that is no folder stands in its place and was to be left";
        return Ok(Some(words.to_owned()));
    }
    parent.remove(&name)?;
    parent.make_folder(&name).context("create", &located)?;
    Ok(None)
}

/// A folder that was there may be one that not even its owner may write to; its mode is set in the end.
fn open_up(parent: &Folder, name: &Name) -> Result<()> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    if let Ok(folder) = parent.open(name, OFlags::RDONLY | OFlags::DIRECTORY) {
        let stat = rustix::fs::fstat(&folder).context("look at", &parent.locate(name))?;
        if stat.st_mode & 0o700 != 0o700 {
            // Not ours to open: what is written into it will say so.
            let _ = rustix::fs::fchmod(&folder, Mode::from_raw_mode(stat.st_mode & 0o777 | 0o700));
        }
    }
    Ok(())
}

fn finish(files: &Files<'_>, open: &Open) -> Finished {
    let folder = files.root.folder(&open.path)?;
    let deleted = match &open.names {
        Some(names) => sweep::others(&folder, names, target::MARK, open.path.is_root())?,
        None => 0,
    };
    let missed = match &open.meta {
        Some(meta) => {
            let path = files.root.locate(&open.path);
            let folder = std::fs::File::from(folder.fd);
            let missed = files.attributes.give(&folder, meta, Thing::Folder);
            missed.unless_fault(&path)?
        }
        None => Missed::default(),
    };
    Ok((missed, deleted))
}
