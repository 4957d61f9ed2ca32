//! Telling somebody: what commands saw in passing becomes messages where it is news, and those go out by the ways that the
//! config names, once the command has done its work and given its answer.
//!
//! Nothing here can fail a backup or hold it up: what cannot be sent waits in an outbox, and what is wrong is a note.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::store::{Clock, SystemClock};
use lifeboat_snapshot::{HookRun, RunKind};

use crate::config::Config;
use crate::config::notify::{Channel, Way};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hooks;
use crate::recorded::Outcome;
use crate::ui::Ui;
use desk::{Desk, HURRY};
pub(crate) use event::{RunSeen, Seen, Topic};
use outbox::{Claimed, Content, Letter, Outbox};
pub(crate) use send::Sent;
use state::State;
use web::Beat;
pub(crate) use web::host;

mod condition;
mod desk;
mod desktop;
mod event;
mod ledger;
mod mail;
mod outbox;
mod report;
mod secret;
mod send;
mod state;
pub(crate) mod template;
mod web;

/// What a command saw in passing.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    seen: RefCell<Vec<Seen>>,
    /// Whether the run looks at all there is.
    is_thorough: Cell<bool>,
    /// Tells when all servers have heard of the begin of the backup.
    begun: RefCell<Option<Receiver<()>>>,
}

impl Notices {
    /// Keeps something for the end of the command.
    pub(crate) fn saw(&self, seen: Seen) {
        self.seen.borrow_mut().push(seen);
    }

    /// From now on a run that finds no damage has looked everywhere.
    pub(crate) fn looked_everywhere(&self) {
        self.is_thorough.set(true);
    }

    /// A run came to its end.
    pub(crate) fn ended(
        &self,
        kind: RunKind,
        sources: &[Vec<u8>],
        outcome: &Outcome,
        hooks: &[HookRun],
        took: Duration,
    ) {
        let failed = hooks.iter().filter(|hook| !hook.is_good());
        let failed: Vec<String> = failed.map(hooks::told).collect();
        self.saw(Seen::Run(RunSeen {
            kind,
            sources: sources.iter().map(|source| escape(source)).collect(),
            exit: outcome.exit,
            snapshot: outcome.snapshot.map(|id| id.to_string()),
            bytes: outcome.bytes,
            error: outcome.error.clone(),
            took,
            is_thorough: self.is_thorough.get(),
            hooks: (!hooks.is_empty()).then_some(failed),
        }));
    }

    /// Whether a run was seen.
    pub(crate) fn has_run(&self) -> bool {
        let seen = self.seen.borrow();
        seen.iter().any(|seen| matches!(seen, Seen::Run(_)))
    }
}

/// Tells the servers that notice silence that a backup begins; once for each command, and without waiting for them.
pub(crate) fn backup_begins(context: &Context) {
    let mut begun = context.notices.begun.borrow_mut();
    let Some((config, _)) = context.quietly().filter(|_| begun.is_none()) else {
        return;
    };
    let (sender, receiver) = channel();
    let time = config.notify.timeout();
    for channel in config.notify.channels() {
        if let Way::Ping(ping) = channel.way
            && ping.start.is_some()
        {
            let sender = sender.clone();
            // Its end is told again, and silence is what such a server is for.
            let begin = move || {
                let _ = web::ping(&ping, Beat::Start, "", time);
                drop(sender);
            };
            let _ = thread::Builder::new().spawn(begin);
        }
    }
    *begun = Some(receiver);
}

/// A command that looks after the backups ended before it had begun. What was typed wrong is nobody else's business.
pub(crate) fn unrecorded(context: &Context, kind: RunKind, failure: &Failure) {
    if failure.exit() != Exit::Usage && !context.notices.has_run() {
        let outcome = Outcome::from(failure);
        context
            .notices
            .ended(kind, &[], &outcome, &[], Duration::ZERO);
    }
}

/// Nothing can be said of the ages, since the repository cannot be read.
pub(crate) fn unlooked(context: &Context, failure: &Failure) {
    context.notices.saw(Seen::Blind {
        why: failure.sentence(),
    });
}

/// Makes letters of what was seen, which wait until somebody sends what is due.
pub(crate) fn keep(notices: &Notices, config: &Config, place: &Path) {
    let seen = notices.seen.take();
    if let Some(desk) = Desk::new(config, place, SystemClock.now()) {
        desk.write(&seen);
    }
}

/// Makes messages of what was seen, and sends them with those that wait.
pub(crate) fn deliver(context: &Context) {
    let seen = context.notices.seen.take();
    if seen.is_empty() {
        return;
    }
    let Some((config, place)) = context.quietly() else {
        return;
    };
    let Some(desk) = Desk::new(&config, &place, SystemClock.now()) else {
        return;
    };
    if let Some(begun) = context.notices.begun.take() {
        // A begin that came after the end would look like a backup that hangs.
        let _ = begun.recv_timeout(HURRY);
    }
    if let Some(why) = desk.forgets() {
        let ui = &context.ui;
        ui.afterword(format!(
            "what cannot be sent at once is lost, and only failures of runs are told: {why}"
        ));
    }
    let letters = desk.write(&seen);
    let sent = desk.post(letters, false);
    tell(&sent, &context.ui);
}

/// Sends what waits, at once or where it is due.
pub(crate) fn retry(config: &Config, place: &Path, is_all: bool) -> Option<Vec<Sent>> {
    let desk = Desk::new(config, place, SystemClock.now())?;
    Some(desk.post(Vec::new(), is_all))
}

/// How many messages wait.
pub(crate) fn waiting(place: &Path) -> usize {
    let outbox = State::of(place).map(Outbox::new);
    outbox.map_or(0, |outbox| outbox.letters(SystemClock.now()).len())
}

/// Sends a test by each of these channels, and gives what became of it in their order.
pub(crate) fn test(
    config: &Config,
    place: &Path,
    name: Option<&str>,
) -> Vec<(Channel, Option<String>)> {
    let scene = desk::scene(place, SystemClock.now());
    let mut channels = config.notify.channels();
    channels.retain(|channel| name.is_none_or(|name| name == channel.name));
    let letter = |channel: &Channel| {
        let content = match channel.is_ping() {
            true => Content::Ping {
                is_good: true,
                report: "lifeboat notify test".to_owned(),
            },
            false => Content::Event(report::test(&scene)),
        };
        Claimed::unkept(Letter::new(channel.name.clone(), content, scene.now))
    };
    let letters = channels.iter().map(letter).collect();
    let mut sent: BTreeMap<String, Option<String>> =
        send::post(&channels, letters, desk::patience(config), scene.now)
            .into_iter()
            .map(|sent| (sent.channel, sent.error))
            .collect();
    let silent = || Some("no answer came in time".to_owned());
    let told = |channel: Channel| {
        let error = sent.remove(&channel.name).unwrap_or_else(silent);
        (channel, error)
    };
    channels.into_iter().map(told).collect()
}

/// Once for each channel: that somebody was not told is worth knowing, and no more than that.
fn tell(sent: &[Sent], ui: &Ui) {
    let failed = sent
        .iter()
        .filter_map(|sent| Some((&sent.channel, sent.error.as_ref()?)));
    for (channel, error) in failed.collect::<BTreeMap<_, _>>() {
        ui.afterword(format!(
            "no word went out by {channel}: {error}; it is tried again"
        ));
    }
}

#[cfg(test)]
mod tests;
