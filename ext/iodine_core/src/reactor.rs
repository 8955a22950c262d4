//! Who drives the sockets.
//!
//! There is one tokio runtime and no thread of its own behind it. A thread *drives* it for a while: an idle thread of
//! the application (the leader), which then runs the requests it has just read without any hand-over; or, while all of
//! those are busy, the stand-in, a native thread that only reads, parses and writes. `docs/architecture.md` tells why.

use std::sync::{OnceLock, PoisonError, TryLockError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;

use crate::moment;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::thread::Thread;
use crate::sync::{Mutex, MutexGuard, block_on, timeout, yield_now};

/// How often a driving thread looks at the sockets without sleeping before it goes to sleep. Two looks see the
/// requests that follow at once on the responses just written; sleeping for them would cost a wake-up each.
const LOOKS: usize = 2;

/// How often memory is given back, at most. Connections that have become idle or have ended leave some.
pub(crate) const TIDY: Duration = Duration::from_secs(1);

/// The runtime, and the right to drive it.
#[derive(Debug)]
pub(crate) struct Reactor {
    /// `None` after [`Reactor::shut_down`]. Whoever holds the lock drives.
    runtime: Mutex<Option<Runtime>>,
    handle: Handle,
    /// Counts takings of the lock: unchanged and free for a tick means that nobody drives.
    turns: AtomicU64,
    /// The driving thread sleeps, or is about to, and has to be woken.
    sleeping: AtomicBool,
    wake: Notify,
    tidy: fn(),
    stand_in: OnceLock<Thread>,
    stand_in_asleep: AtomicBool,
    /// Somebody needs the sockets to be driven without waiting for a tick.
    urgent: AtomicBool,
}

/// What a driving thread does after a look at the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Stop driving.
    Leave,
    /// Sleep until something happens.
    Sleep,
    /// Sleep until something happens, at most this long.
    Doze(Duration),
}

impl Reactor {
    /// Builds the runtime. Must happen in the process that uses it: tokio does not survive a fork.
    /// `tidy` is called by a thread that is going to sleep for long.
    pub(crate) fn new(tidy: fn()) -> std::io::Result<Reactor> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        Ok(Reactor {
            handle: runtime.handle().clone(),
            tidy,
            runtime: Mutex::new(Some(runtime)),
            turns: AtomicU64::new(0),
            sleeping: AtomicBool::new(false),
            wake: Notify::new(),
            stand_in: OnceLock::new(),
            stand_in_asleep: AtomicBool::new(false),
            urgent: AtomicBool::new(false),
        })
    }

    /// For spawning tasks.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The right to drive, where nobody else has it.
    pub(crate) fn try_drive(&self) -> Option<Driving<'_>> {
        let runtime = match self.runtime.try_lock() {
            Ok(runtime) => runtime,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        runtime.as_ref()?;
        self.turns.fetch_add(1, Ordering::Relaxed);
        self.urgent.store(false, Ordering::Relaxed);
        Some(Driving { reactor: self, runtime: Some(runtime) })
    }

    /// Whether nobody drives at this moment.
    pub(crate) fn is_free(&self) -> bool {
        !matches!(self.runtime.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// Wakes the driving thread if it sleeps.
    pub(crate) fn nudge(&self) {
        if self.sleeping.swap(false, Ordering::SeqCst) {
            self.wake.notify_one();
        }
    }

    /// Wakes the driving thread, and calls the stand-in where nobody drives.
    pub(crate) fn see_to_it(&self) {
        self.nudge();
        if self.is_free() {
            self.urgent.store(true, Ordering::SeqCst);
            self.unpark_stand_in();
        }
    }

    /// The calling thread becomes the stand-in: see [`crate::handoff::Crew::stand_in`].
    pub(crate) fn set_stand_in(&self, thread: Thread) {
        let _ = self.stand_in.set(thread);
    }

    pub(crate) fn unpark_stand_in(&self) {
        self.stand_in_asleep.store(false, Ordering::SeqCst);
        if let Some(thread) = self.stand_in.get() {
            thread.unpark();
        }
    }

    pub(crate) fn is_stand_in_asleep(&self) -> bool {
        self.stand_in_asleep.load(Ordering::SeqCst)
    }

    pub(crate) fn stand_in_sleeps(&self) {
        self.stand_in_asleep.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_urgent(&self) -> bool {
        self.urgent.load(Ordering::SeqCst)
    }

    /// Gives back what memory the calling thread keeps for later: it is going to sleep for long.
    pub(crate) fn tidy(&self) {
        (self.tidy)();
    }

    pub(crate) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Whether the driving thread waits for something to happen.
    pub(crate) fn is_sleeping(&self) -> bool {
        self.sleeping.load(Ordering::SeqCst)
    }

    /// Ends the runtime: tasks are dropped, their connections closed. The driving thread must have been told to leave.
    pub(crate) fn shut_down(&self) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }
}

/// The right to drive the sockets, while it is held.
pub(crate) struct Driving<'a> {
    reactor: &'a Reactor,
    /// `Some` until dropped.
    runtime: Option<MutexGuard<'a, Option<Runtime>>>,
}

impl Driving<'_> {
    /// Drives until `turn` says to leave. `turn` is asked after every look at the sockets.
    pub(crate) fn run(&self, mut turn: impl FnMut() -> Turn) {
        let Some(runtime) = self.runtime.as_ref().and_then(|guard| guard.as_ref()) else {
            return;
        };
        block_on(runtime, async {
            loop {
                for _ in 0..LOOKS {
                    let _ = turn();
                    moment::look();
                    yield_now().await;
                    if turn() == Turn::Leave {
                        return;
                    }
                }
                if self.sleep(&mut turn).await == Turn::Leave {
                    return;
                }
            }
        });
    }

    async fn sleep(&self, turn: &mut impl FnMut() -> Turn) -> Turn {
        moment::pass();
        self.reactor.sleeping.store(true, Ordering::SeqCst);
        // Asked again after `sleeping` is visible: whoever comes later will wake us.
        let next = turn();
        match next {
            Turn::Leave => {}
            Turn::Sleep => self.reactor.wake.notified().await,
            Turn::Doze(limit) => {
                let _ = timeout(limit, self.reactor.wake.notified()).await;
            }
        }
        self.reactor.sleeping.store(false, Ordering::SeqCst);
        next
    }
}

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        moment::pass();
        self.runtime.take();
        // The stand-in watches only while there is something to watch.
        if self.reactor.stand_in_asleep.load(Ordering::SeqCst) {
            self.reactor.unpark_stand_in();
        }
    }
}
