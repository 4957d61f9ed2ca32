//! Where in a block of records a prefix begins.

use crate::index::record::{RECORD, prefix_of};

/// The records of a block that have this prefix or a higher one. Where they begin is guessed, since ids are hashes, and looked
/// for from there: mostly that is within some records, which are beside each other in memory as those of a halving are not.
pub(super) fn behind(block: &[u8], prefix: u64) -> &[[u8; RECORD]] {
    let (records, _) = block.as_chunks();
    let is_below = |at: usize| records.get(at).is_some_and(|r| prefix_of(r) < prefix);
    let mut first = guess(records, prefix);
    while first > 0 && !is_below(first - 1) {
        first -= 1;
    }
    while is_below(first) {
        first += 1;
    }
    records.get(first..).unwrap_or_default()
}

/// Where the records with this prefix would begin, were all equally far from each other.
fn guess(records: &[[u8; RECORD]], prefix: u64) -> usize {
    let (Some(low), Some(high)) = (records.first(), records.last()) else {
        return 0;
    };
    let (low, high) = (prefix_of(low), prefix_of(high));
    if prefix <= low || high <= low {
        return 0;
    }
    let above = u128::from(prefix - low) * records.len() as u128;
    let guess = above / u128::from(high - low);
    usize::try_from(guess).map_or(records.len(), |guess| guess.min(records.len()))
}
