//! Facts of any characters in texts of every kind.

use chrono::DateTime;
use serde_json::Value;

use super::*;
use crate::notify::event::Topic;

fn event(title: &str) -> Event {
    Event {
        topic: Topic::Failure,
        time: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        host: "bench".to_owned(),
        repository: "/backup".to_owned(),
        title: title.to_owned(),
        text: "two\nlines".to_owned(),
        sources: vec!["/a".to_owned(), "/b".to_owned()],
        snapshot: None,
        exit_code: 6,
        error: None,
        bytes: 7,
    }
}

#[test]
fn no_fact_becomes_a_part_of_the_json_around_it() {
    let template = Template::parse(None, "application/json").unwrap();
    for title in ["\"},{\"x\":\"", "\\", "\n\0\u{7f}", "{{text}}", "ä😀"] {
        let filled: Value = serde_json::from_str(&template.fill(&event(title))).unwrap();
        assert_eq!(filled["title"], title);
        assert_eq!(
            (&filled["exit_code"], &filled["bytes"]),
            (&6.into(), &7.into())
        );
        assert_eq!(filled["sources"], "/a, /b");
    }
}

#[test]
fn forms_and_plain_texts_are_escaped_as_they_need() {
    let form = Template::parse(
        Some("text={{title}}&x=1"),
        "application/x-www-form-urlencoded",
    );
    assert_eq!(
        form.unwrap().fill(&event("a b&c=ä")),
        "text=a%20b%26c%3D%C3%A4&x=1"
    );
    let plain = Template::parse(None, "text/plain; charset=utf-8").unwrap();
    assert_eq!(plain.fill(&event("\"x\"")), "\"x\"\n\ntwo\nlines\n");
    assert_eq!(
        fill_word("{{ topic }}: {{title}}", &event("{{text}}")),
        "failure: {{text}}"
    );
    assert_eq!(fill_word("{{nonsense", &event("x")), "{{nonsense");
}

#[test]
fn mistakes_are_found_when_the_config_is_read() {
    for (text, why) in [
        ("{\"a\": \"{{titel}}\"}", "no fact is called 'titel'"),
        ("{\"a\": \"{{title\"}", "no }}"),
        ("{\"a\": {{title}}}", "no JSON"),
        ("{\"a\": 1", "no JSON"),
    ] {
        let error = Template::parse(Some(text), "application/json").unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
    assert!(Template::parse(Some("{\"a\": {{bytes}}}"), "application/vnd.x+json").is_ok());
}
