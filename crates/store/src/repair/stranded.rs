//! Chunks that would go with a collection which relied on a copy that is damaged now.
//!
//! Of several copies a collector keeps one and condemns packs that only the others need. If the kept one goes bad once the
//! plan is made, what is left may be a delta from a base in a condemned pack, which the sweep takes. A repair that comes
//! before it still reads both.

use super::Examination;
use crate::error::Result;
use crate::frame;
use crate::id::ChunkId;
use crate::index::{Index, Location, locations, read_trailer};
use crate::session::{Options, Session};
use crate::store::Store;

impl Store {
    /// Stores whole what sound packs have only as deltas from what a plan has condemned. Nothing is read where nothing is.
    pub(super) fn rescue_stranded(
        &self,
        session: &Session<'_>,
        examination: &Examination,
    ) -> Result<()> {
        let condemned = self.condemned()?;
        if condemned.is_empty() {
            return Ok(());
        }
        let whole = self.index()?;
        let mut left = Index::load(self.storage(), self.cache(), self.config.id)?;
        self.add_mendable(&mut left);
        left.leave_out(&condemned);
        for &pack in examination
            .sound
            .iter()
            .filter(|pack| left.is_listed(**pack))
        {
            let Some(trailer) = read_trailer(self.storage(), pack)? else {
                continue;
            };
            for copy in locations(&trailer).filter(|copy| !left.has_bases(copy.encoding)) {
                if !stays(&left, examination, &copy.id) {
                    self.rescue_copy(session, &whole, &copy)?;
                }
            }
        }
        Ok(())
    }

    fn rescue_copy(&self, session: &Session<'_>, whole: &Index, copy: &Location) -> Result<()> {
        // One that cannot be read is told as lost by whoever looks for what snapshots lack.
        if let Ok(plain) = self.read_copy(whole, copy) {
            let frame = frame::encode(&plain, Options::default().level, None, || None)?;
            session.copy(copy, &frame)?;
        }
        Ok(())
    }
}

/// Whether a sound pack that is not condemned gives the chunk, and will after the sweep.
fn stays(left: &Index, examination: &Examination, id: &ChunkId) -> bool {
    let good = |copy: &Location| examination.has(copy.pack, *id) && left.has_bases(copy.encoding);
    left.copies(id).iter().any(good)
}
