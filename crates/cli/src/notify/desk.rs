//! Where messages are written and given out: what was seen becomes letters where it is news, and letters go by their channels.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lifeboat_snapshot::RunKind;
use lifeboat_snapshot::path::escape;

use super::condition::{Limits, conditions, matter};
use super::event::{Event, RunSeen, Seen};
use super::ledger::{Ledger, News};
use super::outbox::{Claimed, Content, Letter, Outbox};
use super::report::{self, Scene, Story};
use super::send::{self, Sent};
use super::state::State;
use crate::config::Config;
use crate::config::notify::{Channel, Notify};
use crate::context::{real_soon, this_host};
use crate::exit::Exit;
use crate::failure::system_words;
use crate::signals;
use crate::ui::facts;

/// How much longer than one message may take all are waited for, once a command has given its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long they are waited for by a command that was asked to end.
pub(super) const HURRY: Duration = Duration::from_secs(5);

/// The name of what was told, in the state's folder.
const LEDGER: &str = "told.json";

pub(super) fn scene(place: &Path, now: DateTime<Utc>) -> Scene {
    Scene {
        host: escape(this_host().as_bytes()),
        repository: facts::shown(place),
        now,
    }
}

/// Where messages are written and given out.
pub(super) struct Desk<'c> {
    config: &'c Config,
    channels: Vec<Channel>,
    /// `None` where this user has no folder for it: then nothing waits, and nothing is known of what was told.
    state: Option<State>,
    scene: Scene,
}

impl<'c> Desk<'c> {
    /// `None` where there is nobody to tell.
    pub(super) fn new(config: &'c Config, place: &Path, now: DateTime<Utc>) -> Option<Self> {
        let channels = config.notify.channels();
        (!channels.is_empty()).then(|| Self {
            config,
            channels,
            state: State::of(place),
            scene: scene(place, now),
        })
    }

    /// Why nothing can be remembered, where that is so.
    pub(super) fn forgets(&self) -> Option<String> {
        match &self.state {
            None => Some("this user has no folder for what is to be remembered".to_owned()),
            Some(state) => {
                let error = state.probe().err()?;
                let place = facts::shown(&state.join(""));
                Some(format!("{place}: {}", system_words(&error)))
            }
        }
    }

    /// Makes letters of what is news. Those that cannot be kept are given back.
    pub(super) fn write(&self, seen: &[Seen]) -> Vec<Claimed> {
        let state = self.state.as_ref();
        // Without the lock, something may be told twice.
        let _lock = state.and_then(|state| state.lock().ok());
        let ledger = state.and_then(|state| state.read::<Ledger>(LEDGER));
        let mut ledger = ledger.unwrap_or_default();
        let now = self.scene.now;
        let limits = limits(&self.config.notify);
        let remind = self.config.notify.remind();
        let mut events: Vec<(bool, Event)> = Vec::new();
        for one in seen {
            let is_run = matches!(one, Seen::Run(_));
            let news = news(&mut ledger, one, limits, remind, &self.scene);
            events.extend(news.into_iter().map(|event| (is_run, event)));
        }
        ledger.tidy(now);
        // Where it cannot be remembered what was told, every look would tell the same; a run is told all the same.
        if state.is_none_or(|state| state.write(LEDGER, &ledger).is_err()) {
            events.retain(|(is_run, _)| *is_run);
        }
        let mut letters: Vec<Letter> = Vec::new();
        for (_, event) in events {
            let told = self.channels.iter().filter(|to| to.wants(event.topic));
            letters.extend(told.map(|to| {
                let content = Content::Event(event.clone());
                Letter::new(to.name.clone(), content, now)
            }));
        }
        let mut unkept = self.keep(letters);
        unkept.extend(self.keep(self.pings(seen, &ledger)));
        unkept
    }

    /// How the backups went, for servers that notice silence. One that went well hides no other that did not.
    fn pings(&self, seen: &[Seen], ledger: &Ledger) -> Vec<Letter> {
        let runs: Vec<&RunSeen> = seen
            .iter()
            .filter_map(|seen| match seen {
                Seen::Run(run) if run.kind == RunKind::Backup => Some(run),
                _ => None,
            })
            .collect();
        if runs.is_empty() || !self.channels.iter().any(Channel::is_ping) {
            return Vec::new();
        }
        let groups = self.config.groups(&self.config.source_paths()).into_iter();
        let matters = groups.map(|group| {
            let shown = group.iter().map(|path| shown(path));
            matter(RunKind::Backup, &shown.collect::<Vec<_>>())
        });
        let troubles: Vec<String> = matters.filter(|key| ledger.is_in_trouble(key)).collect();
        let content = Content::Ping {
            is_good: troubles.is_empty() && runs.iter().all(|run| run.exit == Exit::Done),
            report: report::ping(&runs, &troubles),
        };
        let letter = |to: &Channel| Letter::new(to.name.clone(), content.clone(), self.scene.now);
        let pings = self.channels.iter().filter(|channel| channel.is_ping());
        pings.map(letter).collect()
    }

    fn keep(&self, letters: Vec<Letter>) -> Vec<Claimed> {
        let outbox = self.state.clone().map(Outbox::new);
        let is_kept = |letter: &Letter| {
            let outbox = outbox.as_ref();
            outbox.is_some_and(|outbox| outbox.put(letter).is_ok())
        };
        let unkept = letters.into_iter().filter(|letter| !is_kept(letter));
        unkept.map(Claimed::unkept).collect()
    }

    pub(super) fn post(&self, mut letters: Vec<Claimed>, is_all: bool) -> Vec<Sent> {
        let now = self.scene.now;
        if let Some(state) = &self.state {
            letters.extend(Outbox::new(state.clone()).claim(now, is_all));
        }
        send::post(&self.channels, letters, patience(self.config), now)
    }
}

/// The path of a source as messages show it.
fn shown(path: &Path) -> String {
    facts::shown(&real_soon(path))
}

pub(super) fn patience(config: &Config) -> Duration {
    match signals::requested() {
        true => HURRY,
        false => config.notify.timeout().saturating_add(PATIENCE),
    }
}

fn limits(notify: &Notify) -> Limits {
    Limits {
        stale_after: notify.stale_after(),
        low_space: notify.low_space(),
    }
}

/// The messages that something seen is worth: of several recoveries at once, one.
pub(super) fn news(
    ledger: &mut Ledger,
    seen: &Seen,
    limits: Limits,
    remind: Duration,
    scene: &Scene,
) -> Vec<Event> {
    let mut events = Vec::new();
    // Who knows that the backups fail is not told of what they fail by once more.
    if matches!(seen, Seen::Blind { .. }) && ledger.is_any_in_trouble(RunKind::Backup.word()) {
        return events;
    }
    let mut recovered: Option<Story> = None;
    for condition in conditions(seen, limits) {
        let news = ledger.note(&condition, remind, scene.now);
        match (news, &condition.trouble) {
            (News::Trouble { since, times }, Some(trouble)) => {
                let story = Story { since, times };
                events.push(report::trouble(scene, seen, trouble, story));
            }
            (News::Recovery { since, times }, None) if condition.is_recovery => {
                recovered = recovered.or(Some(Story { since, times }));
            }
            _ => {}
        }
    }
    // Half of a recovery is none.
    if let Some(story) = recovered.filter(|_| events.is_empty()) {
        events.push(report::recovery(scene, seen, story));
    }
    events
}
