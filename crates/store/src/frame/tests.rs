//! Frames of every sort, and bytes that claim to be frames.

use crate::random::noise;

use super::*;

fn text(len: usize) -> Vec<u8> {
    b"patient 0001, visit 17; "
        .iter()
        .copied()
        .cycle()
        .take(len)
        .collect()
}

fn round_trip(plain: &[u8], base: Option<&[u8]>) -> Frame {
    let given = base.map(|plain| Base { prefix: 7, plain });
    let frame = encode(plain, 3, given, || None).unwrap();
    let back = decode(frame.encoding, &frame.bytes, plain.len(), base).unwrap();
    assert_eq!(back, plain);
    frame
}

#[test]
fn what_shrinks_is_compressed_and_what_does_not_is_raw() {
    assert_eq!(round_trip(&text(65536), None).encoding, Encoding::Zstd);
    assert_eq!(round_trip(&noise(65536, 1), None).encoding, Encoding::Raw);
    assert_eq!(round_trip(b"", None).encoding, Encoding::Raw);
    round_trip(&text(MAX_PLAIN), None);
    assert!(encode(&vec![0; MAX_PLAIN + 1], 3, None, || None).is_err());
}

#[test]
fn a_small_change_costs_its_own_size() {
    let old = noise(65536, 1);
    let mut new = old.clone();
    new[20_000..20_040].copy_from_slice(&[9; 40]);
    let frame = round_trip(&new, Some(&old));
    assert_eq!(frame.encoding, Encoding::Prefix { base: 7 });
    assert!(frame.bytes.len() < 100, "{}", frame.bytes.len());
    // An insertion moves everything behind it, the prefix still finds it.
    new.splice(100..100, [1, 2, 3]);
    let frame = round_trip(&new, Some(&old));
    assert_eq!(frame.encoding, Encoding::Prefix { base: 7 });
    assert!(frame.bytes.len() < 200, "{}", frame.bytes.len());
}

#[test]
fn a_base_that_looks_like_a_dictionary_is_a_base() {
    let mut old = noise(65536, 1);
    old[..4].copy_from_slice(&[0x37, 0xa4, 0x30, 0xec]);
    let mut new = old.clone();
    new[20_000..20_040].copy_from_slice(&[9; 40]);
    assert!(matches!(
        round_trip(&new, Some(&old)).encoding,
        Encoding::Prefix { .. }
    ));
    // And the next chunk of the same thread knows nothing of it.
    round_trip(&text(65536), None);
}

#[test]
fn a_thread_that_made_deltas_makes_the_same_frames_as_a_new_one() {
    let (old, other) = (noise(65536, 1), text(65536));
    round_trip(&text(65536), Some(&old));
    round_trip(&noise(65536, 1), Some(&old));
    let make = move || {
        [(&other, None), (&old, Some(&other)), (&other, Some(&old))]
            .map(|(plain, base)| round_trip(plain, base.map(Vec::as_slice)).bytes)
    };
    let fresh = std::thread::spawn(make.clone()).join().unwrap();
    assert_eq!(make(), fresh);
}

#[test]
fn a_delta_that_does_not_pay_is_stored_whole() {
    let frame = round_trip(&noise(65536, 1), Some(&noise(65536, 2)));
    assert_eq!(frame.encoding, Encoding::Raw);
}

#[test]
fn f56_no_frame_gives_more_than_it_declares() {
    let bomb = encode(&vec![0; MAX_PLAIN], 3, None, || None).unwrap().bytes;
    assert!(decode(Encoding::Zstd, &bomb, 1, None).is_err());
    assert!(decode(Encoding::Zstd, &bomb, usize::MAX, None).is_err());
}

#[test]
fn bad_23_frames_to_be_skipped_and_of_a_foreign_dictionary_are_refused() {
    // A frame to be skipped gives no bytes, and that is what a chunk without bytes has.
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    assert!(decode(Encoding::Zstd, &skipped, 0, None).is_err());
    let both = [&encode_whole(&text(5000), 3).unwrap().bytes, &skipped[..]].concat();
    assert!(decode(Encoding::Zstd, &both, 5000, None).is_err());
    // One byte of dictionary id, single segment, five bytes raw.
    let named = [
        0x28, 0xb5, 0x2f, 0xfd, 0x21, 7, 5, 0x29, 0, 0, 1, 2, 3, 4, 5,
    ];
    assert!(decode(Encoding::Zstd, &named, 5, None).is_err());
    let plain = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 5, 0x29, 0, 0, 1, 2, 3, 4, 5];
    assert_eq!(
        decode(Encoding::Zstd, &plain, 5, None).unwrap(),
        [1, 2, 3, 4, 5]
    );
}

#[test]
fn bad_23_a_window_of_two_gibibytes_costs_nothing() {
    // Window descriptor 0xa8 is 2 GiB; the content is five raw bytes.
    let wide = [
        0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x29, 0, 0, 1, 2, 3, 4, 5,
    ];
    for plain_len in [5, 4, 6] {
        let decoded = decode(Encoding::Zstd, &wide, plain_len, None);
        assert!(decoded.is_err() || decoded.is_ok_and(|plain| plain == [1, 2, 3, 4, 5]));
    }
}

#[test]
fn bad_22_a_frame_of_gibibytes_stops_at_the_length_that_is_declared() {
    // Blocks of one byte repeated: 128 KiB each, 8192 of them.
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    for block in 0..8192_u32 {
        let header = (128 << 10) << 3 | 1 << 1 | u32::from(block == 8191);
        bomb.extend_from_slice(&header.to_le_bytes()[..3]);
        bomb.push(0);
    }
    for plain_len in [0, 1, 4096, MAX_PLAIN, MAX_PLAIN + 1] {
        assert!(decode(Encoding::Zstd, &bomb, plain_len, None).is_err());
    }
    let whole = vec![0; 4096];
    for encoding in [Encoding::Zstd, Encoding::Prefix { base: 1 }] {
        assert!(decode(encoding, &bomb, 1, Some(&whole)).is_err());
    }
}

#[test]
fn bad_23_junk_behind_a_frame_is_refused() {
    let mut frame = encode(&text(5000), 3, None, || None).unwrap().bytes;
    frame.extend_from_slice(&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
    assert!(decode(Encoding::Zstd, &frame, 5000, None).is_err());
}
