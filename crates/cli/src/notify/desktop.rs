//! Messages on the screen of whoever sits here, by a command.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lifeboat_snapshot::HookEnd;

use super::event::Event;
use super::send::Refusal;
use super::template::fill_word;
use crate::config::command::CommandLine;
use crate::config::notify::Desktop;
use crate::hooks::process::{self, Job};
use crate::hooks::{facts, words};

/// Where a session's messages go; a schedule's environment lacks it.
const BUS: &str = "DBUS_SESSION_BUS_ADDRESS";

/// Shows an event.
pub(crate) fn show(desktop: &Desktop, event: &Event, time: Duration) -> Result<(), Refusal> {
    let command = match &desktop.command {
        CommandLine::Direct(all) => {
            CommandLine::Direct(all.iter().map(|word| fill_word(word, event)).collect())
        }
        // What a shell reads is never put together of facts: they are in its variables.
        shell @ CommandLine::Shell(_) => shell.clone(),
    };
    let ended = process::run(&Job {
        command: &command,
        folder: desktop.folder.as_deref(),
        variables: variables(event),
        timeout: time,
        stop: &|| false,
        with_stderr: true,
        keep: 400,
    });
    match ended.end {
        HookEnd::Exited(0) => Ok(()),
        end => Err(Refusal::later(format!("the command {}", words(&end)))),
    }
}

fn variables(event: &Event) -> Vec<(OsString, Option<OsString>)> {
    let mut all = facts::without_ours();
    let plain = |text: &str| Some(OsString::from(text.replace('\0', "")));
    all.push(("LIFEBOAT_TOPIC".into(), plain(event.topic.word())));
    all.push(("LIFEBOAT_TITLE".into(), plain(&event.title)));
    all.push(("LIFEBOAT_TEXT".into(), plain(&event.text)));
    if std::env::var_os(BUS).is_none() {
        let user = rustix::process::getuid().as_raw();
        let bus = PathBuf::from(format!("/run/user/{user}/bus"));
        if bus.exists() {
            all.push((BUS.into(), plain(&format!("unix:path={}", bus.display()))));
        }
    }
    all
}
