//! Reading a damaged pack as it was written: through its parity, or with its one wrong byte put right.

use std::io;
use std::sync::{Arc, PoisonError, RwLockWriteGuard};

use super::{Mendable, Way, trial};
use crate::disk::OpenFile;
use crate::error::{IoContext, Result, StoreError};
use crate::id::PackId;
use crate::index::Index;
use crate::layout::Object;
use crate::pack::{HEAD, PackReader, Trailer};
use crate::parity::{Head, mend};
use crate::progress::{Progress, Unwatched};
use crate::store::Store;

/// Bytes that are hashed at once.
const WINDOW: u64 = 1 << 20;

/// What the system answers when a block cannot be read.
const EIO: i32 = 5;

/// A damaged pack that can be read better than its file.
pub(super) struct Healed {
    pub(super) file: Arc<dyn OpenFile>,
    pub(super) way: Way,
    /// Whether nothing more could be had of it on another day, when the disk answers every read.
    pub(super) is_final: bool,
}

impl Store {
    /// A pack's file; of one that is damaged and mendable, what it was.
    pub(crate) fn open_as_written(&self, pack: PackId) -> Result<Option<Arc<dyn OpenFile>>> {
        let mendable = self.mendable.read().unwrap_or_else(PoisonError::into_inner);
        let is_mendable = mendable.packs.contains(&pack);
        drop(mendable);
        if is_mendable && let Ok(Some(healed)) = self.heal(pack, &Unwatched) {
            return Ok(Some(healed.file));
        }
        let file = self.storage().open(Object::Pack(pack))?;
        Ok(file.map(Arc::from))
    }

    /// Adds the damaged packs whose own trailers do not tell of them.
    pub(crate) fn add_mendable(&self, index: &mut Index) {
        let mendable = self.mendable.read().unwrap_or_else(PoisonError::into_inner);
        let unknown: Vec<PackId> = mendable
            .packs
            .iter()
            .copied()
            .filter(|pack| !index.lists(*pack))
            .collect();
        for (pack, known) in &mendable.known {
            index.add_known(*pack, &known.copies);
        }
        drop(mendable);
        for pack in unknown {
            let path = self.storage().locate(Object::Pack(pack));
            let file = self.open_as_written(pack).ok().flatten();
            let trailer = file.map(|file| PackReader::new(file.as_ref(), &path).trailer(pack));
            if let Some(Ok(trailer)) = trailer {
                index.add_mended(&trailer);
            }
        }
    }

    pub(crate) fn mendable_mut(&self) -> RwLockWriteGuard<'_, Mendable> {
        self.mendable
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The pack as it was written or, where that is too much, as far as it can be had; `None` where its file is the best
    /// there is.
    pub(super) fn heal(&self, pack: PackId, progress: &dyn Progress) -> Result<Option<Healed>> {
        let object = Object::Pack(pack);
        let (file, is_open) = match self.storage().open(object) {
            Err(error) if is_lost_block(&error) => (None, false),
            result => (result?.map(Arc::from), true),
        };
        let by_parity = self.heal_by_parity(pack, file.clone(), progress)?;
        let by_trial = match (&by_parity, file) {
            (Some(healed), _) if healed.way != Way::Remains => None,
            (_, None) => None,
            (_, Some(file)) => self.heal_by_trial(pack, file.as_ref(), progress)?,
        };
        match by_trial.or(by_parity) {
            None if !is_open => Err(self.unanswered(object)),
            Some(healed) => Ok(Some(Healed {
                is_final: healed.way != Way::Remains || (healed.is_final && is_open),
                ..healed
            })),
            None => Ok(None),
        }
    }

