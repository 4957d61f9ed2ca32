//! Addresses and passwords are nowhere but where they belong.

use std::fs;

use super::{bench, configure, fails, waiting};
use crate::support::web::{self, Manner, Web};
use crate::support::{Answer, Workbench};

/// All that a run says, and all that it leaves in its state.
fn all(bench: &Workbench, answer: &Answer) -> String {
    let mut all = format!("{}{}", answer.text(), answer.stderr());
    for file in waiting(bench) {
        all.push_str(&fs::read_to_string(file).unwrap());
    }
    all
}

#[test]
fn of_an_address_only_the_host_is_told() {
    let bench = Workbench::with_files();
    bench.lifeboat(&["init"]).exits(0);
    let echo = Web::start(Manner::Says(
        404,
        "no hook at /T0/B1/very-secret, token=other-secret",
    ));
    let nobody = web::nobody();
    for (host, url) in [
        (
            echo.host(),
            echo.url("/T0/B1/very-secret?token=other-secret"),
        ),
        (
            nobody.to_string(),
            format!("http://{nobody}/T0/B1/very-secret?token=other-secret"),
        ),
        (
            nobody.to_string(),
            format!("http://u:very-secret@{nobody}/other-secret"),
        ),
    ] {
        fs::write(bench.path("url"), &url).unwrap();
        configure(
            &bench,
            "[notify]\ntimeout = \"2s\"\n[notify.webhook]\nurl_file = \"url\"\n",
        );
        for answer in [
            fails(&bench),
            bench.lifeboat(&["notify", "test", "--json"]).exits(1),
            bench.lifeboat(&["notify", "retry"]).exits(1),
            bench.lifeboat(&["config", "show"]).exits(0),
        ] {
            let all = all(&bench, &answer);
            assert!(
                !all.contains("very-secret") && !all.contains("other-secret"),
                "{all}"
            );
        }
        let told = bench.lifeboat(&["notify", "test"]).exits(1).text();
        assert!(told.contains(&host), "{told}");
    }
}

#[test]
fn secrets_come_from_files_and_commands() {
    let web = Web::start(Manner::Says(200, ""));
    let bench = bench(&format!(
        "[notify.webhook]\nurl_command = [\"cat\", \"url\"]\ntoken_command = \"echo very-secret; echo aside >&2\"\n[notify.webhook.headers]\nX-Tag = \"backup\"\n# {}\n",
        web.host()
    ));
    fs::write(
        bench.path("url"),
        format!("  {} \nanother line", web.url("/hook")),
    )
    .unwrap();
    bench.lifeboat(&["notify", "test"]).exits(0).quietly();
    let headers = web.requests()[0].headers.to_lowercase();
    assert!(
        headers.contains("authorization: bearer very-secret\r\n"),
        "{headers}"
    );
    assert!(
        headers.contains("x-tag: backup") && headers.contains("content-type: application/json")
    );
}

#[test]
fn a_secret_that_cannot_be_had_is_told_without_it() {
    let bench = Workbench::with_files();
    fs::write(bench.path("empty"), "\n").unwrap();
    fs::write(bench.path("address"), "ftp://very-secret/x").unwrap();
    for (way, why) in [
        ("url_file = \"nowhere\"", "nowhere"),
        ("url_file = \"empty\"", "is empty"),
        ("url_file = \"address\"", "an address such as"),
        (
            "url_command = \"echo very-secret; exit 3\"",
            "exited with 3",
        ),
        ("url_command = \"true\"", "said nothing"),
        (
            "url_command = [\"no-such-program\"]",
            "could not be started",
        ),
    ] {
        configure(&bench, &format!("[notify.webhook]\n{way}\n"));
        let answer = bench.lifeboat(&["notify", "test"]).exits(1);
        let all = all(&bench, &answer);
        assert!(
            all.contains(why) && !all.contains("very-secret"),
            "{way}: {all}"
        );
    }
}

#[test]
fn a_command_for_a_secret_is_given_none() {
    let web = Web::start(Manner::Says(200, ""));
    let bench = bench(&format!(
        "[notify.webhook]\nurl_command = \"env > told; echo {}\"\n",
        web.url("/")
    ));
    let mut command = bench.command(["notify", "test"]);
    Answer::of(command.env("LIFEBOAT_PASSWORD", "very-secret")).exits(0);
    assert!(
        !fs::read_to_string(bench.path("told"))
            .unwrap()
            .contains("very-secret")
    );
}
