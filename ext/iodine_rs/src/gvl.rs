//! Leaving Ruby's global VM lock, and coming back: the only place that does.
//!
//! `rb_nogvl` is used with `RB_NOGVL_INTR_FAIL`. Without it, a pending interrupt would be raised by a `longjmp` over
//! our frames; with it, the function may not run at all, which callers see as `None` and answer with
//! [`check_interrupts`].

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use magnus::Error;
use magnus::rb_sys::protect;
use rb_sys::{Qnil, RB_NOGVL_INTR_FAIL, rb_nogvl, rb_thread_check_ints};

/// Nanoseconds that threads of this process have waited for the GVL.
static WAITED: AtomicU64 = AtomicU64::new(0);

/// How long threads of this process have waited here to get the GVL back, all together.
pub(crate) fn waited() -> Duration {
    Duration::from_nanos(WAITED.load(Ordering::Relaxed))
}

/// Runs `work` without the GVL. `unblock` is called, from any thread and with unknown locks held, when Ruby wants the
/// thread back (Ctrl-C, `Thread#raise`, `Thread#kill`, the end of the process); it must make `work` return soon.
///
/// Returns `None` where an interrupt was pending and `work` did not run. A panic in `work` goes on in the caller.
pub(crate) fn without<T>(work: impl FnOnce() -> T, unblock: impl Fn()) -> Option<T> {
    let mut call = Call { work: Some(work), outcome: None, done: None };
    let data = (&raw mut call).cast::<c_void>();
    let wake = (&raw const unblock).cast_mut().cast::<c_void>();
    let flags = RB_NOGVL_INTR_FAIL as i32;
    // SAFETY: `run` and `wake_up` are instantiated for the very types behind `data` and `wake`, and both outlive the
    // call: `rb_nogvl` returns only after `run` has, and never calls the unblock function afterwards. With
    // RB_NOGVL_INTR_FAIL it does not jump.
    unsafe { rb_nogvl(Some(run_for(&call)), data, Some(wake_up_for(&unblock)), wake, flags) };
    if let Some(done) = call.done {
        WAITED.fetch_add(done.elapsed().as_nanos() as u64, Ordering::Relaxed);
    }
    match call.outcome? {
        Ok(value) => Some(value),
        Err(panic) => resume_unwind(panic),
    }
}

/// Raises what is pending for this thread: an exception, `Thread#kill`, a signal's trap.
pub(crate) fn check_interrupts() -> Result<(), Error> {
    protect(|| {
        // SAFETY: the GVL is held; a jump is caught by `protect`, and no Rust value lives in this closure.
        unsafe { rb_thread_check_ints() };
        Qnil.into()
    })?;
    Ok(())
}

struct Call<F, T> {
    work: Option<F>,
    outcome: Option<Result<T, Box<dyn Any + Send>>>,
    /// From then on it waits for the GVL.
    done: Option<Instant>,
}

type Callback = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
type Unblock = unsafe extern "C" fn(*mut c_void);

fn run_for<F: FnOnce() -> T, T>(_call: &Call<F, T>) -> Callback {
    run::<F, T>
}

fn wake_up_for<U: Fn()>(_unblock: &U) -> Unblock {
    wake_up::<U>
}

unsafe extern "C" fn run<F: FnOnce() -> T, T>(data: *mut c_void) -> *mut c_void {
    // SAFETY: `data` is the `Call` of the `without` that is waiting for us; nobody else looks at it meanwhile.
    let call = unsafe { &mut *data.cast::<Call<F, T>>() };
    if let Some(work) = call.work.take() {
        // A panic must not unwind into C.
        call.outcome = Some(catch_unwind(AssertUnwindSafe(work)));
        call.done = Some(Instant::now());
    }
    null_mut()
}

unsafe extern "C" fn wake_up<U: Fn()>(data: *mut c_void) {
    // SAFETY: `data` is the closure of the `without` in progress; it is only called, through a shared reference.
    let unblock = unsafe { &*data.cast::<U>() };
    // A panic here has nobody to tell: the waiting thread wakes at its next limit.
    let _ = catch_unwind(AssertUnwindSafe(unblock));
}
