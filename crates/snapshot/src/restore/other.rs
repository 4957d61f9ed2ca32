//! Entries of the target that have no bytes: links, further names of a file, pipes, sockets, devices.

use rustix::fs::{AtFlags, FileType, Mode};

use super::Overwrite;
use super::file::{Done, Fate, Files};
use super::partial::partial_name;
use super::root::{Folder, is_folder};
use crate::entry::{Meta, Special};
use crate::error::{IoContext, Result};
use crate::path::{Name, TreePath};

impl Files<'_> {
    /// Makes a symbolic link.
    pub(super) fn put_link(&self, path: &TreePath, target: &[u8], meta: &Meta) -> Result<Done> {
        let (folder, name) = self.root.parent(path)?;
        let is_there = self.overwrite.is_some()
            && rustix::fs::readlinkat(&folder, name.as_bytes(), Vec::new())
                .is_ok_and(|there| there.as_bytes() == target);
        if is_there {
            let missed = self.attributes.give_link(&folder, &name, meta);
            return Done::described(Fate::Kept, missed, &folder.locate(&name));
        }
        if !self.clear(&folder, &name)? {
            return Ok(Done::plainly(Fate::Left));
        }
        rustix::fs::symlinkat(target, &folder, name.as_bytes())
            .context("link", &folder.locate(&name))?;
        let missed = self.attributes.give_link(&folder, &name, meta);
        Done::described(Fate::Written, missed, &folder.locate(&name))
    }

    /// Gives a file that is there another name.
    pub(super) fn put_name(&self, path: &TreePath, first: &TreePath) -> Result<Done> {
        let (folder, name) = self.root.parent(path)?;
        let (from, old) = self.root.parent(first)?;
        if let (Some(is), Some(first)) = (folder.look(&name)?, from.look(&old)?) {
            if (is.st_dev, is.st_ino) == (first.st_dev, first.st_ino) {
                return Ok(Done::plainly(Fate::Kept));
            }
            if self.overwrite == Some(Overwrite::Never) {
                return Ok(Done::plainly(Fate::Left));
            }
            self.make_room(&folder, &name, &is)?;
        }
        let partial = partial_name(&name);
        folder.remove(&partial)?;
        let (old, new) = (old.as_bytes(), partial.as_bytes());
        rustix::fs::linkat(&from, old, &folder, new, AtFlags::empty())
            .context("link", &folder.locate(&name))?;
        self.give_name(&folder, &partial, &name)?;
        Ok(Done::plainly(Fate::Written))
    }

    /// Makes a pipe, a socket or a device.
    pub(super) fn put_special(
        &self,
        path: &TreePath,
        kind: Special,
        device: u64,
        meta: &Meta,
    ) -> Result<Done> {
        let (folder, name) = self.root.parent(path)?;
        if !self.clear(&folder, &name)? {
            return Ok(Done::plainly(Fate::Left));
        }
        let (kind, device) = match kind {
            Special::Fifo => (FileType::Fifo, 0),
            Special::Socket => (FileType::Socket, 0),
            Special::CharDevice => (FileType::CharacterDevice, device),
            Special::BlockDevice => (FileType::BlockDevice, device),
        };
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(&folder, name.as_bytes(), kind, mode, device)
            .context("create", &folder.locate(&name))?;
        let missed = self.attributes.give_special(&folder, &name, meta);
        Done::described(Fate::Written, missed, &folder.locate(&name))
    }

    /// Makes room for what is made anew rather than mended; `false` where what is there stays.
    fn clear(&self, folder: &Folder, name: &Name) -> Result<bool> {
        let Some(overwrite) = self.overwrite else {
            return Ok(true);
        };
        let Some(stat) = folder.look(name)? else {
            return Ok(true);
        };
        if overwrite == Overwrite::Never {
            return Ok(false);
        }
        if is_folder(&stat) {
            self.make_room(folder, name, &stat)?;
        } else {
            folder.remove(name)?;
        }
        Ok(true)
    }
}
