//! Segments, checksums, names and times by themselves.

use super::super::segment::STREAM_END;
use super::super::time::Modified;
use super::super::{Run, Segment, escape_name, ordered, unescape_name};
use super::{inflate, noise, rows};

#[test]
fn segments_inflate_alone_and_in_any_row() {
    for len in [1, 2, 4096, 65_535, 65_536, 65_537, 200_000] {
        for plain in [rows(len), noise(len, 7), vec![0; len]] {
            let segment = Segment::deflate(&plain, 6);
            assert_eq!(inflate(&[segment.deflated()]), plain, "{len}");
            let twice = inflate(&[segment.deflated(), segment.deflated()]);
            assert_eq!(twice, plain.repeat(2), "{len}");
            assert_eq!(segment.run().deflated_len, segment.deflated().len() as u64);
            assert_eq!(segment.run().plain_len, len as u64);
        }
    }
    assert_eq!(Segment::deflate(b"", 6).run(), Run::EMPTY);
    assert_eq!(inflate(&[]), b"");
    assert_eq!(STREAM_END.len(), 2);
}

#[test]
fn a_segment_depends_on_its_bytes_and_level_alone() {
    let plain = rows(65_536);
    let first = Segment::deflate(&plain, 6);
    for level in [0, 1, 3, 9, 50] {
        assert_eq!(
            inflate(&[Segment::deflate(&plain, level).deflated()]),
            plain
        );
        // Of another level before, after a compressor that ran out of room, on another thread.
        let _ = Segment::deflate(&noise(70_000, 3), 6);
        assert_eq!(Segment::deflate(&plain, 6), first);
        let elsewhere = std::thread::scope(|scope| {
            let thread = scope.spawn(|| Segment::deflate(&plain, 6));
            thread.join().unwrap()
        });
        assert_eq!(elsewhere, first);
    }
}

#[test]
fn what_cannot_be_compressed_grows_by_five_bytes_a_block() {
    for (len, growth) in [(1, 5), (1000, 5), (65_535, 5), (65_536, 10), (200_000, 20)] {
        let segment = Segment::deflate(&noise(len, 99), 6);
        assert_eq!(segment.deflated().len(), len + growth);
    }
}

#[test]
fn checksums_combine_to_that_of_the_whole() {
    let plain = rows(300_001);
    for size in [1, 999, 65_536, 300_000, 300_001] {
        let mut sum = Run::EMPTY;
        for piece in plain.chunks(size) {
            sum = sum.then(Run {
                deflated_len: 3,
                plain_len: piece.len() as u64,
                crc: crc32fast::hash(piece),
            });
        }
        assert_eq!(sum.crc, crc32fast::hash(&plain), "{size}");
        assert_eq!(sum.plain_len, 300_001);
        assert_eq!(sum.deflated_len, 3 * plain.chunks(size).len() as u64);
    }
}

#[test]
fn names_are_escaped_only_where_a_zip_cannot_carry_them() {
    for (path, name) in [
        (&b"clinic.db"[..], "clinic.db"),
        ("chroma/Äpfel 日本 🦀".as_bytes(), "chroma/Äpfel 日本 🦀"),
        (b"100 % sure, 5%, %zz, %4", "100 % sure, 5%, %zz, %4"),
        (b"..a/.b/c..", "..a/.b/c.."),
        (b"%41", "%2541"),
        (b"%4a", "%4a"),
        (b"bad\xff\xfebytes", "bad%FF%FEbytes"),
        (b"half\xc3", "half%C3"),
        (b"back\\slash", "back%5Cslash"),
        (b"line\nbreak\x7f\0", "line%0Abreak%7F%00"),
        ("c1\u{85}".as_bytes(), "c1%C2%85"),
        (b"/etc/passwd", "%2Fetc/passwd"),
        (b"a//b/", "a%2F%2Fb%2F"),
        (b"../../x", "%2E%2E/%2E%2E/x"),
        (b".", "%2E"),
        (b"/", "%2F"),
        (b"%\\%2\xff", "%%5C%2%FF"),
    ] {
        assert_eq!(escape_name(path), name);
        assert_eq!(unescape_name(name), path, "{name}");
    }
}

