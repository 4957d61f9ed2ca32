//! Turns: no source is backed up beside itself into the same repository, and no hooks of one config are run beside each other,
//! whoever starts the backups of this user. Who comes second waits: what it is to save may have changed since the first looked.
//!
//! A turn is a locked file in the user's own folder; a process that dies gives it up. Where there can be no such file, nobody
//! waits, and nobody waits for ever: a backup is worth more than its turn, and does another one beside it no harm.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use lifeboat_snapshot::path::real;

use crate::context::Context;
use crate::failure::Failure;
use crate::hooks::facts;
use crate::{signals, state};

/// Least time between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a backup waits for one that may have been stopped, or hang, and never end.
const LONGEST: Duration = Duration::from_hours(1);

/// The turns of one run.
pub(crate) struct Turns<'c> {
    context: &'c Context,
    folder: Option<PathBuf>,
    /// In this order everywhere, so that no two wait for each other.
    names: BTreeSet<String>,
    held: RefCell<Option<Vec<File>>>,
}

impl<'c> Turns<'c> {
    /// Of a backup of these sources, with the hooks of this config, if it has any.
    pub(crate) fn of(
        sources: &[PathBuf],
        repository: &Path,
        hooks: Option<&Path>,
        context: &'c Context,
    ) -> Self {
        // Its parent has the turn, and waits for it.
        let is_of_hook = std::env::var_os(facts::EVENT).is_some();
        let folder = state::folder().filter(|_| !is_of_hook);
        let repository = real(repository);
        let of_source = |source: &PathBuf| {
            // A name of two paths; no path has a zero byte in it.
            let mut both = real(source).into_os_string();
            both.push("\0");
            both.push(&repository);
            state::name_of(Path::new(&both))
        };
        let of_hooks = |config: &Path| format!("hooks-{}", state::name_of(&real(config)));
        let names = sources.iter().map(of_source);
        Self {
            context,
            folder: folder.map(|folder| folder.join("turns")),
            names: names.chain(hooks.map(of_hooks)).collect(),
            held: RefCell::default(),
        }
    }

    /// Waits until it is its turn, which lasts as long as the value.
    ///
    /// # Errors
    /// Where somebody asked it to stop meanwhile.
    pub(crate) fn wait(&self) -> Result<(), Failure> {
        if self.held.borrow().is_some() {
            return Ok(());
        }
        let mut held = Vec::new();
        for name in &self.names {
            held.extend(self.take(name)?);
        }
        *self.held.borrow_mut() = Some(held);
        Ok(())
    }

    fn take(&self, name: &str) -> Result<Option<File>, Failure> {
        let Some(folder) = &self.folder else {
            return Ok(None);
        };
        let Ok(file) = state::open_lock(folder, name) else {
            return Ok(None);
        };
        let mut has_told = false;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::Error(_)) => return Ok(None),
                Err(TryLockError::WouldBlock) => {}
            }
            if !has_told {
                has_told = true;
                signals::install();
                let ui = &self.context.ui;
                ui.note("another backup of this is under way; this one begins when it has ended");
            }
            if signals::requested() {
                return Err(Failure::new(signals::exit(), "interrupted"));
            }
            if began.elapsed() >= LONGEST {
                let ui = &self.context.ui;
                ui.note("the other backup has not ended within an hour; this one begins beside it");
                return Ok(None);
            }
            thread::sleep(PAUSE);
        }
    }
}
