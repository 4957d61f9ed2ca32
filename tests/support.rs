//! What the tests stand on: a workbench of temporary folders, the program as a process, databases with an invariant,
//! writers in processes of their own, and exact comparison of trees.

pub(crate) mod answer;
pub(crate) mod authority;
pub(crate) mod evil;
pub(crate) mod ledger;
pub(crate) mod memory;
pub(crate) mod outside;
pub(crate) mod parallel;
pub(crate) mod process;
pub(crate) mod small;
pub(crate) mod smtp;
pub(crate) mod snapshots;
pub(crate) mod struck;
pub(crate) mod tree;
pub(crate) mod web;
pub(crate) mod workbench;

pub(crate) use answer::Answer;
pub(crate) use ledger::Ledger;
pub(crate) use process::Process;
pub(crate) use workbench::Workbench;
