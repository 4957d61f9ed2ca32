//! How much a description may hold (`docs/format.md`, "Limits"), and decoding that stops there.
//!
//! A few stored bytes can stand for many times as much memory: an attribute without name and value is two bytes and takes
//! fifty. So the number of things is limited beside that of bytes, and it is looked at before anything is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_bytes::ByteBuf;

/// Most bytes of a path inside a source, the slashes between its parts included.
pub const MAX_PATH: usize = 64 << 10;

/// Most sources of a snapshot.
pub const MAX_SOURCES: usize = 1 << 16;

/// Most tags of a snapshot.
pub const MAX_TAGS: usize = 1024;

/// Most databases of a snapshot.
pub(crate) const MAX_DATABASES: usize = 1 << 17;

/// Most flags of a snapshot.
pub(crate) const MAX_FLAGS: usize = 1 << 17;

/// Most parts of paths, tables, counts and findings in a manifest, all databases and flags together.
pub(crate) const MAX_ITEMS: usize = 1 << 20;

/// Most tables of a database whose rows are told.
pub(crate) const MAX_TABLES: usize = 1 << 14;

/// Most configured counts of a database.
pub(crate) const MAX_COUNTS: usize = 1024;

/// Most findings of a check.
pub(crate) const MAX_FINDINGS: usize = 1024;

/// Most extended attributes of an entry.
pub(crate) const MAX_XATTRS: usize = 1024;

/// Most references in a content itself, or in a list node.
pub(crate) const MAX_REFS: usize = 8192;

/// Most bytes of a folder node that has more than one entry.
pub(crate) const MAX_NODE: usize = 1 << 20;

/// Most pieces of a content that is read as a whole.
pub(crate) const MAX_PIECES: usize = 1024;

/// A list of at most so many values.
pub(crate) fn list<'de, const MOST: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    from.deserialize_seq(Bounded::<MOST, Vec<T>>(PhantomData))
}

/// A map of at most so many pairs.
pub(crate) fn map<'de, const MOST: usize, V: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, V>, D::Error> {
    from.deserialize_map(Bounded::<MOST, BTreeMap<String, V>>(PhantomData))
}

/// Extended attributes: of each name one, in order.
pub(crate) fn xattrs<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<(ByteBuf, ByteBuf)>, D::Error> {
    let xattrs: Vec<(ByteBuf, ByteBuf)> = list::<MAX_XATTRS, _, _>(from)?;
    let names = || xattrs.iter().map(|(name, _)| name);
    if names().is_sorted_by(|a, b| a < b) {
        Ok(xattrs)
    } else {
        Err(D::Error::custom("attributes are not in order"))
    }
}

/// Where a link leads: no system has a link to nothing, or one with a NUL in it.
pub(crate) fn link_target<'de, D: Deserializer<'de>>(from: D) -> Result<ByteBuf, D::Error> {
    let target = ByteBuf::deserialize(from)?;
    if target.is_empty() || target.contains(&0) {
        return Err(D::Error::custom("a link leads to what no link can lead to"));
    }
    Ok(target)
}

/// Builds a collection and gives up at its limit.
struct Bounded<const MOST: usize, C>(PhantomData<C>);

impl<const MOST: usize, C> Bounded<MOST, C> {
    /// Looks at the number that is claimed, if one is, and at the number that has come.
    fn check<E: Error>(claimed: Option<usize>, come: usize) -> Result<(), E> {
        if come > MOST || claimed.is_some_and(|claimed| claimed > MOST) {
            return Err(E::custom(format_args!("there are more than {MOST}")));
        }
        Ok(())
    }
}

impl<'de, const MOST: usize, T: Deserialize<'de>> Visitor<'de> for Bounded<MOST, Vec<T>> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MOST}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        Self::check(items.size_hint(), 0)?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
            Self::check(None, list.len())?;
        }
        Ok(list)
    }
}

impl<'de, const MOST: usize, V: Deserialize<'de>> Visitor<'de>
    for Bounded<MOST, BTreeMap<String, V>>
{
    type Value = BTreeMap<String, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map of at most {MOST}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
        Self::check(pairs.size_hint(), 0)?;
        let mut map = BTreeMap::new();
        while let Some((key, value)) = pairs.next_entry()? {
            map.insert(key, value);
            Self::check(None, map.len())?;
        }
        Ok(map)
    }
}
