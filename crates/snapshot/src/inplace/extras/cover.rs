//! What is in a folder that something else replaces.

use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{belongs_to_database, enter};
use crate::error::{Result, SnapshotError};
use crate::inplace::compare::{Comparison, Place};
use crate::inplace::live::{self, Stamp};
use crate::inplace::places;
use crate::inplace::plan::Inside;
use crate::inplace::was::Role;
use crate::path::Name;

/// Notes all that is in a folder which something else replaces. What must not go makes that impossible.
pub(in crate::inplace) fn cover(comparison: &mut Comparison<'_>, place: &Place) -> Result<()> {
    let (top, mut waiting) = (place, vec![place.clone()]);
    let repository = comparison.repository.place();
    while let Some((number, folder)) = waiting.pop() {
        let target = comparison.target(number)?;
        let path = target.at(&folder);
        let level = enter((number, folder.clone()), &path, true)?;
        for name in level.names {
            let Ok(part) = Name::new(name.as_bytes()) else {
                continue;
            };
            let place = (number, folder.join(&part));
            let path = target.at(&place.1);
            let Some(stat) = live::look(&path)? else {
                continue;
            };
            let is_own = path == repository || comparison.options.protect.contains(&path);
            if is_own || places::is_name(&path) {
                return Err(SnapshotError::TargetUnusable {
                    path,
                    reason: "it would go with the folder that it is in".to_owned(),
                });
            }
            if stat.is_dir() {
                waiting.push(place.clone());
            }
            let role = role(comparison, &place, &path, &stat)?;
            comparison.plan.inside.push(Inside {
                top: top.clone(),
                place,
                stamp: Stamp::of(&stat),
                role,
            });
        }
    }
    Ok(())
}

/// What a thing in a folder that goes is to others.
fn role(comparison: &Comparison<'_>, place: &Place, path: &Path, stat: &Metadata) -> Result<Role> {
    Ok(match belongs_to_database(comparison, place, path)? {
        _ if stat.is_dir() => Role::Plain,
        true if path.as_os_str().as_bytes().ends_with(b"-shm") => Role::Index,
        true => Role::SideFile,
        false if live::is_database(path, stat)? => Role::Database,
        false => Role::Plain,
    })
}
