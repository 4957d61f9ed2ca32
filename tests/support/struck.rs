//! The program while a system call of it fails, or while it is killed at one: `strace` does it.

use std::fs;

use super::{Answer, Workbench, outside};

/// Whether that can be done here; says so where it cannot.
pub(crate) fn is_possible() -> bool {
    let harmless = ["-e", "inject=fsync:signal=KILL:when=1000", "true"];
    outside::works("strace", &harmless)
}

/// Runs the program, and does this to its `nth` call of the name: `error=EIO`, `signal=KILL`. Its answer, and whether it
/// got so far.
pub(crate) fn at(
    bench: &Workbench,
    args: &[&str],
    (call, how): (&str, &str),
    nth: usize,
) -> (Answer, bool) {
    let log = bench.path("strace.log");
    let trace = format!("trace={call}");
    let inject = format!("inject={call}:{how}:when={nth}");
    let program = env!("CARGO_BIN_EXE_lifeboat");
    let by = ["strace", "-f", "-qq", "-o", log.to_str().unwrap()];
    let by = [&by[..], &["-e", &trace, "-e", &inject, program]].concat();
    let answer = Answer::of(&mut bench.command_by(&by, args));
    let text = fs::read_to_string(&log).unwrap_or_default();
    let marks = ["INJECTED", "+++ killed by", "--- SIGTERM"];
    (answer, marks.iter().any(|mark| text.contains(mark)))
}

/// Kills the program at its `nth` call of the name; whether it got so far.
pub(crate) fn kill(bench: &Workbench, args: &[&str], call: &str, nth: usize) -> bool {
    let (answer, _) = at(bench, args, (call, "signal=KILL"), nth);
    answer.code() != Some(0)
}
