//! The `[notify]` of the config: who is told of what, and by which way.
//!
//! Secrets are never in the file itself: it names files and commands that hold them.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::command::Timeout;
use super::size::Size;
use crate::notify::Topic;
use crate::ui::words;
pub(crate) use desktop::Desktop;
pub(crate) use http::{Ping, Target, Webhook, check_url};
pub(crate) use mail::{Mail, Security};
use many::{Many, Named};
pub(crate) use secret::Secret;

mod desktop;
mod http;
mod mail;
mod many;
mod secret;

/// After so long a trouble that goes on is told again.
const REMIND: Duration = Duration::from_secs(24 * 3600);

/// With less free space than this the next backups may fail.
const LOW_SPACE: u64 = 1 << 30;

/// How long a message may take where nothing is said of it.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The `[notify]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Notify {
    on: Option<Vec<Topic>>,
    remind: Option<Spell>,
    stale_after: Option<Spell>,
    low_space: Option<Size>,
    timeout: Option<Timeout>,
    mail: Many<Mail>,
    webhook: Many<Webhook>,
    ping: Many<Ping>,
    desktop: Many<Desktop>,
}

/// A length of time that is not nothing.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Spell(Duration);

impl TryFrom<String> for Spell {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match words::parse_span(&text)? {
            Duration::ZERO => Err("a length of time from 1s on is needed".to_owned()),
            span => Ok(Self(span)),
        }
    }
}

/// One way to somebody.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    /// Its `name`, else the word for the way, with a number from the second on.
    pub(crate) name: String,
    on: Vec<Topic>,
    /// How long a message may take.
    pub(crate) timeout: Duration,
    pub(crate) way: Way,
}

/// How somebody is told.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    Mail(Mail),
    Webhook(Webhook),
    Ping(Ping),
    Desktop(Desktop),
}

impl Way {
    /// The word for it: its table in the config.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail",
            Self::Webhook(_) => "webhook",
            Self::Ping(_) => "ping",
            Self::Desktop(_) => "desktop",
        }
    }
}

impl Way {
    /// Where it leads, without any secret.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Mail(mail) => {
                let to: Vec<String> = mail.to.iter().map(|to| to.email.to_string()).collect();
                format!("{} by {}:{}", to.join(", "), mail.server, mail.port)
            }
            Self::Webhook(webhook) => webhook.target.url.shown(),
            Self::Ping(ping) => ping.target.url.shown(),
            Self::Desktop(desktop) => desktop.command.shown(),
        }
    }
}

impl Channel {
    /// What it is told of; a ping of nothing but how each backup went.
    pub(crate) fn topics(&self) -> &[Topic] {
        if self.is_ping() { &[] } else { &self.on }
    }

    /// Whether it is told of this. A ping is no news: it is told how each backup went, and nothing else.
    pub(crate) fn wants(&self, topic: Topic) -> bool {
        !self.is_ping() && (topic == Topic::Test || self.on.contains(&topic))
    }

    /// Whether it is told how each backup went.
    pub(crate) const fn is_ping(&self) -> bool {
        matches!(self.way, Way::Ping(_))
    }
}

impl Notify {
    /// All ways to somebody, in the order mail, webhook, ping, desktop.
    pub(crate) fn channels(&self) -> Vec<Channel> {
        let mut all = Vec::new();
        self.add(&mut all, &self.mail, Way::Mail);
        self.add(&mut all, &self.webhook, Way::Webhook);
        self.add(&mut all, &self.ping, Way::Ping);
        self.add(&mut all, &self.desktop, Way::Desktop);
        all
    }

    fn add<T: Named + Clone>(&self, all: &mut Vec<Channel>, many: &Many<T>, way: fn(T) -> Way) {
        for (index, one) in many.0.iter().enumerate() {
            let way = way(one.clone());
            let name = match (one.name(), index) {
                (Some(name), _) => name.to_owned(),
                (None, 0) => way.word().to_owned(),
                (None, index) => format!("{}-{}", way.word(), index + 1),
            };
            let on = one.on().or(self.on.as_deref()).unwrap_or(&Topic::CHOICE);
            all.push(Channel {
                name,
                on: on.to_vec(),
                timeout: self.timeout(),
                way,
            });
        }
    }

    /// After so long a trouble that goes on is told again.
    pub(crate) fn remind(&self) -> Duration {
        self.remind.as_ref().map_or(REMIND, |Spell(time)| *time)
    }

    /// From this age a newest snapshot is worth a message, where somebody says so.
    pub(crate) fn stale_after(&self) -> Option<Duration> {
        self.stale_after.map(|Spell(time)| time)
    }

    /// With less free bytes than this there is too little space.
    pub(crate) fn low_space(&self) -> u64 {
        self.low_space.map_or(LOW_SPACE, |Size(size)| size)
    }

    /// How long a message may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout.map_or(TIMEOUT, |Timeout(time)| time)
    }

    /// Relative paths become relative to the folder of the file.
    pub(super) fn anchor(&mut self, folder: &Path) {
        self.mail.0.iter_mut().for_each(|mail| mail.anchor(folder));
        let webhooks = self.webhook.0.iter_mut();
        webhooks.for_each(|webhook| webhook.anchor(folder));
        let desktops = self.desktop.0.iter_mut();
        desktops.for_each(|desktop| desktop.anchor(folder));
        let pings = self.ping.0.iter_mut();
        pings.for_each(|ping| ping.target.anchor(folder));
    }
}

#[cfg(test)]
mod tests;
