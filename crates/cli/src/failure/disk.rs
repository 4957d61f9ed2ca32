//! What an error of the file system means: the same word from the system ends a backup and a restore the same way.

use std::io::{self, ErrorKind};

use crate::exit::Exit;

/// How a run ends that met this error.
pub(super) fn exit_of(error: &io::Error) -> Exit {
    match error.kind() {
        // A limit on file sizes is one more way of having no room; its signal is ignored, so the error gets here.
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Exit::NoSpace
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Exit::Permission,
        _ => Exit::Failed,
    }
}

/// What to do about it, where something can be done.
pub(super) fn hint(error: &io::Error) -> Option<&'static str> {
    match exit_of(error) {
        Exit::NoSpace => {
            Some("make room there and try again: nothing that was there before is lost")
        }
        Exit::Permission => Some("run it as a user who may do that, or choose another place"),
        // EMFILE and ENFILE.
        _ if matches!(error.raw_os_error(), Some(23 | 24)) => {
            Some("let it have more open files (ulimit -n), and try again")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_their_exits() {
        let cases = [
            (ErrorKind::StorageFull, Exit::NoSpace),
            (ErrorKind::QuotaExceeded, Exit::NoSpace),
            (ErrorKind::FileTooLarge, Exit::NoSpace),
            (ErrorKind::PermissionDenied, Exit::Permission),
            (ErrorKind::ReadOnlyFilesystem, Exit::Permission),
            (ErrorKind::NotFound, Exit::Failed),
        ];
        for (kind, exit) in cases {
            assert_eq!(exit_of(&io::Error::from(kind)), exit, "{kind:?}");
        }
    }
}
