//! Hooks that end in every way that a process can, and work that ends in every way that work can.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::args::Globals;
use crate::config::command::CommandLine;
use crate::ui::Shape;

/// Runs a command in a folder with this time.
fn run_within(folder: &Path, command: CommandLine, timeout: Duration) -> process::Ended {
    process::run(&Job {
        command: &command,
        folder: Some(folder),
        variables: Vec::new(),
        timeout,
        stop: &|| false,
        with_stderr: true,
        keep: 100,
    })
}

fn run(command: CommandLine) -> process::Ended {
    let folder = tempfile::tempdir().unwrap();
    run_within(folder.path(), command, Duration::from_secs(60))
}

fn shell(text: &str) -> CommandLine {
    CommandLine::Shell(text.to_owned())
}

fn direct(words: &[&str]) -> CommandLine {
    CommandLine::Direct(words.iter().map(|&word| word.to_owned()).collect())
}

fn text(ended: &process::Ended) -> String {
    String::from_utf8_lossy(&ended.output).into_owned()
}

#[test]
fn a_list_is_started_without_a_shell_and_a_text_by_one() {
    let plain = run(direct(&["printf", "%s", "$HOME;*"]));
    assert_eq!(
        (plain.end.clone(), text(&plain).as_str()),
        (HookEnd::Exited(0), "$HOME;*")
    );
    let by_shell = run(shell("printf out; printf err >&2; exit 7"));
    assert_eq!(by_shell.end, HookEnd::Exited(7));
    assert_eq!(text(&by_shell), "outerr");
}

#[test]
fn a_signal_is_told_by_its_number() {
    assert_eq!(run(shell("kill -KILL $$")).end, HookEnd::Signalled(9));
}

#[test]
fn what_cannot_be_started_says_why() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plain"), "#!/bin/sh\n").unwrap();
    fs::write(folder.path().join("no-interpreter"), "#!/no/such\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path().join("no-interpreter"), mode).unwrap();
    for (program, why) in [
        ("./plain", "executable"),
        ("./no-interpreter", "interpreter"),
        ("no-such-program-anywhere", "there is no program"),
        ("./no-such", "there is no program"),
    ] {
        let ended = run_within(folder.path(), direct(&[program]), Duration::from_secs(60));
        match ended.end {
            HookEnd::NotStarted(told) => assert!(told.contains(why), "{program}: {told}"),
            end => panic!("{program}: {end:?}"),
        }
    }
}

#[test]
fn a_flood_ends_and_its_end_is_kept() {
    let ended = run(shell(
        "head -c 50000000 /dev/zero | tr '\\0' x; printf 'the end'",
    ));
    assert_eq!(ended.end, HookEnd::Exited(0));
    assert_eq!(ended.output.len(), 100);
    assert!(text(&ended).ends_with("xthe end"));
}

/// Whether a process of this number is there and no zombie.
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

#[test]
fn a_hook_that_hangs_is_ended_with_all_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; sleep 1000 & echo $! > child; echo begun; wait; sleep 1000";
    let ended = run_within(folder.path(), shell(script), Duration::from_millis(300));
    assert_eq!(ended.end, HookEnd::TimedOut);
    assert_eq!(text(&ended), "begun\n");
    let child = fs::read_to_string(folder.path().join("child")).unwrap();
    while is_alive(child.trim()) {
        std::thread::yield_now();
    }
}

#[test]
fn a_child_in_the_background_that_holds_the_output_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let script = "sleep 1000 & echo $! > child; echo done";
    let ended = run_within(folder.path(), shell(script), Duration::from_secs(600));
    assert_eq!(
        (ended.end.clone(), text(&ended).as_str()),
        (HookEnd::Exited(0), "done\n")
    );
    assert!(began.elapsed() < Duration::from_secs(500));
    let child = fs::read_to_string(folder.path().join("child")).unwrap();
    assert!(is_alive(child.trim()), "what a hook starts may go on");
    let pid = rustix::process::Pid::from_raw(child.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Hooks that write their names and facts into a file.
struct Traced {
    folder: TempDir,
    context: Context,
}

impl Traced {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            context: Context::new(Globals::default(), Shape::Document),
        }
    }

    fn hooks(&self, text: &str) -> Hooks<'_> {
        let file = self.folder.path().join("lifeboat.toml");
        fs::write(&file, text).unwrap();
        let config = Config::load(Some(&file)).ok().unwrap();
        let sources = [PathBuf::from("/srv/a"), PathBuf::from("/srv/b")];
        Hooks::of(&config, &sources, Path::new("/backup"), &self.context)
    }

    fn trace(&self) -> String {
        fs::read_to_string(self.folder.path().join("trace")).unwrap_or_default()
    }
}

