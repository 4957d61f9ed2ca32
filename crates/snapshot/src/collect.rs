//! Collecting garbage: what no snapshot leads to is deleted.
//!
//! The store has the protocol ([`lifeboat_store::gc`]); here is what it asks for: what leads where ([`walk`]), which
//! forgotten snapshots are given up, and how long is waited. Anything that cannot be read ends the collection before
//! anything is deleted (invariant I8).

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use lifeboat_store::Forgotten;
use lifeboat_store::gc::{self, Marks, Phase, Reach, Root, Watch};
use lifeboat_store::progress::Progress;

use crate::error::{Result, SnapshotError};
use crate::import;
use crate::monitor::{Monitor, Task};
use crate::repository::Repository;

mod walk;

/// Longest sleep between two looks at sessions that are waited for.
const PAUSE: Duration = Duration::from_millis(200);

/// How to collect.
#[derive(Debug, Clone)]
pub struct Collect {
    /// Only tell what would be freed.
    pub dry_run: bool,
    /// Most bytes that are copied out of packs of which little is needed.
    pub max_repack: u64,
    /// How long a forgotten snapshot can be brought back.
    pub grace: Duration,
    /// How long to wait for sessions that began before: backups, restores and their kin. What is still waiting then is left
    /// for the next collection.
    pub wait: Duration,
    /// Threads that work; as many as there are cores where not given.
    pub threads: Option<usize>,
}

impl Default for Collect {
    fn default() -> Self {
        Self {
            dry_run: false,
            max_repack: u64::MAX,
            grace: Duration::ZERO,
            wait: Duration::from_secs(60),
            threads: None,
        }
    }
}

impl Repository {
    /// Frees what no snapshot needs, safely beside backups, restores and other collections.
    ///
    /// # Errors
    /// Where anything that is needed cannot be read, or the repository cannot be changed. Then nothing is deleted but
    /// what nobody needs.
    pub fn collect(&self, plan: &Collect, monitor: &dyn Monitor) -> Result<gc::Collected> {
        let options = gc::Collect {
            dry_run: plan.dry_run,
            max_repack: plan.max_repack,
        };
        if !plan.dry_run {
            // First, as it may make the room that a collection needs. One that is at work is locked.
            import::remove_left_over(&self.place());
        }
        let watch = Waiting {
            monitor,
            limit: plan.wait,
            since: OnceLock::new(),
        };
        let reach = Snapshots {
            repository: self,
            grace: plan.grace,
            monitor,
        };
        self.in_pool(plan.threads, || {
            self.store().collect(options, &reach, &watch)
        })
    }
}

/// What the records lead to.
struct Snapshots<'r> {
    repository: &'r Repository,
    grace: Duration,
    monitor: &'r dyn Monitor,
}

impl Reach for Snapshots<'_> {
    type Error = SnapshotError;

    fn mark(&self, roots: &[Root], marks: &Marks) -> Result<()> {
        walk::walk(self.repository, roots, marks, self.monitor)
    }

    fn expired(&self, forgotten: &[Forgotten]) -> Result<Vec<Forgotten>> {
        let now_ms = self.repository.clock().now().timestamp_millis();
        let now_ms = u64::try_from(now_ms).unwrap_or(0);
        // One that was forgotten in the future, by this clock, has just been forgotten.
        let age = |record: &&Forgotten| Duration::from_millis(now_ms.saturating_sub(record.at_ms));
        let pins = self.repository.pins()?;
        let expired = forgotten
            .iter()
            .filter(|record| age(record) >= self.grace && !pins.contains(&record.id));
        Ok(expired.copied().collect())
    }
}

/// A monitor that also says how long to wait.
struct Waiting<'m> {
    monitor: &'m dyn Monitor,
    limit: Duration,
    /// Since when is waited.
    since: OnceLock<Instant>,
}

impl Progress for Waiting<'_> {
    fn advance(&self, bytes: u64) {
        self.monitor.advance(bytes);
    }

    fn cancelled(&self) -> bool {
        self.monitor.cancelled()
    }
}

impl Watch for Waiting<'_> {
    fn phase(&self, phase: Phase, total: Option<u64>) {
        let task = match phase {
            Phase::Mark => Task::Mark,
            Phase::Wait => Task::Wait,
            Phase::Repack => Task::Repack,
            Phase::Sweep => Task::Sweep,
        };
        self.monitor.begin(task, total);
    }

    fn pause(&self, sessions: usize) -> bool {
        let waited = self.since.get_or_init(Instant::now).elapsed();
        let Some(left) = self.limit.checked_sub(waited) else {
            return false;
        };
        self.monitor.waiting(sessions);
        std::thread::sleep(left.min(PAUSE));
        true
    }
}
