//! lifeboat alone within a limit of memory: the most that each command had, step by step.
//!
//! All that a command has in memory, mapped files among it, is `VmHWM`, and held to the limit. The kernel refuses it more
//! than the limit of its own (`RLIMIT_DATA`), which needs no rights but counts what was asked for and not what is used:
//! the stacks of threads whole, and what the allocator holds in reserve. `--own` gives that another number.

use std::path::{Path, PathBuf};
use std::process::{Command, exit};

use crate::support::lifeboat::Lifeboat;
use crate::support::measure::{attempt, settle};
use crate::support::table::{Table, bytes, seconds};
use crate::support::{Ask, Scratch, limit};
use crate::workload::Workload;

/// What happens to the source before a step.
type Happens = fn(&Workload, &Path, &Ask);

/// Steps that store, each after what happened to the source.
const STORES: [(&str, Happens); 4] = [
    ("first", |_, _, _| {}),
    ("nothing changed", |_, _, _| {}),
    ("work", |workload, at, ask| {
        (workload.work)(at, ask.scale, 1);
    }),
    ("heavy", |workload, at, ask| {
        (workload.heavy)(at, ask.scale, 2);
    }),
];

/// Every step of these workloads. The process fails where one was refused memory, or had more.
pub(crate) fn measure<'a>(workloads: impl Iterator<Item = &'a Workload>, ask: &Ask, most: u64) {
    let mut table = Table::new(&["workload", "step", "wall", "CPU", "VmHWM", ""]);
    let mut is_kept = true;
    for workload in workloads {
        let within = Within::new(workload, ask, most);
        is_kept &= within.run(&mut table);
    }
    table.print(&format!("lifeboat within {}", bytes(most)));
    println!(
        "Limits: of its own, stacks of threads whole, each command was refused more than {} (RLIMIT_DATA); all that it \
         had in memory, mapped files among it (VmHWM), was held against {}.",
        bytes(ask.own.unwrap_or(most)),
        bytes(most)
    );
    if let Some(group) = limit::group() {
        println!("In a control group of {group} bytes.");
    }
    if !is_kept {
        exit(1);
    }
}

/// One workload within the limit.
struct Within<'a> {
    workload: &'a Workload,
    ask: &'a Ask,
    most: u64,
    scratch: Scratch,
    source: PathBuf,
}

impl<'a> Within<'a> {
    fn new(workload: &'a Workload, ask: &'a Ask, most: u64) -> Self {
        let scratch = Scratch::new("limited");
        let source = scratch.fresh("source");
        (workload.make)(&source, ask.scale);
        Self {
            workload,
            ask,
            most,
            scratch,
            source,
        }
    }

    /// Whether each step kept within it.
    fn run(self, table: &mut Table) -> bool {
        let lifeboat = Lifeboat::at(self.scratch.fresh("repository"));
        let mut is_kept = true;
        for (name, happens) in STORES {
            happens(self.workload, &self.source, self.ask);
            let mut backup = lifeboat.command("backup");
            backup.arg(&self.source).arg("--no-zip");
            is_kept &= self.step(table, name, &backup);
        }
        let mut restore = lifeboat.command("restore");
        restore.args(["latest", "--to"]);
        restore.arg(self.scratch.fresh("restored"));
        is_kept &= self.step(table, "restore", &restore);
        let mut verify = lifeboat.command("verify");
        is_kept &= self.step(table, "verify", verify.arg("--read-data"));
        let mut export = lifeboat.command("export");
        export.args(["latest", "--zip"]);
        export.arg(self.scratch.path().join("exported.zip"));
        is_kept &= self.step(table, "export", &export);
        let mut forget = lifeboat.command("forget");
        is_kept &= self.step(table, "forget", forget.args(["--keep-last", "1"]));
        is_kept &= self.step(table, "gc", &lifeboat.command("gc"));
        is_kept
    }

    fn step(&self, table: &mut Table, name: &str, command: &Command) -> bool {
        settle();
        let own = self.ask.own.unwrap_or(self.most);
        let (took, said) = match attempt(&mut limit::within(own, command)) {
            Ok(took) if took.peak <= self.most => (took, String::new()),
            Ok(took) => (took, "more".to_owned()),
            Err(failed) => {
                let words = failed.to_string().replace(['\n', '|'], " ");
                (failed.took, words.chars().take(160).collect())
            }
        };
        table.row(&[
            self.workload.name.to_owned(),
            name.to_owned(),
            seconds(took.wall),
            seconds(took.cpu),
            bytes(took.peak),
            said.clone(),
        ]);
        said.is_empty()
    }
}
