//! A `[notify.mail]`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use lettre::message::Mailbox;
use serde::Deserialize;

use super::many::Named;
use super::secret::Secret;
use crate::config::command::CommandLine;
use crate::notify::Topic;

/// How a mail goes out.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Mail {
    name: Option<String>,
    on: Option<Vec<Topic>>,
    pub(crate) server: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) from: Mailbox,
    pub(crate) to: Vec<Mailbox>,
    /// Certificates to believe instead of those that everybody believes.
    pub(crate) ca_file: Option<PathBuf>,
}

/// How the way to the server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS once the server was asked for it, or nothing is sent.
    Starttls,
    /// Not at all.
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    on: Option<Vec<Topic>>,
    server: String,
    port: Option<u16>,
    security: Option<Security>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    password_command: Option<CommandLine>,
    from: String,
    to: To,
    ca_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum To {
    One(String),
    Many(Vec<String>),
}

impl TryFrom<Written> for Mail {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let (file, command) = (written.password_file, written.password_command);
        let password = Secret::one_of("password", file, command, None)?;
        if password.is_some() != written.user.is_some() {
            return Err("user and password_file or password_command go together".to_owned());
        }
        let security = written
            .security
            .unwrap_or_else(|| usual(&written.server, written.port));
        let to = match written.to {
            To::One(to) => vec![to],
            To::Many(to) if to.is_empty() => return Err("to names nobody".to_owned()),
            To::Many(to) => to,
        };
        Ok(Self {
            name: written.name,
            on: written.on,
            port: written.port.unwrap_or(security.port()),
            server: written.server,
            security,
            user: written.user,
            password,
            from: mailbox(&written.from)?,
            to: to.iter().map(|to| mailbox(to)).collect::<Result<_, _>>()?,
            ca_file: written.ca_file,
        })
    }
}

/// Nothing goes unprotected over a network unless that is asked for by name.
fn usual(server: &str, port: Option<u16>) -> Security {
    let address: Option<IpAddr> = server.parse().ok();
    let is_here = server == "localhost" || address.is_some_and(|address| address.is_loopback());
    match port {
        Some(465) => Security::Tls,
        _ if is_here => Security::None,
        _ => Security::Starttls,
    }
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse()
        .map_err(|_| format!("'{text}' is no address such as ann@example.com"))
}

impl Security {
    const fn port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::Starttls => 587,
            Self::None => 25,
        }
    }
}

impl Mail {
    pub(super) fn anchor(&mut self, folder: &Path) {
        if let Some(file) = &mut self.ca_file {
            *file = folder.join(&*file);
        }
        if let Some(password) = &mut self.password {
            password.anchor(folder);
        }
    }
}

impl Named for Mail {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn on(&self) -> Option<&[Topic]> {
        self.on.as_deref()
    }
}
