//! An answer of bytes alone, as a file or an archive is.
//!
//! The hazard is to take a failure of stdout for one of whoever made the bytes: so it is kept apart. Whoever keeps the bytes
//! that come must learn that some are lacking, so a reader that left is a failure here, though nothing to speak of.

use std::io::{self, Write};

use crate::failure::Failure;

/// Stdout for bytes, and why it failed if it did.
pub(crate) struct Raw {
    failed: Option<io::Error>,
}

impl Raw {
    /// Nothing has failed yet.
    pub(super) const fn new() -> Self {
        Self { failed: None }
    }

    /// Sees to it that all is out, and gives the failure of stdout itself, as against one of whoever wrote to it.
    pub(crate) fn end(mut self) -> Option<Failure> {
        let _ = self.flush();
        self.failed.as_ref().map(Failure::stdout)
    }

    fn tried<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| {
            // Not the error itself: it cannot be copied, and its number is all there is to it.
            self.failed = Some(error.raw_os_error().map_or_else(
                || io::Error::from(error.kind()),
                io::Error::from_raw_os_error,
            ));
        })
    }
}

impl Write for Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = io::stdout().write(bytes);
        self.tried(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = io::stdout().flush();
        self.tried(result)
    }
}
