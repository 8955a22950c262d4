//! What the threads of the hand-off share and wait with: std's and tokio's. In a model (`rake models`) they are
//! shuttle's, whose scheduler chooses the order of every step.

#[cfg(shuttle)]
mod model;

#[cfg(shuttle)]
pub(crate) use self::model::{
    Condvar, Instant, Mutex, MutexGuard, atomic, block_on, moment, thread, timeout, yield_now,
};
#[cfg(not(shuttle))]
pub(crate) use self::real::{
    Condvar, Instant, Mutex, MutexGuard, atomic, block_on, moment, thread, timeout, yield_now,
};

#[cfg(not(shuttle))]
mod real {
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, atomic};
    pub(crate) use std::thread;
    pub(crate) use std::time::Instant;

    pub(crate) use crate::moment::now as moment;
    pub(crate) use tokio::task::yield_now;
    pub(crate) use tokio::time::timeout;

    /// Runs a future on the runtime, which looks at the sockets meanwhile.
    pub(crate) fn block_on(runtime: &tokio::runtime::Runtime, future: impl Future<Output = ()>) {
        runtime.block_on(future);
    }
}
