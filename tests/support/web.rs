//! A server on the web that remembers what it is told, and behaves as well or as badly as a test wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::authority::Authority;

/// How it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Manner {
    /// With this code and text.
    Says(u16, &'static str),
    /// Sends elsewhere.
    SendsTo(String),
    /// Not at all, while the connection stays.
    Hangs,
    /// With what is no HTTP.
    Babbles,
    /// Ends the connection once it was told, or in the middle of its answer.
    HangsUp,
    /// Without end.
    Floods,
}

/// What it was told.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: String,
    pub(crate) body: String,
}

#[derive(Default)]
struct Told {
    requests: Mutex<Vec<Request>>,
    news: Condvar,
}

/// The server.
pub(crate) struct Web {
    address: SocketAddr,
    scheme: &'static str,
    told: Arc<Told>,
    manner: Arc<Mutex<Manner>>,
}

impl Web {
    pub(crate) fn start(manner: Manner) -> Self {
        Self::start_by(manner, None)
    }

    /// With TLS.
    pub(crate) fn start_tls(manner: Manner, authority: &Authority) -> Self {
        Self::start_by(manner, Some(authority.clone()))
    }

    fn start_by(manner: Manner, authority: Option<Authority>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let web = Self {
            address: listener.local_addr().unwrap(),
            scheme: if authority.is_some() { "https" } else { "http" },
            told: Arc::default(),
            manner: Arc::new(Mutex::new(manner)),
        };
        let (told, manner) = (web.told.clone(), web.manner.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (told, manner) = (told.clone(), manner.lock().unwrap().clone());
                let authority = authority.clone();
                thread::spawn(move || match authority {
                    Some(authority) => drop(serve(authority.wrap(stream), &told, &manner)),
                    None => {
                        let end = stream.try_clone().unwrap();
                        let _ = serve(stream, &told, &manner);
                        let _ = end.shutdown(Shutdown::Both);
                    }
                });
            }
        });
        web
    }

    /// The address of a path that begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// Host and port, as messages tell them.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// From now on it answers so.
    pub(crate) fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// All that it was told.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.told.requests.lock().unwrap().clone()
    }

    /// All that it was told, once it was told so much.
    pub(crate) fn requests_from(&self, number: usize) -> Vec<Request> {
        let requests = self.told.requests.lock().unwrap();
        let few = |requests: &mut Vec<Request>| requests.len() < number;
        self.told.news.wait_while(requests, few).unwrap().clone()
    }

    /// The ends of the paths that it was asked for.
    pub(crate) fn paths(&self) -> Vec<String> {
        let requests = self.requests();
        requests.into_iter().map(|request| request.path).collect()
    }
}

fn serve(mut stream: impl Read + Write, told: &Told, manner: &Manner) -> std::io::Result<()> {
    let request = read(&mut stream)?;
    told.requests.lock().unwrap().push(request);
    told.news.notify_all();
    match manner {
        Manner::Says(code, text) => write!(
            stream,
            "HTTP/1.1 {code} Word\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        )?,
        Manner::SendsTo(url) => write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )?,
        // Until the other side has had enough.
        Manner::Hangs => drop(stream.read(&mut [0])),
        Manner::Babbles => stream.write_all(b"\x16\x03 this is no HTTP\r\n\r\n")?,
        Manner::HangsUp => stream.write_all(b"HTTP/1.1 200 O")?,
        Manner::Floods => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nX-Flood: ")?;
            while stream.write_all(&[b'x'; 8192]).is_ok() {}
        }
    }
    stream.flush()
}

fn read(stream: &mut impl Read) -> std::io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let (first, headers) = head.split_once("\r\n").unwrap();
    let len = headers.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_len = name.eq_ignore_ascii_case("content-length");
        is_len.then(|| value.trim().parse::<usize>().unwrap())
    });
    let mut body = vec![0; len.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let mut words = first.split(' ').map(str::to_owned);
    Ok(Request {
        method: words.next().unwrap(),
        path: words.next().unwrap(),
        headers: headers.to_owned(),
        body: String::from_utf8(body).unwrap(),
    })
}

/// An address at which nobody listens.
pub(crate) fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}
