//! Opening the databases of snapshots and letting SQLite check them, without restoring a byte.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use lifeboat_store::{ChunkId, SnapshotId};

use crate::content::Content;
use crate::error::{Result, SnapshotError};
use crate::image::StoredDatabase;
use crate::monitor::{Monitor, Task};
use crate::path::TreePath;
use crate::record::Snapshot;
use crate::repository::Repository;
use crate::sqlite::{CaptureOptions, Check, Checked, Image, check_image, open_image};
use lifeboat_store::words::in_one_line;

/// How often it is told how far a check is, and asked whether to go on.
const GLANCE: Duration = Duration::from_millis(100);

/// How long a check may take, and more where the database is large: a schema can be made such that it has no end.
const BUDGET: Duration = Duration::from_secs(600);

/// What SQLite's integrity check says of a database in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseVerified {
    /// Where it is in the snapshots.
    pub path: TreePath,
    /// The snapshots that have it with these bytes.
    pub snapshots: Vec<SnapshotId>,
    /// What came of the check.
    pub check: Checked,
    /// Whether it was damaged already when it was captured: then the snapshot keeps faithfully what there was.
    pub was_damaged: bool,
}

impl Repository {
    /// Checks each database of the snapshots once, however many snapshots share its bytes.
    pub(super) fn verify_databases(
        &self,
        snapshots: &[Snapshot],
        monitor: &dyn Monitor,
    ) -> Result<Vec<DatabaseVerified>> {
        let mut found = self.stored_databases(snapshots);
        let bytes = found.iter().map(|(_, content)| content.len).sum();
        monitor.begin(Task::Verify, Some(bytes));
        for (database, content) in &mut found {
            monitor.item(&database.path.below(Path::new("")));
            database.check = self.check_database(content, monitor)?;
        }
        Ok(found.into_iter().map(|(database, _)| database).collect())
    }

    /// The databases, each once for the same bytes at the same path.
    fn stored_databases(&self, snapshots: &[Snapshot]) -> Vec<(DatabaseVerified, Content)> {
        let mut found: Vec<(DatabaseVerified, Content)> = Vec::new();
        let mut known: HashMap<(TreePath, Vec<ChunkId>), usize> = HashMap::new();
        for snapshot in snapshots {
            // A manifest that cannot be read is damage, which is told elsewhere.
            let Ok(tree) = self.tree(snapshot) else {
                continue;
            };
            for database in &tree.manifest().databases {
                let path = tree.database_path(database);
                let entry = tree.entry(&path);
                let Some(content) = entry.as_ref().ok().and_then(|entry| entry.node.content())
                else {
                    continue;
                };
                let key = (path.clone(), content.refs.iter().map(|r| r.id).collect());
                if let Some((known, _)) = known.get(&key).and_then(|at| found.get_mut(*at)) {
                    known.snapshots.push(snapshot.id);
                    continue;
                }
                known.insert(key, found.len());
                let database = DatabaseVerified {
                    path,
                    snapshots: vec![snapshot.id],
                    check: Checked::NotDone,
                    was_damaged: matches!(database.facts.check, Checked::Damaged(_)),
                };
                found.push((database, content.clone()));
            }
        }
        found
    }

    /// Checks one on a thread of its own, so that this one can stop it.
    fn check_database(&self, content: &Content, monitor: &dyn Monitor) -> Result<Checked> {
        let image = Arc::new(StoredDatabase::new(self.shared_store(), content.clone()));
        let (sender, receiver) = channel();
        std::thread::scope(|scope| {
            let worker = Arc::clone(&image);
            let spawned = std::thread::Builder::new().spawn_scoped(scope, move || {
                // Nobody listens any more where the check was stopped.
                let _ = sender.send(check(&worker));
            });
            if spawned.is_err() {
                // A machine that gives no more threads (F-74) still has this one.
                return Ok(check(&image));
            }
            let mut told = 0;
            loop {
                let answer = receiver.recv_timeout(GLANCE);
                let read = image.bytes_read();
                monitor.advance(read - told);
                told = read;
                match answer {
                    Ok(_) if monitor.cancelled() => return Err(SnapshotError::cancelled()),
                    Ok(checked) => return Ok(checked),
                    Err(RecvTimeoutError::Timeout) if monitor.cancelled() => {
                        image.stop().store(true, Ordering::Relaxed)
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => {
                        return Ok(Checked::Unable("its check ended early".to_owned()));
                    }
                }
            }
        })
    }
}

fn check(image: &Arc<StoredDatabase>) -> Checked {
    let options = CaptureOptions {
        check: Check::Full,
        check_budget: BUDGET,
        stop: Arc::clone(image.stop()),
        ..CaptureOptions::default()
    };
    let checked = match open_image(Arc::clone(image) as _) {
        Ok(connection) => check_image(&connection, image.len(), &options),
        Err(error) => Checked::Damaged(vec![in_one_line(&error)]),
    };
    // What its bytes lack is told with the packs that lack it.
    image.failure().map_or(checked, Checked::Unable)
}
