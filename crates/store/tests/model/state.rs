//! What the model sees of a repository and of those who work on it.
//!
//! There is one chunk, and every pack is a copy of it: a loss is a committed record, or a reader at work, and no pack. All
//! sets are bits of a byte. What an actor no longer needs is zeroed, so that states which do not differ count once.

/// The set of packs that is there at the begin: one, of nobody.
pub(crate) const FIRST: u8 = 1;

/// Most backups and most collectors.
pub(crate) const MOST: usize = 3;

/// The session of the reader and that of the one who brings back, behind those of the backups.
pub(crate) const READER: usize = MOST;
pub(crate) const UNDOER: usize = MOST + 1;

/// An actor that is done, or died.
pub(crate) const OVER: u8 = 255;

/// Who takes part, and what is wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    pub(crate) backups: usize,
    pub(crate) collectors: usize,
    /// Snapshots that may be forgotten, in all.
    pub(crate) forgets: u8,
    /// A restore, verification or export that registers.
    pub(crate) reader: bool,
    /// Somebody who brings a forgotten snapshot back.
    pub(crate) undoer: bool,
    /// Collectors may copy what lives into a pack of their own first.
    pub(crate) repack: bool,
    pub(crate) mutants: &'static [Mutant],
}

impl Model {
    pub(crate) const fn new(backups: usize, collectors: usize) -> Self {
        Self {
            backups,
            collectors,
            forgets: 1,
            reader: false,
            undoer: false,
            repack: false,
            mutants: &[],
        }
    }

    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutants.contains(&mutant)
    }

    /// The pack that a backup, or the one who brings back, writes.
    pub(crate) fn pack_of(&self, session: usize) -> u8 {
        match self.is(Mutant::NamesFromContent) {
            true => FIRST,
            false => FIRST << (1 + session),
        }
    }
}

/// Ways to get it wrong, each of which loses data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A pack is named by what is in it (I3).
    NamesFromContent,
    /// A session looks for a plan before it registers.
    PlanBeforeSession,
    /// A session lists packs before it registers (I6).
    ListBeforeSession,
    /// A session lists packs before it looks for a plan.
    ListBeforePlan,
    /// A session builds on condemned packs.
    PlanIgnored,
    /// A session believes the index cache over the listing (I4).
    CacheBelieved,
    /// A session looks whether it was evicted, and then commits (I7).
    CheckThenCommit,
    /// A session that gives up deletes its packs (I9).
    AbortDeletes,
    /// A collector lists sessions before its plan is visible.
    SessionsBeforePlan,
    /// A collector waits for a time instead of for sessions.
    TimeGrace,
    /// A collector deletes what it condemned without marking again (I2).
    NoSecondMark,
    /// Two plans at once (I5).
    TwoPlans,
    /// Readers do not register.
    ReaderUnseen,
    /// What was forgotten since the plan was made is let go as well.
    LateForgottenLetGo,
    /// Somebody brings back without a session.
    UndoerUnseen,
    /// Somebody who brings back is evicted alive.
    UndoerEvicted,
    /// Forgotten records are dropped before the second mark, which then sees what was brought back. Harms nothing.
    DroppedEarly,
}

/// Where a session's record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub(crate) enum Record {
    #[default]
    None,
    Pending,
    Committed,
    /// Forgotten for the first time.
    Forgotten,
    /// Brought back, which is committed, and may be forgotten under another name.
    Back,
    ForgottenAgain,
    Evicted,
    /// Dropped by a collector, or ended without a snapshot.
    Gone,
}

impl Record {
    pub(crate) fn is_committed(self) -> bool {
        matches!(self, Self::Committed | Self::Back)
    }

    /// Its stored form, for the fingerprint.
    const fn byte(self) -> u8 {
        self as u8
    }
}

