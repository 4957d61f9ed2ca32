//! Small files of a new target: created under their own name and written at once.
//!
//! A name of its own while it is written costs a small file more than its bytes do. The target was empty when the restore
//! began and carries the mark until all of it is durable, and whoever goes on with a marked target compares every byte: so
//! what a kill between two system calls leaves here, empty or cut short, is taken for whole by nobody who does not take the
//! target for whole. Everything that can fail without the process being killed takes the file away again. Databases, files
//! of several chunks and targets with something in them know no such moment: they are written under another name.

use std::os::unix::fs::FileExt;

use super::attributes::Missed;
use super::file::{Done, Fate, Files, Place, Waiting};
use super::fill::has_no_hole;
use crate::content::{Content, Ref, read_chunk};
use crate::error::{IoContext, Result, SnapshotError};
use crate::path::Name;

/// Longer files are not slower for a name of their own.
const SMALL: u64 = 64 << 10;

impl Files<'_> {
    /// Creates a file with all that belongs to it; `None` for what has to be written in the general way.
    pub(super) fn put_small(
        &self,
        place: &Place,
        name: &Name,
        file: &Waiting,
    ) -> Result<Option<Done>> {
        let Some(bytes) = self.small_bytes(file) else {
            return Ok(None);
        };
        if self.filler.monitor.cancelled() {
            return Err(SnapshotError::cancelled());
        }
        let missed = self.create_whole(place, name, file, &bytes)?;
        self.filler.written.file(file.content.len);
        self.filler.monitor.advance(file.content.len);
        Ok(Some(Done {
            fate: Fate::Written,
            missed,
        }))
    }

    /// The bytes of a small file, if nothing about it is special.
    fn small_bytes(&self, file: &Waiting) -> Option<Vec<u8>> {
        if self.overwrite.is_some() || file.is_database {
            return None;
        }
        match only_chunk(&file.content)? {
            None => Some(Vec::new()),
            // What is lost is told in the general way.
            Some(chunk) => read_chunk(self.filler.store, chunk)
                .ok()
                .filter(|bytes| has_no_hole(bytes)),
        }
    }

    fn create_whole(
        &self,
        place: &Place,
        name: &Name,
        file: &Waiting,
        bytes: &[u8],
    ) -> Result<Missed> {
        let path = place.folder.locate(name);
        let mode = self.attributes.mode_of_new(&file.meta, place.heritage);
        let handle = place
            .folder
            .create_with(name, mode)
            .context("create", &path)?;
        let written = match bytes {
            [] => Ok(()),
            bytes => handle.write_all_at(bytes, 0).context("write", &path),
        };
        let done = written.and_then(|()| {
            let thing = place.heritage.new_file();
            let missed = self.attributes.give(&handle, &file.meta, thing);
            missed.unless_fault(&path)
        });
        if done.is_err() {
            // Not under this name: it may be cut short. What keeps it from being removed is told by the error at hand.
            let _ = place.folder.remove(name);
        }
        done
    }
}

/// The one chunk of a small content, or that it has none; `None` for any other content.
fn only_chunk(content: &Content) -> Option<Option<&Ref>> {
    let is_small = content.depth == 0 && content.len <= SMALL && content.is_sound();
    match content.refs.as_slice() {
        _ if !is_small => None,
        [] => Some(None),
        [chunk] => Some(Some(chunk)),
        _ => None,
    }
}
