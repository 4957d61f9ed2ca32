//! pax records: what the old header has no room for.

use tar::Header;

use crate::entry::Meta;

/// Bytes of a name in the old header.
const NAME: usize = 100;

/// Largest number that its fields for owners take as text.
const MAX_ID: u32 = 0o777_7777;

/// Largest time that its field takes as text.
const MAX_TIME: i64 = 0o777_7777_7777;

/// The records of one entry.
#[derive(Debug, Default)]
pub(super) struct Records(Vec<(String, Vec<u8>)>);

impl Records {
    /// Puts the name where it fits.
    pub(super) fn name(&mut self, header: &mut Header, name: &[u8]) {
        let field = &mut header.as_old_mut().name;
        self.text(field, "path", name);
    }

    /// Puts the target of a link where it fits.
    pub(super) fn link(&mut self, header: &mut Header, target: &[u8]) {
        let field = &mut header.as_old_mut().linkname;
        self.text(field, "linkpath", target);
    }

    fn text(&mut self, field: &mut [u8; NAME], key: &str, text: &[u8]) {
        let fits = text.get(..text.len().min(NAME)).unwrap_or_default();
        for (to, from) in field.iter_mut().zip(fits) {
            *to = *from;
        }
        if text.len() > NAME {
            self.push(key, text);
        }
    }

    /// Times finer than seconds or beyond the field, large owners, and extended attributes.
    pub(super) fn meta(&mut self, meta: &Meta) {
        let time = meta.mtime;
        if time.nanos != 0 || !(0..=MAX_TIME).contains(&time.secs) {
            let text = decimal(time.secs, time.nanos);
            self.push("mtime", text.as_bytes());
        }
        for (key, id) in [("uid", meta.uid), ("gid", meta.gid)] {
            if id > MAX_ID {
                self.push(key, id.to_string().as_bytes());
            }
        }
        for (name, value) in &meta.xattrs {
            // In a record, `=` ends the key. No attribute that programs use has one, or bytes that are no text.
            if let Ok(name) = std::str::from_utf8(name)
                && !name.contains('=')
            {
                self.push(&format!("SCHILY.xattr.{name}"), value);
            }
        }
    }

    fn push(&mut self, key: &str, value: &[u8]) {
        if std::str::from_utf8(value).is_err() && !key.starts_with("SCHILY") && self.0.is_empty() {
            self.0.push(("hdrcharset".to_owned(), b"BINARY".to_vec()));
        }
        self.0.push((key.to_owned(), value.to_vec()));
    }

    /// For the writer.
    pub(super) fn as_pairs(&self) -> Vec<(&str, &[u8])> {
        let pairs = self.0.iter();
        pairs
            .map(|(key, value)| (key.as_str(), value.as_slice()))
            .collect()
    }
}

/// Seconds and nanoseconds that are added to them, as one decimal number.
fn decimal(secs: i64, nanos: u32) -> String {
    match (secs, nanos) {
        (_, 0) => secs.to_string(),
        (..0, _) => {
            let whole = (secs + 1).unsigned_abs();
            format!("-{whole}.{:09}", 1_000_000_000 - nanos)
        }
        _ => format!("{secs}.{nanos:09}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_are_one_number() {
        assert_eq!(decimal(0, 0), "0");
        assert_eq!(decimal(7, 5), "7.000000005");
        assert_eq!(decimal(-1, 500_000_000), "-0.500000000");
        assert_eq!(decimal(-2, 250_000_000), "-1.750000000");
        assert_eq!(decimal(-2, 0), "-2");
    }
}
