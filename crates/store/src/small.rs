//! Small objects, read and written whole: configs and records.

use std::path::PathBuf;

use serde::Serialize;

use crate::envelope::{self, Unwrapped};
use crate::error::{IoContext, Result, StoreError};
use crate::layout::Object;
use crate::storage::Storage;

/// Publishes a small object; `false` where it exists.
pub(crate) fn put_object(storage: &dyn Storage, object: Object, bytes: &[u8]) -> Result<bool> {
    let mut upload = storage.create(object)?;
    upload.write(bytes)?;
    upload.publish()
}

/// A whole small object; `None` where there is none.
pub(crate) fn read_object(storage: &dyn Storage, object: Object) -> Result<Option<Vec<u8>>> {
    let Some(file) = storage.open(object)? else {
        return Ok(None);
    };
    let path = storage.locate(object);
    let len = file.len().context("read", || path.clone())?;
    if len > envelope::LIMIT as u64 {
        return Err(StoreError::Damaged {
            object: path,
            what: format!("it has {len} bytes"),
        });
    }
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0)
        .context("read", || path.clone())?;
    Ok(Some(bytes))
}

/// Unwraps a small object, with its path in the error.
///
/// # Errors
/// [`StoreError::Damaged`] or [`StoreError::NewerFormat`].
pub fn unwrap_object<T: Serialize + serde::de::DeserializeOwned>(
    path: PathBuf,
    kind: envelope::Kind,
    version: u16,
    bytes: &[u8],
) -> Result<T> {
    envelope::unwrap(kind, version, bytes).map_err(|error| match error {
        Unwrapped::Damaged(what) => StoreError::Damaged { object: path, what },
        Unwrapped::Newer(found) => StoreError::NewerFormat {
            object: path,
            found,
            supported: version,
        },
    })
}
