//! `docs/automatic.md`: each command in it does what the page says. The places it names are moved into the bench, and the
//! managers of services are played by programs that do nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Answer, Workbench};

const PAGE: &str = include_str!("../docs/automatic.md");

/// The blocks of the page with this mark, in order.
fn blocks(mark: &str) -> Vec<&'static str> {
    let opening = format!("```{mark}\n");
    let behind = PAGE.split(&opening).skip(1);
    behind
        .map(|rest| rest.split("\n```").next().unwrap())
        .collect()
}

/// The places of the page, in the bench.
fn moved(bench: &Workbench, text: &str) -> String {
    let at = |place: &str| bench.path(place).display().to_string();
    let places = [
        ("/var/lib/prometheus/node-exporter", "metrics"),
        ("/tmp/lifeboat-try", "tried"),
        ("/etc/lifeboat.toml", "lifeboat.toml"),
        ("/config/lifeboat.toml", "lifeboat.toml"),
        ("/backup/app", "backup"),
        ("\"/repository\"", "\"backup\""),
        ("\"/data\"", "\"data\""),
        ("/srv/app", "data"),
    ];
    places.iter().fold(text.to_owned(), |text, (from, to)| {
        match to.strip_prefix('"') {
            Some(name) => text.replace(from, &format!("\"{}\"", at(name.trim_end_matches('"')))),
            None => text.replace(from, &at(to)),
        }
    })
}

/// A bench with programs that do nothing beside the real one.
fn bench() -> Workbench {
    let bench = Workbench::with_files();
    for folder in ["bin", "metrics", "home"] {
        let _ = fs::create_dir(bench.path(folder));
    }
    let fake = bench.path("bin/systemctl");
    fs::write(&fake, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    bench
}

/// A shell in which the page's commands are typed; the repository is where the page says.
fn shell(bench: &Workbench, script: &str) -> std::process::Command {
    let program = Path::new(env!("CARGO_BIN_EXE_lifeboat")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let path = format!(
        "{}:{}:{path}",
        bench.path("bin").display(),
        program.display()
    );
    let mut command = bench.command_by(&["sh", "-euc"], [script]);
    command.env("PATH", path).env_remove("LIFEBOAT_REPO");
    command
}

fn types(bench: &Workbench, text: &str) -> Answer {
    // Without root nothing is written into the system.
    let text = text.replace(
        "daemon install --config",
        "daemon install --dry-run --config",
    );
    Answer::of(&mut shell(bench, &moved(bench, &text))).exits(0)
}

#[test]
fn what_the_page_says_of_a_desk_is_so() {
    let bench = bench();
    let blocks = blocks("sh desk");
    assert_eq!(blocks.len(), 6);
    for block in blocks {
        types(&bench, block);
    }
    assert!(
        bench
            .path("home/.config/systemd/user/lifeboat.service")
            .exists()
    );
    let read = |name: &str| fs::read_to_string(bench.path(name)).unwrap();
    assert_eq!(read("data/notes.txt"), "better\n");
    assert_eq!(
        read("tried/notes.txt"),
        "remember",
        "the state before the command"
    );
    let listed = Answer::of(&mut shell(&bench, "lifeboat list --json"))
        .exits(0)
        .json();
    // The first, that before the guarded command; the one on start was not due, nothing had changed on close.
    assert_eq!(listed.as_array().unwrap().len(), 2);
}

#[test]
fn what_the_page_says_of_a_server_is_so() {
    let bench = bench();
    let blocks = blocks("sh server");
    assert_eq!(blocks.len(), 5);
    for block in blocks {
        types(&bench, block);
    }
    let metrics = fs::read_to_string(bench.path("metrics/lifeboat.prom")).unwrap();
    assert!(metrics.contains("lifeboat_status_exit_code 0"), "{metrics}");
    let again = "lifeboat guard --config /etc/lifeboat.toml -- true";
    types(&bench, again);
}

#[test]
fn what_the_page_says_of_a_container_is_so() {
    let bench = bench();
    let config = blocks("toml container");
    fs::write(bench.path("lifeboat.toml"), moved(&bench, config[0])).unwrap();
    let blocks = blocks("sh container");
    let (init, daemon) = blocks[0].split_once('\n').unwrap();
    types(&bench, init);
    let daemon = moved(&bench, &format!("exec {daemon}"));
    let mut running = shell(&bench, &daemon)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status = moved(&bench, blocks[1]);
    while !shell(&bench, &status).output().unwrap().status.success() {
        assert!(running.try_wait().unwrap().is_none(), "the daemon ended");
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_child(&running);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    Answer::of_child(running).exits(0);
}

#[test]
fn what_the_page_says_of_cron_is_so() {
    let bench = bench();
    types(&bench, blocks("sh server")[0]);
    let table = blocks("cron");
    let lines = table[0].lines().filter(|line| !line.starts_with('#'));
    let commands: Vec<&str> = lines
        .map(|line| &line[line.find("lifeboat").unwrap()..])
        .collect();
    assert_eq!(commands.len(), 4);
    let retention = "cat >> /etc/lifeboat.toml <<'END'\n[retention]\nlast = 10\nEND";
    types(&bench, retention);
    for command in commands {
        types(&bench, command).quietly();
    }
    fs::rename(bench.data(), bench.path("away")).unwrap();
    let again = moved(
        &bench,
        "lifeboat backup --config /etc/lifeboat.toml --quiet --no-zip",
    );
    let answer = Answer::of(&mut shell(&bench, &again)).exits(7);
    assert!(
        answer.stderr().contains("does not exist"),
        "an alarm, and a mail"
    );
}
