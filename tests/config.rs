//! What the config says of sources is what happens to them, each by itself.

use std::fs;

use crate::support::Workbench;
use crate::support::answer::shown;
use serde_json::json;

/// Two more folders beside the data, and a config.
fn bench(config: &str) -> Workbench {
    let bench = Workbench::with_files();
    bench.write("big.tmp", "not for the backup");
    for (name, text) in [
        ("papers/a.tmp", "wanted"),
        ("papers/b.pdf", "b"),
        ("logs/c.log", "c"),
    ] {
        let path = bench.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
    bench
}

fn names(bench: &Workbench, snapshot: &str) -> Vec<String> {
    let listed = bench
        .lifeboat(&["ls", snapshot, "-R", "--json"])
        .exits(0)
        .json();
    let entries = listed["entries"].as_array().unwrap().iter();
    entries
        .map(|entry| entry["path"].as_str().unwrap().to_owned())
        .collect()
}

const SOURCES: &str = "[source.clinic]\npath = \"data\"\nexclude = [\"*.tmp\"]\ncheck = \"full\"\n\
    [source.papers]\npath = \"papers\"\n[source.logs]\npath = \"logs\"\n";

#[test]
fn sources_of_one_snapshot_are_each_treated_as_the_config_says() {
    let bench = bench(SOURCES);
    let database = rusqlite::Connection::open(bench.data().join("a.db")).unwrap();
    database.execute_batch("CREATE TABLE t(x)").unwrap();
    fs::copy(bench.data().join("a.db"), bench.path("papers/b.db")).unwrap();
    let summary = bench
        .lifeboat(&["backup", "--no-zip", "--json"])
        .exits(0)
        .summary();
    let checks: Vec<&str> = summary["databases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|database| database["check"].as_str().unwrap())
        .collect();
    assert_eq!(checks, ["ok", "ok"]);
    let id = summary["snapshot"].as_str().unwrap();
    let names = names(&bench, id);
    assert!(names.contains(&"papers/a.tmp".to_owned()), "{names:?}");
    assert!(
        !names.iter().any(|name| name.ends_with("big.tmp")),
        "{names:?}"
    );
    // Nothing has changed, whatever is said of each.
    let again = bench
        .lifeboat(&["backup", "--no-zip", "--skip-if-unchanged", "--json"])
        .exits(0)
        .summary();
    assert_eq!(again["skipped"], "unchanged");
}

#[test]
fn a_source_with_a_zip_or_retention_of_its_own_has_its_own_snapshots() {
    let bench = bench(&format!(
        "{SOURCES}[source.logs.retention]\nlast = 1\nprune = true\n[source.papers.zip]\nwhen = \"never\"\n"
    ));
    let summary = || bench.lifeboat(&["backup", "--json"]).exits(0).summary();
    let first = summary();
    assert_eq!(first["snapshots"].as_array().unwrap().len(), 3);
    assert_eq!(first["files_new"], 6);
    let zips: Vec<bool> = first["backups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| !one["zip"].is_null())
        .collect();
    assert_eq!(zips, [true, true, false]);
    summary();
    let listed = bench.lifeboat(&["list", "--json"]).exits(0).json();
    let of = |folder: &str| {
        let path = json!([shown(&bench.path(folder))]);
        let items = listed.as_array().unwrap().iter();
        items.filter(|item| item["sources"] == path).count()
    };
    assert_eq!([of("data"), of("papers"), of("logs")], [2, 2, 1]);
    bench.lifeboat(&["status"]).exits(0);
    let told = bench
        .lifeboat(&["backup", "--if-older-than", "1h"])
        .exits(0)
        .text();
    assert!(
        told.contains("clinic: Nothing to do") && told.contains("logs: Nothing to do"),
        "{told}"
    );
}

#[test]
fn f48_one_of_several_snapshots_that_fails_is_told_and_keeps_no_other_from_being_taken() {
    let bench = bench(&format!("{SOURCES}[source.clinic.zip]\nkeep = 1\n"));
    fs::remove_dir_all(bench.data()).unwrap();
    let answer = bench.lifeboat(&["backup", "--no-zip", "--json"]).exits(7);
    let summary = answer.summary();
    assert_eq!(
        (
            &summary["failed"],
            summary["snapshots"].as_array().unwrap().len()
        ),
        (&json!(1), 1)
    );
    assert!(
        answer
            .events()
            .iter()
            .any(|event| event["event"] == "error")
    );
    bench.lifeboat(&["status"]).exits(21);
}

#[test]
fn what_is_in_force_is_shown_with_who_says_so() {
    let bench = bench(&format!(
        "{SOURCES}[zip]\nkeep = 3\n[source.logs.retention]\nlast = 2\n"
    ));
    let shown = bench
        .lifeboat(&["config", "show", "--json"])
        .exits(0)
        .json();
    let [clinic, logs] = [&shown["sources"][0], &shown["sources"][1]];
    assert_eq!(
        (&clinic["check"], &clinic["from"]["check"]),
        (&json!("full"), &json!("[source.clinic]"))
    );
    assert_eq!(
        (&logs["check"], &logs["from"]["check"]),
        (&json!("auto"), &json!("by default"))
    );
    assert_eq!(
        (&logs["zip"]["keep"], &logs["from"]["zip"]),
        (&json!(3), &json!("[zip]"))
    );
    assert_eq!(logs["from"]["retention"], "[source.logs.retention]");
    assert_eq!(logs["retention"]["last"], 2);
    let text = bench.lifeboat(&["config", "show"]).exits(0).text();
    assert!(
        text.contains("last 2; lifeboat forget applies it"),
        "{text}"
    );
}

#[test]
fn init_writes_a_config_that_is_good_and_never_over_one() {
    let bench = bench("");
    fs::remove_file(bench.path("lifeboat.toml")).unwrap();
    bench
        .lifeboat(&["init", "nowhere"])
        .exits(1)
        .complains(&["nowhere"]);
    assert!(!bench.path("lifeboat.toml").exists() && !bench.place().exists());
    bench.lifeboat(&["init", "data", "papers"]).exits(0);
    let text = fs::read_to_string(bench.path("lifeboat.toml")).unwrap();
    assert!(text.contains("#[retention]"), "{text}");
    bench.lifeboat(&["config", "check"]).exits(0);
    bench.lifeboat(&["backup"]).exits(0);
    let newest = bench.lifeboat(&["list", "--json"]).exits(0).json()[0]["sources"].clone();
    assert_eq!(
        newest,
        json!([shown(&bench.path("data")), shown(&bench.path("papers"))])
    );
    bench
        .lifeboat(&["init", "logs"])
        .exits(8)
        .complains(&["lifeboat.toml", "never written over"]);
    assert_eq!(
        fs::read_to_string(bench.path("lifeboat.toml")).unwrap(),
        text
    );
    // Without a folder it asks nothing where there is nobody to ask.
    let other = shown(&bench.path("other"));
    bench.lifeboat(&["init", "-r", &other]).exits(0);
    let config = shown(&bench.path("other.toml"));
    let made = bench.lifeboat(&["init", "logs", "-r", &other, "--config", &config, "--json"]);
    assert_eq!(made.exits(0).json()["created"], false);
    assert!(bench.path("other.toml").exists());
}

#[test]
fn a_status_is_red_after_a_failure_and_as_patient_as_the_config_says() {
    let bench = bench(&format!("{SOURCES}[source.logs.retention]\nlast = 3\n"));
    bench.lifeboat(&["backup"]).exits(0);
    let state = |exit| {
        let answer = bench.lifeboat(&["status", "--json"]).exits(exit).json();
        let states = answer["sources"].as_array().unwrap().iter();
        states
            .map(|one| one["state"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(state(0), ["fresh", "fresh", "fresh"]);
    fs::rename(bench.path("logs"), bench.path("away")).unwrap();
    bench.lifeboat(&["backup"]).exits(7);
    assert_eq!(state(20), ["fresh", "failed", "fresh"]);
    let text = bench
        .lifeboat(&["status", "--color", "always"])
        .exits(20)
        .text();
    assert!(
        text.contains("failed") && text.contains("does not exist"),
        "{text}"
    );
    fs::rename(bench.path("away"), bench.path("logs")).unwrap();
    bench.lifeboat(&["backup"]).exits(0);
    assert_eq!(state(0), ["fresh", "fresh", "fresh"]);
    let impatient = format!("{SOURCES}warn_after = \"1s\"\n");
    fs::write(bench.path("lifeboat.toml"), impatient).unwrap();
    while state_of_logs(&bench) != "stale" {
        std::thread::yield_now();
    }
    bench.lifeboat(&["status", "--max-age", "1h"]).exits(0);
}

fn state_of_logs(bench: &Workbench) -> String {
    let answer = bench.lifeboat(&["status", "--json"]).json();
    answer["sources"][1]["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_textfile_is_whole_or_as_before_and_tells_that_nothing_can_be_told() {
    let bench = Workbench::with_files();
    bench.backs_up();
    let write = |exit| {
        bench
            .lifeboat(&["status", "--textfile", "lifeboat.prom"])
            .exits(exit)
    };
    assert_eq!(write(0).text(), "");
    let read = || fs::read_to_string(bench.path("lifeboat.prom")).unwrap();
    assert!(
        read().contains("lifeboat_source_state{")
            && read().ends_with("lifeboat_status_exit_code 0\n")
    );
    fs::rename(bench.place(), bench.path("away")).unwrap();
    write(10).complains(&["no repository"]);
    assert!(
        !read().contains("lifeboat_source_state")
            && read().ends_with("lifeboat_status_exit_code 10\n")
    );
    fs::rename(bench.path("away"), bench.place()).unwrap();
    bench
        .lifeboat(&["status", "--textfile", "nowhere/lifeboat.prom"])
        .exits(1)
        .complains(&["nowhere/lifeboat.prom"]);
    let left: Vec<_> = fs::read_dir(bench.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().starts_with("lifeboat.prom.")),
        "{left:?}"
    );
}

/// Who can write a config can run commands as whoever uses it.
#[test]
fn a_config_that_is_found_is_used_only_if_nobody_else_may_have_written_it() {
    use std::os::unix::fs::PermissionsExt;
    let bench = bench("[hooks]\nbefore = \"touch ran\"\n");
    let config = bench.path("lifeboat.toml");
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let backup = ["backup", "data", "--no-zip"];
    open(&config, 0o666);
    let refused = |why: &str| {
        bench
            .lifeboat(&backup)
            .exits(2)
            .complains(&["will not use the config", why, "--config"]);
    };
    refused("others may write to it");
    open(&config, 0o644);
    open(bench.folder(), 0o777);
    refused("others may write to its folder");
    open(bench.folder(), 0o755);
    fs::rename(&config, bench.path("other.toml")).unwrap();
    std::os::unix::fs::symlink("other.toml", &config).unwrap();
    refused("it is a link");
    assert!(!bench.path("ran").exists() && !bench.place().exists());
    let named = ["backup", "data", "--no-zip", "--config", "other.toml"];
    bench.lifeboat(&named).exits(0);
    assert!(bench.path("ran").exists());
    fs::remove_file(&config).unwrap();
    fs::rename(bench.path("other.toml"), &config).unwrap();
    bench.lifeboat(&backup).exits(0);
}

#[test]
fn show_tells_hooks_and_who_is_told_and_no_secret() {
    let bench = Workbench::with_files();
    let config = "[source.a]\npath = \"data\"\n[source.a.hooks]\nbefore = { run = [\"sh\", \"-c\", \"x y\"], required = true }\n\
                  [hooks]\nbefore = \"true\"\nfinally = \"touch done\"\ntimeout = \"1m\"\n\
                  [notify]\non = [\"failure\"]\n\
                  [notify.mail]\nserver = \"mail.example.com\"\nuser = \"ann\"\npassword_file = \"secret-file\"\n\
                  from = \"a@example.com\"\nto = \"b@example.com\"\n\
                  [notify.webhook]\nurl = \"https://chat.example.com/secret-path?token=secret-token\"\n\
                  [notify.webhook.headers]\nX-Key = \"secret-header\"\n";
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
    fs::write(bench.path("secret-file"), "secret-word").unwrap();
    let text = bench.lifeboat(&["config", "show"]).exits(0).text();
    for told in [
        "hook before  sh -c 'x y' (in 1 min, required)  [source.a.hooks]",
        "hook finally  touch done (in 1 min)  [hooks]",
        "notify mail  b@example.com by mail.example.com:587; failure  [notify.mail]",
        "notify webhook  chat.example.com; failure  [notify.webhook]",
    ] {
        let squeezed = text
            .split("  ")
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let squeezed = squeezed.collect::<Vec<_>>().join("  ");
        assert!(squeezed.contains(told), "{told}: {squeezed}");
    }
    let json = bench
        .lifeboat(&["config", "show", "--json"])
        .exits(0)
        .json();
    assert_eq!(json["sources"][0]["hooks"]["before"]["required"], true);
    assert_eq!(json["hooks"]["before"]["command"], "true");
    assert_eq!(json["notify"][1]["to"], "chat.example.com");
    let all = format!("{text}{json}");
    for secret in [
        "secret-path",
        "secret-token",
        "secret-header",
        "secret-word",
    ] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
}

#[test]
fn bad_56_two_sources_of_one_path_are_refused_with_line_and_column() {
    let bench = Workbench::with_files();
    let config = "[source.a]\npath = \"data\"\n\n[source.b]\npath = \"./data/\"\n";
    fs::write(bench.path("lifeboat.toml"), config).unwrap();
    let told = [
        "line 5, column 8",
        "[source.b] is that of [source.a] already",
    ];
    for command in [&["config", "check"][..], &["backup"], &["status"]] {
        bench.lifeboat(command).exits(2).complains(&told);
    }
}
