//! A pack written byte by byte, from `docs/format.md`.

use std::fs;
use std::path::{Path, PathBuf};

/// One stored copy of a chunk in a pack that is written by hand.
pub(super) struct Copy {
    pub(super) encoding: u8,
    pub(super) id: [u8; 32],
    pub(super) stored: Vec<u8>,
    pub(super) plain_len: u32,
    /// First bytes of the base's id, for encoding 2.
    pub(super) base: [u8; 8],
}

/// Writes a pack of kind `kind` (1 data, 2 meta).
pub(super) fn pack(place: &Path, pack: [u8; 16], kind: u8, copies: &[Copy]) {
    pack_with(place, pack, kind, copies, |_| {});
}

/// The same with a trailer that is changed before its hash is made; gives the file.
pub(super) fn pack_with(
    place: &Path,
    pack: [u8; 16],
    kind: u8,
    copies: &[Copy],
    change: impl FnOnce(&mut Vec<u8>),
) -> PathBuf {
    let body: Vec<u8> = copies.iter().flat_map(|copy| copy.stored.clone()).collect();
    let mut trailer = Vec::new();
    for copy in copies {
        trailer.push(copy.encoding);
        trailer.extend(copy.id);
        trailer.extend((copy.stored.len() as u32).to_le_bytes());
        trailer.extend(copy.plain_len.to_le_bytes());
        if copy.encoding == 2 {
            trailer.extend(copy.base);
        }
    }
    trailer.extend(1_u16.to_le_bytes());
    trailer.push(kind);
    trailer.extend(pack);
    trailer.extend(blake3::hash(&body).as_bytes());
    trailer.extend((copies.len() as u32).to_le_bytes());
    trailer.extend((body.len() as u64).to_le_bytes());
    change(&mut trailer);
    let hash = blake3::hash(&trailer);
    let parts = [
        b"LBPACK\r\n".as_slice(),
        &body,
        &trailer,
        hash.as_bytes(),
        b"LBPKEND\n",
    ];
    let name: String = pack.iter().map(|byte| format!("{byte:02x}")).collect();
    let file = place.join("packs").join(format!("{name}.pack"));
    fs::write(&file, parts.concat()).unwrap();
    file
}
