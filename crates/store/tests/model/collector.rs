//! Collectors, step by step as in `docs/gc.md`.

use super::search::Next;
use super::state::{Collector, Model, Mutant, OVER, Plan, Record, Stage, State, UNDOER, each};

const BEGIN: u8 = 0;
const MARK: u8 = 1;
const PUBLISH: u8 = 2;
/// Only of the mutant that lists sessions first.
const LISTED_EARLY: u8 = 3;
const LIST: u8 = 4;
const NOTE: u8 = 5;
const DRAIN: u8 = 6;
const MARK_AGAIN: u8 = 7;
const CHOOSE: u8 = 8;
const FINISH: u8 = 9;
const DELETE: u8 = 10;

type Go<'g> = dyn FnMut(&'static str, &dyn Fn(&mut State, &mut Collector)) + 'g;

/// All that a collector may do next.
pub(crate) fn steps(model: &Model, state: &State, me: usize, next: &mut Next) {
    let one = state.collectors[me];
    if one.at == OVER {
        return;
    }
    let mut go = |what: &'static str, change: &dyn Fn(&mut State, &mut Collector)| {
        let (mut state, mut one) = (*state, one);
        change(&mut state, &mut one);
        state.collectors[me] = tidy(one);
        next.add(what, 10 + me, state);
    };
    go("dies", &|_, one| one.at = OVER);
    match one.at {
        BEGIN => begin(model, state, &mut go),
        MARK => mark(model, state, me, one, &mut go),
        PUBLISH | LISTED_EARLY => publish(model, state, one, &mut go),
        LIST => go("lists sessions", &|state, one| {
            one.waits = match model.is(Mutant::TimeGrace) {
                true => 0,
                false => state.sessions(|record| record == Record::Pending),
            };
            one.at = NOTE;
        }),
        NOTE => note(model, state, one, &mut go),
        DRAIN => drain(model, state, one, &mut go),
        MARK_AGAIN => go("reads the records again", &|state, one| {
            one.lives = finds_root(model, state, *one);
            one.at = CHOOSE;
        }),
        CHOOSE => choose(model, state, one, &mut go),
        FINISH => finish(model, state, one, &mut go),
        _ => delete(model, state, one, &mut go),
    }
}

/// Forgets what it needs no longer.
fn tidy(one: Collector) -> Collector {
    let at = one.at;
    let keep = |is: bool, set: u8| if is { set } else { 0 };
    Collector {
        at,
        number: keep(at != OVER, one.number),
        condemned: keep((PUBLISH..=FINISH).contains(&at), one.condemned),
        let_go: keep((MARK..=DELETE).contains(&at), one.let_go),
        waits: keep([LISTED_EARLY, NOTE, DRAIN].contains(&at), one.waits),
        doomed: keep(at == FINISH || at == DELETE, one.doomed),
        lives: (at == MARK || at == CHOOSE) && one.lives,
    }
}

fn drop_forgotten(state: &mut State, let_go: u8) {
    for (number, record) in state.records.iter_mut().enumerate() {
        // By its name, in which the time stands: one that was brought back and forgotten again has another.
        if let_go & (1 << number) != 0 && *record == Record::Forgotten {
            *record = Record::Gone;
        }
    }
}

/// Goes on from the plan as it is.
fn adopt(state: &State) -> Collector {
    let plan = state.plan;
    let at = match (plan.stage, plan.waits) {
        (Stage::Retired, _) => OVER,
        (Stage::Final, _) => DELETE,
        (Stage::Open, None) => LIST,
        (Stage::Open, Some(_)) => DRAIN,
    };
    Collector {
        at,
        number: plan.number,
        condemned: plan.condemned,
        let_go: plan.let_go,
        waits: plan.waits.unwrap_or(0),
        doomed: plan.doomed,
        lives: false,
    }
}

/// Writes into the plan whom it waits for; where another has done so, that counts.
fn note(model: &Model, state: &State, one: Collector, go: &mut Go<'_>) {
    let is_first = state.plan.stage == Stage::Open
        && state.plan.number == one.number
        && state.plan.waits.is_none();
    go(
        "notes whom it waits for",
        &|state, one| match is_first || model.is(Mutant::TwoPlans) {
            true => {
                if !model.is(Mutant::TwoPlans) {
                    state.plan.waits = Some(one.waits);
                }
                if model.is(Mutant::DroppedEarly) {
                    drop_forgotten(state, one.let_go);
                }
                one.at = DRAIN;
            }
            false => *one = adopt(state),
        },
    );
}

/// The plan that is there is adopted; else the records are read.
fn begin(model: &Model, state: &State, go: &mut Go<'_>) {
    match state.plan.stage {
        Stage::Open if !model.is(Mutant::TwoPlans) => {
            go("adopts an open plan", &|state, one| *one = adopt(state));
        }
        Stage::Final if !model.is(Mutant::TwoPlans) => {
            go("adopts a final plan", &|state, one| *one = adopt(state));
        }
        _ => go("reads the records", &|state, one| {
            one.number = state.plan.number;
            one.lives = state.sessions(Record::is_committed) != 0;
            one.let_go = state
                .sessions(|record| matches!(record, Record::Forgotten | Record::ForgottenAgain));
            one.at = MARK;
        }),
    }
}

