//! The `[zip]`: when zips are written, where, and how many stay.

use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Deserialize;

/// The `[zip]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Zip {
    pub(crate) when: When,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) keep: Keep,
}

/// How many zips of the same sources are left at their place.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Keep(NonZeroU32);

impl Default for Keep {
    fn default() -> Self {
        Self(NonZeroU32::MIN.saturating_add(9))
    }
}

impl Keep {
    /// The number.
    pub(crate) fn get(self) -> usize {
        self.0.get() as usize
    }
}

/// When a backup writes a zip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum When {
    #[default]
    Always,
    Daily,
    Never,
}
