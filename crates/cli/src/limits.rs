//! What the system lets this process have: as many open files as it may, and as few threads as it must.
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

/// Makes this thread the only one that shares work out, where the system gives no more: the library for that ends the process
/// when it cannot start its threads.
pub(crate) fn do_with_few_threads() {
    if rayon::ThreadPoolBuilder::new().build().is_err() {
        // One that is there already is as good.
        let _ = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .use_current_thread()
            .build_global();
    }
}
