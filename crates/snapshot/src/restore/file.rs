//! One file of the target: what becomes of it, and writing it anew.
//!
//! Bytes are written under a name of their own, and the file gets its name when it is whole: what a restore that was cut
//! short leaves under a file's name is either what stood there before or what was to be restored. Small files of a new target
//! are an exception, see [`small`](super::small).

use std::fs::File;
use std::path::Path;

use lifeboat_store::words::in_one_line;
use rayon::prelude::*;
use rustix::fs::{OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::attributes::{Attributes, Missed, Thing};
use super::fill::{Filled, Filler, Work};
use super::heritage::{Heritage, heritage};
use super::partial::{damaged_name, partial_name};
use super::root::{Folder, Root, is_file, is_folder};
use super::{Loss, Overwrite};
use crate::content::Content;
use crate::entry::Meta;
use crate::error::{IoContext, Result};
use crate::path::{Name, TreePath};
use crate::sqlite::SIDE_FILES;

/// A file whose bytes are to be written.
pub(super) struct Waiting {
    pub(super) path: TreePath,
    pub(super) meta: Meta,
    pub(super) content: Content,
    /// Its side files in the target belong to another state of it.
    pub(super) is_database: bool,
    /// The group of names that are this file.
    pub(super) group: Option<u64>,
}

/// What became of an entry.
#[derive(Debug)]
pub(super) enum Fate {
    /// It is as it should be, which took writing.
    Written,
    /// It was right.
    Kept,
    /// What stood there stays, as was asked.
    Left,
    /// Bytes of it cannot be had.
    Lost(Loss),
}

/// What became of an entry, and what it lacks.
pub(super) struct Done {
    pub(super) fate: Fate,
    pub(super) missed: Missed,
}

impl Done {
    pub(super) fn plainly(fate: Fate) -> Self {
        Self {
            fate,
            missed: Missed::default(),
        }
    }

    /// It is there, and has all of its attributes that it can have.
    pub(super) fn described(fate: Fate, missed: Missed, path: &Path) -> Result<Self> {
        let missed = missed.unless_fault(path)?;
        Ok(Self { fate, missed })
    }
}

/// How files are put into the target.
pub(super) struct Files<'a> {
    pub(super) root: &'a Root,
    pub(super) filler: Filler<'a>,
    pub(super) attributes: Attributes,
    /// What may be replaced; `None` in a folder that was empty.
    pub(super) overwrite: Option<Overwrite>,
    /// Whether files with lost bytes are kept under another name.
    pub(super) keep_damaged: bool,
}

/// A folder that files are put into.
pub(super) struct Place {
    pub(super) folder: Folder,
    /// What new files in it have from the beginning.
    pub(super) heritage: Heritage,
}

