//! What all connections of a server have in common.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};

use super::head::Rules;
use crate::handoff::Crew;
use crate::log::Log;
use crate::settings::Settings;

/// What all connections of a server have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) crew: Arc<Crew>,
    pub(crate) log: Log,
    /// One permit a connection.
    pub(crate) permits: Arc<Semaphore>,
    draining: AtomicBool,
    drain: Notify,
    open: Mutex<usize>,
    closed: Condvar,
    interrupted: AtomicBool,
}

impl Shared {
    pub(crate) fn new(settings: Settings, crew: Arc<Crew>, log: Log) -> Shared {
        let permits = settings.max_connections.clamp(1, Semaphore::MAX_PERMITS);
        Shared {
            settings,
            crew,
            log,
            permits: Arc::new(Semaphore::new(permits)),
            draining: AtomicBool::new(false),
            drain: Notify::new(),
            open: Mutex::new(0),
            closed: Condvar::new(),
            interrupted: AtomicBool::new(false),
        }
    }

    /// The rule book for request heads.
    pub(crate) fn rules(&self) -> Rules<'_> {
        Rules { limits: &self.settings.limits, methods: self.settings.supported_http_methods.as_deref() }
    }

    /// Whether connections should end after what they are doing.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Tells every connection and listener to end after what it is doing.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.drain.notify_waiters();
    }

    /// Waits for [`Shared::drain`].
    pub(crate) async fn drained(&self) {
        let notified = self.drain.notified();
        // `notified` sees a call that comes after this check.
        if !self.is_draining() {
            notified.await;
        }
    }

    pub(crate) fn opened(&self) {
        *self.lock() += 1;
    }

    pub(crate) fn closed(&self) {
        let mut open = self.lock();
        *open -= 1;
        if *open == 0 {
            self.closed.notify_all();
        }
    }

    /// Connections open now.
    pub(crate) fn connections(&self) -> usize {
        *self.lock()
    }

    /// Waits until every connection has ended; `false` after `limit` or [`Shared::interrupt_wait`].
    pub(crate) fn await_closed(&self, limit: Option<Duration>) -> bool {
        let deadline = limit.map(|limit| Instant::now() + limit);
        let mut open = self.lock();
        while *open > 0 {
            if self.interrupted.swap(false, Ordering::SeqCst) {
                return false;
            }
            // Woken at least once a second, so that a missed signal costs a second and no more.
            let left = deadline.map_or(Duration::from_secs(1), |at| at.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            let wait = left.min(Duration::from_secs(1));
            open = self.closed.wait_timeout(open, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Makes [`Shared::await_closed`] return.
    pub(crate) fn interrupt_wait(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
        self.closed.notify_all();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, usize> {
        // Only additions and subtractions happen under this lock.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
