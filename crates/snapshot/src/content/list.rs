//! List nodes: the references that a long content does not hold itself.

use lifeboat_store::Store;
use serde::{Deserialize, Serialize};

use super::{Ref, sum, unsound};
use crate::error::Result;
use crate::limits::{self, MAX_REFS};
use crate::meta;

/// Encoded as the list alone.
#[derive(Serialize, Deserialize)]
struct List(#[serde(deserialize_with = "limits::list::<MAX_REFS, _, _>")] Vec<Ref>);

/// What a node lists, which is as long as the reference to the node says.
pub(crate) fn read_list(store: &Store, node: &Ref) -> Result<Vec<Ref>> {
    let refs = decode_list(&store.get(&node.id)?)?;
    if sum(&refs) == Some(node.len) {
        Ok(refs)
    } else {
        Err(unsound("its lengths do not add up"))
    }
}

/// The list in these bytes.
pub(crate) fn decode_list(bytes: &[u8]) -> Result<Vec<Ref>> {
    meta::decode::<List>(meta::Kind::List, bytes).map(|list| list.0)
}
