//! Paths inside a snapshot: relative, of checked parts, bytes as the file system has them.
//!
//! Restore joins these to a folder of the user's, so a path that could lead out of it must not exist as a value: the only
//! constructors check, and decoding goes through them (fault F-52, bad input 17).

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_bytes::ByteBuf;

use crate::limits::{self, MAX_PATH};

/// Most bytes of a name; file systems allow 255.
pub(crate) const MAX_NAME: usize = 1024;

/// Deepest nesting of folders that is stored or restored. A path that the system takes whole has fewer.
pub const MAX_DEPTH: usize = 2048;

/// A text that cannot be a part of a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unsafe name '{}'", escape(.0))]
pub struct BadName(Vec<u8>);

/// One part of a path: not empty, not `.` or `..`, without `/` and NUL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "ByteBuf", into = "ByteBuf")]
pub struct Name(Vec<u8>);

impl Name {
    /// Checks the bytes.
    ///
    /// # Errors
    /// [`BadName`] where they could lead elsewhere.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, BadName> {
        let bytes = bytes.into();
        let bad = bytes.is_empty()
            || bytes.len() > MAX_NAME
            || bytes == b"."
            || bytes == b".."
            || bytes.iter().any(|byte| matches!(byte, b'/' | 0));
        if bad {
            Err(BadName(bytes))
        } else {
            Ok(Self(bytes))
        }
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As the system's functions take it.
    pub fn as_os_str(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }
}

impl TryFrom<ByteBuf> for Name {
    type Error = BadName;

    fn try_from(bytes: ByteBuf) -> Result<Self, BadName> {
        Self::new(bytes.into_vec())
    }
}

impl From<Name> for ByteBuf {
    fn from(name: Name) -> Self {
        Self::from(name.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({})", escape(&self.0))
    }
}

/// A path inside a snapshot; empty for the root of a source. Orders as a walk visits: a folder, then what is in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct TreePath(#[serde(deserialize_with = "parts")] Vec<Name>);

/// The parts of a path that is no longer and no deeper than any that is stored.
fn parts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Name>, D::Error> {
    let parts = limits::list::<MAX_DEPTH, Name, D>(from)?;
    if TreePath::len_of(&parts) > MAX_PATH {
        return Err(D::Error::custom("a path is too long"));
    }
    Ok(parts)
}

impl TreePath {
    /// The root.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The path that a user typed: `/` between parts, leading `./` and trailing `/` are forgiven.
    ///
    /// # Errors
    /// [`BadName`] for `..` and the like.
    pub fn parse(text: &[u8]) -> Result<Self, BadName> {
        text.split(|&byte| byte == b'/')
            .filter(|part| !part.is_empty() && *part != b".")
            .map(Name::new)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// This path and one more part.
    #[must_use]
    pub fn join(&self, name: &Name) -> Self {
        let mut parts = self.0.clone();
        parts.push(name.clone());
        Self(parts)
    }

    /// Whether this path and one more part would be longer or deeper than any that is stored. The name of a source may
    /// come on top.
    pub(crate) fn is_full(&self, name: &Name) -> bool {
        let len = Self::len_of(&self.0) + name.0.len();
        self.0.len() > MAX_DEPTH || len > MAX_PATH + MAX_NAME
    }

    /// Goes one part further down.
    pub(crate) fn push(&mut self, name: Name) {
        self.0.push(name);
    }

    /// Goes one part up.
    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    /// Bytes of a path of these parts, a slash behind each.
    fn len_of(parts: &[Name]) -> usize {
        parts.iter().map(|part| part.0.len() + 1).sum()
    }

    /// The parts from the root on.
    pub fn parts(&self) -> &[Name] {
        &self.0
    }

    /// The folder above and the name in it; of the root there is neither.
    pub fn split_last(&self) -> Option<(Self, &Name)> {
        let (name, above) = self.0.split_last()?;
        Some((Self(above.to_vec()), name))
    }

    /// Whether it is the other path, or below it.
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Whether both stand in the same folder.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        match (self.0.split_last(), other.0.split_last()) {
            (Some((_, above)), Some((_, others))) => above == others,
            _ => false,
        }
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The raw bytes, with `/` between parts.
    pub fn to_bytes(&self) -> Vec<u8> {
        let parts: Vec<&[u8]> = self.0.iter().map(Name::as_bytes).collect();
        parts.join(&b'/')
    }

    /// Where it stands below a folder.
    pub fn below(&self, folder: &Path) -> PathBuf {
        let mut path = folder.to_owned();
        path.extend(self.0.iter().map(Name::as_os_str));
        path
    }
}

/// Printable: control characters and what is no UTF-8 are escaped, so that a hostile name cannot drive a terminal.
impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&self.to_bytes()))
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreePath({self})")
    }
}

/// Bytes as printable text: UTF-8 stays, everything else becomes `\xNN`, and what changes the reading direction or the
/// terminal `\u{…}`.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_plain(character) {
                text.push(character);
            } else {
                text.extend(character.escape_unicode());
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Bytes as a path of this machine, as snapshots keep those of their sources.
pub fn of_bytes(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// The real path, without links; of what does not exist or cannot be looked at, the path itself.
pub fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Whether a character is none that drives a terminal, ends a line, turns the direction of text or is there unseen.
pub fn is_plain(character: char) -> bool {
    let misleads = matches!(character,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
    !character.is_control() && !misleads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_17_unsafe_names_cannot_be_made_or_decoded() {
        for bad in ["", ".", "..", "a/b", "a\0b"] {
            assert!(Name::new(bad.as_bytes()).is_err(), "{bad:?}");
            let stored = lifeboat_store::codec::encode(&ByteBuf::from(bad)).unwrap();
            assert!(lifeboat_store::codec::decode::<Name>(&stored).is_err());
        }
        assert!(Name::new(vec![b'a'; MAX_NAME + 1]).is_err());
        for good in ["a", "...", "-rf", "a\nb", "con"] {
            assert!(Name::new(good.as_bytes()).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn typed_paths_are_forgiven_their_slashes_and_nothing_else() {
        let path = TreePath::parse(b"./a//b/").unwrap();
        assert_eq!(path.to_bytes(), b"a/b");
        assert!(TreePath::parse(b"/").unwrap().is_root());
        assert!(TreePath::parse(b"a/../b").is_err());
    }

    #[test]
    fn a_path_is_real_where_it_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let link = root.join("link");
        std::os::unix::fs::symlink(&root, &link).unwrap();
        assert_eq!(real(&link), root);
        assert_eq!(real(&link.join("no/such")), link.join("no/such"));
        assert_eq!(of_bytes(b"/a\xff").as_os_str().as_bytes(), b"/a\xff");
    }

    #[test]
    fn bad_35_names_cannot_drive_a_terminal() {
        assert_eq!(escape(b"a\x1b[2J\n"), "a\\u{1b}[2J\\u{a}");
        assert_eq!(escape(b"\xff\xfe"), "\\xff\\xfe");
        assert_eq!(escape("\u{202e}fdp.exe".as_bytes()), "\\u{202e}fdp.exe");
        assert_eq!(escape("Müller".as_bytes()), "Müller");
    }
}
