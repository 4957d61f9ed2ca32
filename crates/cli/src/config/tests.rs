//! Configs as people write them, with the mistakes they make.

use super::file::parse;
use super::*;

/// Every key of the contract.
const WHOLE: &str = r#"
repo = "/backup/clinic"

[counts."clinic.db"]
patient_count = "SELECT count(*) FROM patients"
visit_count   = "SELECT count(*) FROM visits"

[source.clinic]
path = "data"
exclude = ["*.tmp", "backups/"]
check = "full"

[source.papers]
path = "/srv/papers"

[zip]
when = "daily"
dir = "usb"
keep = 10

[retention]
last = 10
daily = 30

[hooks]
before = { run = ["stop", "it"], required = true }
finally = "start it"
timeout = "5m"

[schedule]
every = "4h"
"#;

fn mistake(text: &str) -> (usize, usize, String) {
    let mistake = parse(text).unwrap_err();
    (mistake.line, mistake.column, mistake.what)
}

#[test]
fn every_key_of_the_contract_parses() {
    let mut config = parse(WHOLE).unwrap();
    config.anchor(Path::new("/etc/clinic"));
    assert_eq!(config.repo.as_deref(), Some(Path::new("/backup/clinic")));
    let zip = config.settings(Path::new("/srv/papers")).zip;
    assert_eq!(zip.dir.as_deref(), Some(Path::new("/etc/clinic/usb")));
    assert_eq!((zip.when, zip.keep()), (When::Daily, 10));
    let paths = ["/etc/clinic/data", "/srv/papers"].map(PathBuf::from);
    assert_eq!(config.source_paths(), paths);
    assert_eq!(config.count_queries().len(), 2);
    assert!(config.has_schedule());
}

#[test]
fn a_source_has_its_own_settings_and_others_those_at_the_top() {
    let text = "exclude = [\"*.bak\"]\ncheck = \"quick\"\n[source.a]\npath = \"/a\"\nexclude = [\"*.tmp\"]";
    let config = parse(text).unwrap();
    let own = config.settings(Path::new("/a"));
    assert_eq!(
        (own.excludes, own.check),
        (vec!["*.tmp".to_owned()], Check::Quick)
    );
    let other = config.settings(Path::new("/b"));
    assert_eq!(other.excludes, ["*.bak"]);
}

const DIFFERING: &str = r#"
counts."a.db".rows = "SELECT 1"
[source.a]
path = "/a"
[source.a.counts."a.db"]
rows = "SELECT 2"
own = "SELECT 3"
[source.b]
path = "/b"
check = "full"
[source.c]
path = "/c"
[source.c.zip]
keep = 3
[source.d]
path = "/d"
[source.d.retention]
last = 3
[zip]
dir = "/usb"
"#;

#[test]
fn a_sources_zip_and_counts_count_before_those_at_the_top() {
    let config = parse(DIFFERING).unwrap();
    let zip = config.settings(Path::new("/c")).zip;
    assert_eq!((zip.keep(), zip.dir), (3, Some("/usb".into())));
    let counts = config.settings(Path::new("/a")).counts;
    let queries: Vec<&str> = counts.iter().map(|count| count.query.as_str()).collect();
    assert_eq!(queries, ["SELECT 3", "SELECT 2"]);
    assert_eq!(config.settings(Path::new("/b")).counts.len(), 1);
}

#[test]
fn sources_share_a_snapshot_unless_it_would_have_to_be_kept_or_zipped_in_two_ways() {
    let config = parse(DIFFERING).unwrap();
    let groups = config.groups(&config.source_paths());
    let [a, b, c, d] = ["/a", "/b", "/c", "/d"].map(PathBuf::from);
    assert_eq!(groups, [vec![a, b], vec![c], vec![d]]);
}

#[test]
fn unknown_keys_have_a_line_and_a_column() {
    let (line, column, what) = mistake("repo = \"/r\"\n\n[zip]\n  kep = 3\n");
    assert_eq!((line, column), (4, 3));
    assert!(what.contains("unknown field `kep`"), "{what}");
    assert_eq!(mistake("reop = 1").0, 1);
    assert!(
        mistake("[source.a]\npath = \"x\"\nfoo = 1")
            .2
            .contains("foo")
    );
}

#[test]
fn wrong_types_and_words_have_a_line_and_a_column() {
    assert_eq!(mistake("repo = 5").1, 8);
    assert_eq!(mistake("\ncheck = \"sometimes\"").0, 2);
    assert_eq!(mistake("[schedule]\nevery = \"soon\"").0, 2);
    assert_eq!(mistake("repo = \"a\"\nrepo = \"b\"").0, 2);
    assert_eq!(mistake("[source.a]\ncheck = \"auto\"").0, 1);
    assert!(parse("repo = \"unfinished").is_err());
}

#[test]
fn a_byte_order_mark_is_forgiven() {
    assert!(parse("\u{feff}repo = \"/r\"").is_ok());
    assert_eq!(mistake("\u{feff}x = 1").1, 1);
}

#[test]
fn a_mistake_is_told_in_three_lines() {
    let mistake = parse("x = 1").unwrap_err();
    let failure = mistake.into_failure(Path::new("/srv/lifeboat.toml"));
    assert_eq!(failure.exit().code(), 2);
    assert_eq!(failure.event()["line"], 1);
    assert!(
        failure.lines()[1]
            .1
            .starts_with("line 1, column 1: unknown field `x`")
    );
}

#[test]
fn the_help_shows_a_config_that_parses() {
    let help = include_str!("../commands/help/config.txt");
    let (_, config) = help.split_once("\n\n").unwrap();
    let config = parse(config).unwrap();
    assert!(config.has_retention() && config.has_schedule());
}

#[test]
fn f55_bad_56_changed_configs_parse_or_are_refused() {
    use lifeboat_snapshot::store::decoders::Mutation;
    let mut mutation = Mutation::new(56);
    for _ in 0..1500 {
        let bytes = mutation.of(WHOLE.as_bytes(), b"[[\"=]\n'''#,{}\xff");
        let text = String::from_utf8_lossy(&bytes);
        if let Err(mistake) = parse(&text) {
            let lines = mistake.into_failure(Path::new("lifeboat.toml")).lines();
            assert!(!lines.is_empty());
        }
    }
}

/// `cargo test -p lifeboat --bin lifeboat -- --ignored --nocapture changed_configs`
#[test]
#[ignore = "ten minutes; see docs/testing.md"]
fn f55_bad_56_changed_configs_for_many_minutes() {
    use lifeboat_snapshot::store::decoders::Mutation;
    let minutes = std::env::var("LIFEBOAT_FUZZ_MINUTES").map_or(10.0, |text| text.parse().unwrap());
    let cpu = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        time.tv_sec as f64 / 60.0 + time.tv_nsec as f64 / 6e10
    };
    let mut mutation = Mutation::new(57);
    let (began, mut runs) = (cpu(), 0_u64);
    while cpu() - began < minutes {
        let bytes = mutation.of(WHOLE.as_bytes(), b"[[\"=]\n'''#,{}\xff");
        let _ = parse(&String::from_utf8_lossy(&bytes));
        runs += 1;
    }
    println!("config file: {runs} inputs in {minutes} CPU minutes");
}
