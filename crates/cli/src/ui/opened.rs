//! What opening restored databases showed, and what it means for the end of the run.

use lifeboat_snapshot::Opened;
use lifeboat_snapshot::path::escape;
use lifeboat_snapshot::sqlite::Checked;
use serde_json::{Map, Value, json};

use super::{databases, facts as paths};
use crate::exit::Exit;

/// The facts for programs.
pub(crate) fn facts(database: &Opened) -> Map<String, Value> {
    let mut object = paths::with_local_path("path", &database.path);
    object.extend(paths::object(json!({
        "check": paths::check_word(&database.check),
        "findings": database.check.findings(),
        "differences": database.differences,
        "row_counts": database.facts.as_ref().map(|facts| &facts.row_counts),
    })));
    object
}

/// One line for each database.
pub(crate) fn lines(databases: &[Opened]) -> Vec<String> {
    databases.iter().map(line).collect()
}

fn line(database: &Opened) -> String {
    let path = paths::shown(&database.path);
    let findings = database.check.findings();
    let finding = findings.first().map_or("", String::as_str);
    let finding = escape(finding.as_bytes());
    match (database.differences.first(), &database.check) {
        (Some(difference), _) => format!("  WRONG    {path}: {}", escape(difference.as_bytes())),
        (None, Checked::Damaged(_)) => {
            format!("  DAMAGED  {path}: it was so when it was backed up: {finding}")
        }
        (None, Checked::Unable(_)) => format!("  opened   {path}: cannot be checked: {finding}"),
        (None, Checked::Ok | Checked::NotDone) => {
            let contents = database.facts.as_ref().map(databases::contents);
            format!("  ok       {path}: {}", contents.unwrap_or_default())
        }
    }
}

/// How the run ends: damage where a database is not what was backed up, partial where it was damaged then.
pub(crate) fn exit_of(databases: &[Opened]) -> Exit {
    if databases.iter().any(Opened::is_wrong) {
        return Exit::Damage;
    }
    match databases.iter().any(Opened::was_damaged) {
        true => Exit::Partial,
        false => Exit::Done,
    }
}
