//! Mails, to a server that keeps them.

use std::fs;

use super::{backs_up, bench, configure, fails, waiting};
use crate::support::authority::Authority;
use crate::support::smtp::{Manner, Smtp, Speech};
use crate::support::{Workbench, web};

/// A `[notify.mail]` to a port of this machine.
fn to(port: u16, more: &str) -> String {
    format!(
        "[notify]\ntimeout = \"2s\"\n[notify.mail]\nserver = \"127.0.0.1\"\nport = {port}\nfrom = \"Backup <backup@example.com>\"\nto = [\"ann@example.com\", \"ben@example.com\"]\n{more}\n"
    )
}

/// With a password, and the certificate of an authority.
fn trusting(bench: &Workbench, authority: &Authority, security: &str) -> String {
    fs::write(bench.path("password"), "opensesame\n").unwrap();
    let file = authority.file(bench.folder());
    format!(
        "security = \"{security}\"\nuser = \"clinic\"\npassword_file = \"password\"\nca_file = \"{}\"",
        file.file_name().unwrap().display()
    )
}

/// `\0clinic\0opensesame` in base 64.
const LOGIN: &str = "AGNsaW5pYwBvcGVuc2VzYW1l";

#[test]
fn a_failure_and_its_end_arrive_as_mails() {
    let smtp = Smtp::start(Manner::Well, Speech::Plain);
    let bench = bench(&to(smtp.port(), ""));
    backs_up(&bench).exits(0);
    fails(&bench);
    fails(&bench);
    backs_up(&bench).exits(0).quietly();
    let mails = smtp.mails();
    assert_eq!(mails.len(), 2, "{mails:?}");
    let mail = &mails[0];
    assert!(mail.from.contains("<backup@example.com>"), "{mail:?}");
    assert_eq!(mail.to.len(), 2);
    for part in [
        "Subject: lifeboat on ",
        "Auto-Submitted: auto-generated",
        "To: ann@example.com, ben@example.com",
        "Message-ID: <lifeboat.",
        "source-bad (exit code 7)",
        "Next: lifeboat history",
    ] {
        assert!(mail.text.contains(part), "{part}: {}", mail.text);
    }
    assert!(mails[1].text.contains("is well again"), "{}", mails[1].text);
}

#[test]
fn mails_go_through_tls_at_once_or_when_it_was_asked_for() {
    let authority = Authority::new();
    for (speech, security) in [
        (Speech::Tls(authority.clone()), "tls"),
        (Speech::Starttls(authority.clone()), "starttls"),
    ] {
        let smtp = Smtp::start(Manner::Well, speech);
        let bench = Workbench::with_files();
        let more = trusting(&bench, &authority, security);
        configure(&bench, &to(smtp.port(), &more));
        let answer = bench.lifeboat(&["notify", "test"]).exits(0).quietly();
        assert!(answer.text().contains("sent"), "{answer}");
        let mails = smtp.mails();
        assert_eq!(mails.len(), 1);
        assert!(
            mails[0].is_tls && mails[0].login.contains(LOGIN),
            "{mails:?}"
        );
    }
}

#[test]
fn nothing_is_said_to_a_server_that_cannot_be_trusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (speech, security) in [
        (Speech::Tls(authority.clone()), "tls"),
        (Speech::Starttls(authority.clone()), "starttls"),
        (Speech::Plain, "starttls"),
        (Speech::Plain, "tls"),
    ] {
        let smtp = Smtp::start(Manner::Well, speech);
        let bench = Workbench::with_files();
        let more = trusting(&bench, &other, security);
        configure(&bench, &to(smtp.port(), &more));
        let answer = bench.lifeboat(&["notify", "test"]).exits(1);
        assert!(
            answer.text().contains("127.0.0.1 does not take the mail"),
            "{answer}"
        );
        assert!(smtp.mails().is_empty());
        configure(
            &bench,
            &to(
                smtp.port(),
                &more.replace("ca_file = \"authority.pem\"", ""),
            ),
        );
        bench.lifeboat(&["notify", "test"]).exits(1);
        assert!(smtp.mails().is_empty(), "{security}");
    }
}

#[test]
fn whatever_a_mail_server_does_the_backup_ends_as_it_would_and_the_mail_arrives_later() {
    for manner in [
        Manner::Hangs,
        Manner::Babbles,
        Manner::IsBusy,
        Manner::Refuses,
        Manner::HangsUp,
        Manner::KnowsNobody,
    ] {
        let smtp = Smtp::start(manner, Speech::Plain);
        let bench = Workbench::with_files();
        fs::write(bench.path("password"), "opensesame\n").unwrap();
        let more = "user = \"clinic\"\npassword_file = \"password\"";
        let config = to(smtp.port(), more).replace("2s", "1s");
        configure(&bench, &config);
        bench.lifeboat(&["init"]).exits(0);
        let answer = fails(&bench);
        assert!(
            answer.stderr().contains("no word went out by mail"),
            "{manner:?}: {answer}"
        );
        for secret in ["opensesame", LOGIN] {
            assert!(!answer.stderr().contains(secret), "{manner:?}: {answer}");
        }
        assert_eq!(
            (smtp.mails().len(), waiting(&bench).len()),
            (0, 1),
            "{manner:?}"
        );
        smtp.behave(Manner::Well);
        bench.lifeboat(&["notify", "retry"]).exits(0);
        assert_eq!(
            (smtp.mails().len(), waiting(&bench).len()),
            (1, 0),
            "{manner:?}"
        );
        bench.lifeboat(&["notify", "retry"]).exits(0);
        assert_eq!(smtp.mails().len(), 1, "{manner:?}");
    }
}

#[test]
fn a_mail_to_nobody_waits() {
    let bench = bench(&to(web::nobody().port(), ""));
    bench.lifeboat(&["init"]).exits(0);
    let answer = fails(&bench);
    assert!(
        answer.stderr().contains("no word went out by mail"),
        "{answer}"
    );
    assert_eq!(waiting(&bench).len(), 1);
    let retried = bench.lifeboat(&["notify", "retry"]).exits(1);
    assert!(
        retried.text().contains("0 messages sent, 1 waiting"),
        "{retried}"
    );
}