#[test]
fn every_path_comes_back_from_its_name() {
    let alphabet = b"%%%25CAf/..\\\n\xff\xc3\xa4\xe2\x82\xac";
    let random = noise(200_000, 5);
    for piece in random.chunks(9) {
        let path: Vec<u8> = piece
            .iter()
            .map(|byte| alphabet[usize::from(*byte) % alphabet.len()])
            .collect();
        let name = escape_name(&path);
        assert_eq!(unescape_name(&name), path, "{name}");
        assert!(!name.contains('\\') && !name.starts_with('/') && !name.contains("//"));
        assert!(name.split('/').all(|part| part != ".." && part != "."));
        assert!(!name.chars().any(char::is_control));
    }
}

#[test]
fn dos_dates_are_clamped_and_shifted() {
    let dos = |secs, offset| {
        let at = Modified::new(secs, offset);
        let (time, date) = (at.dos_time, at.dos_date);
        (
            (date >> 9) + 1980,
            date >> 5 & 15,
            date & 31,
            (time >> 11, time >> 5 & 63, (time & 31) * 2),
        )
    };
    assert_eq!(dos(super::MTIME, 0), (2026, 11, 21, (3, 4, 6)));
    assert_eq!(dos(super::MTIME + 1, 0), (2026, 11, 21, (3, 4, 6)));
    assert_eq!(dos(super::MTIME, -4 * 3600), (2026, 11, 20, (23, 4, 6)));
    for early in [0, -1, i64::MIN] {
        assert_eq!(dos(early, 0), (1980, 1, 1, (0, 0, 0)));
    }
    for late in [4_354_819_200, i64::MAX] {
        assert_eq!(dos(late, 0), (2107, 12, 31, (23, 59, 58)));
    }
    assert_eq!(Modified::new(-1, 0).unix, Some(-1));
    assert_eq!(Modified::new(1 << 31, 0).unix, None);
}

#[test]
fn results_come_in_the_order_of_the_jobs() {
    let jobs = (0..20_000u32).map(Ok::<_, ()>);
    let mut seen = Vec::new();
    ordered(
        jobs,
        |_| 1000,
        |job| job * 2,
        |result| {
            seen.push(result);
            Ok(())
        },
    )
    .unwrap();
    assert_eq!(seen, (0..20_000).map(|n| n * 2).collect::<Vec<_>>());
}

#[test]
fn the_first_error_comes_after_the_results_before_it() {
    for bad in [0, 1, 5000, 9999] {
        let jobs = (0..10_000).map(|n| if n == bad { Err("job") } else { Ok(n) });
        let mut seen = 0;
        let end = ordered(
            jobs,
            |_| 1,
            |job| job,
            |_| {
                seen += 1;
                Ok(())
            },
        );
        assert_eq!(end, Err("job"));
        assert_eq!(seen, bad);
    }
    let end = ordered((0..9).map(Ok), |_| 1, |job| job, |_| Err("sink"));
    assert_eq!(end, Err("sink"));
}

#[test]
fn where_every_byte_is_as_frequent_as_the_others_nothing_is_looked_for() {
    let half = noise(24 << 10, 9);
    // Deflate would find the second half in the first: that it did not shows that it was not asked.
    let twice = [&half[..], &half].concat();
    let deflated = Segment::deflate(&twice, 6).deflated().to_vec();
    assert!(deflated.len() > twice.len());
    assert_eq!(inflate(&[&deflated]), twice);
    // One word more than the others is enough to ask.
    let mut some = twice;
    some[..4096].fill(b'x');
    assert!(Segment::deflate(&some, 6).run().deflated_len < 32 << 10);
    // So are few bytes.
    let few = [&half[..4096], &half[..4096]].concat();
    assert!(Segment::deflate(&few, 6).run().deflated_len < 5 << 10);
}
