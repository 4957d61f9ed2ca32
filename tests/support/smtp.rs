//! A mail server that keeps what it is given, and behaves as well or as badly as a test wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::authority::Authority;

/// How it treats a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it should.
    Well,
    /// Says nothing, while the connection stays.
    Hangs,
    /// Says what is no SMTP.
    Babbles,
    /// Has no time.
    IsBusy,
    /// Takes no mail for anybody.
    Refuses,
    /// Ends the connection when the mail was told, and does not say whether it was taken.
    HangsUp,
    /// Knows nobody by this password.
    KnowsNobody,
}

/// How it speaks.
#[derive(Clone)]
pub(crate) enum Speech {
    Plain,
    /// TLS when it is asked for.
    Starttls(Authority),
    /// TLS at once.
    Tls(Authority),
}

/// A mail that it was given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
    /// What the client said to be let in, as it said it.
    pub(crate) login: String,
    pub(crate) is_tls: bool,
}

/// The server.
pub(crate) struct Smtp {
    address: SocketAddr,
    mails: Arc<Mutex<Vec<Mail>>>,
    manner: Arc<Mutex<Manner>>,
}

impl Smtp {
    pub(crate) fn start(manner: Manner, speech: Speech) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let smtp = Self {
            address: listener.local_addr().unwrap(),
            mails: Arc::default(),
            manner: Arc::new(Mutex::new(manner)),
        };
        let (mails, manner) = (smtp.mails.clone(), smtp.manner.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (mails, manner) = (mails.clone(), *manner.lock().unwrap());
                let speech = speech.clone();
                thread::spawn(move || welcome(stream, &speech, manner, &mails));
            }
        });
        smtp
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }
}

fn welcome(stream: TcpStream, speech: &Speech, manner: Manner, mails: &Mutex<Vec<Mail>>) {
    let end = stream.try_clone().unwrap();
    match speech {
        Speech::Tls(authority) => {
            let mut talk = Talk::new(authority.wrap(stream), manner, mails, true);
            let _ = talk.greet().and_then(|()| talk.converse(false));
        }
        Speech::Plain => {
            let mut talk = Talk::new(stream, manner, mails, false);
            let _ = talk.greet().and_then(|()| talk.converse(false));
        }
        Speech::Starttls(authority) => {
            let mut talk = Talk::new(stream.try_clone().unwrap(), manner, mails, false);
            let is_asked = talk.greet().and_then(|()| talk.converse(true));
            if let Ok(true) = is_asked {
                let _ = Talk::new(authority.wrap(stream), manner, mails, true).converse(false);
            }
        }
    }
    let _ = end.shutdown(Shutdown::Both);
}

/// A conversation with a client.
struct Talk<'m, S: Read + Write> {
    stream: BufReader<S>,
    manner: Manner,
    mails: &'m Mutex<Vec<Mail>>,
    mail: Mail,
}

impl<'m, S: Read + Write> Talk<'m, S> {
    fn new(stream: S, manner: Manner, mails: &'m Mutex<Vec<Mail>>, is_tls: bool) -> Self {
        let stream = BufReader::new(stream);
        let mail = Mail {
            is_tls,
            ..Mail::default()
        };
        Self {
            stream,
            manner,
            mails,
            mail,
        }
    }

    fn say(&mut self, text: &str) -> std::io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{text}\r\n").as_bytes())?;
        stream.flush()
    }

    fn hear(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    fn greet(&mut self) -> std::io::Result<()> {
        match self.manner {
            Manner::Hangs => self.hear().map(drop),
            Manner::Babbles => self.say("what do you want?"),
            Manner::IsBusy => self.say("421 too busy"),
            _ => self.say("220 sink ready"),
        }
    }

    /// Whether it ended with the wish for TLS.
    fn converse(&mut self, has_starttls: bool) -> std::io::Result<bool> {
        loop {
            let line = self.hear()?;
            let verb = line.split([' ', ':']).next().unwrap().to_uppercase();
            match verb.as_str() {
                "EHLO" if has_starttls => self.say("250-sink\r\n250 STARTTLS")?,
                "EHLO" => self.say("250-sink\r\n250 AUTH PLAIN")?,
                "STARTTLS" => {
                    self.say("220 go ahead")?;
                    return Ok(true);
                }
                "AUTH" if self.manner == Manner::KnowsNobody => {
                    self.say(&format!("535 no: {line}"))?;
                }
                "AUTH" => {
                    self.mail.login = line;
                    self.say("235 welcome")?;
                }
                "MAIL" => {
                    self.mail.from = line;
                    self.say("250 ok")?;
                }
                "RCPT" if self.manner == Manner::Refuses => self.say("550 nobody of this name")?,
                "RCPT" => {
                    self.mail.to.push(line);
                    self.say("250 ok")?;
                }
                "DATA" => self.data()?,
                "QUIT" => return self.say("221 bye").map(|()| false),
                _ => self.say("250 ok")?,
            }
        }
    }

    fn data(&mut self) -> std::io::Result<()> {
        self.say("354 go ahead")?;
        loop {
            let line = self.hear()?;
            if line == "." {
                break;
            }
            self.mail.text.push_str(&line);
            self.mail.text.push('\n');
        }
        if self.manner == Manner::HangsUp {
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
        self.mails.lock().unwrap().push(self.mail.clone());
        self.say("250 taken")
    }
}
