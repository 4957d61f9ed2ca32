//! Files that say they are empty and are not: those of the kernel, in `/proc` and its kin.
//!
//! Such a file has no length; it has what a read gives until its end, and may have no end. Stored as the empty file that it
//! claims to be, it would be lost without a word (bad input 32).

use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use super::bytes::{Bytes, SMALL};
use super::file::Stored;
use super::xattrs;
use crate::error::{IoContext, Result};

/// File systems of the kernel's own making, by their magic numbers in `statfs`: proc, sysfs, debugfs, tracefs, securityfs,
/// configfs, pstore, BPF, and both of the control groups.
const KERNELS_OWN: [u64; 10] = [
    0x9fa0,
    0x6265_6572,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0x6265_6570,
    0x6165_676c,
    0xcafe_4a11,
    0x0027_e0eb,
    0x6367_7270,
];

/// Whether the file stands where lengths are not told. No database does: locks and shared memory do not work there.
pub(super) fn is_on_such(path: &Path) -> bool {
    let kind = rustix::fs::statfs(path).map(|stat| stat.f_type.cast_unsigned());
    kind.is_ok_and(|kind| KERNELS_OWN.contains(&kind))
}

/// Reads such a file to its end; one without an end cannot be read.
pub(super) fn store(file: &Bytes<'_, '_>) -> Result<Stored> {
    let looked = SystemTime::now();
    let stat = file.file.metadata().context("read", file.path)?;
    let mut bytes = Vec::new();
    let read = file.file.take(SMALL + 1).read_to_end(&mut bytes);
    read.context("read", file.path)?;
    if bytes.len() as u64 > SMALL {
        let endless = io::Error::other(format!(
            "it tells no length and has more than {SMALL} bytes"
        ));
        return Err(endless).context("read", file.path);
    }
    Ok(Stored {
        content: file.store_small(&bytes)?,
        stat,
        looked,
        read: bytes.len() as u64,
        changed: false,
        xattrs: xattrs::of_file(file.file),
    })
}
