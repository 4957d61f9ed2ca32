//! The files for service managers: those in the docs are those that are written, and their readers accept them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::bench;

/// In `docs/units`, and what writes it.
const UNITS: [(&str, &[&str], &str); 5] = [
    ("lifeboat.service", &["--as", "systemd"], "lifeboat.service"),
    (
        "user/lifeboat.service",
        &["--as", "systemd", "--user"],
        "lifeboat.service",
    ),
    (
        "lifeboat-backup.service",
        &["--as", "timer"],
        "lifeboat-backup.service",
    ),
    (
        "lifeboat-backup.timer",
        &["--as", "timer"],
        "lifeboat-backup.timer",
    ),
    (
        "lifeboat.daemon.plist",
        &["--as", "launchd"],
        "lifeboat.daemon.plist",
    ),
];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/units")
}

#[test]
fn the_units_of_the_docs_are_those_that_are_written() {
    let bench = bench("");
    let config = bench.path("lifeboat.toml");
    let place = bench.place();
    let arguments = [config.to_str().unwrap(), "--repo", place.to_str().unwrap()];
    for (path, flags, _) in UNITS {
        let documented = fs::read_to_string(docs().join(path)).unwrap();
        // As the program finds itself.
        let program = fs::canonicalize(env!("CARGO_BIN_EXE_lifeboat")).unwrap();
        let program = program.to_str().unwrap();
        let filled = documented.replace("/usr/local/bin/lifeboat", program);
        let filled = match path.ends_with(".plist") {
            true => filled.replace(
                "/etc/lifeboat.toml",
                &arguments.join("</string>\n    <string>"),
            ),
            false => filled.replace("/etc/lifeboat.toml", &arguments.join(" ")),
        };
        let args = [&["daemon", "install", "--dry-run"], flags].concat();
        let shown = bench.lifeboat(&args).exits(0).text();
        assert!(shown.contains(&filled), "{path}: {shown}\n{filled}");
    }
}

#[test]
fn units_are_written_where_they_are_looked_for_and_nobodys_own_is_replaced() {
    let bench = bench("");
    let install = ["daemon", "install", "--as", "systemd", "--user"];
    let told = bench.lifeboat(&install).exits(0).text();
    let path = bench.path("home/.config/systemd/user/lifeboat.service");
    let written = fs::read_to_string(&path).unwrap();
    assert!(
        told.contains(path.to_str().unwrap()) && told.contains("systemctl --user"),
        "{told}"
    );
    bench.lifeboat(&install).exits(0);
    fs::write(&path, "mine").unwrap();
    bench
        .lifeboat(&install)
        .exits(8)
        .complains(&["is there already", "--force"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    bench
        .lifeboat(&[&install[..], &["--force"]].concat())
        .exits(0);
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
}

#[test]
fn systemd_accepts_the_units() {
    let bench = bench("");
    // One accepts a service only beside what it names, so all are written first; a user's have a folder of their own.
    let units = UNITS.iter().filter(|(path, ..)| !path.ends_with(".plist"));
    let units: Vec<PathBuf> = units.map(|(path, ..)| bench.path(path)).collect();
    fs::create_dir(bench.path("user")).unwrap();
    for unit in &units {
        let path = unit.strip_prefix(bench.folder()).unwrap();
        let text = fs::read_to_string(docs().join(path)).unwrap();
        // The program must be there for it to be content.
        let text = text.replace("/usr/local/bin/lifeboat", env!("CARGO_BIN_EXE_lifeboat"));
        fs::write(unit, text).unwrap();
    }
    for unit in &units {
        let is_users = unit.starts_with(bench.path("user"));
        let mut command = Command::new("systemd-analyze");
        command
            .args(is_users.then_some("--user"))
            .arg("verify")
            .arg(unit)
            .env("XDG_RUNTIME_DIR", bench.folder());
        let Ok(output) = command.output() else {
            crate::support::outside::without("systemd-analyze");
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        let name = unit.file_name().unwrap().to_str().unwrap();
        assert!(
            output.status.success() && !said.contains(name),
            "{}: {said}",
            unit.display()
        );
    }
}
