//! One table or a list of tables: `[notify.mail]`, or `[[notify.mail]]` for each of several.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::notify::Topic;

/// Any number of ways of one kind.
#[derive(Debug)]
pub(super) struct Many<T>(pub(super) Vec<T>);

/// What every way says of itself.
pub(super) trait Named {
    /// How it is called where it is told of.
    fn name(&self) -> Option<&str>;
    /// What it is told of, where it says so itself.
    fn on(&self) -> Option<&[Topic]>;
}

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de> + Named> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written(PhantomData))
    }
}

struct Written<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Named> Visitor<'de> for Written<T> {
    type Value = Many<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table, or a list of tables")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Many<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|one| Many(vec![one]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Many<T>, A::Error> {
        let mut all: Vec<T> = Vec::new();
        while let Some(one) = seq.next_element()? {
            all.push(one);
        }
        let names: Vec<&str> = all.iter().filter_map(Named::name).collect();
        match names.len() == names.iter().collect::<BTreeSet<_>>().len() {
            true => Ok(Many(all)),
            false => Err(de::Error::custom("two of these have the same name")),
        }
    }
}