impl Files<'_> {
    /// Brings files into the target, those that follow each other in one folder with one look at it.
    pub(super) fn put_all(&self, files: &[Waiting]) -> Vec<Result<Done>> {
        let folders = files.par_chunk_by(|a, b| a.path.is_beside(&b.path));
        let done: Vec<Vec<Result<Done>>> = folders.map(|files| self.put_beside(files)).collect();
        done.into_iter().flatten().collect()
    }

    /// Files of one folder.
    fn put_beside(&self, files: &[Waiting]) -> Vec<Result<Done>> {
        let place = files.first().map(|first| self.place(first));
        let put = |file: &Waiting| match &place {
            Some(Ok(place)) => self.put(place, file),
            // Each is told for itself.
            _ => self.put(&self.place(file)?, file),
        };
        files.par_iter().map(put).collect()
    }

    fn place(&self, file: &Waiting) -> Result<Place> {
        let (folder, _) = self.root.parent(&file.path)?;
        let heritage = heritage(&folder);
        Ok(Place { folder, heritage })
    }

    fn put(&self, place: &Place, file: &Waiting) -> Result<Done> {
        let Some(name) = file.path.parts().last() else {
            return Err(self.root.is_no_file());
        };
        let folder = &place.folder;
        let Some(overwrite) = self.overwrite else {
            return match self.put_small(place, name, file)? {
                Some(done) => Ok(done),
                None => self.put_new(place, name, file),
            };
        };
        match folder.look(name)? {
            None => self.put_new(place, name, file),
            Some(_) if overwrite == Overwrite::Never => Ok(Done::plainly(Fate::Left)),
            // One with other names may have one outside the target, and must not be written to.
            Some(stat) if is_file(&stat) && stat.st_nlink == 1 => {
                self.put_over(folder, name, file, &stat)
            }
            Some(stat) => {
                self.make_room(folder, name, &stat)?;
                self.put_new(place, name, file)
            }
        }
    }

    /// What no file can replace is a folder with something in it: that is for `delete`.
    pub(super) fn make_room(&self, folder: &Folder, name: &Name, stat: &Stat) -> Result<()> {
        if is_folder(stat) {
            let flags = rustix::fs::AtFlags::REMOVEDIR;
            rustix::fs::unlinkat(folder, name.as_bytes(), flags)
                .context("replace the folder", &folder.locate(name))?;
        }
        Ok(())
    }

    fn put_new(&self, place: &Place, name: &Name, file: &Waiting) -> Result<Done> {
        let (folder, partial) = (&place.folder, partial_name(name));
        let (handle, work) = match folder.create(&partial) {
            // What an earlier run has left is gone on with.
            Err(error) if self.overwrite.is_some() && is_taken(&error) => {
                match reopen(folder, &partial)? {
                    Some(handle) => (handle, Work::Mend),
                    None => (
                        folder
                            .create(&partial)
                            .context("create", &folder.locate(name))?,
                        Work::Write,
                    ),
                }
            }
            created => (
                created.context("create", &folder.locate(name))?,
                Work::Write,
            ),
        };
        let thing = match work {
            Work::Write => place.heritage.new_file(),
            _ => Thing::File,
        };
        self.complete(folder, (&partial, name), &handle, (work, thing), file)
    }

    /// Fills the partial file, and gives it its attributes and its name.
    pub(super) fn complete(
        &self,
        folder: &Folder,
        (partial, name): (&Name, &Name),
        handle: &File,
        (work, thing): (Work, Thing),
        file: &Waiting,
    ) -> Result<Done> {
        let path = folder.locate(name);
        let filled = self.filler.fill(handle, &path, &file.content, work)?;
        let is_whole = filled.lost.is_empty();
        if !is_whole && !self.keep_damaged {
            folder.remove(partial)?;
            return Ok(Done::plainly(Fate::Lost(loss(file, filled))));
        }
        let missed = self.attributes.give(handle, &file.meta, thing);
        let missed = missed.unless_fault(&path)?;
        if !is_whole {
            folder.rename(partial, &damaged_name(name))?;
            let fate = Fate::Lost(loss(file, filled));
            return Ok(Done { fate, missed });
        }
        if file.is_database && self.overwrite.is_some() {
            remove_side_files(folder, name)?;
        }
        self.give_name(folder, partial, name)?;
        Ok(Done {
            fate: Fate::Written,
            missed,
        })
    }

    /// Gives what is complete its name, in place of nothing unless something may be replaced.
    pub(super) fn give_name(&self, folder: &Folder, from: &Name, to: &Name) -> Result<()> {
        if self.overwrite.is_some_and(|how| how != Overwrite::Never) {
            return folder.rename(from, to);
        }
        let (old, new) = (from.as_bytes(), to.as_bytes());
        match rustix::fs::renameat_with(folder, old, folder, new, RenameFlags::NOREPLACE) {
            // Not every file system can refuse.
            Err(Errno::INVAL | Errno::NOSYS) => folder.rename(from, to),
            result => result.context("create", &folder.locate(to)),
        }
    }
}

pub(super) fn loss(file: &Waiting, filled: Filled) -> Loss {
    Loss {
        path: file.path.clone(),
        ranges: filled.lost,
        reason: filled
            .reason
            .as_ref()
            .map_or_else(String::new, |error| in_one_line(error)),
    }
}

fn is_taken(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::AlreadyExists
}

/// The partial file of an earlier run, where it is one; else it is removed.
fn reopen(folder: &Folder, partial: &Name) -> Result<Option<File>> {
    let is_ours = folder
        .look(partial)?
        .is_some_and(|stat| is_file(&stat) && stat.st_nlink == 1);
    if is_ours && let Ok(handle) = folder.open(partial, OFlags::RDWR) {
        return Ok(Some(handle));
    }
    folder.remove(partial)?;
    Ok(None)
}

/// A WAL or a journal beside another state of its database would be replayed into it (F-51).
pub(super) fn remove_side_files(folder: &Folder, name: &Name) -> Result<()> {
    for ending in SIDE_FILES {
        if let Ok(side) = Name::new([name.as_bytes(), ending.as_bytes()].concat()) {
            folder.remove(&side)?;
        }
    }
    Ok(())
}
