//! Giving files and folders what the file system keeps beside the bytes: owner, extended attributes (access lists are
//! some), mode, times.
//!
//! The order is theirs: a new owner clears bits of the mode and the capabilities, and an access list has a say in the
//! mode. Bits that lend the owner's rights to whoever runs a file are set only on request, and only where the owner is the
//! recorded one (F-53): a repository is not proof enough to hand out the rights of root.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::heritage::{Heritage, ours};
use super::root::Folder;
use super::xattrs;
use crate::entry::Meta;
use crate::error::{IoContext, Result};
use crate::path::{Name, escape};
use lifeboat_store::words::system_words;

/// The bits that lend rights.
const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;

/// Times that every file system keeps as they are; beyond them, what was set is looked at.
const PLAIN_SECS: std::ops::Range<i64> = -(1 << 31)..(1 << 31);

/// Which attributes are given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    /// Whether bits of mode and capabilities that lend rights are set.
    pub(super) setuid: bool,
    /// Whether owners can be set.
    pub(super) is_root: bool,
    /// Whose new files are, where their folder has no say in it.
    ours: (u32, u32),
}

/// What attributes are given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing {
    Folder,
    File,
    /// A file that was created a moment ago, where no attributes are handed down to new files: it has none.
    NewFile,
}

/// What could not be given, in words.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// Of which people should know, entry by entry.
    pub(super) words: Vec<String>,
    /// The owner is another, because only root gives files away.
    pub(super) owner: bool,
    /// The disk failed, as against a file system that has no such thing.
    is_fault: bool,
}

impl Attributes {
    pub(super) fn new(setuid: bool) -> Self {
        Self {
            setuid,
            is_root: rustix::process::geteuid().is_root(),
            ours: ours(),
        }
    }

    /// The mode to create a file with: the recorded one where nobody gets more by it than in the end, so that it need not be
    /// set again; else one for the owner alone.
    pub(super) fn mode_of_new(&self, meta: &Meta, heritage: Heritage) -> Mode {
        match heritage == Heritage::Nothing && (meta.uid, meta.gid) == self.ours {
            true => Mode::from_raw_mode(meta.mode & 0o777),
            false => Mode::RUSR | Mode::WUSR,
        }
    }

    /// Gives a file or a folder everything, the times last.
    pub(super) fn give(&self, file: &File, meta: &Meta, thing: Thing) -> Missed {
        let mut missed = Missed::default();
        let is = rustix::fs::fstat(file).ok();
        let is_owned = self.give_owner(file, meta, is.as_ref(), &mut missed);
        if thing != Thing::NewFile {
            xattrs::take_others(file, meta);
        }
        self.give_xattrs(file, meta, &mut missed);
        let mode = self.mode(file, meta, thing == Thing::Folder, &mut missed);
        // Nothing was done to it since it was looked at that could have changed its mode.
        let is_untouched = thing == Thing::NewFile && is_owned && meta.xattrs.is_empty();
        let is_so = is.is_some_and(|is| Mode::from_raw_mode(is.st_mode) == mode);
        if !(is_untouched && is_so)
            && let Err(error) = rustix::fs::fchmod(file, mode)
        {
            missed.tell("its mode could not be set", error);
        }
        let set = rustix::fs::futimens(file, &timestamps(meta));
        if let Err(error) = set {
            missed.tell("its time could not be set", error);
        } else if !PLAIN_SECS.contains(&meta.mtime.secs) {
            let is = rustix::fs::fstat(file).map(|stat| stat.st_mtime);
            if is != Ok(meta.mtime.secs) {
                missed.say("its time is beyond what this file system can keep");
            }
        }
        missed
    }

    /// Whether the owner was right, so that nothing was done.
    fn give_owner(&self, file: &File, meta: &Meta, is: Option<&Stat>, missed: &mut Missed) -> bool {
        // The highest number means "leave as it is" to the system and cannot be an owner.
        if meta.uid == u32::MAX || meta.gid == u32::MAX {
            missed.say("its owner cannot be one");
            return false;
        }
        let is = is.map(|stat| (stat.st_uid, stat.st_gid));
        // What is so already costs the file system a change all the same.
        if is == Some((meta.uid, meta.gid)) {
            return true;
        }
        let (uid, gid) = (Uid::from_raw(meta.uid), Gid::from_raw(meta.gid));
        if self.is_root {
            if let Err(error) = rustix::fs::fchown(file, Some(uid), Some(gid)) {
                missed.tell("its owner could not be set", error);
            }
        } else if let Some((is_uid, is_gid)) = is {
            // Everybody may give a file to a group of theirs.
            let group = is_gid == meta.gid || rustix::fs::fchown(file, None, Some(gid)).is_ok();
            missed.owner |= !group || is_uid != meta.uid;
        }
        false
    }

