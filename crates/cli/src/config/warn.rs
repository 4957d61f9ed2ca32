//! From when on something is worth a warning: the age of a newest snapshot, and the room that is left.

use std::path::Path;
use std::time::Duration;

use chrono::Utc;

use super::Config;
use crate::daemon::timing::Rule;

/// The age of a newest snapshot where nobody says another.
const WARN_AFTER: Duration = Duration::from_secs(24 * 3600);

impl Config {
    /// With less free bytes than this there is too little room.
    pub(crate) fn low_space(&self) -> u64 {
        self.notify.low_space()
    }

    /// From this age the newest snapshot of a path is too old: what its source or the top says, else a day, or a quarter more
    /// than what is planned to lie between two backups.
    pub(crate) fn warn_after(&self, path: &Path) -> Duration {
        let own = self
            .source(path)
            .and_then(|(_, source)| source.warn_after.as_ref());
        match own.or(self.warn_after.as_ref()) {
            Some(span) => span.get(),
            None if self.has_schedule() => {
                let gap = self.gap(path);
                WARN_AFTER.max(gap.saturating_add(gap / 4))
            }
            None => WARN_AFTER,
        }
    }

    /// How much time is planned to lie between two backups of a path.
    fn gap(&self, path: &Path) -> Duration {
        match self.settings(path).timing.rule {
            Rule::Every { most, .. } => most,
            Rule::Calendar(calendar) => {
                let next = calendar.after(Utc::now());
                let gap = next.and_then(|next| (calendar.after(next)? - next).to_std().ok());
                gap.unwrap_or_default()
            }
        }
    }
}
