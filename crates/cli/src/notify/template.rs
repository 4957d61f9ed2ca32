//! Texts with places for facts, as in `{"text": "{{title}}"}`: what is put in is escaped as the text's kind demands, so that no
//! file name can become a part of the message's structure.

use serde::de::IgnoredAny;

use super::event::Event;

/// What a webhook sends where nothing is said of it.
const USUAL: &str = r#"{"topic":"{{topic}}","title":"{{title}}","text":"{{text}}","time":"{{time}}","host":"{{host}}","repository":"{{repository}}","sources":"{{sources}}","snapshot":"{{snapshot}}","exit_code":{{exit_code}},"error":"{{error}}","bytes":{{bytes}}}"#;

/// How facts are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    Json,
    Form,
    Plain,
}

/// A text with places for facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
    escape: Escape,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Fact(Fact),
}

/// A fact of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fact {
    Topic,
    Title,
    Text,
    Time,
    Host,
    Repository,
    Sources,
    Snapshot,
    ExitCode,
    Error,
    Bytes,
}

/// By their names.
const FACTS: [(&str, Fact); 11] = [
    ("topic", Fact::Topic),
    ("title", Fact::Title),
    ("text", Fact::Text),
    ("time", Fact::Time),
    ("host", Fact::Host),
    ("repository", Fact::Repository),
    ("sources", Fact::Sources),
    ("snapshot", Fact::Snapshot),
    ("exit_code", Fact::ExitCode),
    ("error", Fact::Error),
    ("bytes", Fact::Bytes),
];

impl Template {
    /// A text of this content type, else the usual one.
    pub(crate) fn parse(text: Option<&str>, content_type: &str) -> Result<Self, String> {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let escape = match kind {
            "application/x-www-form-urlencoded" => Escape::Form,
            kind if kind == "application/json" || kind.ends_with("+json") => Escape::Json,
            _ => Escape::Plain,
        };
        let usual = match escape {
            Escape::Json => USUAL,
            Escape::Form => "topic={{topic}}&title={{title}}&text={{text}}",
            Escape::Plain => "{{title}}\n\n{{text}}\n",
        };
        let pieces = pieces(text.unwrap_or(usual))?;
        let template = Self { pieces, escape };
        match escape == Escape::Json && !template.is_json() {
            true => Err("the body is no JSON once its places are filled".to_owned()),
            false => Ok(template),
        }
    }

    /// With the facts of an event.
    pub(crate) fn fill(&self, event: &Event) -> String {
        let of = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Fact(fact) => self.escape.of(&fact.of(event)),
        };
        self.pieces.iter().map(of).collect()
    }

    /// A fact is a number where it is one, and else a text without quotes.
    fn is_json(&self) -> bool {
        let mut filled = String::new();
        for piece in &self.pieces {
            filled.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Fact(Fact::ExitCode | Fact::Bytes) => "1",
                Piece::Fact(_) => "x",
            });
        }
        serde_json::from_str::<IgnoredAny>(&filled).is_ok()
    }
}

/// A word of a command, with the facts of an event as they are: it is no shell that gets it.
pub(crate) fn fill_word(word: &str, event: &Event) -> String {
    match pieces(word) {
        Ok(pieces) => Template {
            pieces,
            escape: Escape::Plain,
        }
        .fill(event),
        Err(_) => word.to_owned(),
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        let (name, behind) = behind
            .split_once("}}")
            .ok_or("a place that begins with {{ has no }}")?;
        let fact = FACTS.iter().find(|(known, _)| *known == name.trim());
        let names = || FACTS.map(|(name, _)| name).join(", ");
        let (_, fact) = fact.ok_or_else(|| format!("no fact is called '{name}': {}", names()))?;
        pieces.push(Piece::Text(before.to_owned()));
        pieces.push(Piece::Fact(*fact));
        rest = behind;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

impl Fact {
    fn of(self, event: &Event) -> String {
        match self {
            Self::Topic => event.topic.word().to_owned(),
            Self::Title => event.title.clone(),
            Self::Text => event.text.clone(),
            Self::Time => event.time.to_rfc3339(),
            Self::Host => event.host.clone(),
            Self::Repository => event.repository.clone(),
            Self::Sources => event.sources.join(", "),
            Self::Snapshot => event.snapshot.clone().unwrap_or_default(),
            Self::ExitCode => event.exit_code.to_string(),
            Self::Error => event.error.clone().unwrap_or_default(),
            Self::Bytes => event.bytes.to_string(),
        }
    }
}

impl Escape {
    fn of(self, text: &str) -> String {
        match self {
            Self::Json => {
                let quoted = serde_json::to_string(text).unwrap_or_default();
                let inner = quoted
                    .strip_prefix('"')
                    .and_then(|text| text.strip_suffix('"'));
                inner.unwrap_or_default().to_owned()
            }
            Self::Form => text.bytes().map(form_byte).collect(),
            Self::Plain => text.to_owned(),
        }
    }
}

fn form_byte(byte: u8) -> String {
    match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    }
}

#[cfg(test)]
mod tests;
