//! One file of the target: new, kept, mended or replaced.
//!
//! Bytes are written under a name of their own, and the file gets its name when it is whole: what a restore that was cut
//! short leaves under a file's name is either what stood there before or what was to be restored. A file that is mended
//! where it differs loses its name for as long as it is neither. Small files of a new target are an exception, see
//! [`small`](super::small).

use std::fs::File;

use lifeboat_store::words::in_one_line;
use rayon::prelude::*;
use rustix::fs::{FileType, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::attributes::{Attributes, Missed, Thing};
use super::fill::{Filled, Filler, Work};
use super::heritage::{Heritage, heritage};
use super::root::{Folder, Root};
use super::{Loss, Overwrite};
use crate::content::Content;
use crate::entry::Meta;
use crate::error::{IoContext, Result};
use crate::path::{Name, TreePath};

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
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
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

    /// A regular file stands there that is only here.
    fn put_over(&self, folder: &Folder, name: &Name, file: &Waiting, stat: &Stat) -> Result<Done> {
        let path = folder.locate(name);
        let handle = folder.open(name, OFlags::RDONLY).context("open", &path)?;
        if !self.looks_right(file, stat) {
            let found = self
                .filler
                .fill(&handle, &path, &file.content, Work::Compare)?;
            if !found.lost.is_empty() {
                // What is there is worth more than a part of what was.
                return Ok(Done::plainly(Fate::Lost(loss(file, found))));
            }
            if found.changed > 0 || stat.st_size.cast_unsigned() != file.content.len {
                return self.mend(folder, name, file, &handle);
            }
        }
        self.filler.monitor.advance(file.content.len);
        if file.is_database {
            remove_side_files(folder, name)?;
        }
        let missed = self.attributes.give(&handle, &file.meta, Thing::File);
        let missed = missed.unless_fault(&path)?;
        Ok(Done {
            fate: Fate::Kept,
            missed,
        })
    }

    /// Whether length and time are believed to tell that the bytes are right.
    fn looks_right(&self, file: &Waiting, stat: &Stat) -> bool {
        let mtime = file.meta.mtime;
        self.overwrite == Some(Overwrite::IfChanged)
            && stat.st_size.cast_unsigned() == file.content.len
            && (stat.st_mtime, u64::from(mtime.nanos)) == (mtime.secs, stat.st_mtime_nsec)
    }

    fn mend(&self, folder: &Folder, name: &Name, file: &Waiting, handle: &File) -> Result<Done> {
        let path = folder.locate(name);
        // It may be one that not even its owner may write to.
        rustix::fs::fchmod(handle, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)
            .context("open", &path)?;
        if file.is_database {
            remove_side_files(folder, name)?;
        }
        let partial = partial_name(name);
        folder.rename(name, &partial)?;
        let handle = folder.open(&partial, OFlags::RDWR).context("open", &path)?;
        let work = (Work::Mend, Thing::File);
        self.complete(folder, (&partial, name), &handle, work, file)
    }

    /// Fills the partial file, and gives it its attributes and its name.
    fn complete(
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

fn loss(file: &Waiting, filled: Filled) -> Loss {
    Loss {
        path: file.path.clone(),
        ranges: filled.lost,
        reason: filled
            .reason
            .as_ref()
            .map_or_else(String::new, |error| in_one_line(error)),
    }
}

pub(super) fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
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
fn remove_side_files(folder: &Folder, name: &Name) -> Result<()> {
    for ending in [&b"-wal"[..], b"-shm", b"-journal"] {
        if let Ok(side) = Name::new([name.as_bytes(), ending].concat()) {
            folder.remove(&side)?;
        }
    }
    Ok(())
}

/// The name under which a file is written.
pub(super) fn partial_name(name: &Name) -> Name {
    of_lifeboat(name, "partial")
}

/// The name of a file that lacks some of its bytes: its own and an ending, where that is not too long.
fn damaged_name(name: &Name) -> Name {
    let long = [name.as_bytes(), b".lifeboat-damaged"].concat();
    match Name::new(long) {
        Ok(long) if long.as_bytes().len() <= 255 => long,
        _ => of_lifeboat(name, "damaged"),
    }
}

/// Short enough for every file system, and the same whenever the file is restored.
fn of_lifeboat(name: &Name, what: &str) -> Name {
    let hash = blake3::hash(name.as_bytes()).to_hex();
    let digits = hash.get(..16).unwrap_or_default();
    Name::new(format!(".lifeboat-{digits}.{what}")).unwrap_or_else(|_| name.clone())
}
