//! The words of a message: what happened, where, since when, and what to do next.

use chrono::{DateTime, SecondsFormat, Utc};

use super::condition::Trouble;
use super::event::{Event, RunSeen, Seen, Topic};
use crate::failure::one_line;
use crate::suggest;
use crate::ui::words;

/// Longest error in a message, in bytes.
const MAX_ERROR: usize = 2000;

/// Where messages come from.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) host: String,
    pub(crate) repository: String,
    pub(crate) now: DateTime<Utc>,
}

/// For how long something has been so, and how often it was seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Story {
    pub(crate) since: DateTime<Utc>,
    pub(crate) times: u64,
}

/// A message that there is trouble.
pub(crate) fn trouble(scene: &Scene, seen: &Seen, trouble: &Trouble, story: Story) -> Event {
    let mut lines = facts(scene, seen);
    if story.times > 1 {
        let since = time(story.since);
        lines.push(format!("Since: {since}, seen {} times", story.times));
    }
    let advice = match seen {
        Seen::Config { .. } => format!(
            "mend the config; {} tells where it is wrong",
            suggest::command("config check")
        ),
        _ => advice(trouble.topic),
    };
    lines.push(format!("Next: {advice}"));
    event(scene, seen, trouble.topic, &trouble.title, &lines)
}

/// A message that all is well again.
pub(crate) fn recovery(scene: &Scene, seen: &Seen, story: Story) -> Event {
    let what = match seen {
        Seen::Run(run) if run.sources.is_empty() => format!("the {}", run.kind.word()),
        Seen::Run(run) => format!("the {} of {}", run.kind.word(), run.sources.join(", ")),
        Seen::Space { .. } => "the space".to_owned(),
        Seen::Blind { .. } | Seen::Age { .. } => "the repository".to_owned(),
        Seen::Config { .. } => "the config".to_owned(),
    };
    let mut lines = facts(scene, seen);
    let (since, times) = (time(story.since), story.times);
    lines.push(format!("Trouble before: since {since}, seen {times} times"));
    let title = format!("{what} is well again");
    event(scene, seen, Topic::Recovery, &title, &lines)
}

/// A message that tries the way.
pub(crate) fn test(scene: &Scene) -> Event {
    let seen = Seen::Space { free: 0 };
    let lines = [
        "Somebody ran: lifeboat notify test".to_owned(),
        format!("Machine: {}", scene.host),
        format!("Repository: {}", scene.repository),
    ];
    event(scene, &seen, Topic::Test, "this is a test", &lines)
}

/// A short report for a server that notices silence.
pub(crate) fn ping(runs: &[&RunSeen], troubles: &[String]) -> String {
    let mut lines: Vec<String> = runs.iter().map(|run| of_run(run)).collect();
    lines.extend(
        troubles
            .iter()
            .map(|matter| format!("still in trouble: {matter}")),
    );
    let mut report = lines.join("\n");
    report.truncate(report.floor_char_boundary(8000));
    report
}

fn of_run(run: &RunSeen) -> String {
    let mut line = format!(
        "{} {}: {}",
        run.kind.word(),
        run.sources.join(", "),
        run.exit.word()
    );
    line.push_str(&format!(
        ", {} in {}",
        words::size(run.bytes),
        words::took(run.took)
    ));
    if let Some(error) = &run.error {
        line.push_str(&format!(", {}", short(error)));
    }
    line
}

fn event(scene: &Scene, seen: &Seen, topic: Topic, title: &str, lines: &[String]) -> Event {
    let run = match seen {
        Seen::Run(run) => Some(run),
        Seen::Age { .. } | Seen::Space { .. } | Seen::Blind { .. } | Seen::Config { .. } => None,
    };
    let sources = match seen {
        Seen::Run(run) => run.sources.clone(),
        Seen::Age { source, .. } => vec![source.clone()],
        Seen::Space { .. } | Seen::Blind { .. } | Seen::Config { .. } => Vec::new(),
    };
    let mut title = one_line(title);
    title.truncate(title.floor_char_boundary(300));
    Event {
        topic,
        time: scene.now,
        host: scene.host.clone(),
        repository: scene.repository.clone(),
        text: format!("{title}\n\n{}\n", lines.join("\n")),
        title: format!("lifeboat on {}: {title}", scene.host),
        sources,
        snapshot: run.and_then(|run| run.snapshot.clone()),
        exit_code: run.map_or(0, |run| run.exit.code()),
        error: run.and_then(|run| run.error.as_deref()).map(short),
        bytes: run.map_or(0, |run| run.bytes),
    }
}

fn facts(scene: &Scene, seen: &Seen) -> Vec<String> {
    let mut lines = vec![
        format!("When: {}", time(scene.now)),
        format!("Machine: {}", scene.host),
        format!("Repository: {}", scene.repository),
    ];
    if let Seen::Blind { why } | Seen::Config { why: Some(why) } = seen {
        lines.push(format!("Error: {}", short(why)));
    }
    if let Seen::Run(run) = seen {
        let (word, code) = (run.exit.word(), run.exit.code());
        lines.push(format!("Result: {word} (exit code {code})"));
        let error = run.error.as_deref().map(short);
        lines.extend(error.map(|error| format!("Error: {error}")));
        let snapshot = run.snapshot.as_deref();
        lines.extend(snapshot.map(|snapshot| format!("Snapshot: {snapshot}")));
        let hooks = run.hooks.iter().flatten();
        lines.extend(hooks.map(|hook| format!("Hook: {}", short(hook))));
    }
    lines
}

/// One line of what may be long and of any characters.
fn short(text: &str) -> String {
    let mut text = one_line(text);
    text.truncate(text.floor_char_boundary(MAX_ERROR));
    text
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn advice(topic: Topic) -> String {
    let lifeboat = suggest::command::<&str>;
    match topic {
        Topic::Failure => format!(
            "{} tells more, {} how old the newest snapshot is",
            lifeboat("history --failed"),
            lifeboat("status")
        ),
        Topic::Stale => format!(
            "{} tells more; is what starts the backups still running?",
            lifeboat("status")
        ),
        Topic::LowSpace => format!(
            "{} tells what costs space; forget and gc free some",
            lifeboat("stats --costs")
        ),
        Topic::Damage => format!(
            "{} names all damage, {} mends what can be mended",
            lifeboat("verify --read-data"),
            lifeboat("repair")
        ),
        Topic::Recovery | Topic::Test => "nothing".to_owned(),
    }
}
