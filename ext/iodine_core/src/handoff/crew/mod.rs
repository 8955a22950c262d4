//! The threads of the application, seen from the core: what they come for, and who has to come.
//!
//! Rules (reasons and figures in `docs/architecture.md`):
//! * A job is taken only by a thread that may run it at once (it holds the interpreter's lock).
//! * One thread runs, the others sleep. Another one is called when none runs, or when no job has been taken for
//!   [`STALE`] although one waits: the running thread is slow or blocked.
//! * Threads in a streaming body are not counted; the pool replaces them.

mod driving;
mod followers;
mod load;
#[cfg(all(test, not(shuttle)))]
mod tests;

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::sync::Notify;

use super::pool::{State, ThreadPool};
use super::postbox::Postbox;
use super::queue::Queue;
use super::ticket::Inbox;
use super::worker::{NoPermit, Worker};
use super::{Call, Job, Request, Ticket, Visit};
use crate::metrics::QueueClock;
use crate::reactor::Reactor;
use crate::settings::Pool;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Instant, MutexGuard};

pub use self::load::Stats;

/// A waiting job that nobody has taken for this long calls for another thread.
pub(super) const STALE: Duration = Duration::from_millis(1);

/// The hand-off between the sockets and the application's threads.
#[derive(Debug)]
pub struct Crew {
    pub(super) settings: Pool,
    /// How many threads there are.
    pub(super) pool: ThreadPool,
    pub(super) reactor: Arc<Reactor>,
    postbox: Arc<Postbox>,
    /// Bounded by what is put in: `max_queue` calls, and one visit a mailbox.
    jobs: Queue,
    /// Calls among them.
    calls: AtomicUsize,
    /// Threads inside the application (pool threads only).
    running: AtomicUsize,
    /// Told when there is less to do, once somebody has waited for that.
    freed: Notify,
    awaited: AtomicBool,
    /// A thread has been called and has not looked for a job yet.
    coming: AtomicBool,
    /// When a job was last taken or a thread called, in µs after `epoch`.
    moved: AtomicU64,
    epoch: Instant,
    /// A thread of the application wants to drive.
    dismissed: AtomicBool,
    queue_clock: QueueClock,
    /// The most calls that waited at once.
    calls_max: AtomicUsize,
    /// No job is taken: see [`Worker::begin_rest`].
    resting: AtomicBool,
    /// Requests taken up to the last rest.
    rested: AtomicU64,
    /// Jobs that are being run and were expected to compute for long.
    long: AtomicUsize,
    /// Jobs took longer than [`STALE`] lately: a waiting one should not wait to see whether this one does, too.
    slow: AtomicBool,
}

/// Every place in the queue is taken; the request comes back.
#[derive(Debug)]
pub struct QueueFull(pub Box<Request>);

impl Crew {
    pub(crate) fn new(settings: Pool, reactor: Arc<Reactor>) -> Arc<Crew> {
        let epoch = Instant::now();
        Arc::new(Crew {
            postbox: Arc::new(Postbox::new(reactor.clone())),
            pool: ThreadPool::new(&settings),
            settings,
            reactor,
            jobs: Queue::new(),
            calls: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            freed: Notify::new(),
            awaited: AtomicBool::new(false),
            coming: AtomicBool::new(false),
            moved: AtomicU64::new(0),
            epoch,
            dismissed: AtomicBool::new(false),
            queue_clock: QueueClock::default(),
            calls_max: AtomicUsize::new(0),
            resting: AtomicBool::new(false),
            rested: AtomicU64::new(0),
            long: AtomicUsize::new(0),
            slow: AtomicBool::new(false),
        })
    }

    /// Other limits from now on: threads that are kept, and threads that may be inside the application at once (1 or
    /// more). Threads that are missing are asked for; those beyond the limit go home when they have finished.
    pub fn resize(&self, min_threads: usize, max_threads: usize) {
        self.pool.resize(min_threads, max_threads);
        self.reactor.nudge();
    }

    /// Threads that may be inside the application at once.
    pub fn max_threads(&self) -> usize {
        self.pool.max_threads()
    }

    /// The calling thread of the application joins the pool. Where that is full (a thread came late, and another one was
    /// asked for meanwhile), its first wait sends it home.
    pub fn join(self: &Arc<Self>) -> Worker {
        Worker::new(self.clone(), self.pool.join())
    }

    /// A pool thread ends without having retired.
    pub(super) fn lose_thread(&self) {
        self.pool.lose_thread();
        self.coming.store(false, Ordering::SeqCst);
        self.reactor.see_to_it();
    }

    /// A pool thread becomes a stream thread, as soon as there is a permit.
    pub(super) fn enter_stream(&self, deadline: Instant, interrupted: &AtomicBool) -> Result<(), NoPermit> {
        self.pool.enter_stream(deadline, interrupted)?;
        self.reactor.see_to_it();
        Ok(())
    }

    pub(super) fn stream_wait_timeout(&self) -> Duration {
        self.settings.stream_wait_timeout
    }

