//! Progress, on a terminal and nowhere else.

use super::bench;
use crate::support::{Answer, Workbench, outside};

/// Runs the program on a terminal, and gives all that it wrote there.
fn on_terminal(bench: &Workbench, args: &str) -> String {
    let line = format!("{} {args}", env!("CARGO_BIN_EXE_lifeboat"));
    let script = ["script", "-qec", &line, "/dev/null"];
    let mut command = bench.command_by(&script, [""; 0]);
    Answer::of(command.env("TERM", "xterm")).exits(0).text()
}

#[test]
fn progress_is_drawn_on_a_terminal_and_nowhere_else() {
    let bench = bench();
    bench.lifeboat(&["init"]).exits(0);
    bench.write("large.bin", vec![7; 20_000_000]);
    let answer = bench
        .lifeboat(&["backup", "data", "--no-zip"])
        .exits(0)
        .quietly();
    assert!(
        !answer.bytes().contains(&0x1b),
        "no colours either: {answer}"
    );
    if !outside::works("script", &["-qec", "true", "/dev/null"]) {
        return;
    }
    bench.write("large.bin", vec![8; 20_000_000]);
    let drawn = on_terminal(&bench, "backup data --no-zip");
    assert!(
        drawn.contains("Reading") && drawn.contains('\x1b'),
        "{drawn}"
    );
    for flags in [
        "--no-progress --color never",
        "--quiet --color never",
        "--json",
    ] {
        let plain = on_terminal(&bench, &format!("backup data --no-zip {flags}"));
        assert!(
            !plain.contains('\x1b') && !plain.contains("Reading"),
            "{flags}: {plain}"
        );
    }
}
