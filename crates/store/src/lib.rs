//! A content-addressed, deduplicating, compressing chunk store: bytes in, id out.
//!
//! The model in one page. A **chunk** is a run of bytes named by the BLAKE3 of its plain content. Chunks are compressed
//! and gathered in **packs**, write-once files with a trailer that tells all about them; the **index** of what stands
//! where is a cache over those trailers. A **session** puts chunks and ends in one **record**, committed in one step;
//! what the record means is the business of the crate above. Nothing is ever changed in place, names of packs and
//! sessions are random and never used twice, and everything read is checked against its hash.
//!
//! ```
//! use lifeboat_store::{Backing, Kind, Options, Store};
//!
//! # fn main() -> Result<(), lifeboat_store::StoreError> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let place = folder.path().join("repository");
//! let store = Store::create(Backing::local(&place))?;
//! let session = store.begin(Options::default())?;
//! let chunk = session.put(Kind::Data, b"some bytes", None)?;
//! let name = session.id();
//! session.commit(b"a record that names the chunk")?;
//!
//! assert_eq!(store.get(&chunk.id)?, b"some bytes");
//! assert_eq!(store.records()?, [name]);
//! # Ok(())
//! # }
//! ```
//!
//! The crate is blocking, prints nothing and reads no environment. Disk, time and randomness are traits ([`Disk`],
//! [`Clock`], [`Random`]), and the places of a repository a third ([`Storage`]), so that tests can cut the power.

pub mod chunker;
pub mod clock;
pub mod codec;
mod config;
#[cfg(feature = "testing")]
pub mod decoders;
mod delta;
mod dictionary;
pub mod disk;
mod durable;
pub mod envelope;
mod error;
mod frame;
pub mod gc;
mod hold;
mod id;
mod index;
pub mod layout;
mod map;
#[cfg(not(feature = "testing"))]
mod mutant;
#[cfg(feature = "testing")]
pub mod mutant;
mod pack;
mod parity;
pub mod progress;
pub mod random;
mod repair;
mod session;
mod small;
pub mod storage;
mod store;
mod verified;
mod verify;
pub mod words;

pub use clock::{Clock, SystemClock};
pub use config::{Config, FORMAT};
pub use disk::{Disk, RealDisk};
pub use durable::{DurableFile, remove_left_over};
pub use error::{Result, StoreError};
pub use frame::MAX_PLAIN;
pub use hold::Hold;
pub use id::{BadId, ChunkId, PackId, RepositoryId, RoundId, RunId, SnapshotId};
pub use pack::Kind;
pub use parity::Share;
pub use random::{Random, SystemRandom};
pub use repair::{DamagedPack, Examination, Repaired, Way};
pub use session::{Options, Put, Session, Totals};
pub use small::unwrap_object;
pub use storage::Storage;
pub use store::{Backing, Footprint, Forgotten, Store};
pub use verified::{Look, Verified};
pub use verify::{Damage, Reading, Verification};
