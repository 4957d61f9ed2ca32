//! Looking for a trailer that does not end its file, or is not that of its name: bytes were appended to a pack, or it has the
//! name of another.
//!
//! What is found has the right hash, and says no more than that: whoever reads by it checks every chunk against its id.

use super::PackReader;
use super::trailer::{END, FOOTER, Footer, Trailer};
use crate::error::Result;

/// Bytes that are looked through at once.
const WINDOW: u64 = 1 << 20;

/// Ends of trailers that are tried: stored bytes may have any number of what only looks like one.
const MOST: usize = 64;

impl PackReader<'_> {
    /// The last trailer in the file that is whole and fits the bytes before it, whatever stands behind it and whichever pack
    /// it names.
    pub(crate) fn stray_trailer(&self) -> Result<Option<Trailer>> {
        let mut tried = 0;
        let mut end = self.file_len()?;
        while end > 0 {
            let begin = end.saturating_sub(WINDOW);
            let bytes = self.read(begin, end - begin)?;
            for at in ends_in(&bytes) {
                if tried == MOST {
                    return Ok(None);
                }
                tried += 1;
                if let Some(trailer) = self.trailer_ending_at(begin + at)? {
                    return Ok(Some(trailer));
                }
            }
            // A mark may stand across two windows; one of the file's first bytes ends nothing.
            end = match begin {
                0 => 0,
                begin => begin + END.len() as u64 - 1,
            };
        }
        Ok(None)
    }

    fn trailer_ending_at(&self, end: u64) -> Result<Option<Trailer>> {
        let Some(begin) = end.checked_sub(FOOTER as u64) else {
            return Ok(None);
        };
        let Ok(footer) = Footer::parse(&self.read(begin, FOOTER as u64)?, end) else {
            return Ok(None);
        };
        let begin = footer.trailer_offset();
        Ok(Trailer::decode(&self.read(begin, end - begin)?).ok())
    }
}

/// Where marks of an end in these bytes end, the last one first.
fn ends_in(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let windows = bytes.windows(END.len()).enumerate().rev();
    windows
        .filter(|(_, window)| window == END)
        .map(|(at, _)| (at + END.len()) as u64)
}
