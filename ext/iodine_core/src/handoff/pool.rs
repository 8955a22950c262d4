//! How many threads of the application there are: those of the pool, and those in a streaming body, which the pool
//! replaces. Whoever makes threads, the supervisor, waits here for a vacancy.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::worker::{NoPermit, Post};
use crate::settings::Pool;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Condvar, Instant, Mutex, MutexGuard};

/// A thread that was asked for and has not come by then was killed on its way, or could not be made.
const LOST: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct ThreadPool {
    /// Of the settings, unless [`ThreadPool::resize`] was called.
    min_threads: AtomicUsize,
    max_threads: AtomicUsize,
    /// There are more threads than there may be since then.
    crowded: AtomicBool,
    max_streams: usize,
    stopped: AtomicBool,
    state: Mutex<State>,
    /// Signalled for whoever waits for a vacancy, for a stream permit, or for the end.
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Where threads without work sleep.
    pub(super) parked: Vec<Arc<Post>>,
    /// Pool threads, parked ones included.
    pub(super) threads: usize,
    /// Threads that were asked for and have not joined, and when the last one was.
    expected: usize,
    asked: Option<Instant>,
    /// Threads that were asked for and not yet announced to the supervisor.
    vacancies: usize,
    pub(super) streams: usize,
    interrupted: bool,
}

impl State {
    /// Announces a vacancy where there are fewer threads than `wanted`.
    pub(super) fn ask_for_thread(&mut self, wanted: usize) -> bool {
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

impl ThreadPool {
    pub(super) fn new(settings: &Pool) -> ThreadPool {
        // The first threads come by themselves.
        let state = State { expected: settings.min_threads, asked: Some(Instant::now()), ..State::default() };
        ThreadPool {
            min_threads: AtomicUsize::new(settings.min_threads),
            max_threads: AtomicUsize::new(settings.max_threads),
            crowded: AtomicBool::new(false),
            max_streams: settings.max_streams,
            stopped: AtomicBool::new(false),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Other limits from now on. Threads that are missing are asked for.
    pub(super) fn resize(&self, min_threads: usize, max_threads: usize) {
        self.min_threads.store(min_threads, Ordering::Relaxed);
        self.max_threads.store(max_threads.max(1), Ordering::Relaxed);
        let mut state = self.lock();
        while state.ask_for_thread(min_threads) {}
        self.crowded.store(state.threads > self.max_threads(), Ordering::Relaxed);
        state.parked.iter().for_each(|post| post.unpark());
        drop(state);
        self.tell_changed();
    }

    pub(super) fn max_threads(&self) -> usize {
        self.max_threads.load(Ordering::Relaxed)
    }

    fn min_threads(&self) -> usize {
        self.min_threads.load(Ordering::Relaxed)
    }

    /// Whether there are threads too many.
    pub(super) fn is_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed)
    }

    /// The calling thread joins, where there is room.
    pub(super) fn join(&self) -> bool {
        let mut state = self.lock();
        state.expected = state.expected.saturating_sub(1);
        let room = state.threads < self.max_threads();
        if room {
            state.threads += 1;
        }
        room
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
            self.tell_changed();
        }
    }

    /// A pool thread becomes a stream thread, as soon as there is a permit.
    pub(super) fn enter_stream(&self, deadline: Instant, interrupted: &AtomicBool) -> Result<(), NoPermit> {
        let mut state = self.lock();
        while state.streams >= self.max_streams {
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
        self.tell_changed();
        room
    }

    pub(super) fn wake_waiting_streams(&self) {
        // Whoever is between its check and its waiting holds the lock.
        drop(self.lock());
        self.tell_changed();
    }

    /// Waits until one more thread is wanted. `false` when the pool has stopped, or was interrupted.
    pub(super) fn await_vacancy(&self) -> bool {
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

    /// Makes [`ThreadPool::await_vacancy`] return.
    pub(super) fn interrupt_supervisor(&self) {
        self.lock().interrupted = true;
        self.tell_changed();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Sends every thread home.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let parked = std::mem::take(&mut self.lock().parked);
        for post in parked {
            post.unpark();
        }
        self.tell_changed();
    }

    /// For whoever waits here: look again.
    pub(super) fn tell_changed(&self) {
        self.changed.notify_all();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
