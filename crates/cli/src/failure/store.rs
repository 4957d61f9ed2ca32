//! What a failure of the store means for whoever runs the program.

use lifeboat_snapshot::store::StoreError;
use lifeboat_snapshot::store::layout::PLAN;

use super::{Failure, disk};
use crate::exit::Exit;
use crate::signals;
use crate::suggest;

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        explained(Self::of(exit_of(&error), &error), &error)
    }
}

pub(super) fn exit_of(error: &StoreError) -> Exit {
    match error {
        StoreError::NoRepository { .. } | StoreError::NotARepository { .. } => Exit::NoRepository,
        StoreError::AlreadyExists { .. } => Exit::Target,
        StoreError::NewerFormat { .. } | StoreError::UnknownFeature { .. } => Exit::NewerFormat,
        error if error.is_damage() => Exit::Damage,
        StoreError::NoRecord { .. } => Exit::Usage,
        StoreError::Evicted { .. } => Exit::Evicted,
        StoreError::Cancelled => signals::exit(),
        StoreError::Io { source, .. } => disk::exit_of(source),
        _ => Exit::Failed,
    }
}

/// Sorts what the sentence says into what, cause, hint and facts.
fn explained(failure: Failure, error: &StoreError) -> Failure {
    match error {
        StoreError::NoRepository { place } => failure.place("place", place).hint(
            "name another place with --repo, or create one there: backup does so, and so does init",
        ),
        StoreError::NotARepository { place, found } => Failure::new(
            Exit::NoRepository,
            format!("{} is not a repository", place.display()),
        )
        .because(format!("it holds {found}, and no config"))
        .place("place", place)
        .hint("name the repository with --repo; a new one needs a folder that is empty or missing"),
        StoreError::AlreadyExists { .. } => {
            failure.hint("nothing was changed; it can be used as it is")
        }
        StoreError::NewerFormat { .. } | StoreError::UnknownFeature { .. } => {
            failure.hint("use the lifeboat that wrote it, or a newer one")
        }
        StoreError::Damaged { object, what } if object.ends_with(PLAN) => {
            damaged(object.display().to_string(), what).hint(DELETE_PLAN)
        }
        StoreError::Damaged { object, what } => damaged(object.display().to_string(), what),
        StoreError::ChunkDamaged { id, object, what } => {
            damaged(object.display().to_string(), what).field("chunk", id.to_string())
        }
        StoreError::ChunkMissing { .. } => failure.hint(verify()),
        StoreError::RecordLost { object, copy } => failure.place("object", object).hint(format!(
            "{} writes it again; where that says it cannot, move {} away by hand",
            suggest::command("repair --apply"),
            copy.display()
        )),
        StoreError::Evicted { .. } => {
            failure.hint("run the backup again; nothing else was affected")
        }
        StoreError::Stopped { .. } => failure.hint("run the backup again once the disk is well"),
        StoreError::WriteCheck => {
            failure.hint("test this machine's memory before you trust what it writes")
        }
        StoreError::Cancelled => stopped(failure.exit()),
        StoreError::Io { source, path, .. } => {
            let failure = failure.path(path);
            match disk::hint(source) {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        }
        _ => failure,
    }
}

/// The way on where the plan of a collection is damaged. It only says what nobody may build on and what is being deleted;
/// without it a collection begins again.
pub(crate) const DELETE_PLAN: &str = "make sure that no lifeboat uses the repository, then delete this file; \
    nothing that is stored is in it";

fn verify() -> String {
    let verify = suggest::command("verify --read-data");
    format!("{verify} tells what else is affected")
}

fn damaged(object: String, what: &str) -> Failure {
    Failure::new(Exit::Damage, format!("{object} is damaged"))
        .because(what)
        .field("object", object)
        .hint(verify())
}

/// Stopped by whoever runs the program, which is not an error of anything.
fn stopped(exit: Exit) -> Failure {
    Failure::new(exit, "stopped before the end, as asked")
        .hint("nothing that was stored before is affected; the next run starts at once")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn damage_names_its_object() {
        let object = PathBuf::from("/r/packs/ab.pack");
        let what = "bad trailer".to_owned();
        let failure = Failure::from(StoreError::Damaged { object, what });
        assert_eq!(failure.exit(), Exit::Damage);
        assert_eq!(failure.lines()[0].1, "/r/packs/ab.pack is damaged");
        assert_eq!(failure.lines()[1].1, "bad trailer");
    }

    #[test]
    fn a_damaged_plan_has_a_way_on() {
        let object = PathBuf::from("/r/gc/plan");
        let what = "its hash does not match".to_owned();
        let failure = Failure::from(StoreError::Damaged { object, what });
        assert_eq!(failure.exit(), Exit::Damage);
        assert!(failure.lines().iter().any(|(_, line)| line == DELETE_PLAN));
    }

    #[test]
    fn a_full_disk_is_told_from_a_forbidden_one() {
        let of = |kind: std::io::ErrorKind| {
            Failure::from(StoreError::Io {
                action: "write",
                path: PathBuf::from("/r/x"),
                source: kind.into(),
            })
        };
        assert_eq!(of(std::io::ErrorKind::StorageFull).exit(), Exit::NoSpace);
        assert_eq!(
            of(std::io::ErrorKind::PermissionDenied).exit(),
            Exit::Permission
        );
        assert_eq!(of(std::io::ErrorKind::Other).exit(), Exit::Failed);
    }

    #[test]
    fn a_place_without_a_repository_is_exit_10_with_what_to_do() {
        let place = PathBuf::from("/nowhere");
        let missing = Failure::from(StoreError::NoRepository {
            place: place.clone(),
        });
        let found = "holiday.jpg".to_owned();
        let other = Failure::from(StoreError::NotARepository {
            place: place.clone(),
            found,
        });
        let taken = Failure::from(StoreError::AlreadyExists { place });
        assert_eq!(missing.exit(), Exit::NoRepository);
        assert_eq!(other.exit(), Exit::NoRepository);
        assert_eq!(taken.exit(), Exit::Target);
    }
}
