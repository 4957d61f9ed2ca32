//! Real file systems that lose their power or their room: what was acknowledged is there, what was not is absent or whole,
//! and the next backup needs no help.

/// Disks that are full.
mod full;
/// System calls that fail.
mod inject;
/// Disks that lose their power.
mod power;
/// Disks that are pulled out.
mod stick;
