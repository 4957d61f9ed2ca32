//! File systems that are soon full, or take names for the same that differ.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::outside;

/// A small file system that ends with the value.
pub(crate) struct Small(pub(crate) PathBuf);

impl Small {
    /// Mounts one of this size; `None` where that is not allowed.
    pub(crate) fn mount(path: PathBuf, size: &str) -> Option<Self> {
        Self::with(path, &format!("size={size}"))
    }

    /// Mounts one with these options; `None` where that is not allowed.
    pub(crate) fn with(path: PathBuf, options: &str) -> Option<Self> {
        fs::create_dir_all(&path).unwrap();
        let at = path.to_str().unwrap();
        let args = ["-t", "tmpfs", "-o", options, "lifeboat-test", at];
        (outside::is_root() && outside::works("mount", &args)).then_some(Self(path))
    }

    /// Mounts one that ignores the case of names, in a file beside it; `None` where this machine has none: it needs
    /// `mkntfs` and `lowntfs-3g` (Debian's `ntfs-3g`).
    pub(crate) fn ignoring_case(path: PathBuf) -> Option<Self> {
        if !(outside::is_root() && outside::has("mkntfs") && outside::has("lowntfs-3g")) {
            return None;
        }
        fs::create_dir_all(&path).unwrap();
        let image = path.with_extension("ntfs");
        let file = fs::File::create(&image).unwrap();
        file.set_len(16 << 20).unwrap();
        let (image, at) = (image.to_str().unwrap(), path.to_str().unwrap());
        let works = outside::works("mkntfs", &["-F", "-Q", "-q", image])
            && outside::works("lowntfs-3g", &["-o", "ignore_case", image, at]);
        works.then_some(Self(path))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
