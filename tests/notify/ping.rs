//! Servers that notice silence: told at the begin of each backup and at its end.

use std::fs;

use super::{backs_up, bench, fails, waiting};
use crate::support::Workbench;
use crate::support::web::{Manner, Web};

fn to(web: &Web, more: &str) -> String {
    format!(
        "[notify]\ntimeout = \"2s\"\n[notify.ping]\nurl = \"{}\"\n{more}\n",
        web.url("/id")
    )
}

fn bodies(web: &Web) -> Vec<String> {
    let requests = web.requests().into_iter();
    requests.map(|request| request.body).collect()
}

#[test]
fn each_backup_is_pinged_at_its_begin_and_at_its_end() {
    let web = Web::start(Manner::Says(200, "OK"));
    let bench = bench(&to(&web, ""));
    backs_up(&bench).exits(0);
    backs_up(&bench).exits(0).quietly();
    fails(&bench);
    let expected = [
        "/id/start",
        "/id",
        "/id/start",
        "/id",
        "/id/start",
        "/id/fail",
    ];
    assert_eq!(web.paths(), expected);
    let bodies = bodies(&web);
    assert!(
        bodies[1].starts_with("backup /") && bodies[1].contains(": done, "),
        "{bodies:?}"
    );
    assert!(bodies[5].contains("source-bad") && bodies[5].contains("does not exist"));
    bench.lifeboat(&["verify"]).exits(0);
    assert_eq!(web.requests().len(), 6, "a ping is about backups");
}

#[test]
fn other_servers_have_other_endings() {
    let web = Web::start(Manner::Says(200, "OK"));
    let more = "start = \"\"\nsuccess = \"?status=up\"\nfail = \"?status=down\"";
    let bench = bench(&to(&web, more));
    backs_up(&bench).exits(0);
    fails(&bench);
    assert_eq!(web.paths(), ["/id?status=up", "/id?status=down"]);
}

#[test]
fn a_backup_that_goes_well_hides_no_other_that_did_not() {
    let web = Web::start(Manner::Says(200, "OK"));
    let bench = Workbench::with_files();
    fs::create_dir(bench.path("papers")).unwrap();
    fs::write(bench.path("papers/one"), "one").unwrap();
    let sources =
        "[source.data]\npath = \"data\"\n[source.papers]\npath = \"papers\"\nretention.last = 3\n";
    super::configure(&bench, &format!("{sources}{}", to(&web, "start = \"\"")));
    bench.lifeboat(&["init"]).exits(0);
    fails(&bench);
    bench.lifeboat(&["backup", "papers", "--no-zip"]).exits(0);
    assert_eq!(web.paths(), ["/id/fail", "/id/fail"]);
    assert!(
        bodies(&web)[1].contains("still in trouble: backup "),
        "{:?}",
        bodies(&web)
    );
    backs_up(&bench).exits(0);
    assert_eq!(web.paths()[2], "/id");
    fs::rename(bench.path("papers"), bench.path("elsewhere")).unwrap();
    bench.lifeboat(&["backup", "--no-zip"]).exits(7);
    assert_eq!(web.paths()[3..], ["/id/fail"], "one for the run as a whole");
}

#[test]
fn of_pings_that_could_not_be_sent_only_the_last_is() {
    let web = Web::start(Manner::Says(502, "later"));
    let bench = bench(&to(&web, "start = \"\""));
    bench.lifeboat(&["init"]).exits(0);
    fails(&bench);
    fails(&bench);
    backs_up(&bench).exits(0);
    assert_eq!(waiting(&bench).len(), 1);
    web.behave(Manner::Says(200, "OK"));
    bench.lifeboat(&["notify", "retry"]).exits(0);
    assert_eq!(web.paths().last().unwrap(), "/id");
}

#[test]
fn a_begin_that_nobody_hears_holds_up_no_backup() {
    let web = Web::start(Manner::Hangs);
    let bench = bench(&to(&web, "").replace("2s", "1s"));
    let answer = backs_up(&bench).exits(0);
    assert!(
        answer.stderr().contains("no word went out by ping"),
        "{answer}"
    );
    bench.lifeboat(&["list"]).exits(0);
}
