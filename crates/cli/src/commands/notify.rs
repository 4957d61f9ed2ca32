//! `lifeboat notify`: whether messages arrive, and those that wait.

use serde_json::{Value, json};

use crate::commands::status::notice;
use crate::config::notify::Channel;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::notify;
use crate::ui::table::{Cell, Table};
use crate::ui::{paint, words};

/// Try the ways by which somebody is told
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Send a test by every way, and tell which worked: exits with 1 where one did not
    ///
    /// A ping is told that all is well, as after a good backup.
    Test {
        /// Only by the way of this name
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Look whether a source grew old or space runs low, tell it, and send what waits and is due
    ///
    /// What the daemon does every five minutes; for cron where there is none.
    Look,
    /// Send the messages that wait because they could not be sent before
    Retry,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let place = context.place()?;
    if config.notify.channels().is_empty() {
        return Err(nobody(&config));
    }
    match &args.what {
        What::Test { name } => {
            let sent = notify::test(&config, &place.path, name.as_deref());
            match (name, sent.is_empty()) {
                (Some(name), true) => Err(unknown(&config, name)),
                _ => tell(&sent, context),
            }
        }
        What::Look => {
            // The look may find a disk that does not answer, and never come back.
            let _ = notify::retry(&config, &place.path, false);
            look(context)
        }
        What::Retry => {
            let sent = notify::retry(&config, &place.path, true).unwrap_or_default();
            let gone = sent.iter().filter(|sent| sent.error.is_none()).count();
            tell_retried(gone, notify::waiting(&place.path), &sent, context)
        }
    }
}

/// Where there is no repository any more, nobody else may come so far as to tell.
fn look(context: &Context) -> Result<Exit, Failure> {
    let looked = notice::look(context);
    if let Err(failure) = &looked {
        notify::unlooked(context, failure);
    }
    looked
}

fn nobody(config: &crate::config::Config) -> Failure {
    let failure = Failure::usage("there is nobody to tell");
    match &config.file {
        Some(file) => failure.because(format!(
            "{} has no [notify.mail], [notify.webhook], [notify.ping] or [notify.desktop]",
            file.display()
        )),
        None => failure.because("there is no lifeboat.toml from here upwards"),
    }
    .hint("lifeboat help config shows the keys")
}

fn unknown(config: &crate::config::Config, name: &str) -> Failure {
    let names = config.notify.channels().into_iter();
    let names: Vec<String> = names.map(|channel| channel.name).collect();
    Failure::usage(format!("no way is called {name}"))
        .because(format!("the config has {}", names.join(", ")))
}

fn tell(sent: &[(Channel, Option<String>)], context: &Context) -> Result<Exit, Failure> {
    if context.ui.is_json() {
        let item = |(channel, error): &(Channel, Option<String>)| {
            json!({
                "name": channel.name,
                "way": channel.way.word(),
                "sent": error.is_none(),
                "error": error,
            })
        };
        let channels: Vec<Value> = sent.iter().map(item).collect();
        context.ui.document(&json!({ "channels": channels }))?;
    } else {
        let mut table = Table::new();
        for (channel, error) in sent {
            let (style, word) = match error {
                None => (paint::GOOD, "sent"),
                Some(_) => (paint::BAD, "failed"),
            };
            table.row([
                Cell::new(channel.name.clone()),
                Cell::new(word).styled(style),
                Cell::new(error.clone().unwrap_or_default()),
            ]);
        }
        context.ui.table(&table)?;
    }
    Ok(match sent.iter().all(|(_, error)| error.is_none()) {
        true => Exit::Done,
        false => Exit::Failed,
    })
}

fn tell_retried(
    gone: usize,
    waiting: usize,
    sent: &[notify::Sent],
    context: &Context,
) -> Result<Exit, Failure> {
    let errors: Vec<Value> = sent
        .iter()
        .filter_map(|sent| Some(json!({ "name": sent.channel, "error": sent.error.as_ref()? })))
        .collect();
    if context.ui.is_json() {
        let document = json!({ "sent": gone, "waiting": waiting, "errors": errors });
        context.ui.document(&document)?;
    } else {
        let sent_words = words::counted(gone as u64, "message", "messages");
        context
            .ui
            .line(format!("{sent_words} sent, {waiting} waiting"))?;
        for sent in sent {
            if let Some(error) = &sent.error {
                context.ui.line(format!("{}: {error}", sent.channel))?;
            }
        }
    }
    Ok(match waiting {
        0 => Exit::Done,
        _ => Exit::Failed,
    })
}
