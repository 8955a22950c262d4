//! Lets a thread by that waits for the GVL while another one computes. Ruby itself has one compute for 100 ms first.
//!
//! From Ruby 3.3 on: before, only a thread with the GVL could trigger a postponed job safely (Ruby bug #19991).

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rb_sys::{rb_postponed_job_handle_t, rb_postponed_job_preregister, rb_postponed_job_trigger};

use crate::gvl;

/// What `rb_postponed_job_preregister` answers where its table is full (ruby/debug.h).
const TABLE_FULL: rb_postponed_job_handle_t = rb_postponed_job_handle_t::MAX;

static JOB: OnceLock<rb_postponed_job_handle_t> = OnceLock::new();

/// Threads that have lent the GVL and wait to get it back.
static LENDERS: AtomicUsize = AtomicUsize::new(0);

/// Called once, while the library is loaded.
pub(crate) fn init() {
    // SAFETY: the GVL is held; `lend` is a function of this library, which is never unloaded.
    let job = unsafe { rb_postponed_job_preregister(0, Some(lend), null_mut()) };
    if job != TABLE_FULL {
        let _ = JOB.set(job);
    }
}

/// Has the thread that holds the GVL lend it, as soon as it is at a place where Ruby may switch threads. Returns at once;
/// any thread may call this, with the GVL or without.
pub(crate) fn request() {
    if let Some(job) = JOB.get() {
        // SAFETY: made by `init`. May be called at any time by any thread (ruby/debug.h).
        unsafe { rb_postponed_job_trigger(*job) };
    }
}

/// Whether somebody waits to go on with what the calling thread, which holds the GVL, has interrupted.
pub(crate) fn is_lent() -> bool {
    LENDERS.load(Ordering::Relaxed) > 0
}

/// In a forked child: who has lent the GVL is another process's thread, and never comes back for it here.
pub(crate) fn forget() {
    LENDERS.store(0, Ordering::Relaxed);
}

/// Runs on the thread that holds the GVL. Waiting threads get the lock in turn; this one stands behind them. What is
/// pending for it (`Thread#raise`) is left to Ruby, which looks for that next: raised here, it would be lost.
unsafe extern "C" fn lend(_data: *mut c_void) {
    LENDERS.fetch_add(1, Ordering::Relaxed);
    gvl::without(thread::yield_now, || ());
    LENDERS.fetch_sub(1, Ordering::Relaxed);
}