/// The first mark: everything but one copy of what lives.
fn mark(model: &Model, state: &State, me: usize, one: Collector, go: &mut Go<'_>) {
    let mut condemn = |what, condemned: u8, copied: u8| {
        go(what, &|state, one| {
            state.packs |= copied;
            one.condemned = condemned;
            // Without anything to do it is over; a plan may let records go and condemn nothing.
            one.at = if condemned | one.let_go == 0 {
                OVER
            } else {
                PUBLISH
            };
        });
    };
    if !one.lives || state.packs == 0 {
        return condemn("marks: nothing lives", state.packs, 0);
    }
    each(state.packs).for_each(|keeper| condemn("marks", state.packs & !keeper, 0));
    let own = 1 << (6 + me.min(1));
    if model.repack && state.packs & own == 0 {
        condemn("marks and copies what lives", state.packs, own);
    }
}

fn publish(model: &Model, state: &State, one: Collector, go: &mut Go<'_>) {
    if model.is(Mutant::SessionsBeforePlan) && one.at == PUBLISH {
        return go("lists sessions early", &|state, one| {
            one.waits = state.sessions(|record| record == Record::Pending);
            one.at = LISTED_EARLY;
        });
    }
    if model.is(Mutant::TwoPlans) {
        return go("publishes beside another", &|state, one| {
            state.plan.stage = Stage::Open;
            state.plan.condemned |= one.condemned;
            one.at = LIST;
        });
    }
    if state.plan.stage != Stage::Retired || state.plan.number != one.number {
        return go("was late with its plan", &|_, one| one.at = OVER);
    }
    go("publishes its plan", &|state, one| {
        one.number += 1;
        state.plan = Plan {
            number: one.number,
            stage: Stage::Open,
            condemned: one.condemned,
            let_go: one.let_go,
            waits: (one.at == LISTED_EARLY).then_some(one.waits),
            doomed: 0,
        };
        one.at = if one.at == LISTED_EARLY { DRAIN } else { LIST };
    });
}

fn drain(model: &Model, state: &State, one: Collector, go: &mut Go<'_>) {
    let pending = state.sessions(|record| record == Record::Pending) & one.waits;
    if pending == 0 {
        return go("has waited for all", &|_, one| one.at = MARK_AGAIN);
    }
    for (number, _) in state.records.iter().enumerate() {
        // What a living undoer renames is not its own record, so its eviction would not stop it: its lock keeps it from that.
        let is_spared =
            number == UNDOER && state.undoer.at != OVER && !model.is(Mutant::UndoerEvicted);
        if pending & (1 << number) != 0 && !is_spared {
            go("evicts", &|state, _| {
                state.records[number] = Record::Evicted
            });
        }
    }
}

/// Whether a record is there that the plan does not let go. Whatever was forgotten since the plan was made is a root: a
/// reader may have seen it, and nobody waits for that reader.
fn finds_root(model: &Model, state: &State, one: Collector) -> bool {
    let is_root = |(number, record): (usize, &Record)| match record {
        record if record.is_committed() => true,
        _ if model.is(Mutant::LateForgottenLetGo) => false,
        Record::Forgotten => one.let_go & (1 << number) == 0,
        Record::ForgottenAgain => true,
        _ => false,
    };
    state.records.iter().enumerate().any(is_root)
}

/// What was condemned and is still not needed.
fn choose(model: &Model, state: &State, one: Collector, go: &mut Go<'_>) {
    let mut doom = |doomed: u8| {
        go("marks again", &|_, one| {
            one.doomed = doomed;
            one.at = FINISH;
        });
    };
    let is_kept_elsewhere = state.packs & !one.condemned != 0;
    if model.is(Mutant::NoSecondMark) || !one.lives || is_kept_elsewhere {
        return doom(one.condemned);
    }
    each(one.condemned & state.packs).for_each(|keeper| doom(one.condemned & !keeper));
}

fn finish(model: &Model, state: &State, one: Collector, go: &mut Go<'_>) {
    if model.is(Mutant::TwoPlans) {
        return go("is sure", &|_, one| one.at = DELETE);
    }
    let is_mine = state.plan.stage == Stage::Open && state.plan.number == one.number;
    go("makes its plan final", &|state, one| match is_mine {
        true => {
            state.plan.stage = Stage::Final;
            state.plan.condemned = 0;
            state.plan.waits = None;
            state.plan.doomed = one.doomed;
            one.at = DELETE;
        }
        false => *one = adopt(state),
    });
}

/// First the records that are let go, then the packs.
fn delete(model: &Model, state: &State, one: Collector, go: &mut Go<'_>) {
    if one.let_go != 0 {
        return go("drops what it lets go", &|state, one| {
            drop_forgotten(state, one.let_go);
            one.let_go = 0;
        });
    }
    let left = one.doomed & state.packs;
    each(left).for_each(|pack| go("deletes a pack", &|state, _| state.packs &= !pack));
    if left != 0 {
        return;
    }
    let is_mine = state.plan.number == one.number && state.plan.stage == Stage::Final;
    go("retires its plan", &|state, one| {
        if is_mine || model.is(Mutant::TwoPlans) {
            state.plan = Plan {
                number: state.plan.number,
                ..Plan::default()
            };
        }
        one.at = OVER;
    });
}
