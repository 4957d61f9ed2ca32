//! Names with a number and some bytes each, packed one behind the other: a zip of very many files notes one for each, until
//! its description is written at the end.

/// One that was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) len: u64,
    pub(super) bytes: &'a [u8],
}

/// All of them, in the order in which they came.
#[derive(Default)]
pub(super) struct Lines {
    packed: Vec<u8>,
}

impl Lines {
    /// Notes one more.
    pub(super) fn push(&mut self, name: &str, len: u64, bytes: &[u8]) {
        for part in [name.as_bytes(), bytes] {
            // Paths are shorter by far.
            self.packed
                .extend_from_slice(&(part.len() as u32).to_le_bytes());
            self.packed.extend_from_slice(part);
        }
        self.packed.extend_from_slice(&len.to_le_bytes());
    }

    /// In order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        let mut rest = self.packed.as_slice();
        std::iter::from_fn(move || {
            let name = take(&mut rest)?;
            let bytes = take(&mut rest)?;
            let (len, more) = rest.split_first_chunk()?;
            rest = more;
            Some(Line {
                name: std::str::from_utf8(name).ok()?,
                len: u64::from_le_bytes(*len),
                bytes,
            })
        })
    }
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, more) = rest.split_first_chunk()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
    let (part, more) = more.split_at_checked(len)?;
    *rest = more;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_in_their_order_and_take_little_more_than_what_is_in_them() {
        let mut lines = Lines::default();
        assert_eq!(lines.iter().next(), None);
        let names: Vec<String> = (0..1000).map(|n| format!("ordner/größe {n}")).collect();
        for (name, len) in names.iter().zip(0..) {
            lines.push(name, len, &[len as u8; 32]);
        }
        let mut left = lines.iter();
        for (name, len) in names.iter().zip(0..) {
            let bytes = &[len as u8; 32];
            assert_eq!(left.next(), Some(Line { name, len, bytes }));
        }
        assert_eq!(left.next(), None);
        let told: usize = names.iter().map(|name| name.len() + 8 + 32).sum();
        assert_eq!(lines.packed.len(), told + names.len() * 8);
    }
}
