//! What somebody who does not look at `status` may have to be told: sources that grow old, and a disk that fills. `status` itself
//! tells nobody else: whoever asks knows.

use chrono::{DateTime, Utc};
use lifeboat_snapshot::path::{escape, of_bytes};
use lifeboat_snapshot::{Newest, SourceKey};

use super::wanted;
use crate::config::Config;
use crate::context::{Context, this_host};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::notify::Seen;

/// Looks at the ages and the space, and at nothing else.
pub(crate) fn look(context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let repository = context.repository()?;
    // What is damaged is told by those who read it.
    let listing = repository.snapshots()?;
    let newest = repository.newest(&listing, &wanted(&config));
    let now = repository.clock().now();
    for (key, newest) in &newest {
        source(key, newest.as_ref(), &config, now, context);
    }
    space(repository.store().free_bytes().ok().flatten(), context);
    Ok(Exit::Done)
}

/// Tells how old the newest snapshot of a source of this machine is.
fn source(
    key: &SourceKey,
    newest: Option<&Newest>,
    config: &Config,
    now: DateTime<Utc>,
    context: &Context,
) {
    let (host, path) = key;
    if *host != this_host() {
        return;
    }
    let taken = newest.map(|newest| newest.snapshot.time().to_utc());
    // A time to come is that of a clock that was wrong; the snapshot is the newest there is.
    let age = taken.map(|taken| {
        now.signed_duration_since(taken)
            .to_std()
            .unwrap_or_default()
    });
    context.notices.saw(Seen::Age {
        source: escape(path),
        age,
        warn_after: config.warn_after(of_bytes(path)),
    });
}

/// Tells how much space is left, where that is known.
fn space(free: Option<u64>, context: &Context) {
    if let Some(free) = free {
        context.notices.saw(Seen::Space { free });
    }
}
