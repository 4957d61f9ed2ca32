//! The files by which a service manager keeps the daemon running: those of `docs/units`, with this program and this config.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::ui::words::quoted;

const SERVICE: &str = include_str!("units/lifeboat.service");
const USER_SERVICE: &str = include_str!("units/user.service");
const BACKUP: &str = include_str!("units/lifeboat-backup.service");
const TIMER: &str = include_str!("units/lifeboat-backup.timer");
const LAUNCHD: &str = include_str!("units/lifeboat.daemon.plist");

/// What stands in the files for the program and its arguments.
const EXAMPLE: [&str; 2] = [
    "/usr/local/bin/lifeboat daemon --config /etc/lifeboat.toml",
    "/usr/local/bin/lifeboat backup --no-create --config /etc/lifeboat.toml",
];

/// The same of launchd, which has one on each line.
const LISTED: &str = "    <string>/usr/local/bin/lifeboat</string>\n    <string>daemon</string>\n    \
                      <string>--config</string>\n    <string>/etc/lifeboat.toml</string>\n";

/// The managers let everybody look at them.
const MODE: u32 = 0o644;

/// Who keeps the daemon running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Manager {
    /// systemd, as a service that is always there
    Systemd,
    /// systemd, as a timer that backs up every four hours, without the daemon
    Timer,
    /// launchd of macOS
    Launchd,
}

/// What is to be installed.
pub(crate) struct Install {
    /// For this user alone.
    pub(crate) user: bool,
    pub(crate) manager: Option<Manager>,
    /// Only shown.
    pub(crate) dry_run: bool,
    /// Over files that say something else.
    pub(crate) force: bool,
}

/// A file to write.
#[derive(Debug, PartialEq, Eq)]
struct Unit {
    name: &'static str,
    text: String,
}

/// Writes the files, or shows them.
pub(crate) fn install(plan: &Install, context: &Context) -> Result<Exit, Failure> {
    let manager = plan.manager.unwrap_or(Manager::of_this_system());
    let folder = manager.folder(plan.user)?;
    let units = units(manager, plan.user, &arguments(context)?);
    for unit in &units {
        let path = folder.join(unit.name);
        match plan.dry_run {
            true => context
                .ui
                .line(format!("{}:\n\n{}", path.display(), unit.text))?,
            false => put(&path, unit, plan.force)?,
        }
    }
    if !plan.dry_run {
        for unit in &units {
            let path = folder.join(unit.name);
            context.ui.line(format!("wrote {}", path.display()))?;
        }
        context
            .ui
            .line(format!("then: {}", manager.then(plan.user, &folder)))?;
    }
    Ok(Exit::Done)
}

/// This program, and what it is to work by, wherever it is started.
fn arguments(context: &Context) -> Result<Vec<String>, Failure> {
    let config = context.config()?;
    let Some(file) = &config.file else {
        return Err(
            Failure::usage("there is no config for the daemon to work by")
                .because("there is no lifeboat.toml from here upwards")
                .hint("lifeboat init writes one; --config names one that is elsewhere"),
        );
    };
    let program =
        std::env::current_exe().map_err(|error| Failure::io("cannot find this program", &error))?;
    let mut arguments = vec![text(&program)?, "--config".to_owned(), text(file)?];
    let place = context.place()?;
    if config.repo.as_ref() != Some(&place.path) {
        arguments.extend(["--repo".to_owned(), text(&place.path)?]);
    }
    Ok(arguments)
}

fn text(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().filter(|text| !text.contains(['\n', '\r']));
    text.map(str::to_owned).ok_or_else(|| {
        Failure::usage(format!("{} cannot be in such a file", path.display()))
            .because("its name is no text of one line")
            .path(path)
    })
}

/// The files: `arguments` are the program, and what follows the command.
fn units(manager: Manager, user: bool, arguments: &[String]) -> Vec<Unit> {
    let (program, rest) = arguments
        .split_first()
        .map_or(("", &[][..]), |(p, r)| (p, r));
    let line = |command: &[&str]| {
        let words = [program].into_iter().chain(command.iter().copied());
        let words = words.chain(rest.iter().map(String::as_str)).map(escaped);
        words.collect::<Vec<_>>().join(" ")
    };
    let filled = |text: &str| {
        let text = text.replace(EXAMPLE[0], &line(&["daemon"]));
        text.replace(EXAMPLE[1], &line(&["backup", "--no-create"]))
    };
    let unit = |name, text: &str| Unit {
        name,
        text: filled(text),
    };
    match manager {
        Manager::Systemd if user => vec![unit("lifeboat.service", USER_SERVICE)],
        Manager::Systemd => vec![unit("lifeboat.service", SERVICE)],
        Manager::Timer => vec![
            unit("lifeboat-backup.service", BACKUP),
            unit("lifeboat-backup.timer", TIMER),
        ],
        Manager::Launchd => {
            let words = [program, "daemon"].into_iter();
            let words = words.chain(rest.iter().map(String::as_str));
            let listed: String = words
                .map(|word| format!("    <string>{}</string>\n", marked_up(word)))
                .collect();
            let text = LAUNCHD.replace(LISTED, &listed);
            let name = "lifeboat.daemon.plist";
            vec![Unit { name, text }]
        }
    }
}

