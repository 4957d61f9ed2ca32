//! The parts of the bench of codings.

pub(crate) mod cuts;
pub(crate) mod delta;
pub(crate) mod packs;
