//! Whether this process is a forked child of the one that made a server. A counter that the child's side of `fork`
//! increases is cheaper to ask than the process id.

use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

static GENERATION: AtomicU64 = AtomicU64::new(0);

const NONE: RawFd = -1;

/// See [`keep_from_children`].
static OURS_ALONE: AtomicI32 = AtomicI32::new(NONE);

/// Starts to count. Called once, while the library is loaded.
pub(crate) fn init() {
    // SAFETY: `count` only changes atomics and closes a descriptor, which is allowed in a child of a process with
    // threads; it lives as long as the process, because Ruby never unloads a library.
    unsafe { libc::pthread_atfork(None, None, Some(count)) };
}

/// Keeps a descriptor open for as long as this process lives, and closes it in each child at its birth: others learn from
/// its end that this process has died, and a child that the app forks would keep that from them. There is one such
/// descriptor; the one before is closed.
pub(crate) fn keep_from_children(fd: OwnedFd) {
    let before = OURS_ALONE.swap(fd.into_raw_fd(), Ordering::SeqCst);
    if before != NONE {
        // SAFETY: it came out of an `OwnedFd`, and nobody else has taken it from the static.
        drop(unsafe { OwnedFd::from_raw_fd(before) });
    }
}

unsafe extern "C" fn count() {
    GENERATION.fetch_add(1, Ordering::SeqCst);
    let ours_alone = OURS_ALONE.swap(NONE, Ordering::SeqCst);
    if ours_alone != NONE {
        // SAFETY: the child's own copy, which nobody else here knows of; `close` is allowed in such a child.
        unsafe { libc::close(ours_alone) };
    }
    #[cfg(ruby_gte_3_3)]
    crate::lending::forget();
}

/// How many forks lie between the first process and this one.
pub(crate) fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Whether a fork has happened since `made`: what was made then belongs to another process.
pub(crate) fn is_child(made: u64) -> bool {
    generation() != made
}
