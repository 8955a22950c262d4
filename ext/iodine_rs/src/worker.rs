//! The life of one thread that serves: take a job, run it, look at the sockets, again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use iodine_core::handoff::{Crew, Wait, Worker};
use magnus::{Error, Ruby};
use std::sync::Arc;

use crate::gvl;
use crate::rack::{Context, service};

/// Jobs run, and time spent, before the thread lets go of the GVL and looks at the sockets again.
const BATCH: usize = 16;
const BATCH_TIME: Duration = Duration::from_millis(1);

/// Serves until the thread is surplus or the server has stopped.
///
/// # Errors
/// What was raised in this thread from outside a request: `Thread#kill`, `Thread#raise`. The thread must end; the pool
/// replaces it.
pub(crate) fn run(ruby: &Ruby, context: &Context, crew: &Arc<Crew>) -> Result<(), Error> {
    let mut worker = crew.join();
    let interrupter = worker.interrupter();
    loop {
        run_batch(ruby, context, &mut worker)?;
        match gvl::without(|| worker.wait(), || interrupter.interrupt()) {
            Some(Wait::Jobs) => {}
            Some(Wait::Interrupted) | None => gvl::check_interrupts()?,
            Some(Wait::Retire) => return Ok(()),
        }
    }
}

fn run_batch(ruby: &Ruby, context: &Context, worker: &mut Worker) -> Result<(), Error> {
    let begun = Instant::now();
    for _ in 0..BATCH {
        let Some(job) = worker.take() else { return Ok(()) };
        // A panic is a bug of ours: its request is answered with 500 by the ticket, the others must not suffer.
        match catch_unwind(AssertUnwindSafe(|| service::serve(ruby, context, worker, job))) {
            Ok(served) => served?,
            Err(_panic) => context.log("a request failed inside iodine-rs; please report this with the message above"),
        }
        if begun.elapsed() >= BATCH_TIME {
            return Ok(());
        }
    }
    Ok(())
}
