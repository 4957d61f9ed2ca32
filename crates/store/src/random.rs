//! Randomness for names, as a value that tests can seed.

use std::io;

/// Where random bytes come from. Names made of them are never used twice (invariant I3), so a source that fails must
/// say so and never answer with less.
pub trait Random: Send + Sync {
    /// Fills the buffer with unpredictable bytes.
    ///
    /// # Errors
    /// Where the system has none to give.
    fn fill(&self, buf: &mut [u8]) -> io::Result<()>;
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buf: &mut [u8]) -> io::Result<()> {
        getrandom::fill(buf).map_err(|error| io::Error::other(error.to_string()))
    }
}

/// The same bytes for the same seed: BLAKE3 of the seed and a counter.
#[cfg(feature = "testing")]
#[derive(Debug)]
pub struct SeededRandom {
    seed: u64,
    drawn: std::sync::atomic::AtomicU64,
}

#[cfg(feature = "testing")]
impl SeededRandom {
    /// The sequence of this seed, from its start.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: std::sync::atomic::AtomicU64::new(0),
        }
    }
}

#[cfg(feature = "testing")]
impl Random for SeededRandom {
    fn fill(&self, buf: &mut [u8]) -> io::Result<()> {
        let draw = self
            .drawn
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&self.seed.to_le_bytes())
            .update(&draw.to_le_bytes());
        hasher.finalize_xof().fill(buf);
        Ok(())
    }
}

/// Bytes that do not compress: the same ones for the same seed, and shorter ones are the beginning of longer ones.
#[cfg(feature = "testing")]
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}
