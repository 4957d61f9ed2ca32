//! The folder that the tests restore over, and the journal of that.

use super::super::was::{Inner, Role, Shape, Was};
use super::sim::Names;
use super::{Change, Journal, Meta, Spot, Step, TreePath};
use crate::entry::Time;

pub(super) fn path(text: &str) -> TreePath {
    TreePath::parse(text.as_bytes()).unwrap()
}

pub(super) fn live(text: &str) -> Spot {
    Spot::live(path(text))
}

pub(super) fn staged(text: &str) -> Spot {
    Spot::stage(path(&format!("new/{text}")))
}

pub(super) fn was(inode: u64) -> Was {
    Was {
        shape: shape(inode, false),
        keep: false,
    }
}

/// How the simulation shows a thing.
pub(super) fn shape(inode: u64, is_folder: bool) -> Shape {
    Shape {
        is_folder,
        bytes: inode,
        mtime: (0, 0),
    }
}

pub(super) fn meta(mode: u32) -> Meta {
    Meta {
        mode,
        uid: 0,
        gid: 0,
        mtime: Time { secs: 0, nanos: 0 },
        xattrs: Vec::new(),
    }
}

pub(super) fn put_step(at: &str, inode: u64, replaces: Option<u64>, is_database: bool) -> Step {
    Step {
        folder: 0,
        path: path(at),
        change: Change::Put {
            staged: staged(at).path,
            inode,
            new: shape(inode, false),
            was: replaces.map(was),
            is_database,
            side_files: [is_database.then(|| shape(2, false)), None],
        },
    }
}

/// A file that takes the place of a folder.
pub(super) fn put_folder_step(at: &str, inode: u64, replaces: u64) -> Step {
    let mut step = put_step(at, inode, None, false);
    if let Change::Put { was, .. } = &mut step.change {
        *was = Some(Was {
            shape: shape(replaces, true),
            keep: false,
        });
    }
    step
}

/// A folder that is added.
fn put_new_folder_step(at: &str, inode: u64) -> Step {
    let mut step = put_step(at, inode, None, false);
    if let Change::Put { new, .. } = &mut step.change {
        *new = shape(inode, true);
    }
    step
}

/// What was saved of the folder `kind`.
pub(super) fn inside() -> Vec<Inner> {
    let inner = |at: &str, inode, is_folder, role| Inner {
        step: 3,
        path: path(at),
        shape: shape(inode, is_folder),
        role,
    };
    vec![
        inner("inside", 10, false, Role::Plain),
        inner("sub", 11, true, Role::Plain),
        inner("sub/in.db", 12, false, Role::Database),
        inner("sub/in.db-wal", 13, false, Role::SideFile),
        inner("sub/in.db-shm", 14, false, Role::Index),
    ]
}

/// A database with a WAL replaced, one removed, a file replaced, one added with its folder, a folder removed, and a file
/// that takes a folder's place.
pub(super) fn work() -> (Names, Journal) {
    let names = [
        (live("app.db"), (1, false)),
        (live("app.db-wal"), (2, false)),
        (live("app.db-shm"), (3, false)),
        (live("gone.db"), (4, false)),
        (live("gone.db-journal"), (5, false)),
        (live("text"), (6, false)),
        (live("extra"), (7, true)),
        (live("extra/file"), (8, false)),
        (live("kind"), (9, true)),
        (live("kind/inside"), (10, false)),
        (live("kind/sub"), (11, true)),
        (live("kind/sub/in.db"), (12, false)),
        (live("kind/sub/in.db-wal"), (13, false)),
        (live("kind/sub/in.db-shm"), (14, false)),
        (staged("app.db"), (101, false)),
        (staged("text"), (106, false)),
        (staged("folder"), (111, true)),
        (staged("folder/added"), (112, false)),
        (staged("kind"), (109, false)),
    ];
    let steps = vec![
        put_step("app.db", 101, Some(1), true),
        put_step("text", 106, Some(6), false),
        put_new_folder_step("folder", 111),
        put_folder_step("kind", 109, 9),
        Step {
            folder: 0,
            path: path("gone.db"),
            change: Change::Remove {
                was: was(4),
                is_database: true,
                side_files: [None, Some(shape(5, false))],
            },
        },
        Step {
            folder: 0,
            path: path("extra/file"),
            change: Change::Remove {
                was: was(8),
                is_database: false,
                side_files: [None, None],
            },
        },
        Step {
            folder: 0,
            path: path("extra"),
            change: Change::RemoveFolder,
        },
        Step {
            folder: 0,
            path: TreePath::root(),
            change: Change::Describe {
                from: meta(0o700),
                to: meta(0o755),
            },
        },
    ];
    let journal = Journal {
        folders: Vec::new(),
        steps,
        inside: inside(),
    };
    (names.into_iter().collect(), journal)
}
