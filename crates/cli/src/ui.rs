//! The only door to the terminal: stdout carries the answer, stderr everything else.
//!
//! Two hazards live here. The disk of stdout may fill, so every write of an answer can fail and says so; a reader that has
//! seen enough and left is no failure, for what was done is done and its exit code stands. What goes to stderr is said as
//! well as it can be, and never ends a run. And with `--json` a program reads along: a query prints one document, long work
//! prints lines, and no other byte may get between them.

use std::io::{self, BufWriter, IsTerminal, Stderr, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anstream::AutoStream;
use anstyle::Style;
use lifeboat_snapshot::monitor::Warning;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::Globals;
use crate::exit::Exit;
use crate::failure::{Failure, one_line};
pub(crate) use raw::Raw;
use table::Table;

mod ask;
pub(crate) mod databases;
pub(crate) mod facts;
pub(crate) mod json;
pub(crate) mod opened;
pub(crate) mod paint;
mod raw;
pub(crate) mod stream;
pub(crate) mod table;
pub(crate) mod words;

/// How the answer of a command is shaped when a program reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One document, at the end.
    Document,
    /// One line per event, as they happen.
    Lines,
}

/// Where a command speaks.
pub(crate) struct Ui {
    out: Mutex<BufWriter<AutoStream<Stdout>>>,
    err: Mutex<AutoStream<Stderr>>,
    shape: Shape,
    json: bool,
    quiet: bool,
    verbose: bool,
    bars: bool,
    /// Whether a part of the answer is out already.
    answered: AtomicBool,
    /// Whether whoever read the answer has left.
    unheard: AtomicBool,
}

impl Ui {
    /// As the global flags want it.
    pub(crate) fn new(globals: &Globals, shape: Shape) -> Self {
        let bars = !globals.no_progress && !globals.quiet && !globals.json;
        Self {
            out: Mutex::new(BufWriter::new(AutoStream::new(
                io::stdout(),
                paint::choice(globals.color, &io::stdout()),
            ))),
            err: Mutex::new(AutoStream::new(
                io::stderr(),
                paint::choice(globals.color, &io::stderr()),
            )),
            shape,
            json: globals.json,
            quiet: globals.quiet,
            verbose: globals.verbose,
            bars: bars && io::stderr().is_terminal(),
            answered: AtomicBool::new(false),
            unheard: AtomicBool::new(false),
        }
    }

    /// Whether a program reads along.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a program reads events along.
    pub(crate) fn tells_lines(&self) -> bool {
        self.json && self.shape == Shape::Lines
    }

    /// Whether the person wants to know more.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether only what is wrong is to be told.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether progress is drawn.
    pub(crate) fn draws_bars(&self) -> bool {
        self.bars
    }

    fn out(&self) -> MutexGuard<'_, BufWriter<AutoStream<Stdout>>> {
        self.answered.store(true, Ordering::Relaxed);
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether whoever read the answer has left: a long list need not be told to its end.
    pub(crate) fn is_unheard(&self) -> bool {
        self.unheard.load(Ordering::Relaxed)
    }

