//! The threads of the application, seen from the core: how many there are, who waits, who has to come.
//!
//! Rules (reasons and figures in `docs/architecture.md`):
//! * A job is taken only by a thread that may run it at once (it holds the interpreter's lock).
//! * One thread runs, the others sleep. Another one is called when none runs, or when no job has been taken for
//!   [`STALE`] although one waits: the running thread is slow or blocked.
//! * Threads in a streaming body are not counted; the pool replaces them.

use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::Notify;

use super::postbox::Postbox;
use super::queue::Queue;
use super::worker::{NoPermit, Post, Worker};
use super::{Call, Job, Request, Ticket, Visit};
use crate::handoff::ticket::Inbox;
use crate::metrics::{QueueClock, QueueTimes};
use crate::reactor::{Reactor, TIDY, Turn};
use crate::settings::Pool;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Condvar, Instant, Mutex, MutexGuard, thread};

/// A waiting job that nobody has taken for this long calls for another thread.
pub(super) const STALE: Duration = Duration::from_millis(1);

/// A thread that was called and has not looked for a job by then waits for the interpreter's lock (its quantum is
/// 100 ms), or has been killed.
const OVERDUE: Duration = Duration::from_millis(150);

/// A thread that was asked for and has not come by then was killed on its way, or could not be made.
const LOST: Duration = Duration::from_secs(5);

/// The stand-in stops watching after so many quiet ticks.
const QUIET_TICKS: u32 = if cfg!(shuttle) { 2 } else { 20 };

/// The hand-off between the sockets and the application's threads.
#[derive(Debug)]
pub struct Crew {
    pub(super) settings: Pool,
    /// Of the settings, unless [`Crew::resize`] was called.
    min_threads: AtomicUsize,
    max_threads: AtomicUsize,
    /// There are more threads than there may be since then.
    crowded: AtomicBool,
    pub(super) reactor: Arc<Reactor>,
    postbox: Arc<Postbox>,
    /// Bounded by what is put in: `max_queue` calls, and one visit a mailbox.
    jobs: Queue,
    /// Calls among them.
    calls: AtomicUsize,
    state: Mutex<State>,
    /// Signalled for whoever waits for a vacancy, for a stream permit, or for the end.
    changed: Condvar,
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
    stopped: AtomicBool,
    queue_clock: QueueClock,
    /// The most calls that waited at once.
    calls_max: AtomicUsize,
    /// No job is taken: see [`Worker::begin_rest`].
    resting: AtomicBool,
    /// Requests taken up to the last rest.
    rested: AtomicU64,
    /// Jobs took longer than [`STALE`] lately: a waiting one should not wait to see whether this one does, too.
    slow: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    parked: Vec<Arc<Post>>,
    /// Pool threads, parked ones included.
    threads: usize,
    /// Threads that were asked for and have not joined, and when the last one was.
    expected: usize,
    asked: Option<Instant>,
    /// Threads that were asked for and not yet announced to the supervisor.
    vacancies: usize,
    streams: usize,
    interrupted: bool,
}

impl State {
    /// Announces a vacancy where there are fewer threads than `wanted`.
    fn ask_for_thread(&mut self, wanted: usize) -> bool {
        if self.asked.is_some_and(|asked| asked.elapsed() > LOST) {
            self.expected = 0;
        }
        let short = self.threads + self.expected < wanted;
        if short {
            self.expected += 1;
            self.vacancies += 1;
            self.asked = Some(Instant::now());
        }
        short
    }
}

/// Every place in the queue is taken; the request comes back.
#[derive(Debug)]
pub struct QueueFull(pub Box<Request>);

/// Figures of the hand-off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Complete requests waiting for a thread.
    pub backlog: usize,
    /// Pool threads.
    pub threads: usize,
    /// Pool threads inside the application.
    pub running: usize,
    /// Threads that may be inside the application at once.
    pub max_threads: usize,
    /// Threads in a streaming body.
    pub streams: usize,
    /// Requests taken since the start.
    pub requests: u64,
}

impl Crew {
    pub(crate) fn new(settings: Pool, reactor: Arc<Reactor>) -> Arc<Crew> {
        // The first threads come by themselves.
        let state = State { expected: settings.min_threads, asked: Some(Instant::now()), ..State::default() };
        let epoch = Instant::now();
        Arc::new(Crew {
            postbox: Arc::new(Postbox::new(reactor.clone())),
            min_threads: AtomicUsize::new(settings.min_threads),
            max_threads: AtomicUsize::new(settings.max_threads),
            crowded: AtomicBool::new(false),
            settings,
            reactor,
            jobs: Queue::new(),
            calls: AtomicUsize::new(0),
            state: Mutex::new(state),
            changed: Condvar::new(),
            running: AtomicUsize::new(0),
            freed: Notify::new(),
            awaited: AtomicBool::new(false),
            coming: AtomicBool::new(false),
            moved: AtomicU64::new(0),
            epoch,
            dismissed: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            queue_clock: QueueClock::default(),
            calls_max: AtomicUsize::new(0),
            resting: AtomicBool::new(false),
            rested: AtomicU64::new(0),
            slow: AtomicBool::new(false),
        })
    }

