//! What a restore in place is about to do, written down before it does any of it.
//!
//! The journal is the point of no return: while there is none, the live folder is untouched and the stage is waste; once it
//! is durable, everything that it names lies checked and durable in the stage, and whoever finds the journal finishes the
//! work. So a crash at any point ends as wholly old or as wholly new. Layout: a line of text, then counted lists of encoded
//! values, then the BLAKE3 of all before. It lives for seconds and has no compatibility to keep.
//!
//! Whoever can put a folder into the data can put a journal there. One is obeyed only where a note outside the data vouches for
//! its bytes ([`Vouchers`]) and each of its stages is where a restore of that source makes it.

use std::io::Write;
use std::path::Path;

use lifeboat_store::codec::{self, CodecError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::error::InPlaceError;
use super::files::{create, sync_folder};
use super::vouch::{Found, Vouchers};
use super::was::{Inner, Shape, SideFiles, Was};
use crate::entry::Meta;
use crate::error::{IoContext, Result, SnapshotError};
use crate::path::TreePath;

/// The file's name in the stage.
pub(super) const NAME: &str = "journal";

/// Its name before it is whole.
const PARTIAL: &str = "journal.partial";

const HEAD: &[u8] = b"lifeboat restore in place, version 3\n";
const HASH: usize = 32;

/// Most bytes that are read as a journal: room for millions of steps.
const MAX_BYTES: u64 = 1 << 30;

/// A whole restore in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Journal {
    /// The folders that are changed; steps name them by number.
    pub(crate) folders: Vec<Folder>,
    /// What is done, in this order.
    pub(crate) steps: Vec<Step>,
    /// What is in the folders that leave as a whole, in the order of their steps.
    pub(crate) inside: Vec<Inner>,
}

/// A source, its live folder and its stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Folder {
    /// What was captured: the live folder, or a single file right in it. The name of the stage is made of it.
    pub(crate) source: ByteBuf,
    pub(crate) live: ByteBuf,
    pub(crate) stage: ByteBuf,
}

/// One change of a live folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// Number of the folder.
    pub(crate) folder: u32,
    /// Where in it.
    pub(crate) path: TreePath,
    pub(crate) change: Change,
}

/// What happens at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Change {
    /// What lies in the stage takes the place of whatever is there.
    Put {
        /// Where it lies in the stage.
        staged: TreePath,
        /// Its inode, by which it is known from what it changed places with.
        inode: u64,
        /// What it is: where inodes are not the same after each mounting, it is known by that.
        new: Shape,
        /// What it replaces.
        was: Option<Was>,
        /// What replaces a database, or is replaced by one: its `-wal`, `-shm` and `-journal` leave before.
        is_database: bool,
        side_files: SideFiles,
    },
    /// It is taken away, a database with its side files.
    Remove {
        was: Was,
        is_database: bool,
        side_files: SideFiles,
    },
    /// A folder is taken away if nothing is left in it.
    RemoveFolder,
    /// It stays, with other attributes.
    Describe { from: Meta, to: Meta },
}

impl Journal {
    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let mut bytes = HEAD.to_vec();
        encode_all(&self.folders, &mut bytes)?;
        encode_all(&self.steps, &mut bytes)?;
        encode_all(&self.inside, &mut bytes)?;
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        Ok(bytes)
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (content, hash) = bytes.split_last_chunk::<HASH>().ok_or("it is cut short")?;
        if blake3::hash(content).as_bytes() != hash {
            return Err("its hash does not match its bytes".to_owned());
        }
        let mut rest = content
            .strip_prefix(HEAD)
            .ok_or("it is of another version of lifeboat")?;
        let journal = Self {
            folders: decode_all(&mut rest)?,
            steps: decode_all(&mut rest)?,
            inside: decode_all(&mut rest)?,
        };
        match rest.is_empty() {
            true => Ok(journal),
            false => Err("something follows its end".to_owned()),
        }
    }

    /// Writes it beside its place, durably, and notes that it is this user's: the restore can still be given up.
    pub(super) fn prepare(&self, stage: &Path, vouchers: &Vouchers) -> Result<()> {
        let bytes = self.encode().map_err(|source| SnapshotError::Unstorable {
            what: "the journal of the restore".to_owned(),
            source,
        })?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(SnapshotError::TargetUnusable {
                path: stage.to_owned(),
                reason: "the journal of the restore would be longer than any that is read"
                    .to_owned(),
            });
        }
        let temporary = stage.join(PARTIAL);
        let mut file = create(&temporary).context("create", &temporary)?;
        file.write_all(&bytes).context("write", &temporary)?;
        file.sync_all().context("sync", &temporary)?;
        vouchers.give(stage, &bytes)
    }

    /// Puts what was prepared in its place, durably. When this returns, the restore will happen.
    pub(super) fn begin(stage: &Path) -> Result<()> {
        let (path, temporary) = (stage.join(NAME), stage.join(PARTIAL));
        std::fs::rename(&temporary, &path).context("rename", &temporary)?;
        sync_folder(stage).context("sync", stage)
    }

    /// The journal in this stage, if there is one.
    ///
    /// # Errors
    /// Where it is this user's and cannot be read, understood or carried out.
    pub(super) fn read(stage: &Path, vouchers: &Vouchers) -> Result<Found<Self>> {
        let journal = match vouchers.read(stage, NAME, MAX_BYTES)? {
            Found::Nothing => return Ok(Found::Nothing),
            Found::Foreign => return Ok(Found::Foreign),
            Found::Own(None) => Err("is not what was written".to_owned()),
            Found::Own(Some(bytes)) => Self::decode(&bytes),
        };
        let path = stage.join(NAME);
        let journal = journal.and_then(|journal| journal.check_places(stage).map(|()| journal));
        match journal {
            Ok(journal) => Ok(Found::Own(journal)),
            Err(reason) => Err(InPlaceError::JournalUnusable { path, reason }.into()),
        }
    }

    /// Whether there is anything that has a journal's name.
    pub(super) fn is_in(stage: &Path) -> Result<bool> {
        let path = stage.join(NAME);
        match path.symlink_metadata() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).context("look at", &path),
        }
    }

    /// Takes the journal away: the restore is over.
    pub(super) fn end(stage: &Path) -> Result<()> {
        let path = stage.join(NAME);
        std::fs::remove_file(&path).context("remove", &path)?;
        sync_folder(stage).context("sync", stage)
    }
}

