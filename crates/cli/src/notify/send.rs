//! Letters on their way: each channel by a thread of its own, so that a server that hangs keeps nobody else from being told,
//! and nobody waits for one longer than is patient. What is not sent then stays in the outbox.

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::outbox::{Claimed, Content};
use super::web::{self, Beat};
use super::{desktop, mail};
use crate::config::notify::{Channel, Way};
use crate::failure::system_words;
use crate::signals;

/// Most letters of one channel at once.
const AT_ONCE: usize = 20;

/// Least time between two looks at whether the program is to end.
const LOOK: Duration = Duration::from_millis(100);

/// Why a letter was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) why: String,
    /// Whether it is about this letter, so that another one may be taken.
    is_lasting: bool,
}

impl Refusal {
    /// About the way, which may be open again later.
    pub(crate) const fn later(why: String) -> Self {
        Self {
            why,
            is_lasting: false,
        }
    }

    /// About the letter.
    pub(crate) const fn lasting(why: String) -> Self {
        Self {
            why,
            is_lasting: true,
        }
    }
}

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) channel: String,
    /// Why it was not taken.
    pub(crate) error: Option<String>,
}

/// Sends one.
pub(crate) fn send(channel: &Channel, content: &Content) -> Result<(), Refusal> {
    let misled = || Refusal::lasting("it is not for this channel".to_owned());
    let time = channel.timeout;
    match (&channel.way, content) {
        (Way::Ping(ping), Content::Ping { is_good, report }) => {
            let beat = if *is_good { Beat::Success } else { Beat::Fail };
            web::ping(ping, beat, report, time)
        }
        (Way::Mail(mail), Content::Event(event)) => mail::send(mail, event, time),
        (Way::Webhook(webhook), Content::Event(event)) => web::webhook(webhook, event, time),
        (Way::Desktop(desktop), Content::Event(event)) => desktop::show(desktop, event, time),
        (Way::Ping(_), Content::Event(_)) | (_, Content::Ping { .. }) => Err(misled()),
    }
}

/// Sends letters, and gives what became of those that were decided within the time.
pub(crate) fn post(
    channels: &[Channel],
    letters: Vec<Claimed>,
    patience: Duration,
    now: DateTime<Utc>,
) -> Vec<Sent> {
    let (sender, news) = channel();
    for (name, letters) in by_channel(letters) {
        if let Some(channel) = channels.iter().find(|channel| channel.name == name) {
            let (channel, news) = (channel.clone(), sender.clone());
            let post = move || post_one(&channel, letters, &news, now);
            // The letters stay in the outbox.
            if let Err(error) = thread::Builder::new().spawn(post) {
                let error = Some(format!("no thread: {}", system_words(&error)));
                let _ = sender.send(Sent {
                    channel: name,
                    error,
                });
            }
        }
    }
    drop(sender);
    let deadline = Instant::now() + patience;
    let was_asked = signals::requested();
    let mut all = Vec::new();
    while Instant::now() < deadline && (was_asked || !signals::requested()) {
        match news.recv_timeout(LOOK) {
            Ok(sent) => all.push(sent),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    all
}

/// In the order in which they were written.
fn by_channel(letters: Vec<Claimed>) -> BTreeMap<String, Vec<Claimed>> {
    let mut all: BTreeMap<String, Vec<Claimed>> = BTreeMap::new();
    for letter in letters {
        let name = letter.letter.channel.clone();
        all.entry(name).or_default().push(letter);
    }
    all
}

fn post_one(channel: &Channel, letters: Vec<Claimed>, news: &Sender<Sent>, now: DateTime<Utc>) {
    for claimed in letters.into_iter().take(AT_ONCE) {
        let result = send(channel, &claimed.letter.content);
        let is_over = result.as_ref().is_err_and(|refusal| !refusal.is_lasting);
        let error = result.err().map(|refusal| refusal.why);
        match &error {
            None => claimed.sent(),
            Some(why) => claimed.failed(why.clone(), now),
        }
        let _ = news.send(Sent {
            channel: channel.name.clone(),
            error,
        });
        // The others would wait as long for nothing.
        if is_over {
            return;
        }
    }
}