    /// The recorded mode, without the bits that this file may not have.
    fn mode(&self, file: &File, meta: &Meta, is_folder: bool, missed: &mut Missed) -> Mode {
        let mode = meta.mode & 0o7777;
        let lent = mode & (SETUID | SETGID);
        if lent == 0 {
            return Mode::from_raw_mode(mode);
        }
        let is = rustix::fs::fstat(file).ok();
        let group = is.as_ref().is_some_and(|is| is.st_gid == meta.gid);
        let owner = is.is_some_and(|is| is.st_uid == meta.uid);
        // On a folder they only say to which group new files belong.
        let allowed = group && (is_folder || (owner && self.setuid));
        if !allowed {
            missed.say(match (is_folder, self.setuid) {
                (false, false) => "its setuid and setgid bits were not asked for and are not set",
                _ => "its setuid and setgid bits are not set, because its owner is another",
            });
            return Mode::from_raw_mode(mode & !(SETUID | SETGID));
        }
        Mode::from_raw_mode(mode)
    }

    fn give_xattrs(&self, file: &File, meta: &Meta, missed: &mut Missed) {
        for (name, value) in &meta.xattrs {
            if **name == *xattrs::CAPABILITY && !(self.setuid && self.is_root) {
                missed.say("its capabilities were not asked for, or only root can set them");
                continue;
            }
            let set = rustix::fs::fsetxattr(file, name.as_slice(), value, XattrFlags::empty());
            if let Err(error) = set {
                let what = format!("its attribute {} could not be set", escape(name));
                missed.tell(&what, error);
            }
        }
    }

    /// Gives a link its owner and its time. Links have no mode, and a file system that keeps no times of them loses nothing
    /// that anybody reads.
    pub(super) fn give_link(&self, folder: &Folder, name: &Name, meta: &Meta) -> Missed {
        let mut missed = Missed::default();
        let bytes = name.as_bytes();
        if self.is_root && meta.uid != u32::MAX && meta.gid != u32::MAX {
            let (uid, gid) = (Uid::from_raw(meta.uid), Gid::from_raw(meta.gid));
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            if let Err(error) = rustix::fs::chownat(folder, bytes, Some(uid), Some(gid), flags) {
                missed.tell("its owner could not be set", error);
            }
        }
        for (key, value) in &meta.xattrs {
            let path = in_proc(&folder.fd).join(name.as_os_str());
            if let Err(error) =
                rustix::fs::lsetxattr(path, key.as_slice(), value, XattrFlags::empty())
            {
                missed.tell(
                    &format!("its attribute {} could not be set", escape(key)),
                    error,
                );
            }
        }
        let times = timestamps(meta);
        if let Err(Errno::IO) =
            rustix::fs::utimensat(folder, bytes, &times, AtFlags::SYMLINK_NOFOLLOW)
        {
            missed.tell("its time could not be set", Errno::IO);
        }
        missed
    }

    /// Gives a pipe, a socket or a device its owner, mode and time; none of them is ever opened.
    pub(super) fn give_special(&self, folder: &Folder, name: &Name, meta: &Meta) -> Missed {
        let mut missed = self.give_link(folder, name, meta);
        let mode = Mode::from_raw_mode(meta.mode & 0o1777);
        if let Err(error) = chmod_special(folder, name, mode) {
            missed.is_fault |= Errno::from_io_error(&error) == Some(Errno::IO);
            missed.words.push(format!(
                "its mode could not be set: {}",
                system_words(&error)
            ));
        }
        missed
    }
}

impl Missed {
    fn say(&mut self, words: &str) {
        self.words.push(words.to_owned());
    }

    fn tell(&mut self, what: &str, error: Errno) {
        self.is_fault |= error == Errno::IO;
        let error = system_words(&error.into());
        self.words.push(format!("{what}: {error}"));
    }

    /// What is missed by the nature of things. A disk that fails ends a restore here as it does where bytes are written.
    pub(super) fn unless_fault(self, path: &Path) -> Result<Self> {
        match self.is_fault {
            true => Err(Errno::IO).context("describe", path),
            false => Ok(self),
        }
    }

    /// Everything in one line, where there is anything.
    pub(super) fn line(&self) -> Option<String> {
        (!self.words.is_empty()).then(|| self.words.join("; "))
    }
}

/// The mode of what is not opened: by a descriptor that can do nothing else, so that no link is followed.
fn chmod_special(folder: &Folder, name: &Name, mode: Mode) -> std::io::Result<()> {
    let file = folder.open(name, OFlags::PATH)?;
    if file.metadata()?.is_symlink() {
        return Err(Errno::LOOP.into());
    }
    Ok(rustix::fs::chmod(in_proc(&file), mode)?)
}

/// The path by which the system calls an open descriptor.
pub(super) fn in_proc(fd: &impl AsRawFd) -> PathBuf {
    Path::new("/proc/self/fd").join(fd.as_raw_fd().to_string())
}

fn timestamps(meta: &Meta) -> Timestamps {
    let time = Timespec {
        tv_sec: meta.mtime.secs,
        // Decoded numbers may be anything; the system takes nanoseconds only.
        tv_nsec: i64::from(meta.mtime.nanos.min(999_999_999)),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
