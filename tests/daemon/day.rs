//! Days of an application, from its start to the morning after, and what they leave: the daemon and everything that it starts
//! read a clock that the test sets (A1, A3, M3).

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::history;
use super::world::World;
use crate::support::smtp::{Mail, Manner, Smtp, Speech};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Every four hours; the last three and one of each of five days stay; at three in the night it is read and freed.
const CONFIG: &str = "[source.clinic]\npath = \"data\"\n[zip]\nwhen = \"never\"\n[schedule]\nevery = \"4h\"\n\
                      [retention]\nlast = 3\ndaily = 5\nprune = true\n\
                      [upkeep]\ntimezone = \"UTC\"\nprune = \"never\"\ngc = \"daily 03:00\"\ngc_grace = \"1h\"\n\
                      verify = \"daily 03:00\"\nverify_subset = \"50%\"\n";

fn done(jobs: &[(&str, i64)]) -> Vec<(String, i64)> {
    let job = |(job, exit): &(&str, i64)| ((*job).to_owned(), *exit);
    jobs.iter().map(job).collect()
}

const BACKUP: (&str, i64) = ("backup clinic", 0);
const GONE: (&str, i64) = ("backup clinic", 10);

#[test]
fn days_of_an_application_leave_what_the_policy_says() {
    let smtp = Smtp::start(Manner::Well, Speech::Plain);
    let port = smtp.port();
    let mail = format!(
        "[notify]\nlow_space = \"1\"\n[notify.mail]\nserver = \"127.0.0.1\"\nport = {port}\nfrom = \"backup@example.com\"\nto = \"ann@example.com\"\n"
    );
    let mut world = World::at("2026-11-16T08:00:00Z", &format!("{CONFIG}{mail}"));
    // It starts with the machine; the application asks for a backup that is young already.
    assert_eq!(world.start(), done(&[BACKUP]));
    let recent = world.lifeboat(&["backup", "--if-older-than", "1h", "--json"]);
    assert_eq!(recent.exits(0).summary()["skipped"], "recent");
    world.work();
    assert_eq!(world.pass(3 * HOUR), done(&[]));
    // All is well, and it has seen that.
    world.until_looked(1);
    assert!(smtp.mails().is_empty());
    // At noon the disk of the repository fails; it is tried again and again, and told.
    fs::rename(world.bench.place(), world.bench.path("broken")).unwrap();
    assert_eq!(world.pass(HOUR), done(&[GONE]));
    assert_eq!(world.pass(MINUTE), done(&[GONE]));
    assert_eq!(world.pass(MINUTE), done(&[]));
    assert_eq!(world.pass(MINUTE), done(&[GONE]));
    world.lifeboat(&["status"]).exits(10);
    // Ann has a mail of it, and not one for each try and each look.
    world.until_looked(2);
    assert_eq!(subjects(&smtp), ["failed"]);
    // It is mended, and the backup made up for.
    fs::rename(world.bench.path("broken"), world.bench.place()).unwrap();
    assert_eq!(world.pass(4 * MINUTE), done(&[BACKUP]));
    let status = world.lifeboat(&["status"]).exits(0).text();
    assert!(
        status.contains("just now") && status.contains("next in 4 h 0 min"),
        "{status}"
    );
    assert_eq!(subjects(&smtp), ["failed", "is well again"]);
    world.work();
    assert_eq!(world.pass(4 * HOUR), done(&[BACKUP]));
    // The application is closed, and saves itself.
    world.work();
    world.pass(30 * MINUTE);
    world.lifeboat(&["backup"]).exits(0);
    world.taken.push(world.now);
    // The daemon's next one counts from there.
    assert_eq!(world.until("20:07:00"), done(&[]));
    assert_eq!(world.until("20:37:00"), done(&[BACKUP]));
    // The machine sleeps; in the morning everything is made up for, once.
    let mut morning = world.until("07:30:00");
    morning.sort();
    assert_eq!(morning, done(&[BACKUP, ("gc", 0), ("verify", 0)]));
    assert_eq!(world.pass(MINUTE), done(&[]));
    assert_eq!(world.kept(), world.policy());
    more_days(&mut world);
    assert_eq!(subjects(&smtp).len(), 2, "{:?}", smtp.mails());
}

