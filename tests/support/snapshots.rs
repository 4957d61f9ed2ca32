//! Everything that a snapshot gives back, read through the library: what must be the same as long as the snapshot exists,
//! whatever happens to the repository.

use std::collections::BTreeMap;

use lifeboat_snapshot::entry::{Meta, Node};
use lifeboat_snapshot::{Repository, Snapshot, SnapshotError, TreePath};

/// What the file system keeps of an entry, and its bytes or its link's target.
pub(crate) type Given = (Meta, &'static str, Vec<u8>);

/// Every entry with all that can be read of it.
pub(crate) type Contents = BTreeMap<TreePath, Given>;

/// Reads a whole snapshot.
pub(crate) fn contents(
    repository: &Repository,
    snapshot: &Snapshot,
) -> Result<Contents, SnapshotError> {
    let (contents, mut failed) = readable(repository, snapshot)?;
    match failed.pop() {
        Some((_, error)) => Err(error),
        None => Ok(contents),
    }
}

/// What of a snapshot can be read, and what cannot.
pub(crate) fn readable(
    repository: &Repository,
    snapshot: &Snapshot,
) -> Result<(Contents, Vec<(TreePath, SnapshotError)>), SnapshotError> {
    let tree = repository.tree(snapshot)?;
    let mut contents = Contents::new();
    let mut failed = Vec::new();
    for found in tree.walk() {
        let (path, entry) = match found {
            Ok(found) => found,
            Err(error) => {
                failed.push((TreePath::root(), error));
                continue;
            }
        };
        let mut bytes = Vec::new();
        match &entry.node {
            Node::File { .. } | Node::Database { .. } => {
                if let Err(error) = tree.read(&path, &mut bytes) {
                    failed.push((path, error));
                    continue;
                }
            }
            Node::Symlink { target } => bytes.extend_from_slice(target),
            Node::Folder { .. } | Node::Special { .. } => {}
        }
        contents.insert(path, (entry.meta.clone(), entry.node.kind(), bytes));
    }
    Ok((contents, failed))
}
