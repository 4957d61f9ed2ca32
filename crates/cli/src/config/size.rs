//! Sizes as people write them in the config.

use serde::Deserialize;

use crate::ui::words;

/// A number of bytes such as `100M`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Size(pub(super) u64);

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        words::parse_size(&text).map(Self)
    }
}
