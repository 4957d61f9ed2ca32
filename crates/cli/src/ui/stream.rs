//! A document that holds a list, given while the list is still being found: it may be as long as there are files.
//!
//! It is one line for the head, one for each item and one for the tail. Where the work fails in its middle the document has
//! no end, so that nobody takes it for a whole one.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Ui, json};
use crate::failure::Failure;

/// The document while it is being given.
pub(crate) struct Stream<'u> {
    ui: &'u Ui,
    /// What goes before the next item.
    separator: &'static str,
}

impl Ui {
    /// Begins a document with these fields, and then the list of this name.
    pub(crate) fn stream(
        &self,
        head: &Map<String, Value>,
        list: &str,
    ) -> Result<Stream<'_>, Failure> {
        let fields = fields(head)?;
        let comma = if fields.is_empty() { "" } else { "," };
        self.part(format!("{{{fields}{comma}{}:[", json::line(&list)?))?;
        Ok(Stream {
            ui: self,
            separator: "\n",
        })
    }
}

impl Stream<'_> {
    /// The next item of the list.
    pub(crate) fn item(&mut self, item: &impl Serialize) -> Result<(), Failure> {
        let separator = std::mem::replace(&mut self.separator, ",\n");
        self.ui.part(format!("{separator}{}", json::line(item)?))
    }

    /// Ends the document, with these fields behind the list.
    pub(crate) fn end(self, tail: &Map<String, Value>) -> Result<(), Failure> {
        let fields = fields(tail)?;
        let comma = if fields.is_empty() { "" } else { "," };
        self.ui.line(format!("\n]{comma}{fields}}}"))
    }
}

/// An object without its braces.
fn fields(object: &Map<String, Value>) -> Result<String, Failure> {
    let text = json::line(object)?;
    let inner = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    Ok(inner.unwrap_or_default().to_owned())
}
