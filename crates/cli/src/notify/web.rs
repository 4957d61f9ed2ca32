//! Messages to servers on the web. Addresses are secrets: of one, nothing but the host is ever told.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use lifeboat_snapshot::path::escape;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, http::Response};

use super::event::Event;
use super::secret::{fetch, without};
use super::send::Refusal;
use crate::config::notify::{Ping, Target, Webhook, check_url};
use crate::failure::{one_line, system_words};

/// Bytes of an answer that are read.
const ANSWER: u64 = 200;

/// What is told to a server that notices silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beat {
    Start,
    Success,
    Fail,
}

/// Sends an event.
pub(crate) fn webhook(webhook: &Webhook, event: &Event, time: Duration) -> Result<(), Refusal> {
    let url = address(&webhook.target, time)?;
    let token = webhook.token.as_ref();
    let token = token.map(|token| fetch(token, time)).transpose();
    let token = token.map_err(Refusal::later)?;
    let agent = agent(&webhook.target, time)?;
    let mut request = agent.post(&url).content_type(&webhook.content_type);
    for (name, value) in &webhook.headers {
        request = request.header(name, value);
    }
    if let Some(token) = &token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let answer = request.send(webhook.body.fill(event));
    let secrets = [secrets_of(&url), token.into_iter().collect()].concat();
    judge(answer, &url, &secrets)
}

/// Tells how a backup stands.
pub(crate) fn ping(ping: &Ping, beat: Beat, report: &str, time: Duration) -> Result<(), Refusal> {
    let ending = match beat {
        Beat::Start => ping.start.as_deref().unwrap_or_default(),
        Beat::Success => &ping.success,
        Beat::Fail => &ping.fail,
    };
    let url = with_ending(&address(&ping.target, time)?, ending);
    let agent = agent(&ping.target, time)?;
    let answer = agent
        .post(&url)
        .content_type("text/plain; charset=utf-8")
        .send(report);
    judge(answer, &url, &secrets_of(&url))
}

/// The address with an ending: behind its path, or as its question.
fn with_ending(url: &str, ending: &str) -> String {
    match ending.starts_with('?') {
        true => format!("{}{ending}", url.split('?').next().unwrap_or(url)),
        false => match url.split_once('?') {
            Some((path, question)) => {
                format!("{}{ending}?{question}", path.trim_end_matches('/'))
            }
            None if ending.is_empty() => url.to_owned(),
            None => format!("{}{ending}", url.trim_end_matches('/')),
        },
    }
}

fn address(target: &Target, time: Duration) -> Result<String, Refusal> {
    let url = fetch(&target.url, time).map_err(Refusal::later)?;
    check_url(&url).map_err(Refusal::later)?;
    Ok(url)
}

fn agent(target: &Target, time: Duration) -> Result<Agent, Refusal> {
    let mut tls = TlsConfig::builder();
    if let Some(file) = &target.ca_file {
        tls = tls.root_certs(certificates(file).map_err(Refusal::later)?);
    }
    let config = Agent::config_builder()
        .timeout_global(Some(time))
        // A redirect makes a question of a message, and would look as if it had arrived.
        .max_redirects(0)
        .http_status_as_error(false)
        .max_response_header_size(16 << 10)
        .user_agent(concat!("lifeboat/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls.build())
        .build();
    Ok(config.into())
}

fn certificates(file: &Path) -> Result<RootCerts, String> {
    let cannot =
        |error: io::Error| format!("cannot read {}: {}", file.display(), system_words(&error));
    let pem = fs::read(file).map_err(cannot)?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    match certificates.is_empty() {
        true => Err(format!("{} holds no certificate", file.display())),
        false => Ok(RootCerts::new_with_certs(&certificates)),
    }
}

fn judge(
    answer: Result<Response<Body>, ureq::Error>,
    url: &str,
    secrets: &[String],
) -> Result<(), Refusal> {
    let host = host(url);
    let mut answer = answer.map_err(|error| {
        let why = without(&told(&error), secrets);
        Refusal::later(format!("{host} cannot be reached: {why}"))
    })?;
    let status = answer.status();
    let code = status.as_u16();
    if status.is_success() {
        return Ok(());
    }
    if status.is_redirection() {
        let why = format!("{host} sends elsewhere ({code}): use the address that it sends to");
        return Err(Refusal::lasting(why));
    }
    let mut said = Vec::new();
    // What cannot be read is not told.
    let _ = answer
        .body_mut()
        .as_reader()
        .take(ANSWER)
        .read_to_end(&mut said);
    let said = without(&one_line(&String::from_utf8_lossy(&said)), secrets);
    let why = match said.is_empty() {
        true => format!("{host} answers with {code}"),
        false => format!("{host} answers with {code}: {}", escape(said.as_bytes())),
    };
    let is_passing = status.is_server_error() || matches!(code, 408 | 425 | 429);
    Err(if is_passing {
        Refusal::later(why)
    } else {
        Refusal::lasting(why)
    })
}

/// In words, and never with the address.
fn told(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => system_words(error),
        ureq::Error::Timeout(_) => "it takes too long".to_owned(),
        ureq::Error::HostNotFound => "there is no host of this name".to_owned(),
        ureq::Error::ConnectionFailed => "no connection".to_owned(),
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => {
            "what it answers is no HTTP".to_owned()
        }
        ureq::Error::Tls(why) => format!("TLS: {why}"),
        ureq::Error::Rustls(why) => format!("TLS: {why}"),
        ureq::Error::InvalidProxyUrl | ureq::Error::ConnectProxyFailed(_) => {
            "the proxy that the environment names is of no use".to_owned()
        }
        _ => "the message could not be sent".to_owned(),
    }
}

/// The host of an address, which may be told.
pub(crate) fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // What stands before an @ is a password.
    let host = host.rsplit('@').next().unwrap_or_default();
    escape(host.as_bytes())
}

/// The parts of an address that may be secrets.
fn secrets_of(url: &str) -> Vec<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let parts = rest.split(['/', '?', '#', '&', '=', '@']).skip(1);
    let mut all: Vec<String> = parts.map(str::to_owned).collect();
    all.push(url.to_owned());
    all.sort_by_key(|part| std::cmp::Reverse(part.len()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_only_the_host_is_told() {
        for (url, told) in [
            (
                "https://hooks.example.com/T0/B1/secret",
                "hooks.example.com",
            ),
            ("http://user:pass@10.0.0.1:8080/x?y=z", "10.0.0.1:8080"),
            ("https://example.com?token=x", "example.com"),
        ] {
            assert_eq!(host(url), told);
        }
    }

    #[test]
    fn endings_stand_where_servers_expect_them() {
        assert_eq!(with_ending("https://h/id", "/fail"), "https://h/id/fail");
        assert_eq!(with_ending("https://h/id/", "/start"), "https://h/id/start");
        assert_eq!(with_ending("https://h/id", ""), "https://h/id");
        assert_eq!(
            with_ending("https://h/id?a=1", "/fail"),
            "https://h/id/fail?a=1"
        );
        assert_eq!(
            with_ending("https://h/p?status=up", "?status=down"),
            "https://h/p?status=down"
        );
    }
}