/// Decodes any bytes as a journal, and as what stands between the head and the hash of one.
///
/// # Panics
/// Where a journal has two encodings.
#[cfg(feature = "testing")]
pub(crate) fn try_journal(bytes: &[u8]) {
    let mut sealed = [HEAD, bytes].concat();
    sealed.extend_from_slice(blake3::hash(&sealed).as_bytes());
    for bytes in [bytes, &sealed] {
        if let Ok(journal) = Journal::decode(bytes) {
            let again = journal.encode();
            assert!(
                again.is_ok_and(|again| again == bytes),
                "a journal has one encoding"
            );
        }
    }
}

fn encode_all<T: Serialize>(items: &[T], bytes: &mut Vec<u8>) -> Result<(), CodecError> {
    bytes.extend(codec::encode(&(items.len() as u64))?);
    for item in items {
        bytes.extend(codec::encode(item)?);
    }
    Ok(())
}

fn decode_all<T: Serialize + DeserializeOwned>(rest: &mut &[u8]) -> Result<Vec<T>, String> {
    let count: u64 = codec::take(rest).map_err(|error| error.to_string())?;
    // Nothing is reserved for a count that is only claimed.
    (0..count)
        .map(|_| codec::take(rest).map_err(|error| error.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::was::Role;
    use super::*;

    fn journal() -> Journal {
        let path = |text: &[u8]| TreePath::parse(text).unwrap();
        let shape = Shape {
            is_folder: false,
            bytes: 1,
            mtime: (2, 3),
        };
        Journal {
            folders: vec![Folder {
                source: ByteBuf::from("/srv/data"),
                live: ByteBuf::from("/srv/data"),
                stage: ByteBuf::from("/srv/.stage"),
            }],
            steps: vec![Step {
                folder: 0,
                path: path(b"a/b"),
                change: Change::Put {
                    staged: path(b"new/a/b"),
                    inode: 7,
                    new: shape,
                    was: None,
                    is_database: true,
                    side_files: [Some(shape), None],
                },
            }],
            inside: vec![Inner {
                step: 0,
                path: path(b"c"),
                shape,
                role: Role::SideFile,
            }],
        }
    }

    /// What fuzzing begins with is a journal of this version.
    #[test]
    fn the_journal_of_the_corpus_is_read() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/corpus/journal/stopped"
        );
        let bytes = journal().encode().unwrap();
        let content = &bytes[HEAD.len()..bytes.len() - HASH];
        if std::env::var_os("LIFEBOAT_BLESS").is_some() {
            std::fs::write(path, content).unwrap();
        }
        assert_eq!(std::fs::read(path).unwrap(), content);
    }

    #[test]
    fn a_journal_is_read_back_and_no_other_bytes_are_one() {
        let journal = journal();
        let bytes = journal.encode().unwrap();
        assert_eq!(Journal::decode(&bytes), Ok(journal));
        for cut in 0..bytes.len() {
            assert!(Journal::decode(&bytes[..cut]).is_err(), "{cut}");
        }
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert!(Journal::decode(&bad).is_err(), "{at}");
        }
    }
}
