//! `lifeboat daemon`: runs what the config plans, each run as a process of its own, and never falls silent.
//!
//! What is due when is decided by [`engine`], which is told the time and knows nothing else. What was is remembered by the
//! repository alone. Everything here runs in one thread; others only wait for signals, ends, last words and disks, and tell it.

mod aside;
pub(crate) mod attended;
mod book;
mod child;
mod ends;
pub(crate) mod engine;
mod events;
pub(crate) mod install;
pub(crate) mod jobs;
mod lock;
mod look;
mod outlook;
pub(crate) mod past;
mod power;
mod reload;
mod run;
mod service;
mod setup;
mod starts;
mod tell;
pub(crate) mod timing;
mod watched;

pub(crate) use lock::is_running;
pub(crate) use run::{moment, run, seed};