    /// Waits until the pool wants one more thread. `false` when the server has stopped, or after
    /// [`Crew::interrupt_supervisor`].
    pub fn await_vacancy(&self) -> bool {
        self.pool.await_vacancy()
    }

    /// Makes [`Crew::await_vacancy`] return. May be called from any thread.
    pub fn interrupt_supervisor(&self) {
        self.pool.interrupt_supervisor();
    }

    /// Whether [`Crew::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.pool.is_stopped()
    }

    /// Sends every thread home. Jobs that wait are answered with 500 by their tickets.
    pub(crate) fn stop(&self) {
        self.pool.stop();
        self.reactor.nudge();
        self.reactor.unpark_stand_in();
        self.jobs.clear();
    }

    /// Nobody will deliver answers any more.
    pub(crate) fn close(&self) {
        self.postbox.close();
    }

    /// Queues a request. The inbox brings the answer.
    ///
    /// # Errors
    /// [`QueueFull`]: the caller answers 503.
    pub(crate) fn submit(&self, request: Box<Request>) -> Result<Inbox, QueueFull> {
        let waiting = self.calls.fetch_add(1, Ordering::Relaxed);
        if waiting >= self.settings.max_queue.max(1) {
            self.calls.fetch_sub(1, Ordering::Relaxed);
            return Err(QueueFull(request));
        }
        if waiting >= self.calls_max.load(Ordering::Relaxed) {
            self.calls_max.fetch_max(waiting + 1, Ordering::Relaxed);
        }
        let (ticket, inbox) = Ticket::new(self.postbox.clone());
        self.queue(Job::Call(Call { request, ticket }));
        Ok(inbox)
    }

    /// Queues the work on a mailbox. There is one visit at most to each, which bounds the queue.
    pub(super) fn submit_visit(&self, visit: Visit) {
        if !self.is_stopped() {
            self.queue(Job::Visit(visit));
        }
    }

    fn queue(&self, job: Job) {
        self.jobs.put(job);
        self.reactor.nudge();
    }

    /// Wakes a task as the driving thread would: without a system call.
    pub(crate) fn wake(&self, waker: Waker) {
        self.postbox.wake(waker);
    }

    /// Has the driving thread do something.
    pub fn run_errand(&self, errand: impl FnOnce() + Send + 'static) {
        self.postbox.run(Box::new(errand));
    }

    /// Whether there is a job that may be taken.
    pub(super) fn has_jobs(&self) -> bool {
        !self.jobs.is_empty() && !self.resting.load(Ordering::SeqCst)
    }

    /// Takes the next job. The caller holds the interpreter's lock and runs the job at once.
    pub(super) fn take(&self) -> Option<Job> {
        // Seldom so: a store that others must see at once costs as much as ten instructions.
        if self.coming.load(Ordering::SeqCst) {
            self.coming.store(false, Ordering::SeqCst);
        }
        if self.resting.load(Ordering::SeqCst) {
            return None;
        }
        let now = Instant::now();
        let mut job = if self.must_be_quick() { self.jobs.take_quick() } else { self.jobs.take() }?;
        if let Job::Call(call) = &mut job {
            self.calls.fetch_sub(1, Ordering::SeqCst);
            self.tell_freed();
            call.request.queue_time = now.saturating_duration_since(call.request.complete);
            self.queue_clock.note(call.request.queue_time);
        }
        self.moved.store(now.saturating_duration_since(self.epoch).as_micros() as u64, Ordering::Relaxed);
        if self.slow.load(Ordering::Relaxed) {
            // This thread will be away for long: somebody else should look after the sockets and the other jobs.
            self.reactor.see_to_it();
        }
        Some(job)
    }

    /// What one job of the last batch took.
    pub(super) fn note_pace(&self, job: Duration) {
        self.slow.store(job >= STALE, Ordering::Relaxed);
    }

    /// Begins a rest where nobody runs but the calling thread (`own` is 1 where that counts as running), no job waits, and
    /// there has been one since the last rest.
    pub(super) fn begin_rest(&self, own: usize) -> bool {
        let taken = self.queue_clock.read().requests();
        let quiet = self.jobs.is_empty() && self.running.load(Ordering::SeqCst) == own && !self.is_stopped();
        if !quiet || self.rested.load(Ordering::Relaxed) == taken || self.resting.swap(true, Ordering::SeqCst) {
            return false;
        }
        self.rested.store(taken, Ordering::Relaxed);
        // The last response must not wait for the end of the rest.
        self.reactor.see_to_it();
        true
    }

    pub(super) fn end_rest(&self) {
        self.resting.store(false, Ordering::SeqCst);
        self.tell_freed();
        self.reactor.see_to_it();
    }

    /// Time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// When a job was last taken (or a thread called), as time since the start.
    pub(super) fn last_taken(&self) -> Duration {
        Duration::from_micros(self.moved.load(Ordering::Relaxed))
    }

    fn now(&self) -> u64 {
        self.elapsed().as_micros() as u64
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.pool.lock()
    }
}
