//! File systems that are soon full.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::outside;

/// A small file system that ends with the value.
pub(crate) struct Small(pub(crate) PathBuf);

impl Small {
    /// Mounts one of this size; `None` where that is not allowed.
    pub(crate) fn mount(path: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir_all(&path).unwrap();
        let options = format!("size={size}");
        let args = [
            "-t",
            "tmpfs",
            "-o",
            &options,
            "lifeboat-test",
            path.to_str().unwrap(),
        ];
        (outside::is_root() && outside::works("mount", &args)).then_some(Self(path))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
