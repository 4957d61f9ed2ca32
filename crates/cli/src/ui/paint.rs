//! Colours: few, and never the only carrier of a meaning, since not every terminal has them and not every eye sees them.

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::builder::Styles;

/// What failed.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// What was in the way.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// What is worth knowing.
pub(crate) const NOTE: Style = AnsiColor::Cyan.on_default();
/// What a line is about.
pub(crate) const LABEL: Style = Style::new().bold();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What is well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What is neither well nor lost.
pub(crate) const FAIR: Style = AnsiColor::Yellow.on_default();
/// What is not well.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// What can be typed again.
pub(crate) const ID: Style = AnsiColor::Cyan.on_default();

/// The help's colours.
pub(crate) const HELP: Styles = Styles::styled()
    .header(LABEL)
    .usage(LABEL)
    .literal(ID)
    .placeholder(DIM)
    .error(ERROR)
    .valid(GOOD)
    .invalid(FAIR);

/// Painted text.
pub(crate) fn paint(style: Style, text: impl AsRef<str>) -> String {
    format!("{style}{}{style:#}", text.as_ref())
}

/// Whether to paint what goes to this stream. `auto` asks the terminal, `NO_COLOR` and its kin.
pub(crate) fn choice(wanted: clap::ColorChoice, stream: &impl RawStream) -> ColorChoice {
    match wanted {
        clap::ColorChoice::Always => ColorChoice::Always,
        clap::ColorChoice::Never => ColorChoice::Never,
        clap::ColorChoice::Auto => AutoStream::choice(stream),
    }
}
