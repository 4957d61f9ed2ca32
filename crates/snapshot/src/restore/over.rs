//! A file over one that stands in its place: believed, compared, or mended where it differs.
//!
//! One that is mended loses its name for as long as it is neither what it was nor what it is to be.

use std::fs::File;

use rustix::fs::{OFlags, Stat};

use super::Overwrite;
use super::attributes::Thing;
use super::file::{Done, Fate, Files, Waiting, loss, remove_side_files};
use super::fill::Work;
use super::partial::partial_name;
use super::root::Folder;
use crate::error::{IoContext, Result};
use crate::path::Name;

impl Files<'_> {
    /// A regular file stands there that is only here.
    pub(super) fn put_over(
        &self,
        folder: &Folder,
        name: &Name,
        file: &Waiting,
        stat: &Stat,
    ) -> Result<Done> {
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
        Done::described(Fate::Kept, missed, &path)
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
}
