//! Archives of many shapes, read back by the tools that people have.

use std::io::Cursor;

use super::super::{EntryHead, EntryWriter, Placed, Run, Segment, Written, ZipWriter};
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
    assert_eq!(totals.entries, 20);
    assert_eq!(totals.len, path.metadata().unwrap().len());
    let plain_len: u64 = shapes().iter().map(|shape| shape.1.len() as u64).sum();
    assert_eq!(totals.plain_len, 2 * plain_len);
    for (written, plain) in written.chunks(2).zip(shapes()) {
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
        assert_eq!(count.trim(), "20");
    }
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

/// Appends these bytes; tells where each segment came to lie.
fn append<W: std::io::Write + std::io::Seek>(
    entry: &mut EntryWriter<'_, W>,
    plain: &[u8],
) -> Vec<Placed> {
    let segments = segments(plain);
    let placed = segments.iter().map(|segment| entry.segment(segment));
    placed.collect::<Result<_, _>>().unwrap()
}

/// The segment that came to lie there.
fn carried(archive: &[u8], at: &Placed) -> Segment {
    let Run {
        deflated_len,
        plain_len,
        crc,
    } = at.run;
    let begin = at.offset as usize;
    let deflated = archive[begin..begin + deflated_len as usize].to_vec();
    Segment::carried(deflated, plain_len, crc)
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
    let placed = append(&mut entry, &plain);
    let written = entry.finish().unwrap();
    old.finish(b"").unwrap();
    let old = std::fs::read(&old_path).unwrap();
    assert_eq!(placed[0].offset, written.data_offset);
    assert_eq!(placed.len(), 16);

    let build = |carry: bool| {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new())).unwrap();
        let mut entry = zip.file(&head("db")).unwrap();
        let pieces = plain.chunks(65_536).zip(&placed);
        for (n, (piece, from)) in pieces.enumerate() {
            let start = entry.position();
            let segment = match carry && n % 2 == 0 {
                true => carried(&old, from),
                false => Segment::deflate(piece, 6),
            };
            let now = entry.segment(&segment);
            let run = from.run;
            assert_eq!(now.unwrap(), Placed { offset: start, run });
        }
        entry.finish().unwrap();
        zip.finish(b"").unwrap().0.into_inner()
    };
    assert!(build(true) == build(false));
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