    /// By parity: all of it, or some.
    fn heal_by_parity(
        &self,
        pack: PackId,
        file: Option<Arc<dyn OpenFile>>,
        progress: &dyn Progress,
    ) -> Result<Option<Healed>> {
        let object = Object::Parity(pack);
        let path = self.storage().locate(object);
        let Some(parity) = self.storage().open(object)? else {
            return Ok(None);
        };
        let head = match Head::read(parity.as_ref(), &path, pack) {
            Ok(head) => head,
            Err(error @ StoreError::Io { .. }) => return Err(error),
            // What is wrong with the parity is told where parity is looked at.
            Err(_) => return Ok(None),
        };
        let mended = mend(file, &head, parity.as_ref(), progress)?;
        let is_final = mended.unreadable == 0;
        if mended.mended() == 0 && !is_final {
            return Err(self.unanswered(object));
        }
        let is_whole = mended.is_whole;
        let way = match is_whole {
            true => Way::Parity {
                shards: mended.mended(),
            },
            false => Way::Remains,
        };
        let helps = is_whole || mended.mended() > 0;
        let file = Arc::new(mended);
        let healed = Healed {
            file,
            way,
            is_final,
        };
        Ok(helps.then_some(healed))
    }

    fn unanswered(&self, object: Object) -> StoreError {
        StoreError::Io {
            action: "read",
            path: self.storage().locate(object),
            source: io::Error::from_raw_os_error(EIO),
        }
    }

    fn heal_by_trial(
        &self,
        pack: PackId,
        file: &dyn OpenFile,
        progress: &dyn Progress,
    ) -> Result<Option<Healed>> {
        let path = self.storage().locate(Object::Pack(pack));
        let len = file.len().context("read", || path.clone())?;
        if len > trial::MOST as u64 {
            return Ok(None);
        }
        let mut bytes = vec![0; len as usize];
        file.read_exact_at(&mut bytes, 0)
            .context("read", || path.clone())?;
        let is_right = |bytes: &[u8]| check_pack_bytes(&Slice(bytes), pack, &path).is_ok();
        let right = trial::find(&bytes, is_right, progress);
        Ok(right.map(|right| Healed {
            file: Arc::new(Held(right)),
            way: Way::Byte,
            is_final: true,
        }))
    }

    /// The trailer of a pack whose every byte is what was written.
    pub(super) fn check_as_written(&self, pack: PackId, file: &dyn OpenFile) -> Result<Trailer> {
        let path = self.storage().locate(Object::Pack(pack));
        check_pack_bytes(file, pack, &path)
    }
}

/// Whether a block of a disk is lost, as against a right to read or a descriptor that is missing.
fn is_lost_block(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. } if source.raw_os_error() == Some(EIO))
}

/// Checks all bytes of a pack against the hashes in it, without decoding any chunk.
fn check_pack_bytes(file: &dyn OpenFile, pack: PackId, path: &std::path::Path) -> Result<Trailer> {
    let reader = PackReader::new(file, path);
    let trailer = reader.trailer(pack)?;
    reader.check_head()?;
    let mut hasher = blake3::Hasher::new();
    let (mut offset, end) = (HEAD.len() as u64, HEAD.len() as u64 + trailer.body_len);
    while offset < end {
        let part = reader.read(offset, WINDOW.min(end - offset))?;
        hasher.update(&part);
        offset += part.len() as u64;
    }
    if *hasher.finalize().as_bytes() == trailer.body_hash {
        return Ok(trailer);
    }
    Err(StoreError::Damaged {
        object: path.into(),
        what: "the hash of its body does not match".to_owned(),
    })
}

/// Bytes in memory as a file.
struct Slice<'a>(&'a [u8]);

pub(crate) struct Held(pub(crate) Vec<u8>);

impl OpenFile for Slice<'_> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let begin = usize::try_from(offset).unwrap_or(usize::MAX);
        let part = self.0.get(begin..begin.saturating_add(buf.len()));
        buf.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl OpenFile for Held {
    fn len(&self) -> io::Result<u64> {
        Slice(&self.0).len()
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        Slice(&self.0).read_exact_at(buf, offset)
    }
}
