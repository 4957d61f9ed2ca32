//! Questions to a person. They are asked on stderr, as stdout carries the answer of the command.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::PoisonError;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::Ui;
use crate::signals;

impl Ui {
    /// Whether somebody sees a question and can answer it.
    pub(crate) fn is_attended(&self) -> bool {
        !self.json && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// What is typed as the answer to a question, without the space around it.
    ///
    /// # Errors
    /// Where nobody can be asked.
    pub(crate) fn ask(&self, question: &str) -> io::Result<String> {
        // What it is about has been told on stdout, and is to be seen first.
        self.out().flush()?;
        {
            let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
            write!(err, "{question} ")?;
            err.flush()?;
        }
        await_answer()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(answer.trim().to_owned())
    }

    /// Whether somebody says yes. Who pressed Ctrl+C at the question did not, whatever was typed behind it.
    pub(crate) fn agrees(&self, question: &str) -> bool {
        let answer = self.ask(&format!("{question} [y/N]"));
        let is_yes = answer.is_ok_and(|answer| matches!(answer.as_str(), "y" | "Y" | "yes"));
        is_yes && !signals::requested()
    }
}

/// Waits until something was typed. A signal that asks to stop ends that: reading alone would go on over it.
fn await_answer() -> io::Result<()> {
    let stdin = io::stdin();
    while !signals::requested() {
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], None) {
            Err(Errno::INTR) => {}
            polled => return Ok(polled.map(drop)?),
        }
    }
    Err(io::ErrorKind::Interrupted.into())
}
