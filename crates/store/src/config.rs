//! The config: what a repository is. Two copies, so that one lost byte does not lose a repository (F-15).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::envelope;
use crate::error::{Result, StoreError};
use crate::id::RepositoryId;
use crate::layout::{FEATURES, Folder, Object, PLAN, PLAN_LOCK, PLANS, TEMPORARY};
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

    /// Whether this program may write here (step b2): no feature and no plan that it does not know; both copies of the
    /// config, one of which a crash may have kept from being written.
    pub(crate) fn check_writable(&self) -> Result<()> {
        self.check_collectable()?;
        if !matches!(
            read_config_copy(self.storage(), Object::ConfigCopy),
            Ok(None)
        ) {
            return Ok(());
        }
        put_object(
            self.storage(),
            Object::ConfigCopy,
            &wrap_config(&self.config),
        )
        .map(drop)
    }
}

impl Store {
    /// Whether nobody newer forbids changing anything here.
    pub(crate) fn check_features(&self) -> Result<()> {
        refuse_names(self.storage(), FEATURES, |_| true)
    }

    /// Whether this program may collect here: no feature and no plan that it does not know. What a newer program has added may
    /// lead to chunks.
    pub(crate) fn check_collectable(&self) -> Result<()> {
        self.check_features()?;
        refuse_names(self.storage(), PLANS, |name| !is_plan(name))
    }
}

/// Whether a name in the folder of plans is one that this program knows.
fn is_plan(name: &str) -> bool {
    let known = [PLAN, PLAN_LOCK];
    let is_known = |known: &&str| known.strip_prefix(PLANS) == Some(&format!("/{name}"));
    known.iter().any(is_known) || name.ends_with(TEMPORARY)
}

/// Refuses where the folder holds a name that concerns us.
fn refuse_names(storage: &dyn Storage, folder: &str, concerns: fn(&str) -> bool) -> Result<()> {
    match storage
        .names(folder)?
        .into_iter()
        .find(|name| concerns(name))
    {
        None => Ok(()),
        Some(feature) => Err(StoreError::UnknownFeature {
            object: storage.place().join(folder).join(&feature),
            feature,
        }),
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

pub(crate) fn wrap_config(config: &Config) -> Vec<u8> {
    // A config is an id and a list of short words: it always encodes.
    envelope::wrap(envelope::Kind::Config, FORMAT, config).unwrap_or_default()
}

/// The first copy that is good, of a repository without a feature that readers must know.
pub(crate) fn read(storage: &dyn Storage) -> Result<Config> {
    let config = read_copies(storage)?;
    refuse_names(storage, FEATURES, |name| name.ends_with(".read"))?;
    Ok(config)
}

fn read_copies(storage: &dyn Storage) -> Result<Config> {
    let first = read_config_copy(storage, Object::Config);
    match first {
        Ok(Some(config)) => Ok(config),
        Err(error @ StoreError::NewerFormat { .. }) => Err(error),
        other => match (read_config_copy(storage, Object::ConfigCopy), other) {
            (Ok(Some(config)), _) => Ok(config),
            // What keeps both from being read is about the whole place and not about one file.
            (Err(StoreError::Io { source, .. }), Err(StoreError::Io { .. })) => {
                let (action, path) = ("read the repository", storage.place());
                Err(StoreError::Io {
                    action,
                    path,
                    source,
                })
            }
            (Err(error), _) | (Ok(None), Err(error)) => Err(error),
            (Ok(None), Ok(_)) => {
                let error = no_repository(storage)?;
                // Another process may have created it since the first look, and filled it.
                read_config_copy(storage, Object::Config)?.ok_or(error)
            }
        },
    }
}

/// Tells a place that holds nothing from one that holds something else.
fn no_repository(storage: &dyn Storage) -> Result<StoreError> {
    let place = storage.place();
    let strangers = match storage.strangers() {
        Ok(strangers) => strangers,
        Err(StoreError::Io { source, .. })
            if source.kind() == std::io::ErrorKind::NotADirectory =>
        {
            vec!["a file's content".to_owned()]
        }
        Err(error) => return Err(error),
    };
    if let Some(found) = strangers.into_iter().next() {
        return Ok(StoreError::NotARepository { place, found });
    }
    // Packs without a config are a repository that lost it, not a place for a new one. (A pending record may be what a
    // power cut left of a session that had not yet made the config's name durable.)
    for folder in Folder::ALL {
        let names = storage.names(folder.path()).unwrap_or_default();
        if names
            .iter()
            .filter_map(|name| Object::parse(folder, name))
            .any(|object| object.is_final())
        {
            return Ok(StoreError::Damaged {
                object: storage.locate(Object::Config),
                what: "both copies are missing".to_owned(),
            });
        }
    }
    Ok(StoreError::NoRepository { place })
}

pub(crate) fn read_config_copy(storage: &dyn Storage, object: Object) -> Result<Option<Config>> {
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
