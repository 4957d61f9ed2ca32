//! How far long work is: a bar on a terminal, events for a program, nothing for anybody else.
//!
//! The methods are called from many threads and for every file, so each must cost next to nothing: the bar draws itself
//! a few times a second whatever it is told, and events are at least a second apart.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::style::TemplateError;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use lifeboat_snapshot::monitor::{Monitor, Progress, Task, Warning};
use serde_json::{Value, json};

use crate::signals;
use crate::ui::{Ui, facts, words};

/// Redrawn this often even where nothing moves, so that nobody takes a slow disk for a dead program.
const TICK: Duration = Duration::from_millis(200);

/// Least time between two events.
const PAUSE: Duration = Duration::from_secs(1);

/// Of a size that is known beforehand. The current file has a line of its own: an 80-column terminal has no room beside.
const KNOWN: &str = "{prefix:.bold} {wide_bar:.cyan/dim} {percent:>3} %  {done} of {size}  {rate}  {left}\n  {wide_msg:.dim}";

/// Of a size that nobody knows.
const UNKNOWN: &str = "{prefix:.bold} {spinner:.cyan} {done}  {rate}\n  {wide_msg:.dim}";

/// Watches one run of a long command.
pub(crate) struct Watch<'ui> {
    ui: &'ui Ui,
    bar: ProgressBar,
    done_bytes: AtomicU64,
    files: AtomicU64,
    event: Mutex<EventState>,
    /// The first signal was noticed, and said so.
    stopping: AtomicBool,
}

/// What the next event will say.
struct EventState {
    task: Task,
    total_bytes: Option<u64>,
    path: Option<Value>,
    began: Instant,
    last: Instant,
}

impl<'ui> Watch<'ui> {
    /// Watches from now on, and lets signals stop the work.
    pub(crate) fn new(ui: &'ui Ui) -> Self {
        signals::install();
        let now = Instant::now();
        Self {
            ui,
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            done_bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
            event: Mutex::new(EventState {
                task: Task::Capture,
                total_bytes: None,
                path: None,
                began: now,
                last: now,
            }),
            stopping: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, EventState> {
        self.event.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a program how far it is, if it is time to.
    fn tell(&self) {
        if !self.ui.tells_lines() {
            return;
        }
        // Whoever cannot have the state at once leaves the telling to the one who has it.
        let Ok(mut state) = self.event.try_lock() else {
            return;
        };
        if state.last.elapsed() < PAUSE {
            return;
        }
        state.last = Instant::now();
        let event = self.describe(&state);
        drop(state);
        // A reader that went away is noticed when the answer is due; the work goes on until then.
        let _ = self.ui.event(&event);
    }

    fn describe(&self, state: &EventState) -> Value {
        let done = self.done_bytes.load(Ordering::Relaxed);
        let seconds = state.began.elapsed().as_secs_f64();
        let rate = if seconds > 0.0 {
            done as f64 / seconds
        } else {
            0.0
        };
        let left = |total: u64| match total.checked_sub(done) {
            Some(left) if rate > 0.0 => json!(left as f64 / rate),
            _ => Value::Null,
        };
        json!({
            "event": "progress",
            "task": task_word(state.task),
            "done_bytes": done,
            "total_bytes": state.total_bytes,
            "files": self.files.load(Ordering::Relaxed),
            "bytes_per_s": rate,
            "remaining_s": state.total_bytes.map_or(Value::Null, left),
            "current": state.path,
        })
    }

    /// Says once that the signal has been heard: stopping cleanly may take a moment.
    fn say_stopping(&self) {
        if !self.stopping.swap(true, Ordering::Relaxed) {
            self.bar
                .suspend(|| self.ui.note("stopping; a second signal stops at once"));
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Watch<'_> {
    fn advance(&self, bytes: u64) {
        self.done_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bar.inc(bytes);
        self.tell();
    }

    fn cancelled(&self) -> bool {
        let requested = signals::requested();
        if requested {
            self.say_stopping();
        }
        requested
    }
}

impl Monitor for Watch<'_> {
    fn begin(&self, task: Task, total: Option<u64>) {
        let total = total.filter(|total| *total > 0);
        self.done_bytes.store(0, Ordering::Relaxed);
        self.files.store(0, Ordering::Relaxed);
        let now = Instant::now();
        *self.state() = EventState {
            task,
            total_bytes: total,
            path: None,
            began: now,
            last: now,
        };
        if self.ui.draws_bars() {
            self.draw(task, total);
        }
    }

    fn item(&self, path: &Path) {
        self.files.fetch_add(1, Ordering::Relaxed);
        if self.ui.is_json() {
            let path = facts::with_local_path("path", path);
            self.state().path = Some(Value::Object(path));
            self.tell();
        } else if self.ui.draws_bars() {
            self.bar.set_message(facts::shown(path));
        }
    }

    fn waiting(&self, sessions: usize) {
        let sessions = words::counted(
            sessions as u64,
            "backup or restore that is",
            "backups or restores that are",
        );
        self.bar.set_message(format!("for {sessions} at work"));
        self.tell();
    }

    fn warning(&self, warning: &Warning) {
        self.bar.suspend(|| self.ui.warning(warning));
    }
}

impl Watch<'_> {
    fn draw(&self, task: Task, total: Option<u64>) {
        // The templates are constants, and tested below; without one the bar has the looks of its library.
        if let Ok(style) = style(if total.is_some() { KNOWN } else { UNKNOWN }) {
            self.bar.set_style(style);
        }
        self.bar.reset();
        match total {
            Some(total) => self.bar.set_length(total),
            None => self.bar.unset_length(),
        }
        self.bar.set_prefix(task.verb());
        self.bar.set_message("");
        // Once: a new target forgets what it has drawn, and leaves it standing.
        if self.bar.is_hidden() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.bar.enable_steady_tick(TICK);
        }
    }
}

/// The looks, with numbers as everything else here writes them. What cannot be written is left out of one frame.
fn style(template: &str) -> Result<ProgressStyle, TemplateError> {
    Ok(ProgressStyle::with_template(template)?
        .progress_chars("━━─")
        .with_key("done", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&words::size(state.pos()));
        })
        .with_key("size", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&words::size(state.len().unwrap_or(0)));
        })
        .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{}/s", words::size(state.per_sec() as u64));
        })
        .with_key("left", |state: &ProgressState, out: &mut dyn fmt::Write| {
            // Before anything is done there is nothing to reckon with.
            if state.pos() > 0 {
                let _ = write!(out, "{} left", words::span(state.eta().as_secs()));
            }
        }))
}

fn task_word(task: Task) -> &'static str {
    match task {
        Task::Capture => "backup",
        Task::Export => "export",
        Task::Import => "import",
        Task::Restore => "restore",
        Task::Verify => "verify",
        Task::Repair => "repair",
        Task::Mark => "mark",
        Task::Wait => "wait",
        Task::Repack => "repack",
        Task::Sweep => "sweep",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_well_formed() {
        assert!(style(KNOWN).is_ok());
        assert!(style(UNKNOWN).is_ok());
    }
}
