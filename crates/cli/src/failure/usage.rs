//! A command line that cannot be understood, told in the same three lines as everything else.

use clap::error::ErrorKind;

use super::Failure;

/// The failure that the parser's complaint amounts to; `None` where it is no complaint but the answer, such as `--help`.
pub(crate) fn from_clap(error: &clap::Error) -> Option<Failure> {
    let is_answer = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    (!is_answer).then(|| parse(&error.render().to_string()))
}

/// The parser's text has paragraphs: what is wrong, tips, usage, and where to find help.
fn parse(text: &str) -> Failure {
    let mut what = Vec::new();
    let mut tips = Vec::new();
    for line in text.lines().take_while(|line| !line.starts_with("Usage:")) {
        match line.trim().strip_prefix("tip: ") {
            Some(tip) => tips.push(tip.to_owned()),
            None => what.push(line.trim()),
        }
    }
    let what = what.join(" ");
    let what = what.trim().strip_prefix("error: ").unwrap_or(&what);
    let what = what
        .strip_suffix("For more information, try '--help'.")
        .unwrap_or(what);
    if tips.is_empty() {
        tips.push(usage(text));
    }
    Failure::usage(what.trim()).hint(tips.join("; "))
}

/// The usage line, which is what helps where the parser has no tip.
fn usage(text: &str) -> String {
    let usage = text.lines().find_map(|line| line.strip_prefix("Usage: "));
    match usage {
        Some(usage) => format!("usage: {usage} (more with --help)"),
        None => "lifeboat --help tells what can be said".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tip_is_the_hint() {
        let text = "error: unexpected argument '--fooo' found\n\n  tip: a similar argument exists: '--foo'\n\n\
                    Usage: lifeboat list [OPTIONS]\n\nFor more information, try '--help'.\n";
        let lines = parse(text).lines();
        assert_eq!(lines[0].1, "unexpected argument '--fooo' found");
        assert_eq!(
            lines[1],
            ("hint", "a similar argument exists: '--foo'".to_owned())
        );
    }

    #[test]
    fn without_a_tip_the_usage_helps() {
        let text = "error: the following required arguments were not provided:\n  <SNAP>\n\nUsage: lifeboat show <SNAP>\n\n\
                    For more information, try '--help'.\n";
        let lines = parse(text).lines();
        assert_eq!(
            lines[0].1,
            "the following required arguments were not provided: <SNAP>"
        );
        assert_eq!(lines[1].1, "usage: lifeboat show <SNAP> (more with --help)");
    }
}
