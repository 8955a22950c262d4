//! The model's time: ticks pass as soon as the scheduler lets them, longer waits never end by themselves. So a wake-up
//! that is lost and only made up for by a long timeout is seen as a deadlock.

use std::cell::Cell;
use std::future::poll_fn;
use std::ops::Add;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

pub(crate) use shuttle::future::yield_now;
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard, atomic};

/// The longest wait that ends by itself.
const TICK: Duration = Duration::from_millis(1);

std::thread_local! {
    /// All threads of a model are one thread of the system.
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

fn pass(time: Duration) {
    NOW.set(NOW.get() + time);
}

/// As [`crate::moment::now`].
pub(crate) fn moment() -> Instant {
    Instant::now()
}

/// A moment of the model's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Instant {
        Instant(NOW.get())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        NOW.get().saturating_sub(self.0)
    }

    pub(crate) fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    pub(crate) fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        self.0.checked_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, time: Duration) -> Instant {
        Instant(self.0 + time)
    }
}

pub(crate) mod thread {
    use std::time::Duration;

    pub(crate) use shuttle::thread::{Thread, current, park};

    use super::{TICK, pass};

    pub(crate) fn park_timeout(limit: Duration) {
        if limit <= TICK {
            // Nothing stays behind that would end the next wait.
            current().unpark();
            pass(limit);
        }
        park();
        shuttle::thread::yield_now();
    }

    pub(crate) fn sleep(time: Duration) {
        pass(time);
        shuttle::thread::yield_now();
    }
}

/// The sockets stand still.
pub(crate) fn block_on(_runtime: &tokio::runtime::Runtime, future: impl Future<Output = ()>) {
    shuttle::future::block_on(future);
}

/// Waits for the future as long as others run once.
pub(crate) async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, ()> {
    let mut future = pin!(future);
    for _ in 0..2 {
        if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
            return Ok(output);
        }
        yield_now().await;
    }
    pass(limit);
    Err(())
}
