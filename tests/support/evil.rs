//! The evil source tree: everything that a file system lets somebody make and that a backup may trip over, in
//! one folder.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use lifeboat_store::random::noise;
use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags};

use super::outside;

/// Makes the tree in a folder that is there.
pub(crate) fn grow(folder: &Path) {
    names(&folder.join("names"));
    depths(&folder.join("deep"));
    sizes(&folder.join("sizes"));
    links(&folder.join("links"));
    specials(&folder.join("special"));
    attributes(&folder.join("attributes"));
    many(&folder.join("many"));
    // Modes and times last: other work would change them, or need the modes.
    modes(&folder.join("modes"));
    times(&folder.join("times"));
}

fn write(path: PathBuf, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn names(folder: &Path) {
    let long = "n".repeat(255);
    let wide = "ü".repeat(127);
    let names: [&[u8]; 22] = [
        long.as_bytes(),
        wide.as_bytes(),
        b"\xff\xfe\x80 not UTF-8",
        b"two\nlines",
        b"tab\tand\rreturn",
        b"\x1b[2J\x1b[31mred",
        b"\x07\x08\x7f",
        "\u{202e}fdp.exe".as_bytes(),
        "Mu\u{308}ller".as_bytes(),
        "Müller".as_bytes(),
        b"UPPER",
        b"upper",
        b"-rf",
        b"--to",
        b" ",
        b" space at both ends ",
        b"...",
        b"CON",
        b"a:b\\c\"d'e$f`g*h?[i]{j}",
        b".lifeboat-restore",
        b"x.partial",
        b"!important",
    ];
    for name in names {
        let name = OsStr::from_bytes(name);
        write(folder.join("files").join(name), name.as_bytes());
        write(folder.join("folders").join(name).join(name), "inside");
    }
    fs::create_dir(folder.join("empty")).unwrap();
}

fn depths(folder: &Path) {
    let deep: PathBuf = std::iter::repeat_n("down", 400).collect();
    write(folder.join(deep).join("bottom"), "far down");
}

fn sizes(folder: &Path) {
    for size in [
        0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 1_048_575, 1_048_576, 1_048_577,
    ] {
        write(folder.join(format!("noise-{size}")), noise(size, 0));
        write(folder.join(format!("zeros-{size}")), vec![0; size]);
    }
    write(folder.join("large"), noise(18_000_000, 0));
    let sparse = fs::File::create(folder.join("sparse")).unwrap();
    for at in [0, 3_333_333, 30_000_000] {
        sparse.write_all_at(b"an island", at).unwrap();
    }
    sparse.set_len(50_000_000).unwrap();
    let app = rusqlite::Connection::open(folder.join("app.db")).unwrap();
    app.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(300000)), ('end')")
        .unwrap();
}

fn links(folder: &Path) {
    write(folder.join("file"), "linked");
    write(folder.join("other/large"), noise(2_000_000, 0));
    let long = "../".repeat(1300);
    for (name, target) in [
        ("dangling", "no/such/file"),
        ("absolute", "/etc/passwd"),
        ("up", "../../../.."),
        ("to-folder", "other"),
        ("self", "self"),
        ("ping", "pong"),
        ("pong", "ping"),
        ("loop", "../links"),
        ("long", &long),
    ] {
        symlink(target, folder.join(name)).unwrap();
    }
    symlink(OsStr::from_bytes(b"\xff\n"), folder.join("odd")).unwrap();
    for name in ["file-2", "other/file-3", "zz"] {
        fs::hard_link(folder.join("file"), folder.join(name)).unwrap();
    }
    fs::hard_link(folder.join("other/large"), folder.join("a-large")).unwrap();
}

fn specials(folder: &Path) {
    fs::create_dir(folder).unwrap();
    let mode = Mode::from_raw_mode(0o640);
    rustix::fs::mkfifoat(CWD, folder.join("pipe"), mode).unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap());
    if outside::is_root() {
        for (name, kind) in [
            ("null", FileType::CharacterDevice),
            ("disk", FileType::BlockDevice),
        ] {
            let device = rustix::fs::makedev(1, 3);
            rustix::fs::mknodat(CWD, folder.join(name), kind, mode, device).unwrap();
        }
    }
}

