//! The parts of the bench of codings.

pub(crate) mod cuts;
pub(crate) mod delta;
mod extremes;
pub(crate) mod packs;
