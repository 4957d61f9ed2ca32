//! The way back: what would be put back, the question, and the restores in place.

use lifeboat_snapshot::store::SnapshotId;
use lifeboat_snapshot::{InPlace, InPlaceReport, Plan, Repository, Snapshot};

use super::Args;
use crate::commands::restore::in_place::{self, Over, Wish};
use crate::config::Config;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::suggest;
use crate::ui::words;

/// What the way back needs.
pub(super) struct Back<'r> {
    pub(super) args: &'r Args,
    pub(super) context: &'r Context,
    /// As it was before the command, which may have changed it too.
    pub(super) config: &'r Config,
    pub(super) repository: &'r Repository,
}

impl Back<'_> {
    /// Asks, where there is somebody to ask.
    pub(super) fn is_wanted(&self, snapshots: &[Snapshot]) -> Result<bool, Failure> {
        if !self.context.ui.is_attended() {
            return Ok(false);
        }
        for snapshot in snapshots {
            let over = self.over();
            let prepared = self.prepare(&self.wish(&over), snapshot);
            let id = snapshot.id.short();
            self.context
                .ui
                .note(format!("snapshot {id}: {}", told(&prepared?.1)));
        }
        let question = "Go back to the state before the command?";
        Ok(self.context.ui.agrees(question))
    }

    /// Goes back to each of the snapshots, and gives those of what the command had left.
    pub(super) fn all(&self, snapshots: &[Snapshot]) -> Result<Vec<SnapshotId>, Failure> {
        let mut safeties = Vec::new();
        let mut failed = None;
        for snapshot in snapshots {
            match self.one(snapshot) {
                Ok(report) => safeties.extend(report.safety.map(|safety| safety.id)),
                Err(failure) => {
                    let id = snapshot.id.short();
                    let what =
                        format!("what the command changed could not be undone (snapshot {id})");
                    let code = failure.exit().code();
                    let failure = failure
                        .instead(Exit::NotUndone, what)
                        .field("restore_exit_code", code)
                        .field("snapshot", snapshot.id.to_string());
                    if let Some(earlier) = failed.replace(failure) {
                        self.context.ui.failure(&earlier);
                    }
                }
            }
        }
        failed.map_or(Ok(safeties), Err)
    }

    fn one(&self, snapshot: &Snapshot) -> Result<InPlaceReport, Failure> {
        let over = self.over();
        let wish = self.wish(&over);
        let (options, plan) = self.prepare(&wish, snapshot)?;
        let words = told(&plan);
        let report = in_place::carry_out(&options, plan, self.context, self.repository, snapshot)?;
        let exit = in_place::exit(&report);
        if exit != Exit::Done {
            let what = "a database that was put back is not as it was";
            return Err(Failure::new(exit, what));
        }
        let undo = match &report.safety {
            Some(_) => format!(
                "; {} brings back what the command had left",
                suggest::command("undo")
            ),
            None => String::new(),
        };
        let id = snapshot.id.short();
        self.context.ui.note(format!(
            "everything is as in snapshot {id} again: {words}{undo}"
        ));
        Ok(report)
    }

    fn prepare(&self, wish: &Wish<'_>, snapshot: &Snapshot) -> Result<(InPlace, Plan), Failure> {
        in_place::prepare(wish, self.config, self.context, self.repository, snapshot)
    }

    fn over(&self) -> Over {
        Over::new(
            true,
            self.args.force,
            self.args.online,
            self.args.busy_timeout,
        )
    }

    fn wish<'w>(&self, over: &'w Over) -> Wish<'w> {
        Wish {
            over,
            paths: &[],
            // What the command has made has to go.
            delete: true,
            is_undo: false,
            setuid: true,
            dry_run: false,
            full_check: false,
            threads: self.args.threads,
        }
    }
}

/// What is or would be put back.
fn told(plan: &Plan) -> String {
    if plan.is_empty() {
        return "nothing differs".to_owned();
    }
    let parts = [
        (plan.added, "brought back"),
        (plan.replaced, "replaced"),
        (plan.described, "given their attributes"),
        (plan.deleted, "removed"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(number, word)| format!("{} {word}", words::count(number)))
        .collect();
    parts.join(", ")
}
