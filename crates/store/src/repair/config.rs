//! The config's two copies: one that is lost or damaged is written again from the other.

use crate::config::{read_config_copy, wrap_config};
use crate::error::{Result, StoreError};
use crate::layout::Object;
use crate::small::put_object;
use crate::store::Store;

impl Store {
    /// Writes each copy again that is not what it should be; gives how many. At each moment the other copy is good: it is
    /// the one that this store was opened with.
    pub(super) fn repair_config(&self) -> Result<u64> {
        let mut written = 0;
        for object in [Object::Config, Object::ConfigCopy] {
            match read_config_copy(self.storage(), object) {
                Ok(Some(config)) if config == self.config => continue,
                Ok(None) => {}
                Ok(Some(_)) | Err(StoreError::Damaged { .. }) => {
                    self.storage().quarantine(object)?;
                }
                Err(error) => return Err(error),
            }
            put_object(self.storage(), object, &wrap_config(&self.config))?;
            written += 1;
        }
        Ok(written)
    }
}
