//! A run that the daemon started: it steps back behind everything else, and does not outlive the daemon, whose next life
//! would otherwise start the same beside it.

use std::io::{Read, stdin};

use rustix::process::{getppid, nice};

use crate::config::MAX_LEN;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::signals;

/// Who started this run, and how it is to behave.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct Attended {
    /// The daemon's process
    #[arg(long, global = true, hide = true, value_name = "PID")]
    attended_by: Option<i32>,
    /// How much others are preferred
    #[arg(
        long,
        global = true,
        hide = true,
        value_name = "N",
        default_value_t = 0
    )]
    nice: i32,
    /// The config is not what its file says but what is given on the standard input, which has so many bytes
    #[arg(
        long,
        global = true,
        hide = true,
        value_name = "BYTES",
        requires = "config"
    )]
    config_given: Option<u64>,
}

impl Attended {
    /// What the daemon gives for what the config says; `None` where it gives nothing. To be asked once.
    ///
    /// # Errors
    /// Where it has not given all of it.
    pub(crate) fn given_config(self) -> Option<Result<String, Failure>> {
        let len = self.config_given?;
        let mut text = String::new();
        let read = stdin().lock().take(MAX_LEN + 1).read_to_string(&mut text);
        let is_whole = read.is_ok_and(|read| read as u64 == len);
        // A part of a config may be a config.
        Some(is_whole.then_some(text).ok_or_else(|| {
            Failure::new(
                Exit::Failed,
                "the daemon has ended before it gave its config",
            )
        }))
    }

    /// Behaves so from now on; the exit where the daemon is gone already.
    pub(crate) fn obey(self) -> Result<(), Exit> {
        if self.nice > 0 {
            // A system that refuses leaves it as it was.
            let _ = nice(self.nice);
        }
        let Some(daemon) = self.attended_by else {
            return Ok(());
        };
        signals::be_patient();
        end_with_parent();
        // It may have ended before that was asked for.
        let parent = getppid().map(|parent| parent.as_raw_nonzero().get());
        match parent == Some(daemon) {
            true => Ok(()),
            false => Err(Exit::Terminated),
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn end_with_parent() {
    use rustix::process::{Signal, set_parent_process_death_signal};
    let _ = set_parent_process_death_signal(Some(Signal::TERM));
}

/// Elsewhere it runs on to its end.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn end_with_parent() {}
