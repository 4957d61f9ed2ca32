//! The entries of an archive so far: their headers of the directory, one behind the other, as they are written at its end.

use super::record::{CENTRAL_FIXED, Record};

/// Where the lengths of name, extra field and comment stand in a header, each in two bytes.
const LENGTHS: usize = 28;

/// All that was written, in order.
#[derive(Debug, Default)]
pub(super) struct Entries {
    headers: Vec<u8>,
    count: u64,
    plain_len: u64,
}

impl Entries {
    /// Notes one that is written.
    pub(super) fn push(&mut self, record: &Record) {
        self.headers.extend_from_slice(&record.central_header());
        self.count += 1;
        self.plain_len = self.plain_len.saturating_add(record.run.plain_len);
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Plain bytes of all of them.
    pub(super) fn plain_len(&self) -> u64 {
        self.plain_len
    }

    /// All headers.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.headers
    }

    /// Whether one has this name. It looks at all of them.
    pub(super) fn has(&self, name: &str) -> bool {
        let mut rest = self.headers.as_slice();
        while let Some((found, more)) = split_header(rest) {
            if found == name.as_bytes() {
                return true;
            }
            rest = more;
        }
        false
    }
}

/// The name in the first header, and the headers behind it.
fn split_header(headers: &[u8]) -> Option<(&[u8], &[u8])> {
    let (fixed, rest) = headers.split_at_checked(CENTRAL_FIXED)?;
    let (lengths, _) = fixed.get(LENGTHS..)?.split_first_chunk::<6>()?;
    let [name, extra, comment] = [0, 2, 4].map(|at| {
        let bytes = lengths.get(at..).and_then(|bytes| bytes.first_chunk());
        bytes.map_or(0, |bytes| usize::from(u16::from_le_bytes(*bytes)))
    });
    let (name, rest) = rest.split_at_checked(name)?;
    Some((name, rest.get(extra + comment..)?))
}

#[cfg(test)]
mod tests {
    use super::super::record::{Kind, Method};
    use super::super::segment::Run;
    use super::super::time::Modified;
    use super::*;

    fn record(name: String, mtime: i64, plain_len: u64) -> Record {
        Record {
            name,
            kind: Kind::File,
            mode: 0o644,
            modified: Modified::new(mtime, 0),
            method: Method::Deflated,
            run: Run {
                plain_len,
                ..Run::EMPTY
            },
            offset: 77,
            reserved: false,
            streamed: false,
        }
    }

    #[test]
    fn every_name_is_found_whatever_stands_behind_it_and_takes_what_the_directory_does() {
        let mut entries = Entries::default();
        let name = |number: u64| format!("f/{}", "ä".repeat(number as usize));
        // Times outside of the extra field, and lengths that need 64 bits, make headers of other lengths.
        for number in 0..40 {
            let mtime = i64::from(number % 3 == 0) << 40;
            entries.push(&record(name(number), mtime, number << 30));
        }
        assert!((0..40).all(|number| entries.has(&name(number))));
        assert!(!entries.has("f") && !entries.has(&name(40)) && !entries.has(""));
        assert_eq!((entries.count(), entries.plain_len()), (40, 780 << 30));
        let names: usize = (0..40).map(|number| name(number).len()).sum();
        assert!(entries.bytes().len() <= names + 40 * (CENTRAL_FIXED + 9 + 28));
    }
}
