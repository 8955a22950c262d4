//! What all connections of a server have in common.

use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};

use super::head::Rules;
use crate::access_log::AccessLog;
use crate::files::Files;
use crate::handoff::Crew;
use crate::log::Log;
use crate::metrics::Responses;
use crate::reactor::TIDY;
use crate::realtime::Realtime;
use crate::settings::Settings;

/// Connections open now.
#[derive(Debug, Default)]
struct Open {
    all: usize,
    upgraded: usize,
    /// The most that spoke HTTP at once.
    http_max: usize,
    /// Those that still accept: one of them may have a connection in its hands that is not counted yet.
    listeners: usize,
}

/// See [`Shared::listening`].
#[derive(Debug)]
pub(crate) struct Listening(Arc<Shared>);

impl Drop for Listening {
    fn drop(&mut self) {
        let mut open = self.0.lock();
        open.listeners -= 1;
        self.0.closed.notify_all();
    }
}

/// What all connections of a server have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) crew: Arc<Crew>,
    pub(crate) log: Log,
    pub(crate) realtime: Arc<Realtime>,
    pub(crate) files: Files,
    pub(crate) responses: Responses,
    pub(crate) access_log: Option<AccessLog>,
    /// One permit a connection.
    pub(crate) permits: Arc<Semaphore>,
    draining: OnceLock<Instant>,
    drain: Notify,
    open: Mutex<Open>,
    closed: Condvar,
    /// Told whenever a connection ends or is upgraded.
    fewer: Notify,
    /// Told whenever a connection leaves memory behind: it has ended, or is silent.
    freed: Notify,
    interrupted: AtomicBool,
}

impl Shared {
    /// # Errors
    /// When a directory for files does not exist, or the access log cannot be written.
    pub(crate) fn new(settings: Settings, realtime: Arc<Realtime>) -> io::Result<Shared> {
        let permits = settings.max_connections.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Shared {
            files: Files::new(&settings.files)?,
            responses: Responses::default(),
            access_log: settings
                .access_log
                .clone()
                .map(|access_log| AccessLog::start(access_log, realtime.log.clone()))
                .transpose()?,
            settings,
            crew: realtime.crew.clone(),
            log: realtime.log.clone(),
            realtime,
            permits: Arc::new(Semaphore::new(permits)),
            draining: OnceLock::new(),
            drain: Notify::new(),
            open: Mutex::default(),
            closed: Condvar::new(),
            fewer: Notify::new(),
            freed: Notify::new(),
            interrupted: AtomicBool::new(false),
        })
    }

    /// The rule book for request heads.
    pub(crate) fn rules(&self) -> Rules<'_> {
        Rules { limits: &self.settings.limits, methods: self.settings.supported_http_methods.as_deref() }
    }

    /// Whether connections should end after what they are doing.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get().is_some()
    }

    /// When that began.
    pub(crate) fn drains_since(&self) -> Option<Instant> {
        self.draining.get().copied()
    }

    /// Tells every connection and listener to end after what it is doing.
    pub(crate) fn drain(&self) {
        self.draining.get_or_init(Instant::now);
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

    /// Never ends: whoever waits for it is polled once more when the server begins to drain.
    pub(crate) async fn wake_at_drain(&self) {
        self.drained().await;
        pending().await
    }

    /// Waits for [`Shared::drain`], and then for as long as a streaming body may go on.
    pub(crate) async fn streams_must_end(&self) {
        self.drained().await;
        tokio::time::sleep(self.settings.timeouts.stream_shutdown).await;
    }

    /// Waits until no connection speaks HTTP any more.
    pub(crate) async fn quiet(&self) {
        loop {
            let fewer = self.fewer.notified();
            let quiet = {
                let open = self.lock();
                open.all == open.upgraded
            };
            if quiet {
                return;
            }
            fewer.await;
        }
    }

    /// A listener begins to accept; it does until the value returned is dropped.
    pub(crate) fn listening(self: &Arc<Self>) -> Listening {
        self.lock().listeners += 1;
        Listening(self.clone())
    }

    pub(crate) fn opened(&self) {
        let mut open = self.lock();
        open.all += 1;
        open.http_max = open.http_max.max(open.all - open.upgraded);
    }

    pub(crate) fn upgraded(&self) {
        self.lock().upgraded += 1;
        self.fewer.notify_waiters();
    }

    pub(crate) fn closed(&self, upgraded: bool) {
        let mut open = self.lock();
        open.all -= 1;
        open.upgraded -= usize::from(upgraded);
        if open.all == 0 {
            self.closed.notify_all();
        }
        drop(open);
        self.fewer.notify_waiters();
        self.note_freed();
    }

    /// A connection has left memory behind.
    pub(crate) fn note_freed(&self) {
        self.freed.notify_one();
    }

    /// Gives back what connections have left behind, once a second at most. Never ends.
    pub(crate) async fn keep_tidy(&self) {
        loop {
            self.freed.notified().await;
            tokio::time::sleep(TIDY).await;
            (self.settings.tidy)();
        }
    }

    /// Connections open now.
    pub(crate) fn connections(&self) -> usize {
        self.lock().all
    }

    /// Connections that speak HTTP now, and the most of them since the last call that asked to begin anew.
    pub(crate) fn http_connections(&self, begin_anew: bool) -> (usize, usize) {
        let mut open = self.lock();
        let (now, most) = (open.all - open.upgraded, open.http_max);
        if begin_anew {
            open.http_max = now;
        }
        (now, most)
    }

    /// Waits until nothing is accepted any more and every connection has ended; `false` after `limit` or [`Shared::interrupt_wait`].
    pub(crate) fn await_closed(&self, limit: Option<Duration>) -> bool {
        let deadline = limit.map(|limit| Instant::now() + limit);
        let mut open = self.lock();
        while open.all > 0 || open.listeners > 0 {
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

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        // Only additions and subtractions happen under this lock.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
