//! A run that the daemon started: it steps back behind everything else, and does not outlive the daemon, whose next life
//! would otherwise start the same beside it.

use rustix::process::{getppid, nice};

use crate::exit::Exit;
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
}

impl Attended {
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
