//! Mistakes that the protocol of collections must not make, so that its tests can show that they would notice.
//!
//! A mistake is made by one thread, for as long as it says so, and only where the tests are compiled in.

#[cfg(feature = "testing")]
use std::cell::Cell;

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "testing"),
    expect(unreachable_pub, reason = "only tests reach it")
)]
pub enum Mutant {
    /// A session builds on what is condemned.
    IgnoresPlan,
    /// A session reads the plan before it registers.
    PlanBeforeRegistering,
    /// A session lists packs before it registers.
    PacksBeforeRegistering,
    /// A session lists packs before it reads the plan.
    PacksBeforePlan,
    /// A session that ends without a snapshot deletes its packs.
    AbortDeletes,
    /// A collector lists sessions before it publishes the plan.
    SessionsBeforePlan,
    /// A collector waits for nobody.
    WaitsForNobody,
    /// A collector does not mark again.
    MarksOnce,
}

#[cfg(feature = "testing")]
impl Mutant {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::IgnoresPlan,
        Self::PlanBeforeRegistering,
        Self::PacksBeforeRegistering,
        Self::PacksBeforePlan,
        Self::AbortDeletes,
        Self::SessionsBeforePlan,
        Self::WaitsForNobody,
        Self::MarksOnce,
    ];
}

#[cfg(feature = "testing")]
thread_local! {
    static AT_WORK: Cell<Option<Mutant>> = const { Cell::new(None) };
}

/// From now on this thread makes the mistake, or none.
#[cfg(feature = "testing")]
pub fn set(mutant: Option<Mutant>) {
    AT_WORK.set(mutant);
}

/// Whether this thread makes the mistake.
#[cfg(feature = "testing")]
pub(crate) fn is(mutant: Mutant) -> bool {
    AT_WORK.get() == Some(mutant)
}

/// Nobody makes mistakes.
#[cfg(not(feature = "testing"))]
pub(crate) const fn is(_: Mutant) -> bool {
    false
}
