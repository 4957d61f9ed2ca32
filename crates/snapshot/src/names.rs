//! Snapshots by name: an id, the beginning of one, or `latest` and how many before it.

use lifeboat_store::SnapshotId;

use crate::error::{Result, SnapshotError};
use crate::filter::Filter;
use crate::forgotten::ForgottenSnapshot;
use crate::record::Snapshot;
use crate::repository::{Listing, Repository};

/// Fewest digits of an id that are believed to mean it.
const FEWEST: usize = 4;

impl Repository {
    /// The snapshot of this name: an id, the beginning of one (four digits at least), `latest` or `latest~N`.
    ///
    /// # Errors
    /// Where the name means none, or several.
    pub fn find(&self, name: &str, filter: &Filter) -> Result<Snapshot> {
        let mut listing = self.snapshots()?;
        let refusal = filter.refusal(&listing.snapshots);
        listing.snapshots.retain(|snapshot| filter.admits(snapshot));
        let found = self.find_in(&listing, name).cloned();
        found.map_err(|error| match (error, refusal) {
            (SnapshotError::SnapshotUnknown { .. }, Some(refusal)) => refusal,
            (error, _) => error,
        })
    }

    /// The ids of the snapshots of these names. With `unreadable`, a name may mean one whose record cannot be read.
    ///
    /// # Errors
    /// Where one of them means none, or several.
    pub fn find_ids(
        &self,
        names: &[String],
        filter: &Filter,
        unreadable: bool,
    ) -> Result<Vec<SnapshotId>> {
        let mut listing = self.snapshots()?;
        listing.snapshots.retain(|snapshot| filter.admits(snapshot));
        let find = |name: &String| match self.find_in(&listing, name) {
            Err(SnapshotError::Store(error)) if unreadable && error.is_damage() => {
                let mut ids = listing.damaged.iter().map(|(id, _)| *id);
                ids.find(|id| begins(*id, name))
                    .ok_or_else(|| unknown(name))
            }
            found => found.map(|snapshot| snapshot.id),
        };
        names.iter().map(find).collect()
    }

    /// The forgotten snapshots of these names, which are ids or beginnings of them; without a name, those that were
    /// forgotten last, in one go.
    ///
    /// # Errors
    /// [`SnapshotError::ForgottenUnknown`] where a name means none, or several.
    pub fn find_forgotten(&self, names: &[String]) -> Result<Vec<ForgottenSnapshot>> {
        let forgotten = self.forgotten()?;
        let latest = forgotten.items.iter().map(|item| item.at_ms).max();
        if names.is_empty() {
            let items = forgotten.items.into_iter();
            return Ok(items.filter(|item| Some(item.at_ms) == latest).collect());
        }
        let find = |name: &String| {
            check_name(name)?;
            let mut items = forgotten.items.iter();
            let found = items.by_ref().find(|item| begins(item.snapshot.id, name));
            let others: Vec<SnapshotId> = items
                .map(|item| item.snapshot.id)
                .filter(|id| begins(*id, name))
                .collect();
            match found {
                Some(item) if others.is_empty() => Ok(item.clone()),
                Some(item) => Err(SnapshotError::SnapshotAmbiguous {
                    name: name.clone(),
                    candidates: others.into_iter().chain([item.snapshot.id]).collect(),
                }),
                None => Err(SnapshotError::ForgottenUnknown { name: name.clone() }),
            }
        };
        names.iter().map(find).collect()
    }

    fn find_in<'l>(&self, listing: &'l Listing, name: &str) -> Result<&'l Snapshot> {
        if let Some(back) = steps_back(name) {
            // A record that cannot be read may be the newest: an older one in its place would be a silent loss.
            for (id, _) in &listing.damaged {
                if let Err(source) = self.snapshot(*id) {
                    return Err(SnapshotError::NewestUnknown { id: *id, source });
                }
            }
            // What a restore has saved is not what anybody means by the latest backup, least of all in the next restore;
            // unless that is all that was asked for.
            let is_all = listing.snapshots.iter().all(Snapshot::is_safety);
            let newest_first = listing.snapshots.iter().rev();
            let mut newest_first = newest_first.filter(|found| is_all || !found.is_safety());
            return newest_first.nth(back).ok_or_else(|| unknown(name));
        }
        check_name(name)?;
        let found: Vec<&Snapshot> = listing
            .snapshots
            .iter()
            .filter(|snapshot| begins(snapshot.id, name))
            .collect();
        match found.as_slice() {
            [snapshot] => Ok(snapshot),
            [] => {
                // One that is damaged is known, and its damage is the answer.
                let mut damaged = listing.damaged.iter().map(|(id, _)| *id);
                let damaged = damaged.find(|id| begins(*id, name));
                let error = damaged.and_then(|id| self.snapshot(id).err());
                Err(error.map_or_else(|| unknown(name), Into::into))
            }
            several => Err(SnapshotError::SnapshotAmbiguous {
                name: name.to_ascii_lowercase(),
                candidates: several.iter().map(|snapshot| snapshot.id).collect(),
            }),
        }
    }
}

/// Whether the id is meant by this beginning of it.
fn begins(id: SnapshotId, name: &str) -> bool {
    id.to_string().starts_with(&name.to_ascii_lowercase())
}

fn check_name(name: &str) -> Result<()> {
    let is_hex = name.chars().all(|digit| digit.is_ascii_hexdigit());
    if is_hex && (FEWEST..=2 * SnapshotId::LEN).contains(&name.len()) {
        return Ok(());
    }
    Err(SnapshotError::SnapshotNameInvalid {
        name: name.chars().take(64).collect(),
    })
}

/// N of `latest~N`.
fn steps_back(name: &str) -> Option<usize> {
    match name.strip_prefix("latest")? {
        "" => Some(0),
        rest => rest.strip_prefix('~')?.parse().ok(),
    }
}

fn unknown(name: &str) -> SnapshotError {
    SnapshotError::SnapshotUnknown {
        name: name.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_counts_back() {
        assert_eq!(steps_back("latest"), Some(0));
        assert_eq!(steps_back("latest~3"), Some(3));
        for other in ["latest~", "latest~-1", "latest3", "abcd"] {
            assert_eq!(steps_back(other), None, "{other}");
        }
    }
}