/// A word of a command line of systemd, which knows quotes, specifiers and variables.
fn escaped(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,@:=".contains(c);
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"");
    let escaped = escaped.replace('%', "%%").replace('$', "$$");
    match word.chars().all(is_plain) && !word.is_empty() {
        true => escaped,
        false => format!("\"{escaped}\""),
    }
}

/// A text within XML.
fn marked_up(word: &str) -> String {
    let word = word.replace('&', "&amp;").replace('<', "&lt;");
    word.replace('>', "&gt;")
}

/// Writes a file whole or not at all. One that says something else is somebody's, and left alone.
fn put(path: &Path, unit: &Unit, force: bool) -> Result<(), Failure> {
    let cannot = |error: io::Error| {
        Failure::io(format!("cannot write {}", path.display()), &error).path(path)
    };
    match fs::read(path) {
        Ok(there) if there == unit.text.as_bytes() => return Ok(()),
        Ok(_) if !force => return Err(taken(path)),
        _ => {}
    }
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(cannot)?;
    files::replace(path, MODE, unit.text.as_bytes()).map_err(cannot)
}

fn taken(path: &Path) -> Failure {
    Failure::new(Exit::Target, format!("{} is there already", path.display()))
        .because(
            "it is not what would be written: somebody has changed it, or another version wrote it",
        )
        .hint("--dry-run shows what would be written, --force writes it")
        .path(path)
}

impl Manager {
    const fn of_this_system() -> Self {
        match cfg!(target_os = "macos") {
            true => Self::Launchd,
            false => Self::Systemd,
        }
    }

    /// Where it looks for them.
    fn folder(self, user: bool) -> Result<PathBuf, Failure> {
        let (system, below_home) = match self {
            Self::Launchd => ("/Library/LaunchDaemons", "Library/LaunchAgents"),
            _ => ("/etc/systemd/system", ".config/systemd/user"),
        };
        if !user {
            return Ok(system.into());
        }
        let configs = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        let configs = configs.filter(|path| path.is_absolute() && self != Self::Launchd);
        let home = std::env::home_dir().filter(|path| path.is_absolute());
        let folder = configs.map(|configs| configs.join("systemd/user"));
        let folder = folder.or_else(|| Some(home?.join(below_home)));
        folder.ok_or_else(|| Failure::usage("there is no home folder to write to"))
    }

    /// What is left to do.
    fn then(self, user: bool, folder: &Path) -> String {
        let systemctl = if user {
            "systemctl --user"
        } else {
            "systemctl"
        };
        let enable = |unit| format!("{systemctl} daemon-reload && {systemctl} enable --now {unit}");
        match self {
            Self::Systemd => enable("lifeboat.service"),
            Self::Timer => enable("lifeboat-backup.timer"),
            Self::Launchd => {
                let path = folder.join("lifeboat.daemon.plist");
                format!("launchctl load -w {}", quoted(&path))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(manager: Manager, user: bool, arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let units = units(manager, user, &arguments);
        units.into_iter().map(|unit| unit.text).collect()
    }

    #[test]
    fn the_example_is_filled_with_the_example() {
        let example = ["/usr/local/bin/lifeboat", "--config", "/etc/lifeboat.toml"];
        assert_eq!(texts(Manager::Systemd, false, &example), [SERVICE]);
        assert_eq!(texts(Manager::Systemd, true, &example), [USER_SERVICE]);
        assert_eq!(texts(Manager::Timer, false, &example), [BACKUP, TIMER]);
        assert_eq!(texts(Manager::Launchd, false, &example), [LAUNCHD]);
    }

    #[test]
    fn paths_that_mean_something_to_a_manager_are_quoted() {
        let odd = [
            "/opt/my app/lifeboat",
            "--config",
            "/srv/100%/$x/\"a\".toml",
        ];
        let service = texts(Manager::Systemd, true, &odd).remove(0);
        let line = "ExecStart=\"/opt/my app/lifeboat\" daemon --config \"/srv/100%%/$$x/\\\"a\\\".toml\"\n";
        assert!(service.contains(line), "{service}");
        let plist = texts(Manager::Launchd, true, &["/a&b", "--config", "/<c>"]).remove(0);
        assert!(
            plist.contains("<string>/a&amp;b</string>\n    <string>daemon</string>"),
            "{plist}"
        );
        assert!(plist.contains("<string>/&lt;c&gt;</string>"), "{plist}");
    }
}
