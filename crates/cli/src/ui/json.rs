//! JSON as it is printed: what reads it may be a program, and what shows it a terminal.
//!
//! JSON escapes C0 controls and leaves the others as they are: C1, which terminals obey as well, and what turns the
//! direction of text. Outside its strings there is none of them, so they can be escaped in the finished text.

use lifeboat_snapshot::path::is_plain;
use serde::Serialize;

use crate::failure::Failure;

/// The value in one line.
pub(crate) fn line(value: &impl Serialize) -> Result<String, Failure> {
    finished(serde_json::to_string(value))
}

/// The value over several lines.
pub(crate) fn pretty(value: &impl Serialize) -> Result<String, Failure> {
    finished(serde_json::to_string_pretty(value))
}

fn finished(text: serde_json::Result<String>) -> Result<String, Failure> {
    text.map(printable)
        .map_err(|error| Failure::io("cannot write the answer as JSON", &error.into()))
}

/// The same value, in characters that drive no terminal.
fn printable(text: String) -> String {
    let is_safe = |character: char| character == '\n' || is_plain(character);
    if text.chars().all(is_safe) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        if is_safe(character) {
            safe.push(character);
            continue;
        }
        let mut units = [0; 2];
        for unit in character.encode_utf16(&mut units) {
            safe.push_str(&format!("\\u{unit:04x}"));
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_35_no_character_drives_a_terminal_and_the_value_stays() {
        let text = "a\u{9b}31m\u{202e}b\u{7f}\u{2028}\u{e0041}Müller\n\u{1b}[2J";
        let line = line(&[text]).unwrap();
        assert!(line.chars().all(is_plain), "{line}");
        assert!(line.contains("Müller"));
        assert_eq!(serde_json::from_str::<[String; 1]>(&line).unwrap(), [text]);
        assert!(pretty(&[text]).unwrap().contains("\n"));
    }
}