/// Each hook writes its moment and sources.
const TRACED: &str = r#"
[hooks]
before = "echo $LIFEBOAT_EVENT $LIFEBOAT_SOURCE $LIFEBOAT_EXIT >> trace"
after = "echo $LIFEBOAT_EVENT $LIFEBOAT_SOURCE $LIFEBOAT_EXIT >> trace"
on_failure = "echo $LIFEBOAT_EVENT $LIFEBOAT_SOURCE $LIFEBOAT_EXIT >> trace"
finally = "echo $LIFEBOAT_EVENT $LIFEBOAT_SOURCE $LIFEBOAT_EXIT >> trace"
"#;

#[test]
fn what_comes_after_depends_on_how_the_work_went() {
    let traced = Traced::new();
    let hooks = traced.hooks(TRACED);
    hooks.begin().unwrap();
    hooks.begin().unwrap();
    let ran = hooks.end(&Outcome::of(Exit::Done));
    assert_eq!(ran.len(), 3);
    drop(hooks);
    let both = "before /srv/a /srv/b\nafter /srv/a /srv/b 0\nfinally /srv/a /srv/b 0\n";
    assert_eq!(traced.trace(), both);
    let traced = Traced::new();
    let hooks = traced.hooks(TRACED);
    hooks.begin().unwrap();
    hooks.end(&Outcome::of(Exit::Partial));
    assert!(
        traced
            .trace()
            .contains("on_failure /srv/a /srv/b 3\nfinally")
    );
}

#[test]
fn sources_with_hooks_of_their_own_are_begun_in_order_and_ended_the_other_way_round() {
    let traced = Traced::new();
    let own = "[source.b]\npath = \"/srv/b\"\n[source.b.hooks]\nbefore = \"echo own >> trace\"\nafter = []\n";
    let hooks = traced.hooks(&format!("{TRACED}{own}"));
    hooks.begin().unwrap();
    hooks.end(&Outcome::of(Exit::Done));
    let expected = "before /srv/a\nown\nfinally /srv/b 0\nafter /srv/a 0\nfinally /srv/a 0\n";
    assert_eq!(traced.trace(), expected);
}

#[test]
fn finally_is_run_even_when_the_work_panics() {
    let traced = Traced::new();
    let work = AssertUnwindSafe(|| {
        let hooks = traced.hooks(TRACED);
        hooks.begin().unwrap();
        panic!("a mistake in the program");
    });
    assert!(catch_unwind(work).is_err());
    let trace = traced.trace();
    assert!(
        trace.contains("on_failure /srv/a /srv/b 1\nfinally"),
        "{trace}"
    );
}

#[test]
fn only_a_required_hook_stops_the_run_and_what_was_begun_is_ended() {
    let traced = Traced::new();
    let hooks = traced.hooks("hooks.before = \"exit 3\"");
    hooks.begin().unwrap();
    let required = format!(
        "{}\n[source.b]\npath = \"/srv/b\"\n[source.b.hooks]\nbefore = {{ run = \"exit 3\", required = true }}\n",
        TRACED
    );
    let hooks = traced.hooks(&required);
    let failure = hooks.begin().unwrap_err();
    let told = failure.sentence();
    assert!(
        told.contains("/srv/b") && told.contains("exited with 3"),
        "{told}"
    );
    hooks.end(&Outcome::from(&failure));
    let trace = traced.trace();
    assert!(
        trace.contains("finally /srv/b 1") && trace.contains("finally /srv/a 1"),
        "{trace}"
    );
}

#[test]
fn hooks_that_never_began_are_not_ended() {
    let traced = Traced::new();
    drop(traced.hooks(TRACED));
    assert_eq!(traced.trace(), "");
}

#[test]
fn the_last_line_is_cut_between_characters() {
    let line = format!("   {}  \n \n", "é".repeat(300));
    assert_eq!(last_line(&line), Some("é".repeat(100)));
    assert_eq!(last_line("one\n  two \n\n"), Some("two".to_owned()));
    assert_eq!(last_line(" \n"), None);
}
