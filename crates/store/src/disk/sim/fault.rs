//! Faults to be injected: which call goes wrong, and how.

use std::io;

use rustix::io::Errno;

use super::log::Call;

/// The error numbers that the Nth-fault loops go through: EIO, ENOSPC, EDQUOT, EINTR, EACCES, EROFS, ESTALE.
pub const ERRNOS: [i32; 7] = [
    Errno::IO.raw_os_error(),
    Errno::NOSPC.raw_os_error(),
    Errno::DQUOT.raw_os_error(),
    Errno::INTR.raw_os_error(),
    Errno::ACCESS.raw_os_error(),
    Errno::ROFS.raw_os_error(),
    Errno::STALE.raw_os_error(),
];

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// It fails with this error number and does nothing. A sync that fails so drops the bytes that were to be synced,
    /// and the next one answers with success: what Linux does.
    Errno(i32),
    /// It fails with this kind of error and does nothing; a sync as with [`Harm::Errno`].
    Kind(io::ErrorKind),
    /// It is done, yet answers with this error number, as a network file system may.
    Done(i32),
    /// A write or read that does the first half and fails with this error number; other calls as with [`Harm::Errno`].
    Half(i32),
    /// A write or read of wrong bytes that answers with success: the byte at `position` (modulo the length) gets the
    /// bits of `mask` turned over. Strikes no other calls.
    Flip {
        /// Which byte of the call.
        position: usize,
        /// Which bits of it.
        mask: u8,
    },
}

impl Harm {
    /// The error it answers with; none where it answers with success.
    pub(super) fn error(self) -> io::Result<()> {
        match self {
            Self::Errno(errno) | Self::Done(errno) | Self::Half(errno) => {
                Err(io::Error::from_raw_os_error(errno))
            }
            Self::Kind(kind) => Err(kind.into()),
            Self::Flip { .. } => Ok(()),
        }
    }

    /// What of these bytes goes through, and how.
    pub(super) fn apply(harm: Option<Self>, bytes: &mut Vec<u8>) {
        match harm {
            Some(Self::Errno(_) | Self::Kind(_)) => bytes.clear(),
            Some(Self::Half(_)) => bytes.truncate(bytes.len() / 2),
            Some(Self::Flip { position, mask }) => {
                let position = position.checked_rem(bytes.len()).unwrap_or(0);
                if let Some(byte) = bytes.get_mut(position) {
                    *byte ^= mask;
                }
            }
            Some(Self::Done(_)) | None => {}
        }
    }
}

/// Which calls are counted towards a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Among {
    /// All calls.
    #[default]
    All,
    /// Those that change nothing.
    Reads,
    /// Those that are logged.
    Changes,
    /// Those of one kind.
    Only(Call),
}

/// A fault to come: the `nth` of the calls that it counts, from its injection on, goes wrong.
#[derive(Debug, Clone)]
pub struct Fault {
    nth: u64,
    harm: Harm,
    among: Among,
    under: String,
    forever: bool,
    seen: u64,
}

impl Fault {
    /// Strikes the `nth` call, counted from 1, and no other.
    pub const fn nth(nth: u64, harm: Harm) -> Self {
        Self {
            nth,
            harm,
            among: Among::All,
            under: String::new(),
            forever: false,
            seen: 0,
        }
    }

    /// Counts these calls only.
    #[must_use]
    pub const fn among(mut self, among: Among) -> Self {
        self.among = among;
        self
    }

    /// Counts only calls on paths that begin so. A rename goes by its old name.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.under);
        self
    }

    /// Strikes every counted call from the `nth` on.
    #[must_use]
    pub const fn forever(mut self) -> Self {
        self.forever = true;
        self
    }

    fn counts(&self, call: Call, path: &str) -> bool {
        let among = match self.among {
            Among::All => true,
            Among::Reads => !call.is_change(),
            Among::Changes => call.is_change(),
            Among::Only(kind) => call == kind,
        };
        let bytes = matches!(call, Call::Write | Call::Read);
        among && path.starts_with(&self.under) && (bytes || !matches!(self.harm, Harm::Flip { .. }))
    }

    /// The harm that this call suffers.
    fn strike(&mut self, call: Call, path: &str) -> Option<Harm> {
        if !self.counts(call, path) {
            return None;
        }
        self.seen = self.seen.saturating_add(1);
        (self.seen == self.nth || self.forever && self.seen > self.nth).then_some(self.harm)
    }
}

/// The faults that wait for their call.
#[derive(Debug, Default)]
pub(super) struct Plan {
    faults: Vec<Fault>,
    hits: u64,
}

impl Plan {
    pub(super) fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.faults.clear();
        self.hits = 0;
    }

    /// Calls struck since the last [`Plan::clear`].
    pub(super) const fn hits(&self) -> u64 {
        self.hits
    }

    /// Counts the call with every fault; the first that strikes is the one.
    pub(super) fn strike(&mut self, call: Call, path: &str) -> Option<Harm> {
        let struck: Vec<Harm> = self
            .faults
            .iter_mut()
            .filter_map(|fault| fault.strike(call, path))
            .collect();
        let harm = struck.first().copied();
        self.hits = self.hits.saturating_add(u64::from(harm.is_some()));
        harm
    }
}
