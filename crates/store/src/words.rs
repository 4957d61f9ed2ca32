//! Errors in words, the same ones everywhere: the system's without their number, and causes in one line.

use std::error::Error;
use std::io;

/// The system's words without its number, which says nothing more.
pub fn system_words(error: &io::Error) -> String {
    without_numbers(&error.to_string())
}

/// The text without the numbers that the standard library adds to the system's words.
pub fn without_numbers(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.bytes().all(|digit| digit.is_ascii_digit()) => {
                clean.push_str(rest);
            }
            _ => clean.extend([" (os error ", part]),
        }
    }
    clean
}

/// All causes of an error, outermost first, in one line; `None` where the error is its own story.
pub fn causes(error: &dyn Error) -> Option<String> {
    let mut told = error.to_string();
    let mut causes: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause
            .downcast_ref()
            .map_or_else(|| cause.to_string(), system_words);
        // A wrapping often says what it wraps.
        if !told.contains(&text) {
            told.push_str(&text);
            causes.push(text);
        }
        next = cause.source();
    }
    (!causes.is_empty()).then(|| causes.join(": "))
}

/// An error and all its causes in one line, where nobody will look at the sources.
pub fn in_one_line(error: &dyn Error) -> String {
    match causes(error) {
        Some(causes) => format!("{error}: {causes}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_no_numbers() {
        let missing = io::Error::from_raw_os_error(2);
        assert_eq!(system_words(&missing), "No such file or directory");
        assert_eq!(
            system_words(&io::Error::other("so (it) goes")),
            "so (it) goes"
        );
        assert_eq!(without_numbers("a (os error 2); b (os error 13)"), "a; b");
        assert_eq!(without_numbers("a (os error x) b"), "a (os error x) b");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Wrapping(&'static str, #[source] io::Error);

    #[test]
    fn a_cause_is_told_once_and_without_its_number() {
        let full = || io::Error::from_raw_os_error(28);
        let error = Wrapping("cannot write f", full());
        assert_eq!(causes(&error).as_deref(), Some("No space left on device"));
        assert_eq!(
            in_one_line(&error),
            "cannot write f: No space left on device"
        );
        let told = Wrapping("cannot write f: No space left on device", full());
        assert_eq!(causes(&told), None);
        assert_eq!(in_one_line(&told), told.to_string());
    }
}
