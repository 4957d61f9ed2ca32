//! A live folder and its stage as names and inodes, with what a power cut would leave of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use crate::entry::Meta;
use crate::inplace::files::{Files, Look, Spot};
use crate::path::Name;

/// What stands at each spot: an inode, and whether it is a folder.
pub(super) type Names = BTreeMap<Spot, (u64, bool)>;

#[derive(Clone)]
pub(super) enum Operation {
    Exchange(Spot, Spot),
    Rename(Spot, Spot),
}

#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) names: Names,
    /// What would be there after a power cut that took all that was not synced.
    durable: Names,
    pub(super) unsynced: Vec<Operation>,
    calls: usize,
    /// The call behind which nothing happens any more.
    pub(super) dies_at: Option<usize>,
    /// The call that fails.
    pub(super) fails_at: Option<usize>,
    pub(super) cannot_exchange: bool,
    /// By how much the file system counts inodes from another start since it was mounted anew.
    pub(super) renumbered: u64,
    pub(super) described: BTreeMap<Spot, u32>,
    /// What cannot be looked at.
    pub(super) unseen: Option<Spot>,
    /// What a program makes right before the thing at the first place moves.
    pub(super) comes: Option<(Spot, Spot, (u64, bool))>,
}

/// The simulated folder and its stage.
pub(super) struct Sim(pub(super) RefCell<State>);

impl Sim {
    pub(super) fn new(names: Names) -> Self {
        Self(RefCell::new(State {
            durable: names.clone(),
            names,
            ..State::default()
        }))
    }

    fn call(&self) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.calls += 1;
        let calls = state.calls;
        match state.dies_at.is_some_and(|at| calls > at) || state.fails_at == Some(calls) {
            true => Err(io::ErrorKind::PermissionDenied.into()),
            false => Ok(()),
        }
    }

    fn act(&self, operation: Operation) -> io::Result<()> {
        self.call()?;
        let mut state = self.0.borrow_mut();
        if let Some((before, at, thing)) = state.comes.take() {
            match &operation {
                Operation::Rename(from, _) | Operation::Exchange(_, from) if *from == before => {
                    state.names.insert(at, thing);
                }
                _ => state.comes = Some((before, at, thing)),
            }
        }
        apply(&mut state.names, &operation)?;
        state.unsynced.push(operation);
        Ok(())
    }
}

fn apply(names: &mut Names, operation: &Operation) -> io::Result<()> {
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    match operation {
        Operation::Exchange(one, other) => {
            let (a, b) = (take(names, one), take(names, other));
            if a.is_empty() || b.is_empty() {
                return Err(missing());
            }
            put(names, other, a);
            put(names, one, b);
        }
        Operation::Rename(from, to) => {
            if names.contains_key(to) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let moved = take(names, from);
            if moved.is_empty() {
                return Err(missing());
            }
            put(names, to, moved);
        }
    }
    Ok(())
}

/// Takes a thing out with everything in it, by the parts behind it.
fn take(names: &mut Names, at: &Spot) -> Vec<(Vec<crate::path::Name>, (u64, bool))> {
    let below = |spot: &Spot| {
        let parts = spot.path.parts().strip_prefix(at.path.parts());
        parts.filter(|_| spot.side == at.side).map(<[_]>::to_vec)
    };
    let spots: Vec<Spot> = names
        .keys()
        .filter(|spot| below(spot).is_some())
        .cloned()
        .collect();
    let taken = spots
        .iter()
        .map(|spot| (below(spot).unwrap(), names.remove(spot).unwrap()));
    taken.collect()
}

fn put(names: &mut Names, at: &Spot, things: Vec<(Vec<crate::path::Name>, (u64, bool))>) {
    for (parts, thing) in things {
        let path = parts
            .iter()
            .fold(at.path.clone(), |path, part| path.join(part));
        names.insert(Spot { path, ..at.clone() }, thing);
    }
}

impl Files for Sim {
    fn look(&self, at: &Spot) -> io::Result<Option<Look>> {
        let state = self.0.borrow();
        if state.unseen.as_ref() == Some(at) {
            return Err(io::Error::other("cannot be looked at"));
        }
        Ok(state.names.get(at).map(|(inode, is_folder)| Look {
            inode: *inode + state.renumbered,
            is_folder: *is_folder,
            bytes: *inode,
            mtime: (0, 0),
        }))
    }

    fn exchange(&self, one: &Spot, other: &Spot) -> io::Result<()> {
        if self.0.borrow().cannot_exchange {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.act(Operation::Exchange(one.clone(), other.clone()))
    }

    fn rename(&self, from: &Spot, to: &Spot) -> io::Result<()> {
        self.act(Operation::Rename(from.clone(), to.clone()))
    }

    fn names(&self, folder: &Spot) -> io::Result<Vec<Name>> {
        let state = self.0.borrow();
        if state.unseen.as_ref() == Some(folder) {
            return Err(io::Error::other("cannot be listed"));
        }
        let spots = state.names.keys().filter(|spot| spot.side == folder.side);
        let names =
            spots.filter_map(
                |spot| match spot.path.parts().strip_prefix(folder.path.parts()) {
                    Some([name]) => Some(name.clone()),
                    _ => None,
                },
            );
        Ok(names.collect())
    }

    fn describe(&self, at: &Spot, meta: &Meta) -> io::Result<()> {
        self.call()?;
        self.0.borrow_mut().described.insert(at.clone(), meta.mode);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.call()?;
        let mut state = self.0.borrow_mut();
        state.durable = state.names.clone();
        state.unsynced.clear();
        Ok(())
    }
}

/// Every state that a stop behind this call can leave: each of the operations that were not synced kept or lost.
pub(super) fn left_by(state: &State) -> Vec<Names> {
    let unsynced = &state.unsynced;
    (0..1_u32 << unsynced.len())
        .map(|kept| {
            let mut names = state.durable.clone();
            for (number, operation) in unsynced.iter().enumerate() {
                if kept >> number & 1 == 1 {
                    // One whose place another, lost one would have made does not happen either.
                    let _ = apply(&mut names, operation);
                }
            }
            names
        })
        .collect()
}
