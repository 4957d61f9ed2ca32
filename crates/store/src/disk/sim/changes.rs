//! The changes of a simulated disk: each does its work unless a fault strikes, and is logged either way.

use std::io;
use std::sync::Arc;

use rustix::io::Errno;

use super::contents::Contents;
use super::fault::Harm;
use super::log::{Change, Operation};
use super::state::{File, State};
use super::tree::{Entry, FileId};

/// The sorts of renames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renaming {
    /// `Disk::rename_new`.
    New,
    /// `Disk::move_file`.
    Move,
    /// `Disk::replace_file`.
    Replace,
}

impl State {
    /// Does a change, unless it is to fail, and logs it.
    fn change(
        &mut self,
        change: Change,
        path: &str,
        file: Option<FileId>,
        act: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut operation = Operation {
            change,
            path: path.into(),
            file,
            error: None,
            happened: false,
        };
        let harm = self.strike(operation.call(), path);
        let answer = harm.map_or(Ok(()), Harm::error);
        let result = match harm {
            Some(Harm::Errno(_) | Harm::Kind(_) | Harm::Half(_)) => answer,
            Some(Harm::Done(_) | Harm::Flip { .. }) | None => {
                let done = act(self);
                operation.happened = done.is_ok();
                done.and(answer)
            }
        };
        operation.error = result.as_ref().err().map(io::Error::kind);
        self.log.push(operation);
        result
    }

    pub(super) fn create(&mut self, path: &str) -> io::Result<FileId> {
        let file = FileId(self.number());
        let name: Arc<str> = path.into();
        self.change(Change::Create, path, Some(file), |state| {
            state.tree.vacant(path)?;
            state.tree.insert(&name, Entry::File(file));
            state
                .files
                .insert(file, File::new(Contents::default(), &name));
            Ok(())
        })?;
        Ok(file)
    }

    /// Writes as much as faults and capacity let through.
    pub(super) fn write(&mut self, file: FileId, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| Errno::FBIG)?;
        let path = self.path(file);
        let harm = self.strike(super::Call::Write, &path);
        let mut result = harm.map_or(Ok(()), Harm::error);
        let mut bytes = bytes.to_vec();
        Harm::apply(harm, &mut bytes);

        let len = self.bytes(file).len() as u64;
        let room = self
            .free()
            .map_or(u64::MAX, |free| len.saturating_add(free));
        let fits = usize::try_from(room.saturating_sub(offset)).unwrap_or(usize::MAX);
        if bytes.len() > fits {
            bytes.truncate(fits);
            result = Err(Errno::NOSPC.into());
        }
        if let Some(state) = self.files.get_mut(&file) {
            state.contents.write(&bytes, start);
        }
        self.log.push(Operation {
            change: Change::Write {
                offset,
                bytes: bytes.into(),
            },
            path,
            file: Some(file),
            error: result.as_ref().err().map(io::Error::kind),
            happened: true,
        });
        result
    }

    /// Makes a file's bytes durable, or drops them where the sync is to fail.
    pub(super) fn sync(&mut self, file: FileId) -> io::Result<()> {
        let path = self.path(file);
        let mut happened = false;
        let result = self.change(Change::Sync, &path, Some(file), |_| {
            happened = true;
            Ok(())
        });
        if let Some(state) = self.files.get_mut(&file) {
            if happened {
                state.contents.sync();
            } else {
                state.contents.lose_unsynced();
            }
        }
        result
    }

    /// Renames a file, over another only where that is asked for: where names are chosen so that nobody else uses them,
    /// meeting one is a mistake.
    pub(super) fn rename(&mut self, from: &str, to: &str, renaming: Renaming) -> io::Result<()> {
        let name: Arc<str> = to.into();
        let file = self.tree.file(from).ok();
        let change = Change::Rename {
            to: Arc::clone(&name),
            one_step: renaming != Renaming::New,
        };
        self.change(change, from, file, |state| {
            let file = state.tree.file(from)?;
            let replaced = match state.tree.file(to) {
                Ok(replaced) if renaming == Renaming::Replace => Some(replaced),
                _ => state.tree.vacant(to).map(|()| None)?,
            };
            state.tree.remove(from);
            state.tree.insert(&name, Entry::File(file));
            if let Some(state) = state.files.get_mut(&file) {
                state.path = name;
            }
            replaced
                .into_iter()
                .for_each(|replaced| state.forget_unused(replaced));
            Ok(())
        })
    }

    pub(super) fn remove(&mut self, path: &str) -> io::Result<()> {
        let file = self.tree.file(path).ok();
        self.change(Change::Remove, path, file, |state| {
            let Entry::File(file) = state.tree.entry(path)? else {
                return Err(Errno::ISDIR.into());
            };
            state.tree.remove(path);
            state.forget_unused(file);
            Ok(())
        })
    }

    pub(super) fn create_dir(&mut self, path: &str) -> io::Result<()> {
        self.change(Change::CreateDir, path, None, |state| {
            state.tree.vacant(path)?;
            state.tree.insert(&path.into(), Entry::Folder);
            Ok(())
        })
    }

    pub(super) fn sync_dir(&mut self, path: &str) -> io::Result<()> {
        self.change(Change::SyncDir, path, None, |state| state.tree.folder(path))
    }

    /// Does an operation of another disk's log once more.
    pub(super) fn redo(&mut self, operation: &Operation) {
        if let Some(file) = operation.file {
            self.redo_file(operation, file);
        } else if operation.happened && operation.change == Change::CreateDir {
            self.tree.insert(&operation.path, Entry::Folder);
        }
        self.last = self.last.max(operation.file.map_or(0, |file| file.0));
        self.log.push(operation.clone());
    }

    fn redo_file(&mut self, operation: &Operation, file: FileId) {
        let Operation { path, happened, .. } = operation;
        if *happened && operation.change == Change::Create {
            self.tree.insert(path, Entry::File(file));
            self.files
                .insert(file, File::new(Contents::default(), path));
        }
        // A file that is gone was open only in the process that is gone.
        let Some(state) = self.files.get_mut(&file) else {
            return;
        };
        match (&operation.change, *happened) {
            (Change::Write { offset, bytes }, _) => {
                let offset = usize::try_from(*offset).unwrap_or(usize::MAX);
                state.contents.write(bytes, offset);
            }
            (Change::Sync, true) => state.contents.sync(),
            (Change::Sync, false) => state.contents.lose_unsynced(),
            (Change::Rename { to, .. }, true) => {
                state.path = Arc::clone(to);
                let replaced = self.tree.file(to).ok();
                self.tree.remove(path);
                self.tree.insert(to, Entry::File(file));
                if let Some(replaced) = replaced {
                    self.forget_unused(replaced);
                }
            }
            (Change::Remove, true) => {
                self.tree.remove(path);
                self.forget_unused(file);
            }
            _ => {}
        }
    }

    fn path(&self, file: FileId) -> Arc<str> {
        let state = self.files.get(&file);
        state.map_or_else(|| "".into(), |file| Arc::clone(&file.path))
    }
}

#[cfg(test)]
mod tests;
