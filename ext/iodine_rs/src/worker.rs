//! The life of one thread that serves: take a job, run it, look at the sockets, again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use iodine_core::handoff::{Crew, Job, Wait, Worker};
use magnus::value::ReprValue;
use magnus::{Error, Ruby, Value};

use crate::rack::{Context, service};
use crate::raised::Caught;
use crate::{fork, gvl, realtime};

/// Jobs run, and time spent, before the thread lets go of the GVL and looks at the sockets again.
const BATCH: usize = 64;
const BATCH_TIME: Duration = Duration::from_millis(1);

/// Serves until the thread is surplus or the server has stopped.
///
/// # Errors
/// What was raised in this thread from outside a request: `Thread#kill`, `Thread#raise`. The thread must end; the pool
/// replaces it.
pub(crate) fn run(ruby: &Ruby, context: &Context, crew: &Arc<Crew>) -> Result<(), Error> {
    let mut worker = crew.join();
    let interrupter = worker.interrupter();
    let outcome = loop {
        match run_batch(ruby, context, &mut worker) {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
        if fork::is_child(context.forks) {
            break Ok(());
        }
        if let Err(error) = rest(ruby, context, &mut worker) {
            break Err(error);
        }
        let waited = gvl::without(|| worker.wait(), || interrupter.interrupt());
        // Before a job is taken: a thread that is to die must not take one along.
        if let Err(error) = gvl::check_interrupts() {
            break Err(error);
        }
        if waited == Some(Wait::Retire) {
            break Ok(());
        }
    };
    if fork::is_child(context.forks) {
        // The app forked in a request and returned from it, in the child: nothing of the server works here, its locks
        // may be held by threads that do not exist. Leave everything as it is.
        std::mem::forget((worker, interrupter));
    }
    outcome
}

/// Calls the app's `out_of_band` where no request is in flight (drop-in row D-82).
///
/// # Errors
/// Only what must end the thread; Ruby's side logs the rest.
fn rest(ruby: &Ruby, context: &Context, worker: &mut Worker) -> Result<(), Error> {
    let Some(hook) = context.out_of_band(ruby) else { return Ok(()) };
    if !worker.begin_rest() {
        return Ok(());
    }
    let outcome = hook.funcall::<_, _, Value>("call", ()).caught();
    if !fork::is_child(context.forks) {
        worker.end_rest();
    }
    outcome.map(drop)
}

/// `false`: the thread should end, because nobody knows what state a panic left it in. The pool replaces it.
fn run_batch(ruby: &Ruby, context: &Context, worker: &mut Worker) -> Result<bool, Error> {
    for _ in 0..BATCH {
        let Some(job) = worker.take() else { return Ok(true) };
        // A panic is a bug of ours: its request is answered with 500 by the ticket, the others must not suffer.
        let run = || {
            #[cfg(feature = "panics")]
            crate::panics::if_due();
            match job {
                Job::Call(call) => service::serve(ruby, context, worker, call),
                Job::Visit(visit) => realtime::serve(ruby, context, visit),
            }
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(served) => served?,
            Err(_panic) => {
                context.log("a request failed inside iodine-rs; please report this with the message above");
                return Ok(false);
            }
        }
        if fork::is_child(context.forks) || worker.batch_time() >= BATCH_TIME {
            return Ok(true);
        }
    }
    Ok(true)
}
