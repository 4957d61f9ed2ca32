//! The config as a file: written by init, found, shown with who says what, and refused.

use std::fs;

use serde_json::json;

use super::{SOURCES, bench};
use crate::support::Workbench;
use crate::support::answer::shown;

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
