//! Whether this process is a forked child of the one that made a server. A counter that the child's side of `fork`
//! increases is cheaper to ask than the process id.

use std::sync::atomic::{AtomicU64, Ordering};

static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Starts to count. Called once, while the library is loaded.
pub(crate) fn init() {
    // SAFETY: `count` only changes atomics, which is allowed in a child of a process with threads; it lives as long
    // as the process, because Ruby never unloads a library.
    unsafe { libc::pthread_atfork(None, None, Some(count)) };
}

unsafe extern "C" fn count() {
    GENERATION.fetch_add(1, Ordering::SeqCst);
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
