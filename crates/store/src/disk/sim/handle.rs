//! Open files of a simulated disk.

use std::io;
use std::sync::Arc;

use super::SimDisk;
use super::fault::Harm;
use super::log::Call;
use super::state::State;
use super::tree::FileId;
use crate::disk::{Lock, Map, NewFile, OpenFile};

/// An open file: the file stays while it is open, whatever happens to its name.
pub(super) struct Handle {
    disk: SimDisk,
    file: FileId,
    number: u64,
    /// The name it was opened by.
    path: Box<str>,
}

impl Handle {
    pub(super) fn open(disk: &SimDisk, state: &mut State, file: FileId, path: &str) -> Self {
        Self {
            number: state.open(file),
            disk: disk.clone(),
            file,
            path: path.into(),
        }
    }

    /// Takes the file's lock; `false` where another handle has it.
    pub(super) fn lock(&self, state: &mut State) -> bool {
        state.lock(self.file, self.number)
    }

    fn len_now(&self) -> io::Result<u64> {
        let mut state = self.disk.state();
        state.read_call(Call::Length, &self.path)?;
        Ok(state.bytes(self.file).len() as u64)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.disk.state().close(self.file, self.number);
    }
}

impl NewFile for Handle {
    fn write_all_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.state().write(self.file, bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.state().sync(self.file)
    }

    fn len(&self) -> io::Result<u64> {
        self.len_now()
    }

    fn try_lock(&mut self) -> io::Result<bool> {
        let mut state = self.disk.state();
        state.read_call(Call::Lock, &self.path)?;
        Ok(self.lock(&mut state))
    }
}

impl OpenFile for Handle {
    fn len(&self) -> io::Result<u64> {
        self.len_now()
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let harm = state.read_call(Call::Read, &self.path)?;
        let bytes = state.bytes(self.file);
        drop(state);

        let wanted = |start: usize| bytes.get(start..start.checked_add(buf.len())?);
        let place = usize::try_from(offset).ok().and_then(wanted);
        let place = place.or_else(|| buf.is_empty().then_some(&[]));
        let mut read = place.ok_or(io::ErrorKind::UnexpectedEof)?.to_vec();
        Harm::apply(harm, &mut read);
        buf.iter_mut().zip(read).for_each(|(to, byte)| *to = byte);
        harm.map_or(Ok(()), Harm::error)
    }
}

impl Lock for Handle {}

/// A file's bytes as they were when it was mapped.
pub(super) struct Mapped(pub(super) Arc<Vec<u8>>);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Map for Mapped {}
