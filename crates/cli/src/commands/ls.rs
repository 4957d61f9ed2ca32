//! `lifeboat ls`: a folder of a snapshot, without restoring it.
//!
//! A snapshot may hold millions of entries, so they are printed as they are read, in JSON too.

use std::ffi::OsString;

use lifeboat_snapshot::entry::{Entry, Node};
use lifeboat_snapshot::path::{TreePath, escape};
use lifeboat_snapshot::{SnapshotError, Tree};
use serde_json::{Map, Value, json};

use super::cat::tree_path;
use crate::args::Pick;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{facts, paint, words};

/// List a folder of a snapshot
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pick: Pick,
    /// The folder; the root of the snapshot where not given
    #[arg(value_name = "PATH")]
    path: Option<OsString>,
    /// And everything below it
    #[arg(short = 'R', long)]
    recursive: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let path = args
        .path
        .as_deref()
        .map_or_else(|| Ok(TreePath::root()), tree_path)?;
    let repository = context.repository()?;
    let snapshot = args.pick.find(&repository)?;
    let tree = repository.tree(&snapshot)?;
    let entries = entries(&tree, &path, args.recursive)?;
    if !context.ui.is_json() {
        for entry in entries {
            let (path, entry) = entry?;
            context.ui.line(line(&path, &entry))?;
            if context.ui.is_unheard() {
                break;
            }
        }
        return Ok(Exit::Done);
    }
    let mut head = facts::with_path("path", &path.to_bytes());
    head.insert("snapshot".to_owned(), json!(snapshot.id.to_string()));
    let mut document = context.ui.stream(&head, "entries")?;
    for entry in entries {
        let (path, entry) = entry?;
        document.item(&item(&path, &entry))?;
        if context.ui.is_unheard() {
            break;
        }
    }
    document.end(&Map::new())?;
    Ok(Exit::Done)
}

type Found = Result<(TreePath, Entry), SnapshotError>;

/// What is listed, with whole paths.
fn entries<'t>(
    tree: &'t Tree<'_>,
    path: &TreePath,
    recursive: bool,
) -> Result<Box<dyn Iterator<Item = Found> + 't>, SnapshotError> {
    let folder = path.clone();
    if recursive && path.is_root() {
        return Ok(Box::new(tree.walk()));
    }
    if recursive {
        let itself = tree.entry(path)?;
        let itself = std::iter::once(Ok((folder, itself)));
        return Ok(Box::new(itself.chain(tree.walk_below(path)?)));
    }
    // A single entry lists itself, and then it is its own path.
    let is_folder = path.is_root() || matches!(tree.entry(path)?.node, Node::Folder { .. });
    let listed = tree.list(path)?.map(move |entry| {
        let entry = entry?;
        let path = if is_folder {
            folder.join(&entry.name)
        } else {
            folder.clone()
        };
        Ok((path, entry))
    });
    Ok(Box::new(listed))
}

fn item(path: &TreePath, entry: &Entry) -> Map<String, Value> {
    let mut item = facts::with_path("path", &path.to_bytes());
    item.extend(facts::object(json!({
        "kind": entry.node.kind(),
        "bytes": entry.node.content().map(|content| content.len),
        "mode": format!("{:04o}", entry.meta.mode),
        "uid": entry.meta.uid,
        "gid": entry.meta.gid,
        "mtime": facts::entry_time(entry.meta.mtime),
    })));
    if let Node::Symlink { target } = &entry.node {
        item.extend(facts::with_path("target", target));
    }
    item
}

fn line(path: &TreePath, entry: &Entry) -> String {
    let size = entry
        .node
        .content()
        .map_or_else(String::new, |content| words::size(content.len));
    let time = words::entry_time(entry.meta.mtime);
    let permissions = permissions(entry);
    let name = match &entry.node {
        Node::Folder { .. } => paint::paint(paint::ID, format!("{path}/")),
        Node::Database { .. } => paint::paint(paint::GOOD, path.to_string()),
        Node::Symlink { target } => format!("{path} -> {}", escape(target)),
        Node::File { .. } | Node::Special { .. } => path.to_string(),
    };
    format!("{permissions}  {size:>10}  {time:16}  {name}")
}

/// As `ls -l` shows them; a database is marked, for it is more than a file.
fn permissions(entry: &Entry) -> String {
    let kind = match &entry.node {
        Node::File { .. } => '-',
        Node::Database { .. } => 'D',
        Node::Folder { .. } => 'd',
        Node::Symlink { .. } => 'l',
        Node::Special { .. } => 's',
    };
    let bit = |number: u32, letter| {
        if entry.meta.mode >> number & 1 == 1 {
            letter
        } else {
            '-'
        }
    };
    let letters = "rwxrwxrwx".chars().zip((0..9).rev());
    std::iter::once(kind)
        .chain(letters.map(|(letter, number)| bit(number, letter)))
        .collect()
}
