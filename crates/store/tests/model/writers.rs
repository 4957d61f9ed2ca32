//! Backups, step by step as in `docs/format.md`, "Write order".

use super::search::Next;
use super::state::{Model, Mutant, OVER, Record, Stage, State, Writer};

/// What the steps before the decision do, in order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Register,
    ReadPlan,
    List,
}

const PUT: u8 = 3;
const COMMIT: u8 = 4;
const COMMIT_LATE: u8 = 5;

/// b1, b2, b4; or the order that a mutant has them in.
pub(crate) fn order(model: &Model) -> [Look; 3] {
    match model.mutants.first() {
        Some(Mutant::PlanBeforeSession) => [Look::ReadPlan, Look::Register, Look::List],
        Some(Mutant::ListBeforeSession) => [Look::List, Look::Register, Look::ReadPlan],
        Some(Mutant::ListBeforePlan) => [Look::Register, Look::List, Look::ReadPlan],
        _ => [Look::Register, Look::ReadPlan, Look::List],
    }
}

/// Does one of the looks.
pub(crate) fn look(model: &Model, state: &mut State, writer: &mut Writer, what: Look, me: usize) {
    match what {
        Look::Register => state.records[me] = Record::Pending,
        Look::ReadPlan => {
            writer.avoids = match state.plan.stage {
                _ if model.is(Mutant::PlanIgnored) => 0,
                Stage::Retired => 0,
                Stage::Open => state.plan.condemned,
                Stage::Final => state.plan.doomed,
            }
        }
        Look::List => {
            writer.found = state.packs;
            if model.is(Mutant::CacheBelieved) {
                state.cached |= state.packs;
                writer.found = state.cached;
            }
        }
    }
}

/// All that a backup may do next.
pub(crate) fn steps(model: &Model, state: &State, me: usize, next: &mut Next) {
    let writer = state.writers[me];
    if writer.at == OVER {
        return;
    }
    let own = model.pack_of(me);
    let mut go = |what: &'static str, at: u8, change: &dyn Fn(&mut State, &mut Writer)| {
        let (mut state, mut writer) = (*state, writer);
        writer.at = at;
        change(&mut state, &mut writer);
        if writer.at >= PUT {
            (writer.avoids, writer.found) = (0, 0);
        }
        state.writers[me] = writer;
        next.add(what, me, state);
    };
    go("dies", OVER, &|_, _| {});
    match writer.at {
        at @ 0..3 => go("looks", at + 1, &|state, writer| {
            let what = order(model)[at as usize];
            look(model, state, writer, what, me);
            if at == 2 {
                // What it found decides at once: nothing of the repository takes part in that.
                let has = writer.found & !writer.avoids != 0;
                writer.at = if has { COMMIT } else { PUT };
            }
        }),
        PUT => go("writes a pack", COMMIT, &|state, _| {
            state.packs |= own;
        }),
        COMMIT => commit(model, state, me, own, &mut go),
        _ => go("commits late", OVER, &|state, _| {
            state.records[me] = Record::Committed;
        }),
    }
}

type Go<'g> = dyn FnMut(&'static str, u8, &dyn Fn(&mut State, &mut Writer)) + 'g;

fn commit(model: &Model, state: &State, me: usize, own: u8, go: &mut Go<'_>) {
    let is_pending = state.records[me] == Record::Pending;
    match (is_pending, model.is(Mutant::CheckThenCommit)) {
        (true, true) => go("finds itself pending", COMMIT_LATE, &|_, _| {}),
        (true, false) => go("commits", OVER, &|state, _| {
            state.records[me] = Record::Committed;
        }),
        (false, _) => go("learns that it was evicted", OVER, &|_, _| {}),
    }
    if model.is(Mutant::AbortDeletes) {
        go("gives up and deletes its pack", OVER, &|state, _| {
            state.packs &= !own;
            if state.records[me] == Record::Pending {
                state.records[me] = Record::Gone;
            }
        });
    }
}
