//! The config: what a repository is. Two copies, so that one lost byte does not lose a repository (F-15).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::envelope;
use crate::error::{Result, StoreError};
use crate::id::RepositoryId;
use crate::layout::Object;
use crate::small::{put_object, read_object, unwrap_object};
use crate::storage::Storage;
use crate::store::Store;

/// Newest repository format this program reads and the one it writes.
pub const FORMAT: u16 = 1;

/// What a repository says of itself, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Its name.
    pub id: RepositoryId,
    /// Features without which it cannot be read. This program knows none yet and refuses all.
    pub required_features: Vec<String>,
}

impl Store {
    /// What is wrong with either copy of the config, each with its path.
    pub fn verify_config(&self) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        for object in [Object::Config, Object::ConfigCopy] {
            let path = self.storage().locate(object);
            match read_config_copy(self.storage(), object) {
                Ok(Some(config)) if config == self.config => {}
                Ok(Some(_)) => found.push((path, "it is of another repository".to_owned())),
                Ok(None) => found.push((path, "it is missing".to_owned())),
                Err(StoreError::Damaged { what, .. }) => found.push((path, what)),
                Err(error) => found.push((path, error.to_string())),
            }
        }
        found
    }
}

/// Writes both copies; `false` where there is a repository already.
pub(crate) fn write(storage: &dyn Storage, config: &Config) -> Result<bool> {
    let bytes = wrap_config(config);
    if !put_object(storage, Object::Config, &bytes)? {
        return Ok(false);
    }
    put_object(storage, Object::ConfigCopy, &bytes)?;
    Ok(true)
}

fn wrap_config(config: &Config) -> Vec<u8> {
    // A config is an id and a list of short words: it always encodes.
    envelope::wrap(envelope::Kind::Config, FORMAT, config).unwrap_or_default()
}

/// The first copy that is good.
pub(crate) fn read(storage: &dyn Storage) -> Result<Config> {
    let first = read_config_copy(storage, Object::Config);
    match first {
        Ok(Some(config)) => Ok(config),
        Err(error @ StoreError::NewerFormat { .. }) => Err(error),
        other => match (read_config_copy(storage, Object::ConfigCopy)?, other) {
            (Some(config), _) => Ok(config),
            (None, Err(error)) => Err(error),
            (None, Ok(_)) => Err(no_repository(storage)?),
        },
    }
}

/// Tells a place that holds nothing from one that holds something else.
fn no_repository(storage: &dyn Storage) -> Result<StoreError> {
    let place = storage.place();
    let strangers = match storage.strangers() {
        Ok(strangers) => strangers.unwrap_or_default(),
        Err(StoreError::Io { source, .. })
            if source.kind() == std::io::ErrorKind::NotADirectory =>
        {
            vec!["a file's content".to_owned()]
        }
        Err(error) => return Err(error),
    };
    Ok(match strangers.into_iter().next() {
        Some(found) => StoreError::NotARepository { place, found },
        None => StoreError::NoRepository { place },
    })
}

fn read_config_copy(storage: &dyn Storage, object: Object) -> Result<Option<Config>> {
    let bytes = match read_object(storage, object) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        // A path through a file: there is no repository below it.
        Err(StoreError::Io { source, .. })
            if source.kind() == std::io::ErrorKind::NotADirectory =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let config: Config = unwrap_object(
        storage.locate(object),
        envelope::Kind::Config,
        FORMAT,
        &bytes,
    )?;
    if let Some(feature) = config.required_features.first() {
        return Err(StoreError::UnknownFeature {
            object: storage.locate(object),
            feature: feature.clone(),
        });
    }
    Ok(Some(config))
}
