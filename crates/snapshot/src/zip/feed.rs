//! Feeds plain bytes into an archive, compressed on all cores in bounded memory.
//!
//! For files that are written anew. Who carries over segments, or has many small files, drives [`ordered`] with jobs of
//! its own. The hazard is the one of [`ordered`]: the bytes are fetched on a thread of the rayon pool.

use std::io::{self, Read, Seek, Write};

use super::ZipError;
use super::entry::{EntryWriter, Placed};
use super::head::{EntryHead, Written};
use super::parallel::ordered;
use super::segment::{SEGMENT_LEN, Segment};
use super::writer::ZipWriter;

impl<W: Write + Seek + Send> ZipWriter<W> {
    /// Adds a file with all bytes of `from`.
    ///
    /// # Errors
    /// A name that cannot be taken, [`ZipError::LargerThanPromised`], a failed read or a failed write.
    pub fn file_from(
        &mut self,
        head: &EntryHead,
        from: &mut (dyn Read + Send),
        level: u32,
    ) -> Result<Written, ZipError> {
        let unread = |source| ZipError::Read {
            name: super::escape_name(&head.path).into_owned(),
            source,
        };
        let first = read_piece(from).map_err(unread)?;
        if first.len() < SEGMENT_LEN {
            return self.whole(head, &[Segment::deflate(&first, level)]);
        }
        let mut entry = self.file(head)?;
        entry.stream(&mut first.as_slice().chain(from), level, |_| ())?;
        entry.finish()
    }
}

impl<W: Write + Seek + Send> EntryWriter<'_, W> {
    /// Appends all bytes of `from` in segments of [`SEGMENT_LEN`]; `on` learns where each came to lie.
    ///
    /// # Errors
    /// [`ZipError::LargerThanPromised`], a failed read or a failed write.
    pub fn stream(
        &mut self,
        from: &mut (dyn Read + Send),
        level: u32,
        on: impl FnMut(Placed) + Send,
    ) -> Result<(), ZipError> {
        let name = self.name().to_owned();
        let pieces = std::iter::from_fn(|| match read_piece(from) {
            Ok(piece) if piece.is_empty() => None,
            Ok(piece) => Some(Ok(piece)),
            Err(source) => Some(Err(ZipError::Read {
                name: name.clone(),
                source,
            })),
        });
        self.pieces(pieces, level, on)
    }

    /// Appends every piece as a segment of its own; `on` learns where each came to lie.
    ///
    /// # Errors
    /// The first error of `pieces`, [`ZipError::LargerThanPromised`], or a failed write.
    pub fn pieces<E: From<ZipError> + Send>(
        &mut self,
        pieces: impl Iterator<Item = Result<Vec<u8>, E>> + Send,
        level: u32,
        mut on: impl FnMut(Placed) + Send,
    ) -> Result<(), E> {
        ordered(
            pieces,
            Vec::len,
            |piece| Segment::deflate(&piece, level),
            |segment| {
                on(self.segment(&segment)?);
                Ok(())
            },
        )
    }
}

/// The next [`SEGMENT_LEN`] bytes; less only at the end.
fn read_piece(from: &mut (dyn Read + Send)) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(SEGMENT_LEN);
    from.take(SEGMENT_LEN as u64).read_to_end(&mut piece)?;
    Ok(piece)
}
