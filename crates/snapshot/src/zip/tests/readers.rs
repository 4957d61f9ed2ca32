//! Archives of many shapes, read back by the tools that people have.

use std::io::{Cursor, Read, Write as _};

use super::super::{DEFAULT_LEVEL, EntryHead, Placed, Segment, Written, ZipError, ZipWriter};
use super::{MTIME, all_readers_test, create, head, noise, python, rows, segments};

/// Lines of `name size mode date content` from Python.
const LIST: &str = "
for i in z.infolist():
    print(i.filename, i.file_size, format(i.external_attr >> 16, 'o'), *i.date_time, z.read(i))";

fn shapes() -> Vec<(&'static str, Vec<u8>)> {
    let mixed = [rows(100_000), noise(100_000, 1), rows(100_000)].concat();
    vec![
        ("empty", vec![]),
        ("one", b"x".to_vec()),
        ("small", rows(1000)),
        ("just under", rows(65_535)),
        ("exact", rows(65_536)),
        ("just over", rows(65_537)),
        ("many", rows(3_000_000)),
        ("noise", noise(1_000_000, 42)),
        ("zeros", vec![0; 5_000_000]),
        ("mixed", mixed),
    ]
}

/// Every shape through every door.
fn all_shapes<W: std::io::Write + std::io::Seek + Send>(zip: &mut ZipWriter<W>) -> Vec<Written> {
    let mut written = Vec::new();
    for (name, plain) in shapes() {
        let from = head(&format!("from/{name}"));
        let mut reader = Cursor::new(plain.clone());
        written.push(zip.file_from(&from, &mut reader, DEFAULT_LEVEL).unwrap());
        let mut whole = head(&format!("whole/{name}"));
        whole.at_most = Some(plain.len() as u64);
        written.push(zip.whole(&whole, &segments(&plain)).unwrap());
        let mut entry = zip.file(&head(&format!("entry/{name}"))).unwrap();
        for segment in segments(&plain) {
            entry.segment(&segment).unwrap();
        }
        written.push(entry.finish().unwrap());
    }
    written
}

#[test]
fn every_shape_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shapes.zip");
    let mut zip = create(&path);
    let written = all_shapes(&mut zip);
    let (_, totals) = zip.finish(b"").unwrap();
    assert_eq!(totals.entries, 30);
    assert_eq!(totals.len, path.metadata().unwrap().len());
    let plain_len: u64 = shapes().iter().map(|shape| shape.1.len() as u64).sum();
    assert_eq!(totals.plain_len, 3 * plain_len);
    for (written, plain) in written.chunks(3).zip(shapes()) {
        let crc = crc32fast::hash(&plain.1);
        assert!(written.iter().all(|w| w.run.crc == crc && !w.escaped));
    }
    all_readers_test(&path);

    let mut plain_path = dir.path().to_path_buf();
    plain_path.push("plain");
    std::fs::create_dir(&plain_path).unwrap();
    for (name, plain) in shapes() {
        std::fs::write(plain_path.join(name), plain).unwrap();
    }
    let script = "
import os
for i in z.infolist():
    plain = os.path.join(os.path.dirname(sys.argv[1]), 'plain', i.filename.split('/')[1])
    assert z.read(i) == open(plain, 'rb').read(), i
print(len(z.infolist()))";
    if let Some(count) = python(&path, script) {
        assert_eq!(count.trim(), "30");
    }
}

#[test]
fn the_same_input_gives_the_same_archive_on_any_number_of_threads() {
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let mut zip = ZipWriter::new(Cursor::new(Vec::new())).unwrap();
            all_shapes(&mut zip);
            zip.finish(b"").unwrap().0.into_inner()
        })
    };
    let one = on(1);
    assert!(one == on(3) && one == on(1));
}

