//! Servers on the web that behave in every way that servers do, and the desktop.

use std::fs;

use serde_json::Value;

use super::{bench, configure, fails, to, told, topics, waiting};
use crate::support::Workbench;
use crate::support::authority::Authority;
use crate::support::web::{Manner, Web};

#[test]
fn whatever_a_server_does_the_backup_ends_as_it_would_and_the_message_arrives_later() {
    for manner in [
        Manner::Says(500, "broken"),
        Manner::Says(429, "slowly"),
        Manner::Says(404, "nothing here"),
        Manner::SendsTo("/elsewhere".to_owned()),
        Manner::Hangs,
        Manner::Babbles,
        Manner::HangsUp,
        Manner::Floods,
    ] {
        let web = Web::start(manner.clone());
        let bench = bench(&to(&web).replace("2s", "1s"));
        bench.lifeboat(&["init"]).exits(0);
        let answer = fails(&bench);
        let said = answer.stderr();
        assert!(
            said.contains("no word went out by webhook"),
            "{manner:?}: {said}"
        );
        assert!(said.contains(&web.host()), "{manner:?}: {said}");
        assert_eq!(
            (web.requests().len(), waiting(&bench).len()),
            (1, 1),
            "{manner:?}"
        );
        web.behave(Manner::Says(204, ""));
        bench.lifeboat(&["notify", "retry"]).exits(0);
        assert_eq!(
            (web.requests().len(), waiting(&bench).len()),
            (2, 0),
            "{manner:?}"
        );
    }
}

#[test]
fn a_message_goes_through_tls_to_a_server_that_can_be_trusted() {
    let authority = Authority::new();
    let web = Web::start_tls(Manner::Says(200, "ok"), &authority);
    let bench = Workbench::with_files();
    authority.file(bench.folder());
    configure(
        &bench,
        &format!("{}ca_file = \"authority.pem\"\n", to(&web)),
    );
    bench.lifeboat(&["notify", "test"]).exits(0).quietly();
    assert_eq!(topics(&web), ["test"]);
    configure(&bench, &to(&web));
    let answer = bench.lifeboat(&["notify", "test"]).exits(1);
    assert!(answer.text().contains("certificate"), "{answer}");
    assert_eq!(web.requests().len(), 1);
}

#[test]
fn a_message_has_the_form_that_the_config_gives_it() {
    let web = Web::start(Manner::Says(200, "ok"));
    let bench = bench(&format!(
        "{}body = '{{\"text\": \"*{{{{topic}}}}* {{{{error}}}}\"}}'\n",
        to(&web)
    ));
    bench.lifeboat(&["init"]).exits(0);
    let odd = bench.path("away \"\\ \n quote");
    fs::rename(bench.data(), &odd).unwrap();
    std::os::unix::fs::symlink("nowhere", bench.data()).unwrap();
    bench.lifeboat(&["backup", "away \"\\ \n quote", "data", "--no-zip"]);
    let requests = web.requests();
    assert_eq!(
        (requests[0].method.as_str(), requests[0].path.as_str()),
        ("POST", "/hook")
    );
    let body: Value = serde_json::from_str(&requests[0].body).unwrap();
    assert!(
        body["text"].as_str().unwrap().starts_with("*failure* "),
        "{body}"
    );
    let text = to(&web).replace(
        "[notify.webhook]\n",
        "[notify.webhook]\ncontent_type = \"text/plain\"\n",
    );
    configure(&bench, &text);
    bench.lifeboat(&["notify", "test"]).exits(0);
    assert!(
        web.requests()
            .last()
            .unwrap()
            .body
            .starts_with("lifeboat on ")
    );
}

#[test]
fn the_desktop_is_told_by_a_command() {
    let bench = bench(
        "[[notify.desktop]]\nname = \"list\"\ncommand = [\"sh\", \"-c\", 'printf \"%s|%s\" \"$1\" \"$LIFEBOAT_TOPIC\" > list', \"-\", \"{{title}}\"]\n[[notify.desktop]]\nname = \"shell\"\ncommand = 'printf \"%s\" \"$LIFEBOAT_TITLE\" > shell'\n",
    );
    bench.lifeboat(&["init"]).exits(0);
    fails(&bench);
    let told = |name: &str| fs::read_to_string(bench.path(name)).unwrap();
    assert!(told("list").contains(" failed|failure"), "{}", told("list"));
    assert!(
        told("shell").contains("the backup of "),
        "{}",
        told("shell")
    );
}

#[test]
fn a_test_goes_out_by_every_way_and_says_which_worked() {
    let (well, ill) = (
        Web::start(Manner::Says(200, "")),
        Web::start(Manner::Says(500, "no")),
    );
    let bench = bench(&format!(
        "[[notify.webhook]]\nurl = \"{}\"\n[[notify.webhook]]\nname = \"chat\"\nurl = \"{}\"\n[notify.ping]\nurl = \"{}\"\n",
        well.url("/"),
        ill.url("/"),
        well.url("/id")
    ));
    let answer = bench
        .lifeboat(&["notify", "test", "--json"])
        .exits(1)
        .json();
    let channels = answer["channels"].as_array().unwrap();
    let of = |index: usize, key: &str| channels[index][key].clone();
    assert_eq!(
        [of(0, "name"), of(1, "name"), of(2, "name")],
        ["webhook", "chat", "ping"]
    );
    assert_eq!(
        [of(0, "sent"), of(1, "sent"), of(2, "sent")],
        [true, false, true]
    );
    assert!(
        of(1, "error")
            .as_str()
            .unwrap()
            .contains("answers with 500")
    );
    assert_eq!(
        (told(&ill)[0]["topic"].clone(), waiting(&bench).len()),
        ("test".into(), 0)
    );
    bench
        .lifeboat(&["notify", "test", "webhook"])
        .exits(0)
        .quietly();
    bench
        .lifeboat(&["notify", "test", "mail"])
        .exits(2)
        .complains(&["no way is called mail", "webhook, chat, ping"]);
    configure(&bench, "");
    bench
        .lifeboat(&["notify", "test"])
        .exits(2)
        .complains(&["there is nobody to tell"]);
}

#[test]
fn a_command_for_the_desktop_is_run_beside_the_config_wherever_one_stands() {
    use std::os::unix::fs::PermissionsExt;
    let bench = bench("[notify.desktop]\ncommand = [\"./show\", \"{{topic}}\"]\n");
    let script = bench.path("show");
    fs::write(&script, "#!/bin/sh\necho \"$1\" > shown\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let config = bench.path("lifeboat.toml");
    let mut command = bench.command(["notify", "test", "--config", config.to_str().unwrap()]);
    crate::support::Answer::of(command.current_dir(bench.path("home"))).exits(0);
    assert_eq!(fs::read_to_string(bench.path("shown")).unwrap(), "test\n");
}
