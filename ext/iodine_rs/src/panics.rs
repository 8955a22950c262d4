//! Panics on demand, in a build for `rake panics` only: what a bug of ours would do, where it would do it (row F24 of the
//! catalogue).

use std::sync::atomic::{AtomicBool, Ordering};

use magnus::{Error, Module, Object, RModule, function};

static DUE: AtomicBool = AtomicBool::new(false);

pub(crate) fn init(module: RModule) -> Result<(), Error> {
    let panics = module.define_module("Panics")?;
    panics.define_singleton_method("now", function!(now, 0))?;
    panics.define_singleton_method("at_next_job", function!(at_next_job, 0))
}

/// Panics in a function that Ruby has called.
fn now() {
    panic!("as intended, in a method");
}

/// Panics in the next job of any thread.
fn at_next_job() {
    DUE.store(true, Ordering::SeqCst);
}

/// Called inside every job.
pub(crate) fn if_due() {
    assert!(!DUE.swap(false, Ordering::SeqCst), "as intended, in a job");
}