    /// Other limits from now on: threads that are kept, and threads that may be inside the application at once (1 or
    /// more). Threads that are missing are asked for; those beyond the limit go home when they have finished.
    pub fn resize(&self, min_threads: usize, max_threads: usize) {
        self.min_threads.store(min_threads, Ordering::Relaxed);
        self.max_threads.store(max_threads.max(1), Ordering::Relaxed);
        let mut state = self.lock();
        while state.ask_for_thread(min_threads) {}
        self.crowded.store(state.threads > self.max_threads(), Ordering::Relaxed);
        state.parked.iter().for_each(|post| post.unpark());
        drop(state);
        self.changed.notify_all();
        self.reactor.nudge();
    }

    /// Threads that may be inside the application at once.
    pub fn max_threads(&self) -> usize {
        self.max_threads.load(Ordering::Relaxed)
    }

    fn min_threads(&self) -> usize {
        self.min_threads.load(Ordering::Relaxed)
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

    /// The calling thread of the application joins the pool. Where that is full (a thread came late, and another one was
    /// asked for meanwhile), its first wait sends it home.
    pub fn join(self: &Arc<Self>) -> Worker {
        let mut state = self.lock();
        state.expected = state.expected.saturating_sub(1);
        let room = state.threads < self.max_threads();
        if room {
            state.threads += 1;
        }
        drop(state);
        Worker::new(self.clone(), room)
    }

    /// Waits until the pool wants one more thread. `false` when the server has stopped, or after
    /// [`Crew::interrupt_supervisor`].
    pub fn await_vacancy(&self) -> bool {
        let mut state = self.lock();
        loop {
            if self.is_stopped() || std::mem::take(&mut state.interrupted) {
                return false;
            }
            if state.vacancies > 0 {
                state.vacancies -= 1;
                return true;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes [`Crew::await_vacancy`] return. May be called from any thread.
    pub fn interrupt_supervisor(&self) {
        self.lock().interrupted = true;
        self.changed.notify_all();
    }

    /// Whether [`Crew::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Sends every thread home. Jobs that wait are answered with 500 by their tickets.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let parked = std::mem::take(&mut self.lock().parked);
        for post in parked {
            post.unpark();
        }
        self.changed.notify_all();
        self.reactor.nudge();
        self.reactor.unpark_stand_in();
        self.jobs.clear();
    }

    /// Waits until no thread runs anything, nothing waits to be run, and `quiet` says so, too; `false` after `limit`.
    pub(crate) fn await_idle(&self, limit: Duration, quiet: impl Fn() -> bool) -> bool {
        let deadline = Instant::now() + limit;
        let busy = || !self.jobs.is_empty() || self.running.load(Ordering::SeqCst) > 0 || self.postbox.has_items();
        while busy() || !quiet() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(STALE);
        }
        true
    }

    /// Nobody will deliver answers any more.
    pub(crate) fn close(&self) {
        self.postbox.close();
    }

    /// Whether every thread has something to do.
    pub(crate) fn is_busy(&self) -> bool {
        self.running.load(Ordering::SeqCst) + self.calls.load(Ordering::SeqCst) >= self.max_threads()
            || self.resting.load(Ordering::SeqCst)
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

    /// Waits for a moment when not all threads have something to do.
    pub(crate) async fn free_thread(&self) {
        while self.is_busy() {
            let freed = self.freed.notified();
            self.awaited.store(true, Ordering::SeqCst);
            // Asked again after the mark is visible: a thread that becomes free from now on tells.
            if self.is_busy() {
                freed.await;
            }
        }
    }

    /// Figures of this moment.
    pub fn stats(&self) -> Stats {
        let state = self.lock();
        Stats {
            backlog: self.calls.load(Ordering::Relaxed),
            threads: state.threads,
            running: self.running.load(Ordering::Relaxed),
            max_threads: self.max_threads(),
            streams: state.streams,
            requests: self.queue_clock.read().requests(),
        }
    }

    /// How long requests waited since the start.
    pub(crate) fn queue_times(&self) -> QueueTimes {
        self.queue_clock.read()
    }

    /// The most requests that waited at once, since the last call that asked to begin anew.
    pub(crate) fn backlog_max(&self, begin_anew: bool) -> usize {
        if !begin_anew {
            return self.calls_max.load(Ordering::Relaxed);
        }
        self.calls_max.swap(self.calls.load(Ordering::Relaxed), Ordering::Relaxed)
    }

    /// The stand-in's life: drive while no thread of the application does. Returns when the server stops.
    pub(crate) fn stand_in(&self) {
        self.reactor.set_stand_in(thread::current());
        let (mut seen, mut quiet) = (u64::MAX, 0);
        while !self.is_stopped() {
            let turns = self.reactor.turns();
            if turns == seen || self.reactor.is_urgent() {
                if let Some(driving) = self.reactor.try_drive() {
                    self.dismissed.store(false, Ordering::SeqCst);
                    driving.run(|| self.stand_in_turn());
                    drop(driving);
                    self.promote();
                }
            }
            seen = turns;
            quiet = if self.reactor.is_sleeping() { quiet + 1 } else { 0 };
            self.watch(quiet);
        }
    }

    fn watch(&self, quiet: u32) {
        if quiet < QUIET_TICKS {
            return thread::park_timeout(STALE);
        }
        self.reactor.stand_in_sleeps();
        // Asked again after the mark is visible: a leader that leaves from now on will unpark us.
        if !self.reactor.is_sleeping() || self.is_stopped() {
            return;
        }
        // Others go on to free what this thread has allocated.
        thread::park_timeout(2 * TIDY);
        if self.reactor.is_stand_in_asleep() {
            self.reactor.tidy();
            thread::park();
        }
    }

    fn stand_in_turn(&self) -> Turn {
        self.postbox.deliver();
        if self.is_stopped() || self.dismissed.swap(false, Ordering::SeqCst) {
            return Turn::Leave;
        }
        if self.runner_needed() {
            self.call_runner();
        }
        if self.is_overdue() {
            (self.settings.lock.lend)();
        }
        if self.jobs.is_empty() { Turn::Sleep } else { Turn::Doze(STALE) }
    }

    /// Whether a quick job waits for a thread that waits for the interpreter's lock, and has done so for long enough.
    fn is_overdue(&self) -> bool {
        let slice = self.settings.time_slice;
        self.has_jobs()
            && self.jobs.has_quick()
            && !slice.is_zero()
            && self.running.load(Ordering::SeqCst) < self.settings.max_threads
            && self.elapsed().saturating_sub(self.last_taken()) >= slice
    }

    /// The turn of a driving thread of the application: it leaves as soon as it should run a job itself.
    pub(super) fn leader_turn(&self, interrupted: &AtomicBool) -> Turn {
        self.postbox.deliver();
        if self.is_stopped() || interrupted.load(Ordering::SeqCst) || self.is_crowded() || self.runner_needed() {
            return Turn::Leave;
        }
        if self.jobs.is_empty() { Turn::Sleep } else { Turn::Doze(STALE) }
    }

    /// Whether a waiting job calls for another thread.
    fn runner_needed(&self) -> bool {
        if !self.has_jobs() {
            return false;
        }
        let still = self.elapsed().saturating_sub(self.last_taken());
        if self.coming.load(Ordering::SeqCst) {
            return still >= OVERDUE;
        }
        let busy = self.running.load(Ordering::SeqCst) > 0 && !self.slow.load(Ordering::Relaxed);
        !busy || still >= STALE
    }

    fn call_runner(&self) {
        let mut state = self.lock();
        if let Some(post) = state.parked.pop() {
            drop(state);
            self.mark_coming();
            post.unpark();
        } else if state.ask_for_thread(self.max_threads()) {
            drop(state);
            self.mark_coming();
            self.changed.notify_all();
        }
    }

    fn mark_coming(&self) {
        self.coming.store(true, Ordering::SeqCst);
        self.moved.store(self.now(), Ordering::SeqCst);
    }

    /// Wakes a parked thread so that it drives.
    fn promote(&self) {
        let post = self.lock().parked.pop();
        if let Some(post) = post {
            post.unpark();
        }
    }

    /// Takes the next job. The caller holds the interpreter's lock and runs the job at once.
    pub(super) fn take(&self) -> Option<Job> {
        self.coming.store(false, Ordering::SeqCst);
        if self.resting.load(Ordering::SeqCst) {
            return None;
        }
        let now = Instant::now();
        let mut job = if (self.settings.lock.is_lent)() { self.jobs.take_quick() } else { self.jobs.take() }?;
        if let Job::Call(call) = &mut job {
            self.calls.fetch_sub(1, Ordering::SeqCst);
            self.tell_freed();
            call.request.queue_time = now.saturating_duration_since(call.request.complete);
            self.queue_clock.note(call.request.queue_time);
        }
        self.moved.store(now.saturating_duration_since(self.epoch).as_micros() as u64, Ordering::SeqCst);
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

    /// A thread without work waits in the second row. Returns at once where it is needed; `false` after
    /// `thread_idle_timeout` without a call.
    pub(super) fn park(&self, post: &Arc<Post>) -> bool {
        self.lock().parked.push(post.clone());
        self.dismiss_stand_in();
        let needed = self.is_stopped() || self.reactor.is_free() || self.runner_needed();
        let called = needed || self.sleep(post);
        self.lock().parked.retain(|other| !Arc::ptr_eq(other, post));
        called
    }

    /// Sleeps until called; `false` after `thread_idle_timeout`.
    fn sleep(&self, post: &Post) -> bool {
        let limit = self.settings.thread_idle_timeout;
        // Others go on to free what this thread has allocated.
        let soon = limit.min(2 * TIDY);
        post.park(soon) || {
            self.reactor.tidy();
            post.park(limit - soon)
        }
    }

    /// Another thread has taken the job that this one was called for. The next job must not wait for it.
    pub(super) fn called_in_vain(&self) {
        self.coming.store(false, Ordering::SeqCst);
    }

    /// An idle thread of the application drives better than the stand-in: it needs no hand-over.
    fn dismiss_stand_in(&self) {
        self.dismissed.store(true, Ordering::SeqCst);
        self.reactor.nudge();
    }

    /// Whether there are threads too many.
    pub(super) fn is_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed)
    }

    /// Whether a thread should go home: one that has been idle for long, or one too many.
    pub(super) fn retire(&self, idle: bool) -> bool {
        let mut state = self.lock();
        let surplus = state.threads > if idle { self.min_threads().max(1) } else { self.max_threads() };
        if surplus {
            state.threads -= 1;
        }
        self.crowded.store(state.threads > self.max_threads(), Ordering::Relaxed);
        surplus
    }

    /// A pool thread ends without having retired.
    pub(super) fn lose_thread(&self) {
        let mut state = self.lock();
        state.threads -= 1;
        if !self.is_stopped() && state.ask_for_thread(self.min_threads().max(1)) {
            self.changed.notify_all();
        }
        drop(state);
        self.coming.store(false, Ordering::SeqCst);
        self.reactor.see_to_it();
    }

    /// A pool thread becomes a stream thread, as soon as there is a permit.
    pub(super) fn enter_stream(&self, deadline: Instant, interrupted: &AtomicBool) -> Result<(), NoPermit> {
        let mut state = self.lock();
        while state.streams >= self.settings.max_streams {
            if interrupted.swap(false, Ordering::SeqCst) {
                return Err(NoPermit::Interrupted);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.is_stopped() {
                return Err(NoPermit::TooManyStreams);
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.streams += 1;
        state.threads -= 1;
        drop(state);
        self.reactor.see_to_it();
        Ok(())
    }

    /// A stream thread returns to the pool. `false` where its place has been taken: it should end.
    pub(super) fn leave_stream(&self) -> bool {
        let mut state = self.lock();
        state.streams -= 1;
        let room = state.threads + state.expected < self.max_threads() && !self.is_stopped();
        if room {
            state.threads += 1;
        }
        drop(state);
        self.changed.notify_all();
        room
    }

    pub(super) fn stream_wait_timeout(&self) -> Duration {
        self.settings.stream_wait_timeout
    }

    pub(super) fn wake_waiting_streams(&self) {
        // Whoever is between its check and its waiting holds the lock.
        drop(self.lock());
        self.changed.notify_all();
    }

    pub(super) fn start_running(&self) {
        self.running.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn stop_running(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
        self.tell_freed();
    }

    fn tell_freed(&self) {
        if self.awaited.load(Ordering::SeqCst) {
            self.freed.notify_waiters();
        }
    }

    /// Whether there is a job that may be taken.
    pub(super) fn has_jobs(&self) -> bool {
        !self.jobs.is_empty() && !self.resting.load(Ordering::SeqCst)
    }

    fn now(&self) -> u64 {
        self.elapsed().as_micros() as u64
    }

    /// Time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// When a job was last taken (or a thread called), as time since the start.
    pub(super) fn last_taken(&self) -> Duration {
        Duration::from_micros(self.moved.load(Ordering::Relaxed))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, not(shuttle)))]
#[path = "crew_tests.rs"]
mod tests;