    /// What became of a part of the answer.
    fn told(&self, written: io::Result<()>) -> Result<(), Failure> {
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.unheard.store(true, Ordering::Relaxed);
                Ok(())
            }
            written => written.map_err(|error| Failure::stdout(&error)),
        }
    }

    /// A line of the answer. What it quotes must have been escaped.
    pub(crate) fn line(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.told(writeln!(self.out(), "{}", text.as_ref()))
    }

    /// A part of the answer without an end of line.
    pub(crate) fn part(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        self.told(write!(self.out(), "{}", text.as_ref()))
    }

    /// Lines of the answer that align.
    pub(crate) fn table(&self, table: &Table) -> Result<(), Failure> {
        table.lines().try_for_each(|line| self.line(line))
    }

    /// The answer of work that was done to a person; with `--quiet` it speaks through the exit code alone.
    pub(crate) fn summary(&self, lines: impl IntoIterator<Item = String>) -> Result<(), Failure> {
        match self.quiet {
            true => Ok(()),
            false => lines.into_iter().try_for_each(|line| self.line(line)),
        }
    }

    /// The answer of a check to a person; with `--quiet` only where something is wrong, as the exit says.
    pub(crate) fn verdict(
        &self,
        exit: Exit,
        lines: impl IntoIterator<Item = String>,
    ) -> Result<(), Failure> {
        match exit {
            Exit::Done => self.summary(lines),
            _ => lines.into_iter().try_for_each(|line| self.line(line)),
        }
    }

    /// The answer as one document.
    pub(crate) fn document(&self, answer: &impl Serialize) -> Result<(), Failure> {
        self.line(json::pretty(answer)?)
    }

    /// One line of a running report, out at once.
    pub(crate) fn event(&self, event: &impl Serialize) -> Result<(), Failure> {
        let text = json::line(event)?;
        let mut out = self.out();
        self.told(writeln!(out, "{text}").and_then(|()| out.flush()))
    }

    /// Bytes as they are, and nothing else, through stdout.
    pub(crate) fn raw(&self) -> Raw {
        self.answered.store(true, Ordering::Relaxed);
        Raw::new()
    }

    /// Something worth knowing that is not the answer.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.quiet && !self.json {
            self.say("note", paint::NOTE, text.as_ref());
        }
    }

    /// Something worth knowing when the answer is out: for programs too it goes where it can be no part of that.
    pub(crate) fn afterword(&self, text: impl AsRef<str>) {
        match self.json && !self.quiet {
            true => self.err_json(&serde_json::json!({"event": "note", "message": text.as_ref()})),
            false => self.note(text),
        }
    }

    /// Something worth knowing for those who asked to know more.
    pub(crate) fn detail(&self, text: impl AsRef<str>) {
        if self.verbose {
            self.note(text);
        }
    }

    /// Something in the way that did not stop the work.
    pub(crate) fn warning(&self, warning: &Warning) {
        match self.json {
            true => self.aside("warning", facts::warning(warning)),
            false => self.say("warning", paint::WARNING, &warning.sentence()),
        }
    }

    /// Damage that was met on the way to the answer.
    pub(crate) fn damage(&self, failure: &Failure) {
        match self.json {
            true => self.aside("warning", facts::object(failure.event())),
            false => self.say("warning", paint::WARNING, &failure.sentence()),
        }
    }

    /// An event beside the answer: between its lines, or out of the document's way.
    fn aside(&self, word: &str, mut event: Map<String, Value>) {
        event.insert("event".to_owned(), word.into());
        match self.shape {
            // A stdout that fails is noticed when the answer is due; the work goes on until then.
            Shape::Lines => drop(self.event(&event)),
            Shape::Document => self.err_json(&Value::Object(event)),
        }
    }

    /// Why the command ends without its answer.
    pub(crate) fn failure(&self, failure: &Failure) {
        if failure.is_silent() {
            return;
        }
        if self.json {
            return self.failure_event(&failure.event());
        }
        for (label, text) in failure.lines() {
            let style = if label == "error" {
                paint::ERROR
            } else {
                paint::LABEL
            };
            self.say(label, style, &text);
        }
    }

    /// The error is the document, unless a part of the answer is out already.
    fn failure_event(&self, event: &Value) {
        let begun = self.answered.load(Ordering::Relaxed);
        let is_late = self.shape == Shape::Document && begun;
        if is_late || self.event(event).is_err() || self.is_unheard() {
            self.err_json(event);
        }
    }

    fn say(&self, label: &str, style: Style, text: &str) {
        let gap = if label == "hint" { "  " } else { " " };
        self.err_line(&format!("{style}{label}:{style:#}{gap}{}", one_line(text)));
    }

    fn err_json(&self, event: &Value) {
        // A value of strings and numbers is always JSON.
        self.err_line(&json::line(event).unwrap_or_default());
    }

    fn err_line(&self, line: &str) {
        let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody is left to tell that stderr is gone.
        let _ = writeln!(err, "{line}");
    }

    /// Sees to it that the answer is out.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        self.told(out.flush())
    }
}
