//! The chunks of a content, each list of them walked once.

use super::losses::{Key, Losses, key_of};
use crate::content::{Content, Ref, read_list, unsound};
use crate::error::{Result, SnapshotError};
use crate::monitor::go_on;
use crate::record::Snapshot;

/// A list node that is being walked.
struct OpenList {
    key: Key,
    noted: u64,
    depth: u8,
    refs: std::vec::IntoIter<Ref>,
    is_repeated: bool,
}

impl Losses<'_> {
    /// Whether every chunk of a content is there; those that are not are noted.
    pub(super) fn content(
        &mut self,
        snapshot: &Snapshot,
        content: &Content,
        name: &dyn Fn() -> String,
    ) -> Result<bool> {
        let noted = self.noted;
        if !content.is_sound() {
            self.refuse(snapshot, &unsound("its lengths do not add up"), name());
            return Ok(false);
        }
        let mut open = Vec::new();
        let mut refs = content.refs.clone().into_iter();
        let mut depth = content.depth;
        loop {
            go_on(self.monitor)?;
            let Some(found) = refs.next() else {
                let Some(list): Option<OpenList> = open.pop() else {
                    return Ok(self.noted == noted);
                };
                self.leave(list.key, list.noted);
                (depth, refs) = (list.depth, list.refs);
                continue;
            };
            if let Some(list) = self.reference(snapshot, depth, &found, name)? {
                let (key, noted, is_repeated) = (list.key, list.noted, list.is_repeated);
                let below = std::mem::replace(&mut refs, list.refs);
                open.push(OpenList {
                    key,
                    noted,
                    depth,
                    refs: below,
                    is_repeated,
                });
                depth -= 1;
            }
            if open.last().is_some_and(|list| list.is_repeated) {
                self.repeats = self.repeats.saturating_sub(1);
            }
        }
    }

    /// Checks one reference; gives the list behind it that is to be walked.
    fn reference(
        &mut self,
        snapshot: &Snapshot,
        depth: u8,
        found: &Ref,
        name: &dyn Fn() -> String,
    ) -> Result<Option<OpenList>> {
        if !self.good.contains(&found.id) {
            self.noted += 1;
            self.blame.note(found.id, snapshot.id, name);
            return Ok(None);
        }
        if depth == 0 {
            let len = self.repository.store().plain_len(&found.id)?;
            if len.is_some_and(|len| u64::from(len) != found.len) {
                let error = unsound("a chunk is not as long as its list says");
                self.refuse(snapshot, &error, name());
            }
            return Ok(None);
        }
        let key = key_of("a list", &(depth, found))?;
        let Some(is_repeated) = self.begin(&key, snapshot, name) else {
            return Ok(None);
        };
        match read_list(self.repository.store(), found) {
            Ok(refs) => Ok(Some(OpenList {
                key,
                noted: self.noted,
                depth,
                refs: refs.into_iter(),
                is_repeated,
            })),
            Err(SnapshotError::Store(error)) if !error.is_damage() => Err(error.into()),
            Err(error) => {
                self.refuse(snapshot, &error, name());
                Ok(None)
            }
        }
    }
}
