//! A `[notify.webhook]` and a `[notify.ping]`: addresses on the web, which are secrets as often as not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::many::Named;
use super::secret::Secret;
use crate::config::command::CommandLine;
use crate::notify::Topic;
use crate::notify::template::Template;

/// Where something is sent.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) url: Secret,
    /// Certificates to believe instead of those that everybody believes.
    pub(crate) ca_file: Option<PathBuf>,
}

/// A message that a server is sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "WrittenWebhook")]
pub(crate) struct Webhook {
    name: Option<String>,
    on: Option<Vec<Topic>>,
    pub(crate) target: Target,
    /// What `Authorization: Bearer` is followed by.
    pub(crate) token: Option<Secret>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) content_type: String,
    pub(crate) body: Template,
}

/// A server that notices silence.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "WrittenPing")]
pub(crate) struct Ping {
    name: Option<String>,
    pub(crate) target: Target,
    /// What the address is followed by at the begin of a backup; `None` where that is not told.
    pub(crate) start: Option<String>,
    pub(crate) success: String,
    pub(crate) fail: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenWebhook {
    name: Option<String>,
    on: Option<Vec<Topic>>,
    url: Option<String>,
    url_file: Option<PathBuf>,
    url_command: Option<CommandLine>,
    token_file: Option<PathBuf>,
    token_command: Option<CommandLine>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    content_type: Option<String>,
    body: Option<String>,
    ca_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPing {
    name: Option<String>,
    url: Option<String>,
    url_file: Option<PathBuf>,
    url_command: Option<CommandLine>,
    start: Option<String>,
    success: Option<String>,
    fail: Option<String>,
    ca_file: Option<PathBuf>,
}

impl TryFrom<WrittenWebhook> for Webhook {
    type Error = String;

    fn try_from(written: WrittenWebhook) -> Result<Self, String> {
        let content_type = written
            .content_type
            .unwrap_or_else(|| "application/json".to_owned());
        let headers = written.headers.iter();
        let mut bad = headers.filter(|(name, value)| name.is_empty() || !is_header(name, value));
        if let Some((name, _)) = bad.next() {
            return Err(format!("the header '{name}' cannot be sent"));
        }
        if !is_header("", &content_type) {
            return Err("this content_type cannot be sent".to_owned());
        }
        let token = Secret::one_of("token", written.token_file, written.token_command, None)?;
        Ok(Self {
            name: written.name,
            on: written.on,
            target: target(
                written.url,
                written.url_file,
                written.url_command,
                written.ca_file,
            )?,
            token,
            headers: written.headers,
            body: Template::parse(written.body.as_deref(), &content_type)?,
            content_type,
        })
    }
}

impl TryFrom<WrittenPing> for Ping {
    type Error = String;

    fn try_from(written: WrittenPing) -> Result<Self, String> {
        let start = written.start.unwrap_or_else(|| "/start".to_owned());
        Ok(Self {
            name: written.name,
            target: target(
                written.url,
                written.url_file,
                written.url_command,
                written.ca_file,
            )?,
            start: (!start.is_empty()).then_some(start),
            success: written.success.unwrap_or_default(),
            fail: written.fail.unwrap_or_else(|| "/fail".to_owned()),
        })
    }
}

fn target(
    url: Option<String>,
    file: Option<PathBuf>,
    command: Option<CommandLine>,
    ca_file: Option<PathBuf>,
) -> Result<Target, String> {
    if let Some(url) = &url {
        check_url(url)?;
    }
    let url = Secret::one_of("url", file, command, url)?;
    let url = url.ok_or("url_file, url_command or url is needed")?;
    Ok(Target { url, ca_file })
}

/// Whether an address can be used at all. What it says is nobody's business, so it is not repeated.
pub(crate) fn check_url(url: &str) -> Result<(), String> {
    let is_one = ["http://", "https://"].iter().any(|scheme| {
        let rest = url.strip_prefix(scheme);
        rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
    });
    match is_one && url.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(()),
        false => Err("an address such as https://example.com/path is needed".to_owned()),
    }
}

/// Whether it is a header that can be sent; no name stands for a value alone.
fn is_header(name: &str, value: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.bytes().all(is_token) && value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

impl Target {
    pub(super) fn anchor(&mut self, folder: &Path) {
        self.url.anchor(folder);
        if let Some(file) = &mut self.ca_file {
            *file = folder.join(&*file);
        }
    }
}

impl Webhook {
    pub(super) fn anchor(&mut self, folder: &Path) {
        self.target.anchor(folder);
        if let Some(token) = &mut self.token {
            token.anchor(folder);
        }
    }
}

impl Named for Webhook {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn on(&self) -> Option<&[Topic]> {
        self.on.as_deref()
    }
}

impl Named for Ping {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn on(&self) -> Option<&[Topic]> {
        None
    }
}