/// An access list: its owner, another user, the group, the mask, the others.
pub(crate) fn access_list() -> Vec<u8> {
    let none = u32::MAX;
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 6, none),
        (0x02, 4, 1234),
        (0x04, 4, none),
        (0x10, 6, none),
        (0x20, 0, none),
    ];
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(rights.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

/// The right of a program to raw sockets.
pub(crate) fn capability() -> [u8; 20] {
    [
        1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]
}

/// Sets an attribute of an entry itself; says so where that cannot be done here.
pub(crate) fn set(path: &Path, name: &str, value: &[u8]) -> bool {
    let set = rustix::fs::lsetxattr(path, name, value, XattrFlags::empty());
    if set.is_err() {
        outside::without(&format!("the attribute {name}"));
    }
    set.is_ok()
}

fn attributes(folder: &Path) {
    for name in ["many", "empty", "binary", "large", "access", "rights"] {
        write(folder.join(name), name);
    }
    fs::create_dir_all(folder.join("folder")).unwrap();
    symlink("nowhere", folder.join("link")).unwrap();
    for number in 0..50 {
        set(
            &folder.join("many"),
            &format!("user.number-{number}"),
            &[number; 7],
        );
    }
    set(&folder.join("empty"), "user.empty", b"");
    set(&folder.join("binary"), "user.\u{fc}\n", b"\0\xff\n\0");
    set(&folder.join("large"), "user.large", &noise(3000, 0));
    set(&folder.join("folder"), "user.of-a-folder", b"yes");
    set(
        &folder.join("access"),
        "system.posix_acl_access",
        &access_list(),
    );
    set(
        &folder.join("folder"),
        "system.posix_acl_default",
        &access_list(),
    );
    write(folder.join("folder/heir"), "with the list of its folder");
    if outside::is_root() {
        set(&folder.join("rights"), "security.capability", &capability());
        set(&folder.join("link"), "trusted.of-a-link", b"yes");
        std::os::unix::fs::lchown(folder.join("link"), Some(11), Some(12)).unwrap();
        std::os::unix::fs::chown(folder.join("binary"), Some(54_321), Some(4_000_000_000)).unwrap();
    }
}

fn many(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for number in 0..10_000 {
        let path = folder.join(format!("{number}"));
        match number % 20 {
            0 => fs::create_dir(path).unwrap(),
            1 => symlink("elsewhere", path).unwrap(),
            2 => fs::write(path, "").unwrap(),
            _ => fs::write(path, number.to_string()).unwrap(),
        }
    }
}

fn modes(folder: &Path) {
    fs::create_dir(folder).unwrap();
    // Only root can read what its owner may not.
    let readable = if outside::is_root() { 0 } else { 0o400 };
    let plain = (0..=0o777).map(|mode| mode | readable);
    let odd = [0o1777, 0o2711, 0o2755, 0o4755, 0o6711, 0o7777];
    for mode in plain.chain(odd) {
        let path = folder.join(format!("{mode:04o}"));
        fs::write(&path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    for mode in [0o700, 0o555, 0o1777, 0o2775, 0o3770] {
        let path = folder.join(format!("folder-{mode:04o}"));
        write(path.join("inside"), "");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn times(folder: &Path) {
    let times = [
        (0, 0),
        (0, 1),
        (-1, 999_999_999),
        (-2_000_000_000, 123_456_789),
        (1_000_000_000, 999_999_999),
        (4_102_444_800, 5),
        (15_000_000_000, 500),
    ];
    for (number, (secs, nanos)) in times.into_iter().enumerate() {
        let base = folder.join(number.to_string());
        write(base.join("file"), "");
        symlink("nowhere", base.join("link")).unwrap();
        for path in [base.join("file"), base.join("link"), base.clone()] {
            set_time(&path, secs, nanos);
        }
    }
}

/// Sets a time to the nanosecond, of links too.
pub(crate) fn set_time(path: &Path, secs: i64, nanos: i64) {
    let time = Timespec {
        tv_sec: secs,
        tv_nsec: nanos,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}
