//! The file of the config, watched while the daemon works by what it has read: what is changed is taken up, and what is no good
//! is told at once, not when the daemon is started the next time and fails.

use std::path::Path;
use std::time::Duration;

use super::aside::Aside;
use crate::config::Config;
use crate::failure::Failure;

/// Whoever writes the file may not be done: it must say the same for so long.
const SETTLED: Duration = Duration::from_secs(5);

/// What the file says, or why it says nothing.
type Said = Result<String, Failure>;

/// What there is to do.
#[derive(Debug)]
pub(super) enum News {
    Nothing,
    /// It says something else.
    Other(Said),
    /// It says again what is in force, after it said something that was refused.
    Back,
}

/// The file.
pub(super) struct Watched {
    reader: Aside,
    /// Whether somebody named it; else it must be ours each time.
    is_named: bool,
    state: Seen,
}

/// What was seen of it.
#[derive(Debug, Default)]
struct Seen {
    /// What else than what is in force it says, and since when.
    other: Option<(String, Duration)>,
    /// What it said when that was refused.
    refused: Option<String>,
}

impl Watched {
    pub(super) fn new(is_named: bool) -> Self {
        Self {
            reader: Aside::default(),
            is_named,
            state: Seen::default(),
        }
    }

    /// What it says now; `None` where that does not come soon.
    pub(super) fn read(&self, file: &Path) -> Option<Said> {
        let (file, is_named) = (file.to_owned(), self.is_named);
        self.reader.ask(move || Config::text_now(&file, is_named))
    }

    /// Looks at it.
    pub(super) fn look(&mut self, file: &Path, in_force: &str, now: Duration) -> News {
        let said = self.read(file);
        self.state.seen(said, in_force, now)
    }

    /// When it is to be looked at again, where that is soon.
    pub(super) fn wait(&self, now: Duration) -> Option<Duration> {
        self.state.wait(now)
    }

    /// What it says is in force from now on.
    pub(super) fn take_up(&mut self) {
        self.state = Seen::default();
    }

    /// What it says is no good.
    pub(super) fn refuse(&mut self, said: &Said) {
        self.state = Seen {
            other: None,
            refused: Some(key(said)),
        };
    }
}

impl Seen {
    fn seen(&mut self, said: Option<Said>, in_force: &str, now: Duration) -> News {
        match said {
            Some(said) => self.weigh(said, in_force, now),
            // What was seen of a change is seen anew when the disk answers; to look again at once would be to look all the time.
            None => {
                self.other = None;
                News::Nothing
            }
        }
    }

    fn wait(&self, now: Duration) -> Option<Duration> {
        let (_, since) = self.other.as_ref()?;
        Some((*since + SETTLED).saturating_sub(now))
    }

    fn weigh(&mut self, said: Said, in_force: &str, now: Duration) -> News {
        let key = key(&said);
        if said.as_ref().is_ok_and(|text| text == in_force) {
            self.other = None;
            return match self.refused.take() {
                Some(_) => News::Back,
                None => News::Nothing,
            };
        }
        if self.refused.as_ref() == Some(&key) {
            self.other = None;
            return News::Nothing;
        }
        match &self.other {
            Some((other, since)) if *other == key => match now.saturating_sub(*since) >= SETTLED {
                true => News::Other(said),
                false => News::Nothing,
            },
            _ => {
                self.other = Some((key, now));
                News::Nothing
            }
        }
    }
}

/// Tells one thing that is said from another.
fn key(said: &Said) -> String {
    match said {
        Ok(text) => text.clone(),
        Err(failure) => failure.sentence(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_written_is_taken_up_when_it_stays_the_same() {
        let mut seen = Seen::default();
        let mut weigh = |text: &str, now| seen.weigh(Ok(text.to_owned()), "a", seconds(now));
        assert!(matches!(weigh("a", 0), News::Nothing));
        assert!(matches!(weigh("half", 10), News::Nothing));
        assert!(matches!(weigh("whole", 14), News::Nothing));
        assert!(matches!(weigh("whole", 18), News::Nothing));
        assert!(matches!(weigh("whole", 19), News::Other(Ok(text)) if text == "whole"));
    }

    #[test]
    fn a_change_on_a_disk_that_no_longer_answers_is_not_looked_at_all_the_time() {
        let mut seen = Seen::default();
        let mut look = |text: Option<&str>, now| {
            let said = text.map(|text| Ok(text.to_owned()));
            let news = seen.seen(said, "a", seconds(now));
            (news, seen.wait(seconds(now)))
        };
        assert_eq!(look(Some("b"), 0).1, Some(SETTLED));
        assert_eq!(look(None, 20).1, None);
        assert_eq!(look(Some("b"), 80).1, Some(SETTLED));
        assert!(matches!(look(Some("b"), 85).0, News::Other(Ok(text)) if text == "b"));
    }

    #[test]
    fn what_was_refused_is_refused_once_and_its_end_is_noticed() {
        let mut watched = Watched::new(true);
        let bad = || Ok("bad".to_owned());
        watched.refuse(&bad());
        let seen = &mut watched.state;
        for now in [0, 100, 200] {
            assert!(matches!(
                seen.weigh(bad(), "a", seconds(now)),
                News::Nothing
            ));
        }
        let again = seen.weigh(Ok("a".to_owned()), "a", seconds(300));
        assert!(matches!(again, News::Back));
        let still = seen.weigh(Ok("a".to_owned()), "a", seconds(301));
        assert!(matches!(still, News::Nothing));
    }
}
