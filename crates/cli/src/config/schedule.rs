//! The `[schedule]`.

use serde::Deserialize;

use super::retention::Span;

/// The `[schedule]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "not in force yet; read so that a mistake shows today"
)]
pub(super) struct Schedule {
    every: Option<Span>,
}
