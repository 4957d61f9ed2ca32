//! The names of files that are not whole: while they are written, and where bytes of them are lost for good.

use crate::path::Name;

/// The name under which a file is written.
pub(super) fn partial_name(name: &Name) -> Name {
    of_lifeboat(name, "partial")
}

/// The name of a file that lacks some of its bytes: its own and an ending, where that is not too long.
pub(super) fn damaged_name(name: &Name) -> Name {
    let long = [name.as_bytes(), b".lifeboat-damaged"].concat();
    match Name::new(long) {
        Ok(long) if long.as_bytes().len() <= 255 => long,
        _ => of_lifeboat(name, "damaged"),
    }
}

/// Short enough for every file system, and the same whenever the file is restored.
fn of_lifeboat(name: &Name, what: &str) -> Name {
    let hash = blake3::hash(name.as_bytes()).to_hex();
    let digits = hash.get(..16).unwrap_or_default();
    Name::new(format!(".lifeboat-{digits}.{what}")).unwrap_or_else(|_| name.clone())
}