#[test]
fn modes_times_kinds_and_odd_names_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kinds.zip");
    let mut zip = create(&path);
    zip.directory(&EntryHead::new("dir", 0o40_750, MTIME))
        .unwrap();
    zip.symlink(&EntryHead::new("dir/link", 0o777, MTIME), b"../target \xff")
        .unwrap();
    let data = [Segment::deflate(b"data", 6)];
    for (name, mode, mtime) in [
        ("run.sh", 0o100_755, MTIME),
        ("secret", 0o400, MTIME + 2),
        ("setuid", 0o4755, MTIME),
        ("old", 0o644, 0),
        ("after 2038", 0o644, 1 << 32),
        ("Äpfel/日本", 0o644, MTIME),
    ] {
        let written = zip.whole(&EntryHead::new(name, mode, mtime), &data);
        assert!(!written.unwrap().escaped);
    }
    let odd = zip.whole(
        &EntryHead::new(b"b\xff\\%41\n".as_slice(), 0o644, MTIME),
        &data,
    );
    let odd = odd.unwrap();
    assert_eq!((odd.name.as_str(), odd.escaped), ("b%FF%5C%2541%0A", true));
    let percent = zip.whole(&EntryHead::new("5%", 0o644, MTIME), &data);
    assert!(!percent.unwrap().escaped);
    zip.finish(b"a comment").unwrap();
    all_readers_test(&path);

    let Some(list) = python(&path, &format!("{LIST}\nprint(z.comment)")) else {
        return;
    };
    let at = "2026 11 21 3 4 6";
    let file = |name, mode, date| format!("{name} 4 {mode} {date} b'data'");
    let expected = [
        format!("dir/ 0 40750 {at} b''"),
        format!("dir/link 11 120777 {at} b'../target \\xff'"),
        file("run.sh", "100755", at),
        file("secret", "100400", "2026 11 21 3 4 8"),
        file("setuid", "104755", at),
        file("old", "100644", "1980 1 1 0 0 0"),
        file("after 2038", "100644", "2106 2 7 6 28 16"),
        file("Äpfel/日本", "100644", at),
        file("b%FF%5C%2541%0A", "100644", at),
        file("5%", "100644", at),
        "b'a comment'".to_owned(),
    ];
    assert_eq!(list.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn unzip_restores_modes_times_and_symlinks() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("extract.zip");
    let mut zip = create(&path);
    zip.directory(&EntryHead::new("d", 0o700, MTIME)).unwrap();
    // An odd second: only the extra field can say it.
    let odd = EntryHead::new("d/f", 0o751, MTIME + 1);
    zip.whole(&odd, &segments(&rows(10_000))).unwrap();
    zip.symlink(&EntryHead::new("d/l", 0o777, MTIME), b"f")
        .unwrap();
    zip.finish(b"").unwrap();
    let into = dir.path().join("out");
    let args = ["-qq", "-d", into.to_str().unwrap()];
    let Some(out) = super::tool("unzip", &args, &path) else {
        return;
    };
    assert!(out.status.success(), "{out:?}");
    let file = into.join("d/f").metadata().unwrap();
    assert_eq!(file.permissions().mode() & 0o7777, 0o751);
    assert_eq!(file.mtime(), MTIME + 1);
    assert_eq!(std::fs::read(into.join("d/l")).unwrap(), rows(10_000));
    assert_eq!(
        std::fs::read_link(into.join("d/l")).unwrap().to_str(),
        Some("f")
    );
    let folder = into.join("d").metadata().unwrap();
    assert_eq!(folder.permissions().mode() & 0o7777, 0o700);
}

