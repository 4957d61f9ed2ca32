//! How a pack is cut into shards and stripes, and how many recovery shards each stripe has.

use reed_solomon_simd::ReedSolomonEncoder;

use super::{Share, WORTH};

/// Bytes of a shard, but in small packs: a block of most disks and file systems.
const SHARD: u32 = 4096;

/// Smallest shard that is written: the code's own unit.
const LEAST_SHARD: u32 = 64;

/// Shards of a stripe. The 4 MiB are held in memory for each pack under way.
const STRIPE: u32 = 1024;

/// Shards that a burst of 64 KiB can touch. At least so many are mended anywhere in a pack of four times as many.
const BURST: u32 = 17;

/// Largest shard that is read.
const MAX_SHARD: u32 = 64 << 10;

/// Most bytes of a stripe that is read, and most of its recovery shards: mending takes a few times as much memory.
const MAX_STRIPE: u64 = 16 << 20;

/// The numbers that say where each shard of a pack and of its parity stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Bytes of the pack.
    pub(crate) pack_len: u64,
    /// Bytes of a shard.
    pub(crate) shard_len: u32,
    /// Shards of a stripe; the last may have fewer.
    pub(crate) stripe: u32,
    /// Recovery shards of each stripe but the last.
    pub(crate) recovery: u32,
    /// Recovery shards of the last stripe.
    pub(crate) last_recovery: u32,
}

/// One stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stripe {
    /// Number of its first shard in the pack.
    pub(crate) first_shard: u64,
    /// Shards in it.
    pub(crate) shards: u32,
    /// Number of its first recovery shard.
    pub(crate) first_recovery: u64,
    /// Recovery shards of it.
    pub(crate) recovery: u32,
}

impl Shape {
    /// The shape of a pack's parity that is written anew; the share must not be none.
    pub(crate) fn new(pack_len: u64, share: Share) -> Self {
        let shard_len = shard_len(pack_len);
        let stripe_bytes = u64::from(shard_len) * u64::from(STRIPE);
        let last_bytes = match pack_len % stripe_bytes {
            0 => stripe_bytes.min(pack_len),
            rest => rest,
        };
        // At most STRIPE, by the division above.
        let last = last_bytes.div_ceil(u64::from(shard_len)) as u32;
        let last_least = match () {
            () if pack_len < WORTH => last,
            // A burst may fall on the last stripe of many alone.
            () if pack_len > stripe_bytes => BURST.min(last),
            () => BURST.min(last.div_ceil(4)),
        };
        Self {
            pack_len,
            shard_len,
            stripe: STRIPE,
            recovery: part(STRIPE, share).max(BURST),
            last_recovery: part(last, share).max(last_least),
        }
    }

    /// Bytes of a full stripe of a pack that has more than one.
    pub(crate) const fn stripe_of_large() -> usize {
        SHARD as usize * STRIPE as usize
    }

    /// Whether these are numbers that can be, whoever wrote them.
    pub(crate) fn is_sane(&self) -> bool {
        let is_shard = (LEAST_SHARD..=MAX_SHARD).contains(&self.shard_len)
            && self.shard_len.is_multiple_of(LEAST_SHARD);
        let code =
            |recovery: u32| ReedSolomonEncoder::supports(self.stripe as usize, recovery as usize);
        let fits = |shards: u32| u64::from(self.shard_len) * u64::from(shards) <= MAX_STRIPE;
        let fit = fits(self.stripe) && fits(self.recovery) && fits(self.last_recovery);
        is_shard && fit && self.pack_len > 0 && code(self.recovery) && code(self.last_recovery)
    }

    /// Bytes of a full stripe.
    fn stripe_bytes(&self) -> u64 {
        u64::from(self.shard_len) * u64::from(self.stripe)
    }

    /// How many stripes there are.
    pub(crate) fn stripes(&self) -> u64 {
        self.pack_len.div_ceil(self.stripe_bytes())
    }

    /// Shards of the pack.
    pub(crate) fn shards(&self) -> u64 {
        self.pack_len.div_ceil(u64::from(self.shard_len))
    }

    /// Recovery shards of all stripes; of numbers that cannot be, more than any file has.
    pub(crate) fn recovery_shards(&self) -> u64 {
        let full = (self.stripes() - 1).saturating_mul(u64::from(self.recovery));
        full.saturating_add(u64::from(self.last_recovery))
    }

    /// Every stripe, in order.
    pub(crate) fn each_stripe(self) -> impl Iterator<Item = Stripe> {
        let last = self.stripes() - 1;
        (0..=last).map(move |number| {
            let first_shard = number * u64::from(self.stripe);
            let is_last = number == last;
            Stripe {
                first_shard,
                // At most a stripe's.
                shards: (self.shards() - first_shard).min(u64::from(self.stripe)) as u32,
                first_recovery: number * u64::from(self.recovery),
                recovery: match is_last {
                    true => self.last_recovery,
                    false => self.recovery,
                },
            }
        })
    }
}

/// Small packs have smaller shards: rounding up to whole ones would cost more than the parity is worth.
fn shard_len(pack_len: u64) -> u32 {
    let part = (pack_len / 32).clamp(u64::from(LEAST_SHARD), u64::from(SHARD));
    (part as u32).next_power_of_two()
}

/// The share of so many shards, rounded up.
fn part(shards: u32, share: Share) -> u32 {
    (shards * u32::from(share.get())).div_ceil(1000)
}
