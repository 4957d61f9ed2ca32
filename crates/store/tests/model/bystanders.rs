//! Those who forget, bring back and read.

use super::search::Next;
use super::state::{Model, Mutant, OVER, READER, Record, State, UNDOER, Writer};
use super::writers::{look, order};

/// The reader has seen a committed record after it registered, and reads.
pub(crate) const READING: u8 = 2;

const PUT: u8 = 3;
const RENAME: u8 = 4;
const END: u8 = 5;

/// Any committed record may be forgotten.
pub(crate) fn forgets(state: &State, next: &mut Next) {
    if state.forgets == 0 {
        return;
    }
    for (number, record) in state.records.iter().enumerate() {
        let forgotten = match record {
            Record::Committed => Record::Forgotten,
            Record::Back => Record::ForgottenAgain,
            _ => continue,
        };
        let mut state = *state;
        state.records[number] = forgotten;
        state.forgets -= 1;
        next.add("is forgotten", number, state);
    }
}

/// A reader: registers, sees a record, reads, ends.
pub(crate) fn reads(model: &Model, state: &State, next: &mut Next) {
    let mut go = |what, at, record| {
        let mut state = *state;
        state.reader = at;
        if !model.is(Mutant::ReaderUnseen) {
            state.records[READER] = record;
        }
        next.add(what, READER, state);
    };
    let record = state.records[READER];
    match state.reader {
        0 => go("registers to read", 1, Record::Pending),
        1 if state.records.iter().any(|record| record.is_committed()) => {
            go("sees a record", READING, record);
        }
        READING => {
            go("has read all", OVER, Record::Gone);
            go("dies", OVER, record);
        }
        _ => {}
    }
}

/// Whoever brings back registers, looks as a backup does, sees to the chunk, and renames.
pub(crate) fn brings_back(model: &Model, state: &State, next: &mut Next) {
    let writer = state.undoer;
    if writer.at == OVER {
        return;
    }
    let own = model.pack_of(UNDOER);
    let mut go = |what: &'static str, change: &dyn Fn(&mut State, &mut Writer)| {
        let (mut state, mut writer) = (*state, writer);
        change(&mut state, &mut writer);
        if writer.at >= PUT {
            (writer.avoids, writer.found) = (0, 0);
        }
        state.undoer = writer;
        next.add(what, UNDOER, state);
    };
    go("dies", &|_, writer| writer.at = OVER);
    match writer.at {
        at @ 0..3 => go("looks", &|state, writer| {
            writer.at += 1;
            look(model, state, writer, order(model)[at as usize], UNDOER);
            if model.is(Mutant::UndoerUnseen) {
                state.records[UNDOER] = Record::None;
            }
            if at == 2 {
                writer.at = match (writer.found & !writer.avoids, writer.found) {
                    (0, 0) => END,
                    (0, _) => PUT,
                    _ => RENAME,
                };
            }
        }),
        // The copy in a condemned pack may be gone by now: then it is refused.
        PUT if state.packs == 0 => go("is refused", &|_, writer| writer.at = END),
        PUT => go("puts the chunk again", &|state, writer| {
            state.packs |= own;
            writer.at = RENAME;
        }),
        RENAME => {
            for (number, record) in state.records.iter().enumerate() {
                if *record == Record::Forgotten {
                    go("brings back", &|state, writer| {
                        state.records[number] = Record::Back;
                        writer.at = END;
                    });
                }
            }
            go("finds nothing to bring back", &|_, writer| writer.at = END);
        }
        _ => go("ends", &|state, writer| {
            if state.records[UNDOER] == Record::Pending {
                state.records[UNDOER] = Record::Gone;
            }
            writer.at = OVER;
        }),
    }
}
