//! Behaviour of captures, on databases made for each test.
//!
//! `support` makes databases and compares them; every other file is one theme.

mod ahead;
mod content;
mod damage;
mod fingerprints;
mod hostile;
mod locks;
mod restored;
mod source;
mod support;
mod twin;
