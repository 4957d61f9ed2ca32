//! One moment of the replay: the effects in doubt, and the state that each choice among them makes.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::choices::{Budget, Choices, Chooser, Effect, Kind};
use super::contents::{BLOCK, BlockFate, Contents, fingerprint};
use super::names::{NameChange, NameFate};
use super::random::Sequence;
use super::replay::Replay;
use super::state::Image;
use super::tree::{Entry, FileId, Tree};

/// One moment of the replay, and how to build its states.
pub(super) struct Moment {
    pub(super) chooser: Arc<Chooser>,
    seed: u64,
    /// The first so many effects are changes of names.
    names: usize,
    /// Which effects are about which file.
    files: BTreeMap<FileId, Range<usize>>,
    /// The names of the choices last asked for: they change least often.
    tree: Option<(Choices, Arc<Tree>)>,
    /// Hashes of files by their choices.
    hashes: HashMap<(FileId, Choices), u128>,
}

impl Moment {
    pub(super) fn new(replay: &Replay, budget: &Budget, at: usize) -> Self {
        let mut effects: Vec<Effect> = replay.open_names().map(name_effect).collect();
        let names = effects.len();
        let mut files = BTreeMap::new();
        for (file, contents) in replay.open_files() {
            let start = effects.len();
            effects.extend(byte_effects(file, &replay.name(file), contents));
            files.insert(file, start..effects.len());
        }
        Self {
            chooser: Arc::new(Chooser::new(effects, budget, at)),
            seed: budget.seed,
            names,
            files,
            tree: None,
            hashes: HashMap::new(),
        }
    }

    /// A hash of the state that these choices make.
    pub(super) fn fingerprint(&mut self, replay: &Replay, choices: &Choices) -> u128 {
        let mut all = Vec::new();
        for (path, entry) in self.tree(replay, choices).iter() {
            all.extend_from_slice(path.as_bytes());
            all.push(0);
            if let Entry::File(file) = entry {
                all.extend_from_slice(&self.file_hash(replay, file, choices).to_le_bytes());
            }
        }
        fingerprint(&all)
    }

    fn file_hash(&mut self, replay: &Replay, file: FileId, choices: &Choices) -> u128 {
        let Some(contents) = replay.contents(file) else {
            return 0;
        };
        let Some(own) = self.own_choices(file, choices) else {
            return contents.fingerprint();
        };
        let key = (file, own.to_vec());
        if let Some(known) = self.hashes.get(&key) {
            return *known;
        }
        let hash = fingerprint(&self.file_image(file, contents, own));
        self.hashes.insert(key, hash);
        hash
    }

    /// The state that these choices make.
    pub(super) fn image(&mut self, replay: &Replay, choices: &Choices) -> Image {
        let tree = self.tree(replay, choices);
        let mut files = BTreeMap::new();
        for (_, entry) in tree.iter() {
            if let Entry::File(file) = entry
                && let Some(contents) = replay.contents(file)
            {
                let bytes = match self.own_choices(file, choices) {
                    Some(own) => Arc::new(self.file_image(file, contents, own)),
                    None => Arc::clone(contents.live()),
                };
                files.insert(file, bytes);
            }
        }
        Image {
            tree: Tree::clone(&tree),
            files,
        }
    }

    fn tree(&mut self, replay: &Replay, choices: &Choices) -> Arc<Tree> {
        let names = choices.get(..self.names).unwrap_or_default();
        match &self.tree {
            Some((known, tree)) if known == names => Arc::clone(tree),
            _ => {
                let mut fates = names.iter().map(|choice| name_fate(*choice));
                let tree = Arc::new(replay.tree(&mut fates));
                self.tree = Some((names.to_vec(), Arc::clone(&tree)));
                tree
            }
        }
    }

    /// The choices about a file's bytes; none where they are durable.
    fn own_choices<'a>(&self, file: FileId, choices: &'a Choices) -> Option<&'a [u8]> {
        choices.get(self.files.get(&file)?.clone())
    }

    /// A file's bytes after the cut.
    fn file_image(&self, file: FileId, contents: &Contents, own: &[u8]) -> Vec<u8> {
        let (old, new) = (contents.durable_len(), contents.live().len());
        let (len, own) = match own.split_first() {
            Some((0, rest)) if new > old => (old, rest),
            Some((1, rest)) if new > old => (new, rest),
            Some((_, rest)) if new > old => (torn(self.seed, old, new), rest),
            _ => (new, own),
        };
        let fates: HashMap<usize, u8> = contents
            .dirty_blocks()
            .into_iter()
            .zip(own.iter().copied())
            .collect();
        contents.image(len, |block| match fates.get(&block) {
            Some(0) => BlockFate::Old,
            Some(2) => BlockFate::Garbage(self.seed ^ file.0),
            Some(3) => BlockFate::Zero,
            _ => BlockFate::New,
        })
    }
}

const fn name_fate(choice: u8) -> NameFate {
    match choice {
        0 => NameFate::Lost,
        1 => NameFate::Kept,
        _ => NameFate::Both,
    }
}

fn name_effect(change: &NameChange) -> Effect {
    Effect {
        kind: Kind::Name,
        file: None,
        outcomes: if matches!(
            change,
            NameChange::Move {
                one_step: false,
                ..
            }
        ) {
            3
        } else {
            2
        },
        what: change.to_string(),
    }
}

/// The length first, if it grew, then the blocks.
fn byte_effects(file: FileId, name: &str, contents: &Contents) -> Vec<Effect> {
    let (old, new) = (contents.durable_len(), contents.live().len());
    let effect = |kind, outcomes, what| Effect {
        kind,
        file: Some(file),
        outcomes,
        what,
    };
    let mut effects = Vec::new();
    if new > old {
        let outcomes = if new - old > 1 { 3 } else { 2 };
        effects.push(effect(
            Kind::Length,
            outcomes,
            format!("length of {name} {old}..{new}"),
        ));
    }
    for block in contents.dirty_blocks() {
        // Past the old end, the old bytes are zero already.
        let outcomes = if block * BLOCK < old { 4 } else { 3 };
        effects.push(effect(
            Kind::Block,
            outcomes,
            format!("block {block} of {name}"),
        ));
    }
    effects
}

/// A length between the old one and the new one, which differ by more than 1.
fn torn(seed: u64, old: usize, new: usize) -> usize {
    let between = (new - old - 1) as u64;
    let drawn = Sequence::new(seed ^ old as u64, new as u64).below(between);
    old + 1 + usize::try_from(drawn).unwrap_or(0)
}
