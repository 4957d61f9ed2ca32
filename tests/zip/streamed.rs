//! Archives through a pipe: whoever reads them gets what is in the snapshot, and nothing else is on stdout.

use std::fs;

use crate::support::{Answer, Workbench, outside};

#[test]
fn a_zip_on_stdout_opens_everywhere() {
    let bench = super::incremental::data();
    bench.backs_up();
    let answer = bench
        .lifeboat(&["export", "latest", "--zip", "-"])
        .exits(0)
        .quietly();
    let zip = bench.path("streamed.zip");
    fs::write(&zip, answer.bytes()).unwrap();
    if outside::works("unzip", &["-v"]) {
        Answer::of(std::process::Command::new("unzip").arg("-tqq").arg(&zip))
            .exits(0)
            .quietly();
    }
    let script = "
import sys, zipfile, hashlib
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    for name in ('long.txt', 'scan.bin', 'notes.txt'):
        assert archive.read(name) == open(sys.argv[2] + '/' + name, 'rb').read(), name
";
    let data = bench.data();
    super::python(script, &[zip.to_str().unwrap(), data.to_str().unwrap()]);
    // Our own reader takes it as well.
    bench.lifeboat(&["init", "-r", "other"]).exits(0);
    bench
        .lifeboat(&["-r", "other", "import", "streamed.zip"])
        .exits(0);
    bench
        .lifeboat(&["-r", "other", "restore", "latest", "--to", "restored"])
        .exits(0);
    for name in ["long.txt", "scan.bin", "notes.txt"] {
        let [expected, found] =
            ["data", "restored"].map(|folder| fs::read(bench.path(folder).join(name)).unwrap());
        assert!(expected == found, "{name}");
    }
}

#[test]
fn archives_and_words_do_not_meet_on_stdout() {
    let bench = Workbench::with_files();
    bench.backs_up();
    for what in ["--zip", "--tar"] {
        bench
            .lifeboat(&["export", "latest", what, "-", "--json"])
            .exits(2)
            .says_aside(&[]);
    }
    bench
        .lifeboat(&["export", "latest", "--zip", "a", "--tar", "b"])
        .exits(2);
}

#[test]
fn bad_58_a_reader_of_an_archive_that_goes_away_is_told_and_nothing_breaks() {
    let bench = super::incremental::data();
    bench.backs_up();
    for what in ["--zip", "--tar"] {
        let script = format!(
            "\"$0\" export latest {what} - | head -c 1000 > /dev/null; exit ${{PIPESTATUS[0]}}"
        );
        let answer = Answer::of(
            &mut bench.command_by(&["bash", "-c", &script], [env!("CARGO_BIN_EXE_lifeboat")]),
        );
        assert!(answer.code().is_some_and(|code| code != 0), "{answer}");
        answer.says_aside(&[]);
    }
    bench.lifeboat(&["verify"]).exits(0);
}
