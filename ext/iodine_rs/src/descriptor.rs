//! Descriptors of Ruby's IO objects.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

/// A copy of a descriptor. The caller's object is open during this call.
///
/// # Errors
/// When it is none, or the system gives no other one.
pub(crate) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: borrowed for the duplication only.
    unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()
}
