//! Ways to somebody as people write them, with the mistakes they make.

use super::super::file::parse;
use super::*;

const TEXT: &str = r#"
[notify]
on = ["failure", "damage"]
remind = "12h"
stale_after = "3d"
low_space = "5G"

[notify.mail]
server = "mail.example.com"
user = "clinic"
password_file = "secrets/mail"
from = "Backup <backup@example.com>"
to = ["ann@example.com", "Ben <ben@example.com>"]

[[notify.webhook]]
url_file = "secrets/hook"

[[notify.webhook]]
name = "chat"
url_command = ["pass", "chat"]
body = '{"text": "{{title}}"}'
on = ["recovery"]

[notify.ping]
url = "https://hc.example.com/id"
start = ""

[notify.desktop]
"#;

#[test]
fn every_way_parses_and_has_a_name() {
    let config = parse(TEXT).unwrap();
    let channels = config.notify.channels();
    let names: Vec<&str> = channels
        .iter()
        .map(|channel| channel.name.as_str())
        .collect();
    assert_eq!(names, ["mail", "webhook", "chat", "ping", "desktop"]);
    assert_eq!(config.notify.remind(), Duration::from_secs(12 * 3600));
    assert_eq!(config.notify.low_space(), 5 << 30);
    assert!(channels[0].wants(Topic::Damage) && !channels[0].wants(Topic::Recovery));
    assert!(channels[2].wants(Topic::Recovery) && !channels[2].wants(Topic::Damage));
    assert!(channels[2].wants(Topic::Test) && !channels[3].wants(Topic::Failure));
    match &channels[0].way {
        Way::Mail(mail) => {
            assert_eq!((mail.security, mail.port), (Security::Starttls, 587));
            assert_eq!(mail.to.len(), 2);
        }
        way => panic!("{way:?}"),
    }
    assert!(parse("").unwrap().notify.channels().is_empty());
}

#[test]
fn mails_are_protected_unless_they_stay_here_or_it_is_asked_for() {
    for (server, extra, security, port) in [
        ("mail.example.com", "", Security::Starttls, 587),
        ("mail.example.com", "port = 465", Security::Tls, 465),
        ("mail.example.com", "port = 2525", Security::Starttls, 2525),
        (
            "mail.example.com",
            "security = \"none\"",
            Security::None,
            25,
        ),
        ("mail.example.com", "security = \"tls\"", Security::Tls, 465),
        ("localhost", "", Security::None, 25),
        ("127.0.0.1", "", Security::None, 25),
        ("::1", "security = \"tls\"", Security::Tls, 465),
    ] {
        let text = format!(
            "[notify.mail]\nserver = \"{server}\"\nfrom = \"a@b.c\"\nto = \"d@e.f\"\n{extra}"
        );
        match &parse(&text).unwrap().notify.channels()[0].way {
            Way::Mail(mail) => assert_eq!((mail.security, mail.port), (security, port), "{text}"),
            way => panic!("{way:?}"),
        }
    }
}

#[test]
fn mistakes_have_a_line_and_a_reason_and_show_no_address() {
    let mail = "[notify.mail]\nserver = \"x\"\nfrom = \"a@b.c\"\nto = \"d@e.f\"\n";
    let hook = "[notify.webhook]\n";
    for (text, why) in [
        ("[notify]\non = [\"sometimes\"]".to_owned(), "sometimes"),
        ("[notify]\non = [\"test\"]".to_owned(), "test"),
        ("[notify]\nremind = \"0s\"".to_owned(), "1s"),
        ("[notify]\nlow_space = \"much\"".to_owned(), "not a size"),
        ("[notify]\nmails = 1".to_owned(), "mails"),
        ("[notify]\nmail = 1".to_owned(), "a table, or a list of tables"),
        (mail.replace("a@b.c", "nobody"), "'nobody' is no address"),
        (mail.replace("\"d@e.f\"", "[]"), "nobody"),
        (format!("{mail}password = \"x\""), "password"),
        (format!("{mail}user = \"x\""), "go together"),
        (format!("{mail}password_file = \"x\""), "go together"),
        (format!("{mail}security = \"ssl\""), "ssl"),
        (format!("{mail}port = 70000"), "70000"),
        (hook.to_owned(), "url_file"),
        (format!("{hook}url = \"secret.example.com\""), "https://example.com/path"),
        (format!("{hook}url_file = \"a\"\nurl_command = \"b\""), "twice"),
        (format!("{hook}url_command = \"\""), "no command"),
        (format!("{hook}url_file = \"a\"\nbody = \"{{\""), "no JSON"),
        (format!("{hook}url_file = \"a\"\nheaders = {{ \"a b\" = \"c\" }}"), "header"),
        (format!("{hook}url_file = \"a\"\nheaders = {{ a = \"c\\nd\" }}"), "header"),
        (
            "[[notify.ping]]\nname = \"a\"\nurl_file = \"x\"\n[[notify.ping]]\nname = \"a\"\nurl_file = \"x\""
                .to_owned(),
            "same name",
        ),
    ] {
        let mistake = parse(&text).unwrap_err();
        assert!(mistake.line > 0 && mistake.what.contains(why), "{text}: {}", mistake.what);
        assert!(!mistake.what.contains("secret.example"), "{}", mistake.what);
    }
}

#[test]
fn files_are_relative_to_the_config() {
    let mut config = parse(TEXT).unwrap();
    config.notify.anchor(Path::new("/etc/clinic"));
    let channels = config.notify.channels();
    match (&channels[0].way, &channels[1].way) {
        (Way::Mail(mail), Way::Webhook(webhook)) => {
            let told = format!("{:?} {:?}", mail.password, webhook.target.url);
            assert!(told.contains("/etc/clinic/secrets/mail"), "{told}");
            assert!(told.contains("/etc/clinic/secrets/hook"), "{told}");
        }
        other => panic!("{other:?}"),
    }
}
