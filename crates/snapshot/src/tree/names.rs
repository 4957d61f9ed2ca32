//! The names of a snapshot's sources, as the folders that they are in its tree.

use std::collections::{HashMap, HashSet};

use crate::path::{MAX_NAME, Name};

/// The name under which each source stands, by the names of their roots and whether those are folders: its own, and where that
/// is taken `name-2` and so on. Every one has a name of its own: a source without one would be left out of a restore and nobody
/// would know. The contents of a single folder have none.
pub(crate) fn source_names(roots: &[(Name, bool)]) -> Vec<Option<Name>> {
    if let [(_, true)] = roots {
        return vec![None];
    }
    let mut taken: HashSet<Name> = HashSet::new();
    // How many sources had each name so far: looking at all numbers again would take as long as there are pairs.
    let mut namesakes: HashMap<&Name, u64> = HashMap::new();
    let mut names = Vec::with_capacity(roots.len());
    for (root, _) in roots {
        let number = namesakes.entry(root).or_insert(0);
        let name = loop {
            *number += 1;
            let name = numbered(root, *number);
            if taken.insert(name.clone()) {
                break name;
            }
        };
        names.push(Some(name));
    }
    names
}

/// `name` itself, then `name-2` and so on; of a name that has no room for more, the number takes the place of its end.
fn numbered(name: &Name, number: u64) -> Name {
    if number == 1 {
        return name.clone();
    }
    let ending = format!("-{number}");
    let kept = name.as_bytes().len().min(MAX_NAME - ending.len());
    let stem = name.as_bytes().get(..kept).unwrap_or_default();
    // The beginning of a name with such an end is a name: it has neither `/` nor NUL and is not made of dots.
    Name::new([stem, ending.as_bytes()].concat()).unwrap_or_else(|_| name.clone())
}
