//! Where each source of a snapshot was captured, and how its paths and the snapshot's belong together.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::entry::Node;
use crate::error::{Result, SnapshotError};
use crate::path::{Name, TreePath, of_bytes, real};
use crate::tree::Tree;

/// The live place of a source.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The source itself.
    pub(super) source: PathBuf,
    /// The folder that paths are relative to: the source, or what a single file is in.
    pub(super) folder: PathBuf,
    /// The name of a source that is a single file.
    file: Option<Name>,
    /// Where the source stands in the snapshot's tree.
    in_tree: TreePath,
}

impl Target {
    /// The live path of an entry of the snapshot; `None` where it is of another source.
    pub(super) fn live_of(&self, tree: &TreePath) -> Option<TreePath> {
        let below = tree.parts().strip_prefix(self.in_tree.parts())?;
        let name = self.file.iter();
        let parts = name.chain(below);
        Some(parts.fold(TreePath::root(), |path, part| path.join(part)))
    }

    /// The path in the snapshot's tree of what stands at a live path.
    pub(super) fn tree_of(&self, live: &TreePath) -> TreePath {
        let skipped = usize::from(self.file.is_some());
        let parts = live.parts().iter().skip(skipped);
        parts.fold(self.in_tree.clone(), |path, part| path.join(part))
    }

    /// Where it is on this machine.
    pub(super) fn at(&self, live: &TreePath) -> PathBuf {
        live.below(&self.folder)
    }

    /// Whether other things in the folder are none of the source's.
    pub(super) fn is_file(&self) -> bool {
        self.file.is_some()
    }
}

/// The places of all sources, in the order of the manifest.
pub(super) fn targets(tree: &Tree<'_>) -> Result<Vec<Target>> {
    let paths = tree.manifest().sources.iter().map(|source| &source.path);
    let sources = tree.sources().into_iter().zip(paths);
    sources
        .map(|((in_tree, node), path)| target(of_bytes(path), in_tree, &node))
        .collect()
}

fn target(path: &Path, in_tree: TreePath, node: &Node) -> Result<Target> {
    let unusable = |reason: &str| SnapshotError::TargetUnusable {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let is_plain = |part| !matches!(part, std::path::Component::ParentDir);
    if !path.is_absolute() || !path.components().all(is_plain) {
        return Err(unusable("it is no whole path"));
    }
    // A link that stands in the source's place by now is followed once, as any program would.
    let source = real(path);
    let Some((above, name)) = source.parent().zip(source.file_name()) else {
        return Err(unusable(
            "everything on the machine cannot be restored over itself",
        ));
    };
    let name = Name::new(name.as_bytes()).map_err(|_| unusable("it has no name"))?;
    let is_folder = matches!(node, Node::Folder { .. });
    Ok(Target {
        folder: if is_folder {
            source.clone()
        } else {
            above.to_owned()
        },
        file: (!is_folder).then_some(name),
        in_tree,
        source,
    })
}
