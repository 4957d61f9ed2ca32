//! From the plan to the journal: each difference becomes a step.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_bytes::ByteBuf;

use super::compare::Place;
use super::error::InPlaceError;
use super::files::{Files, Look, Real, Spot};
use super::journal::{Change, Folder, Journal, Step};
use super::plan::{Difference, What};
use super::was::{Inner, Shape, SideFiles, Was};
use super::work::Work;
use super::{NEW, attributes, steps};
use crate::error::{IoContext, Result};
use crate::path::TreePath;

impl Work<'_> {
    pub(super) fn journal(&self, files: &[Real]) -> Result<Journal> {
        let bytes = |path: &Path| ByteBuf::from(path.as_os_str().as_bytes());
        let places = self.plan.targets.iter().zip(&self.stages);
        let folders = places.map(|(target, stage)| Folder {
            source: bytes(&target.source),
            live: bytes(&target.folder),
            stage: bytes(stage),
        });
        let steps = self.plan.differences.iter();
        let steps = steps.filter(|difference| !difference.online);
        let numbers = steps.clone().map(|difference| &difference.place).zip(0..);
        let inside = self.inside(&numbers.collect());
        let mut steps = steps
            .map(|difference| self.step(difference, files))
            .collect::<Result<Vec<Step>>>()?;
        steps.extend(self.returns());
        Ok(Journal {
            folders: folders.collect(),
            steps,
            inside,
        })
    }

    /// Folders that go are described as they are: should they have to come back, what left them before has changed their
    /// times.
    fn returns(&self) -> Vec<Step> {
        let differences = self.plan.differences.iter();
        let folders = differences.filter(|one| matches!(one.what, What::RemoveFolder));
        let step = |difference: &Difference| {
            let (number, path) = difference.place.clone();
            let at = self.path(difference)?;
            let meta = attributes::of(&at, &at.symlink_metadata().ok()?);
            Some(Step {
                folder: u32::try_from(number).ok()?,
                path,
                change: Change::Describe {
                    from: meta.clone(),
                    to: meta,
                },
            })
        };
        folders.filter_map(step).collect()
    }

    /// What is in the folders that leave, with the numbers of the steps.
    fn inside(&self, numbers: &BTreeMap<&Place, u32>) -> Vec<Inner> {
        let inside = self.plan.inside.iter().filter_map(|inside| {
            let above = inside.top.1.parts();
            let below = inside.place.1.parts().strip_prefix(above)?.iter();
            Some(Inner {
                step: *numbers.get(&inside.top)?,
                path: below.fold(TreePath::root(), |path, part| path.join(part)),
                shape: Shape::from(&inside.stamp),
                role: inside.role,
            })
        });
        let mut inside: Vec<Inner> = inside
            .filter(|inner| !inner.path.parts().is_empty())
            .collect();
        inside.sort_by_key(|inner| inner.step);
        inside
    }

    fn step(&self, difference: &Difference, files: &[Real]) -> Result<Step> {
        let (number, path) = difference.place.clone();
        let was = difference.stamp.map(|stamp| Was {
            shape: Shape::from(&stamp),
            keep: self.plan.kept.contains(&difference.place),
        });
        let is_database = difference.is_database;
        let side_files = side_files(difference);
        let change = match &difference.what {
            What::Put => {
                let (staged, look) = self.staged(difference, files)?;
                Change::Put {
                    staged,
                    inode: look.inode,
                    new: Shape::from(&look),
                    was,
                    is_database,
                    side_files,
                }
            }
            What::Remove => Change::Remove {
                was: was.unwrap_or(Was::UNKNOWN),
                is_database,
                side_files,
            },
            What::RemoveFolder => Change::RemoveFolder,
            What::Describe { from, to } => Change::Describe {
                from: from.clone(),
                to: to.clone(),
            },
        };
        Ok(Step {
            folder: u32::try_from(number).unwrap_or(u32::MAX),
            path,
            change,
        })
    }

    /// Where what is to come lies in the stage, and how it looks.
    fn staged(&self, difference: &Difference, files: &[Real]) -> Result<(TreePath, Look)> {
        let new = steps::in_stage(&[NEW.as_bytes()]);
        let parts = difference.tree.parts().iter();
        let staged = parts.fold(new, |path, part| path.join(part));
        let spot = Spot::stage(staged.clone());
        let look = files.get(difference.place.0).map(|files| files.look(&spot));
        let at = self.plan.path(&difference.place);
        let look = look.transpose().context("look at", &at)?.flatten();
        match look {
            Some(look) => Ok((staged, look)),
            None => Err(InPlaceError::RestoredWrong {
                path: at,
                reason: "it was not written".to_owned(),
            }
            .into()),
        }
    }
}

/// How the side files looked of what leaves.
fn side_files(difference: &Difference) -> SideFiles {
    let mut looks = difference.side_files.iter();
    let mut next = || Some(Shape::from(looks.next()?.1.as_ref()?));
    [next(), next()]
}