#[test]
fn segments_carried_over_give_the_same_archive() {
    let plain = rows(1_000_000);
    let dir = tempfile::tempdir().unwrap();
    let old_path = dir.path().join("old.zip");
    let mut old = create(&old_path);
    old.whole(&head("moves the offsets"), &segments(b"!"))
        .unwrap();
    let mut entry = old.file(&head("db")).unwrap();
    let mut placed = Vec::new();
    entry
        .stream(&mut plain.as_slice(), 6, |at| placed.push(at))
        .unwrap();
    let written = entry.finish().unwrap();
    let old = old.finish(b"").unwrap().0;
    let old_bytes = std::fs::read(&old_path).unwrap();
    assert_eq!(placed[0].offset, written.data_offset);
    assert_eq!(placed.len(), 16);

    let build = |carry: bool| {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new())).unwrap();
        let mut entry = zip.file(&head("db")).unwrap();
        let pieces = plain.chunks(65_536).zip(&placed);
        for (n, (piece, from)) in pieces.enumerate() {
            let start = entry.position();
            let now = match n % 3 {
                _ if !carry => entry.segment(&Segment::deflate(piece, 6)),
                0 => entry.segment(&Segment::deflate(piece, 6)),
                1 => entry.copied(from.run, &mut &old_bytes[from.offset as usize..]),
                _ => entry.copied_by(from.run, |out| {
                    use std::os::unix::fs::FileExt as _;
                    let mut buffer = vec![0; from.run.deflated_len as usize];
                    old.read_exact_at(&mut buffer, from.offset)?;
                    out.write_all(&buffer)
                }),
            };
            let run = from.run;
            assert_eq!(now.unwrap(), Placed { offset: start, run });
        }
        entry.finish().unwrap();
        zip.finish(b"").unwrap().0.into_inner()
    };
    assert!(build(true) == build(false));
}

#[test]
fn neighbours_are_carried_over_in_one_go() {
    let plain = rows(500_000);
    let mut old = ZipWriter::new(Cursor::new(Vec::new())).unwrap();
    let mut entry = old.file(&head("db")).unwrap();
    let mut placed = Vec::new();
    entry
        .stream(&mut plain.as_slice(), 6, |at| placed.push(at))
        .unwrap();
    let written = entry.finish().unwrap();
    let old = old.finish(b"").unwrap().0.into_inner();
    let start = placed[0].offset as usize;
    let all = placed.into_iter().map(|at| at.run).reduce(|a, b| a.then(b));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new())).unwrap();
    let mut entry = zip.file(&head("db")).unwrap();
    entry.copied(all.unwrap(), &mut &old[start..]).unwrap();
    assert_eq!(entry.finish().unwrap(), written);
    assert!(zip.finish(b"").unwrap().0.into_inner() == old);
}

#[test]
fn pieces_become_segments_of_their_own() {
    let lens = [10, 0, 100_000, 7];
    let pieces = lens.map(|len| Ok::<_, ZipError>(rows(len)));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new())).unwrap();
    let mut entry = zip.file(&head("pieces")).unwrap();
    let mut placed = Vec::new();
    entry
        .pieces(pieces.into_iter(), 6, |at| placed.push(at.run.plain_len))
        .unwrap();
    assert_eq!(placed, lens.map(|len| len as u64));
    assert_eq!(entry.finish().unwrap().run.plain_len, 100_017);
}

/// A reader that gives little at a time makes the same segments.
#[test]
fn slow_readers_make_no_difference() {
    struct Dribble<'a>(&'a [u8]);
    impl Read for Dribble<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let few = into.len().min(1000);
            self.0.read(&mut into[..few])
        }
    }
    let plain = rows(300_000);
    let build = |from: &mut (dyn Read + Send)| {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new())).unwrap();
        zip.file_from(&head("f"), from, 6).unwrap();
        zip.finish(b"").unwrap().0.into_inner()
    };
    assert!(build(&mut Dribble(&plain)) == build(&mut plain.as_slice()));
}

#[test]
fn an_archive_that_was_streamed_is_read_from_both_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("streamed.zip");
    let mut zip = ZipWriter::streaming(std::fs::File::create(&path).unwrap());
    all_shapes(&mut zip);
    zip.finish(b"").unwrap();
    super::all_readers_test(&path);
}
