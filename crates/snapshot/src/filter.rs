//! Which snapshots are meant at all, and why that may be none.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::error::SnapshotError;
use crate::path::{escape, of_bytes};
use crate::record::Snapshot;

/// Most things that are told of those there are.
const MOST: usize = 10;

/// Which snapshots a name may mean.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those with this tag.
    pub tag: Option<String>,
    /// Only those of this source: its whole path or the last parts of it.
    pub source: Option<PathBuf>,
    /// Only those of this machine.
    pub host: Option<String>,
}

impl Filter {
    /// Whether the snapshot is one of them.
    pub fn admits(&self, snapshot: &Snapshot) -> bool {
        let is_source = |wanted: &PathBuf| {
            snapshot
                .sources
                .iter()
                .any(|source| of_bytes(source).ends_with(wanted))
        };
        self.tag
            .as_ref()
            .is_none_or(|tag| snapshot.tags.contains(tag))
            && self.host.as_ref().is_none_or(|host| snapshot.host == *host)
            && self.source.as_ref().is_none_or(is_source)
    }

    /// Why it admits none of these; `None` where it admits one, or there is none at all.
    pub fn refusal(&self, snapshots: &[Snapshot]) -> Option<SnapshotError> {
        if snapshots.is_empty() || snapshots.iter().any(|snapshot| self.admits(snapshot)) {
            return None;
        }
        let mut wishes = self.wishes();
        let is_alone_to_blame =
            |wish: &Wish| !snapshots.iter().any(|snapshot| wish.alone.admits(snapshot));
        let blamed = wishes.iter().position(is_alone_to_blame);
        let (asked, reason) = match blamed.map(|at| wishes.swap_remove(at)) {
            Some(wish) => (wish.asked, there(snapshots.iter().flat_map(wish.values))),
            None => {
                let asked: Vec<String> = wishes.into_iter().map(|wish| wish.asked).collect();
                let reason = "some are one of it, and none is all of it".to_owned();
                (asked.join(" and "), reason)
            }
        };
        Some(SnapshotError::NoneAdmitted { asked, reason })
    }

    fn wishes(&self) -> Vec<Wish> {
        let tag = self.tag.as_ref().map(|tag| Wish {
            asked: format!("has the tag '{tag}'"),
            alone: Self {
                tag: Some(tag.clone()),
                ..Self::default()
            },
            values: |snapshot| snapshot.tags.clone(),
        });
        let source = self.source.as_ref().map(|source| Wish {
            asked: format!("is of the source {}", source.display()),
            alone: Self {
                source: Some(source.clone()),
                ..Self::default()
            },
            values: |snapshot| snapshot.sources.iter().map(|one| escape(one)).collect(),
        });
        let host = self.host.as_ref().map(|host| Wish {
            asked: format!("is of the host '{host}'"),
            alone: Self {
                host: Some(host.clone()),
                ..Self::default()
            },
            values: |snapshot| vec![snapshot.host.clone()],
        });
        [tag, source, host].into_iter().flatten().collect()
    }
}

/// One thing that a filter asks for.
struct Wish {
    asked: String,
    alone: Filter,
    /// What a snapshot has of that sort.
    values: fn(&Snapshot) -> Vec<String>,
}

/// What there is, in words.
fn there(values: impl Iterator<Item = String>) -> String {
    let values: BTreeSet<String> = values.collect();
    let more = if values.len() > MOST { ", …" } else { "" };
    let shown: Vec<String> = values.into_iter().take(MOST).collect();
    match shown.as_slice() {
        [] => "none has any".to_owned(),
        [one] => format!("there is {one}"),
        _ => format!("there are {}{more}", shown.join(", ")),
    }
}