/// What each mail says of the backup, in a word or two.
fn subjects(smtp: &Smtp) -> Vec<&'static str> {
    let subject = |mail: &Mail| {
        let said = ["failed", "is well again"];
        let said = said.into_iter().find(|word| mail.text.contains(word));
        said.unwrap_or_else(|| panic!("{}", mail.text))
    };
    smtp.mails().iter().map(subject).collect()
}

/// A whole week: what is kept is as the policy wants it at any time, and every run is in the history.
fn more_days(world: &mut World) {
    for day in 0..6 {
        for _ in 0..4 {
            world.work();
            let passed = world.pass(4 * HOUR);
            assert_eq!(passed, done(&[BACKUP]), "day {day}: {}", world.lately());
            assert_eq!(world.kept(), world.policy(), "day {day}");
        }
        if day == 3 {
            // The machine is switched off and on.
            world.stop();
            world.now += HOUR;
            assert_eq!(world.start(), done(&[]));
        }
        let night = world.until("07:30:00");
        assert_eq!(
            night.iter().filter(|job| job.0 == "verify").count(),
            1,
            "{night:?}"
        );
        assert_eq!(
            night.iter().filter(|job| job.0 == "gc").count(),
            1,
            "{night:?}"
        );
        assert_eq!(
            night.iter().filter(|job| job.0 == "backup clinic").count(),
            1,
            "{night:?}"
        );
    }
    assert_eq!(world.kept(), world.policy());
    assert_eq!(
        world.kept().len(),
        6,
        "three, of two days, and three more days"
    );
    world.stop();
    let runs = history(&world.bench);
    let backups = runs.iter().filter(|run| run["kind"] == "backup");
    let (good, failed): (Vec<_>, Vec<_>) = backups.partition(|run| run["exit_code"] == 0);
    assert_eq!(good.len(), world.taken.len());
    // Those that had no repository to leave a record in are there as well.
    let failed: Vec<_> = failed
        .iter()
        .map(|run| (&run["start"], &run["exit_code"]))
        .collect();
    let at = |time: &str| Value::from(format!("2026-11-16T12:{time}.000+00:00"));
    let times = ["00:00", "01:00", "03:00"].map(at);
    let ten = Value::from(10);
    let wanted: Vec<_> = times.iter().map(|time| (time, &ten)).collect();
    assert_eq!(failed, wanted);
    world.lifeboat(&["verify", "--read-data"]).exits(0);
}

#[test]
fn it_comes_more_often_while_data_changes() {
    let config = CONFIG.replace("\"4h\"", "\"10m..1h\"");
    let mut world = World::at("2026-11-16T08:00:00Z", &config);
    assert_eq!(world.start(), done(&[BACKUP]));
    let mut gaps = Vec::new();
    for has_changes in [false, false, false, true, true, true] {
        if has_changes {
            world.work();
        }
        let next = world.next();
        gaps.push(next.as_secs() / 60);
        assert_eq!(world.pass(next), done(&[BACKUP]));
    }
    assert_eq!(gaps, [10, 20, 40, 60, 30, 15]);
    world.stop();
}

#[test]
fn what_takes_longer_than_it_may_is_ended_and_told() {
    let config = format!("{CONFIG}time_limit = \"2h\"\n");
    let mut world = World::at("2026-11-16T08:00:00Z", &config);
    world.start();
    let stopped = world.stop_a_run();
    // It is asked, and does not hear; then it is not asked.
    assert_eq!(world.pass_beside(HOUR), 1);
    assert_eq!(world.pass_beside(HOUR), 1);
    let mut told = world.tells(MINUTE);
    super::told::wait_until(|| !super::is_alive(stopped));
    let is_ended = |event: &&Value| event["event"] == "ended" && event["exit_code"] == 137;
    while !told.iter().any(|event| is_ended(&event)) {
        told = world.tells(Duration::ZERO);
    }
    let ended = told.iter().find(is_ended).unwrap();
    assert_eq!(
        ended["error"],
        "it took longer than its time_limit and was ended"
    );
    world.pass(MINUTE);
    world.stop();
    let runs = history(&world.bench);
    let ended = runs.iter().find(|run| run["exit_code"] == 137).unwrap();
    assert_eq!(
        ended["error"],
        "it took longer than its time_limit and was ended"
    );
}
