//! Putting a constant in the place of what differs from run to run: ids, times, durations, sizes that depend on inodes, and
//! the machine's name. What is left must be the same everywhere.

use serde_json::Value;

use crate::support::Workbench;

/// A text of the program without what differs.
pub(super) fn text(bench: &Workbench, text: &str) -> String {
    let folder = bench.folder().display().to_string();
    let text = text.replace(&folder, "BENCH").replace("just now", "AGE");
    let lines = text.lines().map(|line| redact_line(line) + "\n");
    lines.collect()
}

/// Words, with runs of blanks made two: columns are as wide as what stands in them.
fn redact_line(line: &str) -> String {
    let indent = line.len() - line.trim_start().len();
    let mut parts: Vec<String> = line
        .trim()
        .split("  ")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(redact_part)
        .collect();
    parts.insert(0, " ".repeat(indent.min(2)));
    let line = parts.remove(0) + &parts.join("  ");
    // Told only where it took long enough to be felt.
    let line = line.replace("; writers held up for TOOK", "");
    line.trim_end().to_owned()
}

fn redact_part(part: &str) -> String {
    let mut words: Vec<String> = part.split(' ').map(redact_word).collect();
    for at in 1..words.len() {
        let unit = words[at].trim_end_matches([',', ')', '.', ';']).to_owned();
        let is_number = words[at - 1].trim_start_matches('(').parse::<f64>().is_ok();
        let constant = match unit.as_str() {
            "B" | "KiB" | "MiB" | "GiB" | "TiB" => "SIZE",
            "ms" | "s" | "min" | "µs" => "TOOK",
            _ => continue,
        };
        if is_number {
            let rest = words[at][unit.len()..].to_owned();
            words[at - 1] = String::new();
            words[at] = constant.to_owned() + &rest;
        }
    }
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

/// An id, a date or a name in a word, without what stands around it.
fn redact_word(word: &str) -> String {
    if let Some((before, rest)) = word.split_once("backup_20") {
        let ending = rest.split_once(".zip").map_or("", |(_, after)| after);
        return format!("{before}backup_TIME.zip{ending}");
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '+' | '.');
    let core = word
        .trim_matches(|c| !is_part(c))
        .trim_end_matches([':', '.']);
    let constant = if is_id(core) {
        "ID"
    } else if is_time(core) {
        "TIME"
    } else if core == host() {
        "HOST"
    } else {
        return word.to_owned();
    };
    word.replacen(core, constant, 1)
}

fn is_id(word: &str) -> bool {
    let is_hex = word.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    // The one that the tests ask for is the same in every run.
    is_hex && matches!(word.len(), 8 | 12 | 32 | 64) && word != "abcd1234"
}

fn is_time(word: &str) -> bool {
    let pattern: String = word
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    pattern.starts_with("0000-00-00") || pattern == "00:00"
}

fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

/// The fields of a value and their types, a line each, of a list the fields of its first item.
pub(super) fn shape(value: &Value) -> String {
    let mut lines = Vec::new();
    add(value, "", &mut lines);
    lines.join("\n") + "\n"
}

fn add(value: &Value, path: &str, lines: &mut Vec<String>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "fraction",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(items) => {
            match items.first() {
                Some(first) => add(first, &format!("{path}[]"), lines),
                None => lines.push(format!("{path}: empty list")),
            }
            return;
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                add(value, &format!("{path}.{name}"), lines);
            }
            return;
        }
    };
    lines.push(format!("{path}: {kind}"));
}
