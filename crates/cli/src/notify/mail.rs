//! Messages by mail.

use std::error::Error;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};

use super::event::Event;
use super::secret::{fetch, without};
use super::send::Refusal;
use crate::config::notify::{Mail, Security};
use crate::failure::{one_line, system_words};

/// Sends an event, under a name that stays when it is sent again.
pub(crate) fn send(mail: &Mail, event: &Event, time: Duration) -> Result<(), Refusal> {
    let password = mail.password.as_ref();
    let password = password.map(|password| fetch(password, time)).transpose();
    let password = password.map_err(Refusal::later)?;
    let message = message(mail, event).map_err(Refusal::lasting)?;
    let transport = transport(mail, password.as_deref(), time).map_err(Refusal::later)?;
    let sent = transport.send(&message);
    sent.map(drop).map_err(|error| {
        let why = without(&told(&error), &secrets(mail, password.as_deref()));
        let why = format!("{} does not take the mail: {why}", mail.server);
        match error.is_permanent() {
            true => Refusal::lasting(why),
            false => Refusal::later(why),
        }
    })
}

/// The password as it is, and as it goes over the wire: a server may say again what it was told.
fn secrets(mail: &Mail, password: Option<&str>) -> Vec<String> {
    let Some(password) = password else {
        return Vec::new();
    };
    let user = mail.user.as_deref().unwrap_or_default();
    let plain = BASE64.encode(format!("\0{user}\0{password}").as_bytes());
    let login = BASE64.encode(password.as_bytes());
    vec![plain, login, password.to_owned()]
}

fn message(mail: &Mail, event: &Event) -> Result<Message, String> {
    let domain = mail.from.email.domain();
    let time = event.time.timestamp_micros();
    // The same however often it is sent, and another one for another message of the same moment.
    let mut hasher = DefaultHasher::new();
    (&event.title, &event.text).hash(&mut hasher);
    let id = format!("<lifeboat.{time}.{:x}@{domain}>", hasher.finish());
    let mut message = Message::builder()
        .from(mail.from.clone())
        .subject(one_line(&event.title))
        .date(SystemTime::from(event.time))
        .message_id(Some(id))
        .header(ContentType::TEXT_PLAIN)
        // Nobody's holiday notice is to come back.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    for to in &mail.to {
        message = message.to(to.clone());
    }
    let text = event.text.replace('\n', "\r\n");
    let cannot = |_| "the mail cannot be written".to_owned();
    message.body(text).map_err(cannot)
}

/// Each step may take the time that the whole may take: whoever waits for it waits no longer than for the whole.
fn transport(mail: &Mail, password: Option<&str>, time: Duration) -> Result<SmtpTransport, String> {
    let tls = match mail.security {
        Security::None => Tls::None,
        Security::Starttls => Tls::Required(trust(mail)?),
        Security::Tls => Tls::Wrapper(trust(mail)?),
    };
    let mut builder = SmtpTransport::builder_dangerous(&mail.server)
        .port(mail.port)
        .tls(tls)
        .timeout(Some(time));
    if let (Some(user), Some(password)) = (&mail.user, password) {
        builder = builder.credentials(Credentials::new(user.clone(), password.to_owned()));
    }
    Ok(builder.build())
}

/// Whose certificates are believed.
fn trust(mail: &Mail) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(mail.server.clone());
    if let Some(file) = &mail.ca_file {
        let cannot =
            |error: io::Error| format!("cannot read {}: {}", file.display(), system_words(&error));
        let pem = fs::read(file).map_err(cannot)?;
        let certificate = Certificate::from_pem(&pem);
        let none = |_| format!("{} holds no certificate", file.display());
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificate.map_err(none)?);
    }
    builder.build().map_err(|error| told(&error))
}

/// The error with its causes, in one line.
fn told(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = match error.downcast_ref::<io::Error>() {
            Some(error) => system_words(error),
            None => error.to_string(),
        };
        match texts.last() {
            Some(last) if last.contains(&text) => {}
            _ => texts.push(text),
        }
        next = error.source();
    }
    let text = one_line(&texts.join(": "));
    let end = text.floor_char_boundary(300);
    text.get(..end).unwrap_or_default().to_owned()
}
