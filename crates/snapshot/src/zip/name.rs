//! Turns a unix path into a name that every zip reader takes for the same thing, and back.
//!
//! A zip name is UTF-8 with `/` between components; some readers take `\` for a separator too, strip or refuse control
//! characters, and follow `..`. What is none of their business is written as `%` and two upper-case hex digits per byte:
//!
//! - bytes that are not part of UTF-8, `\`, control characters (U+0000–1F, U+7F–9F);
//! - `/` at the start, at the end or next to another one, and the dots of a component `.` or `..`
//!   (a walk of a folder yields none of these; here they must do no harm either);
//! - `%` itself, only where two upper-case hex digits follow it, so that `100 % sure.txt` keeps its name.
//!
//! The hazard is two files that end up with one name: [`unescape_name`] gives back the exact bytes for every input, so
//! different paths stay different.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The name in the zip for a path of raw bytes; borrowed where nothing had to be escaped.
#[must_use]
pub fn escape_name(path: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(path) {
        Ok(text) if is_plain(text) => Cow::Borrowed(text),
        _ => Cow::Owned(escaped(path)),
    }
}

/// The path of raw bytes for a name made by [`escape_name`].
#[must_use]
pub fn unescape_name(name: &str) -> Vec<u8> {
    let mut path = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escape = (first == b'%').then(|| escaped_byte(tail)).flatten();
        path.push(escape.unwrap_or(first));
        rest = match escape {
            Some(_) => tail.get(2..).unwrap_or_default(),
            None => tail,
        };
    }
    path
}

/// The name of an entry; a folder's ends in a slash.
pub(super) fn zip_name(path: &[u8], is_folder: bool) -> String {
    let mut name = escape_name(path).into_owned();
    if is_folder {
        name.push('/');
    }
    name
}

/// Whether a name stands for another one.
pub(super) fn is_escaped(name: &str) -> bool {
    name.contains('%') && unescape_name(name) != name.as_bytes()
}

fn is_plain(text: &str) -> bool {
    let harmless = |c: char| !c.is_control() && c != '\\' && c != '%';
    text.chars().all(harmless) && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn escaped(path: &[u8]) -> String {
    let mut name = String::with_capacity(path.len() + 8);
    let mut before: Option<&[u8]> = None;
    for part in path.split(|&byte| byte == b'/') {
        if let Some(before) = before {
            let separates = !before.is_empty() && !part.is_empty();
            name.push_str(if separates { "/" } else { "%2F" });
        }
        escape_part(part, &mut name);
        before = Some(part);
    }
    name
}

fn escape_part(part: &[u8], name: &mut String) {
    if matches!(part, b"." | b"..") {
        return escape_bytes(part, name);
    }
    for chunk in part.utf8_chunks() {
        escape_text(chunk.valid(), name);
        escape_bytes(chunk.invalid(), name);
    }
}

fn escape_text(text: &str, name: &mut String) {
    for (at, c) in text.char_indices() {
        let after = text.as_bytes().get(at + 1..).unwrap_or_default();
        let ambiguous = c == '%' && escaped_byte(after).is_some();
        if ambiguous || c.is_control() || c == '\\' {
            escape_bytes(c.encode_utf8(&mut [0; 4]).as_bytes(), name);
        } else {
            name.push(c);
        }
    }
}

fn escape_bytes(bytes: &[u8], name: &mut String) {
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(name, "%{byte:02X}");
    }
}

/// The byte that two upper-case hex digits at the start of `text` stand for.
fn escaped_byte(text: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    Some(digit(text.first()?)? << 4 | digit(text.get(1)?)?)
}
