//! Which bytes parity is, however they are computed.

use reed_solomon_simd::ReedSolomonEncoder;

use super::*;
use crate::parity::shape::{Shape, Stripe};

/// Bytes of a pack whose last stripe has 25 shards and 17 of recovery, which the library encodes in another way than most.
const LOW: usize = (4 << 20) + 100_000;

#[test]
fn the_code_is_the_one_that_was_written_with() {
    let codes = [
        (
            20_000,
            "d35c878235b8e05435aa0edf5b19724fe2b1769a868edc8f51ef42b28e3c7bba",
        ),
        (
            LOW,
            "898d84a9e458215d2b2d2dd16c80fc94a3dc2d0702a096de4394e8b85e9a89c6",
        ),
    ];
    for (len, code) in codes {
        let hash = blake3::hash(&parity(&noise(len, 10), 50)).to_hex();
        assert_eq!(hash.as_str(), code, "the library computes another code");
    }
}

#[test]
fn parity_is_the_same_with_tables_and_without() {
    let used = Encoder::default();
    parity_by(&used, &noise(5 << 20, 1), 50);
    for len in [1, 63, 4097, 70_000, 300_001, 1 << 20, (1 << 20) + 1] {
        let pack = noise(len, 2);
        assert_eq!(parity(&pack, 50), parity_by(&used, &pack, 50), "{len}");
    }
}

/// The recovery shards of a stripe, of whole shards.
fn of_whole_shards(pack: &[u8], shape: &Shape, stripe: &Stripe) -> Vec<u8> {
    let [shards, recovery, shard_len] =
        [stripe.shards, stripe.recovery, shape.shard_len].map(|number| number as usize);
    let mut encoder = ReedSolomonEncoder::new(shards, recovery, shard_len).unwrap();
    let shards = pack
        .chunks(shard_len)
        .skip(stripe.first_shard as usize)
        .take(shards);
    for shard in shards {
        let mut shard = shard.to_vec();
        shard.resize(shard_len, 0);
        encoder.add_original_shard(shard).unwrap();
    }
    let encoded = encoder.encode().unwrap();
    encoded.recovery_iter().flatten().copied().collect()
}

#[test]
fn parity_is_that_of_whole_shards() {
    let sizes = [64, 300, 20_000, 70_000, 200_000, 700_000, LOW, 9 << 20];
    for per_mille in [20, 50, 600, 1000] {
        let used = Encoder::default();
        for len in sizes.iter().chain(sizes.iter().rev()) {
            let pack = noise(*len, 3);
            let shape = Shape::new(*len as u64, Share::per_mille(per_mille).unwrap());
            let stripes = shape.each_stripe();
            let whole: Vec<u8> = stripes
                .flat_map(|stripe| of_whole_shards(&pack, &shape, &stripe))
                .collect();
            let parity = parity_by(&used, &pack, per_mille);
            assert!(parity.ends_with(&whole), "{len} bytes, {per_mille}");
        }
    }
}