/// What stands in the one cell of the plan. Its number never repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Plan {
    pub(crate) number: u8,
    pub(crate) stage: Stage,
    /// Condemned packs.
    pub(crate) condemned: u8,
    /// Forgotten records that it lets go.
    pub(crate) let_go: u8,
    /// Sessions that may not have seen it, once they are listed.
    pub(crate) waits: Option<u8>,
    /// Packs to delete.
    pub(crate) doomed: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub(crate) enum Stage {
    #[default]
    Retired,
    Open,
    Final,
}

/// A backup, or the one who brings back: how far it is, what it avoids and what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Writer {
    pub(crate) at: u8,
    pub(crate) avoids: u8,
    pub(crate) found: u8,
}

/// A collector: how far it is, the plan it is at, what it condemns, lets go, waits for and deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Collector {
    pub(crate) at: u8,
    pub(crate) number: u8,
    pub(crate) condemned: u8,
    pub(crate) let_go: u8,
    pub(crate) waits: u8,
    pub(crate) doomed: u8,
    /// Whether it found a root when it last looked.
    pub(crate) lives: bool,
}

/// Everything at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct State {
    pub(crate) packs: u8,
    /// Packs that the index cache tells of; followed only where somebody believes it.
    pub(crate) cached: u8,
    pub(crate) forgets: u8,
    pub(crate) plan: Plan,
    pub(crate) records: [Record; MOST + 2],
    pub(crate) writers: [Writer; MOST],
    pub(crate) undoer: Writer,
    pub(crate) reader: u8,
    pub(crate) collectors: [Collector; MOST],
}

impl State {
    pub(crate) fn first(model: &Model) -> Self {
        let over = |is: bool| if is { 0 } else { OVER };
        let mut state = Self {
            packs: FIRST,
            cached: FIRST,
            forgets: model.forgets,
            reader: over(model.reader),
            ..Self::default()
        };
        state.undoer.at = over(model.undoer);
        for number in 0..MOST {
            state.writers[number].at = over(number < model.backups);
            state.collectors[number].at = over(number < model.collectors);
        }
        state
    }

    /// Whether what was acknowledged is gone, or taken from under a reader.
    pub(crate) fn is_loss(&self) -> bool {
        let has_records = self.records.iter().any(|record| record.is_committed());
        // One that was evicted, which no living reader of this machine is, has nothing promised.
        let is_reading =
            self.reader == super::bystanders::READING && self.records[READER] != Record::Evicted;
        self.packs == 0 && (has_records || is_reading)
    }

    /// The sessions whose records are in one of these states.
    pub(crate) fn sessions(&self, which: impl Fn(Record) -> bool) -> u8 {
        let bits = self.records.iter().enumerate();
        bits.filter(|(_, record)| which(**record))
            .map(|(number, _)| 1 << number)
            .sum()
    }

    /// What tells it from all other states.
    pub(crate) fn fingerprint(&self) -> u128 {
        let mut bytes = Vec::with_capacity(64);
        let Plan {
            number,
            stage,
            condemned,
            let_go,
            waits,
            doomed,
        } = self.plan;
        bytes.extend([self.packs, self.cached, self.forgets, self.reader]);
        bytes.extend([number, stage as u8, condemned, let_go, doomed]);
        bytes.push(waits.unwrap_or(OVER));
        bytes.extend(self.records.map(Record::byte));
        for writer in self.writers.iter().chain([&self.undoer]) {
            bytes.extend([writer.at, writer.avoids, writer.found]);
        }
        for one in &self.collectors {
            bytes.extend([
                one.at,
                one.number,
                one.condemned,
                one.let_go,
                one.waits,
                one.doomed,
                u8::from(one.lives),
            ]);
        }
        let hash = blake3::hash(&bytes);
        u128::from_le_bytes(*hash.as_bytes().first_chunk().unwrap())
    }
}

/// The bits of a set, each alone.
pub(crate) fn each(set: u8) -> impl Iterator<Item = u8> {
    (0..8).map(|bit| 1 << bit).filter(move |one| set & one != 0)
}
