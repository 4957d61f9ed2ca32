//! What the system lets this process have: as many open files as it may.
//!
//! A database's descriptor is kept open for the life of the process (closing one drops locks), so a home with a thousand
//! databases needs more than the usual thousand descriptors.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the number of open files to what the administrator allows. A system that refuses leaves it as it was.
pub(crate) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}
