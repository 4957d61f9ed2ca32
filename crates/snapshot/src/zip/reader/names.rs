//! Which names and links are accepted.

use std::collections::HashMap;

use super::{BadZip, EntryKind};

/// Most bytes of a part, and most parts; a snapshot has the same limits.
const MAX_PART: usize = 1024;
const MAX_PARTS: usize = 2048;

/// The path of an entry, without the slash at a folder's end.
pub(super) fn path(name: &[u8], is_folder: bool) -> Result<Vec<u8>, BadZip> {
    let refuse = |reason| Err(BadZip::entry(name, reason));
    let path = match is_folder {
        true => name.strip_suffix(b"/").unwrap_or(name),
        false => name,
    };
    if path.is_empty() {
        return refuse("its name is empty");
    }
    if path.contains(&0) {
        return refuse("its name has a NUL");
    }
    if path.contains(&b'\\') {
        return refuse("its name has a backslash");
    }
    if path.starts_with(b"/") {
        return refuse("its name is absolute");
    }
    if matches!(path, [letter, b':', ..] if letter.is_ascii_alphabetic()) {
        return refuse("its name begins with a drive");
    }
    let parts = path.split(|&byte| byte == b'/');
    if parts.clone().count() > MAX_PARTS {
        return refuse("it is nested too deeply");
    }
    for part in parts {
        match part {
            b".." => return refuse("its name leads out of the archive"),
            b"" | b"." => return refuse("its name has a part that is empty or a dot"),
            part if part.len() > MAX_PART => return refuse("a part of its name is too long"),
            _ => {}
        }
    }
    Ok(path.to_vec())
}

/// Whether a link at `path` to `target` stays inside.
pub(super) fn link(path: &[u8], target: &[u8]) -> Result<(), BadZip> {
    let refuse = |reason| Err(BadZip::entry(path, reason));
    if target.is_empty() || target.contains(&0) || target.starts_with(b"/") {
        return refuse("it is a link to an absolute or impossible path");
    }
    let mut depth = path.iter().filter(|&&byte| byte == b'/').count();
    for part in target.split(|&byte| byte == b'/') {
        depth = match part {
            b"" | b"." => depth,
            b".." => match depth.checked_sub(1) {
                Some(depth) => depth,
                None => return refuse("it is a link that leads out of the archive"),
            },
            _ => depth + 1,
        };
    }
    Ok(())
}

/// Refuses names that stand twice, and entries below something that is no folder.
pub(super) fn unique<'e>(
    entries: impl Iterator<Item = (&'e [u8], EntryKind)> + Clone,
) -> Result<(), BadZip> {
    let mut kinds: HashMap<&[u8], EntryKind> = HashMap::new();
    for (path, kind) in entries.clone() {
        if kinds.insert(path, kind).is_some() {
            return Err(BadZip::entry(path, "its name stands twice"));
        }
    }
    for (path, _) in entries {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for (end, _) in ends {
            let above = path.get(..end).unwrap_or_default();
            if kinds
                .get(above)
                .is_some_and(|kind| *kind != EntryKind::Folder)
            {
                let reason = "it stands below an entry that is no folder";
                return Err(BadZip::entry(path, reason));
            }
        }
    }
    Ok(())
}
