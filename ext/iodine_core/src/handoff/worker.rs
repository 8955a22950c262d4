//! One thread of the application, as long as it serves.

use std::sync::Arc;
use std::time::Duration;

use super::batch::{Batch, Meter};
use super::crew::Crew;
use super::{Job, Pace};
use crate::sync::Instant;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread::{self, Thread};

/// One thread of the application. Dropped, its place in the pool is free again.
///
/// The thread's life is a loop: [`Worker::take`] while it may run the application (it holds the interpreter's lock),
/// and [`Worker::wait`] without that lock when there was nothing or it has run for a while.
#[derive(Debug)]
pub struct Worker {
    crew: Arc<Crew>,
    post: Arc<Post>,
    running: bool,
    /// The present job was expected to compute for long.
    long: bool,
    role: Role,
    batch: Option<Batch>,
    meter: Meter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Pool,
    Stream,
    Gone,
}

/// Why [`Worker::wait`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// There is work: call [`Worker::take`].
    Jobs,
    /// [`Interrupt::interrupt`] was called: look after the interpreter's business, then wait again.
    Interrupted,
    /// Idle for long, or the server has stopped: the thread should end.
    Retire,
}

/// Why [`Worker::enter_stream`] gave no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPermit {
    /// As many streaming bodies run as `max_streams` allows, and none ended in time.
    TooManyStreams,
    /// [`Interrupt::interrupt`] was called: look after the interpreter's business, then try again.
    Interrupted,
}

/// Returned to a worker whose streaming body is done; see [`Worker::leave_stream`].
#[derive(Debug)]
#[must_use]
pub struct StreamPermit(());

impl Worker {
    pub(super) fn new(crew: Arc<Crew>, in_pool: bool) -> Worker {
        let post = Arc::new(Post::new(thread::current()));
        let role = if in_pool { Role::Pool } else { Role::Gone };
        Worker { crew, post, running: false, long: false, role, batch: None, meter: Meter::default() }
    }

    /// The next job, if one waits. It has to be run at once.
    pub fn take(&mut self) -> Option<Job> {
        self.set_long(false);
        let job = if self.role == Role::Pool { self.crew.take() } else { None };
        if let Some(job) = &job {
            self.set_running(true);
            self.set_long(job.pace().is_long());
            self.note_job(job.pace().clone());
        }
        job
    }

    fn note_job(&mut self, pace: Pace) {
        let taken = self.crew.last_taken();
        let Some(batch) = &mut self.batch else {
            self.meter.refresh(taken);
            self.batch = Some(Batch::new(taken, pace));
            return;
        };
        batch.end_job(taken, &mut self.meter);
        (batch.taken, batch.pace) = (taken, pace);
        batch.jobs += 1;
    }

    /// How long the present batch of jobs has lasted, up to the last taking.
    pub fn batch_time(&self) -> Duration {
        self.batch.as_ref().map_or(Duration::ZERO, |batch| batch.taken.saturating_sub(batch.begun))
    }

    /// Begins a rest where no request is in flight and there has been one since the last rest. Nobody takes a job until
    /// [`Worker::end_rest`], and connections are left to other processes. The caller holds the interpreter's lock.
    pub fn begin_rest(&mut self) -> bool {
        self.crew.begin_rest(usize::from(self.running))
    }

    /// Ends it.
    pub fn end_rest(&mut self) {
        self.crew.end_rest();
    }

    fn end_batch(&mut self) {
        let Some(batch) = self.batch.take() else { return };
        let now = self.crew.elapsed();
        batch.end_job(now, &mut self.meter);
        self.crew.note_pace(now.saturating_sub(batch.begun) / batch.jobs);
    }

    /// Waits for work: drives the sockets, or sleeps while another thread does. Looks at the sockets once even where a
    /// job waits already, so that a thread that never runs out of work still reads and writes.
    pub fn wait(&mut self) -> Wait {
        self.set_running(false);
        self.end_batch();
        let mut idle = false;
        loop {
            if (idle || self.crew.pool.is_crowded()) && self.crew.pool.retire(idle) {
                self.role = Role::Gone;
            }
            if self.role == Role::Gone || self.crew.is_stopped() {
                return Wait::Retire;
            }
            if self.post.interrupted.swap(false, Ordering::SeqCst) {
                return Wait::Interrupted;
            }
            if let Some(driving) = self.crew.reactor.try_drive() {
                driving.run(|| self.crew.leader_turn(&self.post.interrupted));
                drop(driving);
                if self.crew.has_jobs() {
                    return Wait::Jobs;
                }
                continue;
            }
            idle = !self.crew.park(&self.post);
            if self.crew.has_jobs() {
                return Wait::Jobs;
            }
            self.crew.called_in_vain();
        }
    }

    /// For other threads: makes [`Worker::wait`] return.
    pub fn interrupter(&self) -> Interrupt {
        Interrupt { crew: self.crew.clone(), post: self.post.clone() }
    }

    /// Leaves the pool to run a streaming body; the pool may replace this thread. May have to wait for a permit until
    /// `deadline`: call it without the interpreter's lock.
    ///
    /// # Errors
    /// [`NoPermit`]; the worker is still in the pool.
    pub fn enter_stream(&mut self, deadline: Instant) -> Result<StreamPermit, NoPermit> {
        self.crew.enter_stream(deadline, &self.post.interrupted)?;
        self.set_running(false);
        self.role = Role::Stream;
        Ok(StreamPermit(()))
    }

    /// How long a streaming body may wait for a permit.
    pub fn stream_wait_timeout(&self) -> Duration {
        self.crew.stream_wait_timeout()
    }

    /// The streaming body is done. Where the pool is full again, [`Worker::wait`] will tell the thread to end.
    pub fn leave_stream(&mut self, _permit: StreamPermit) -> bool {
        let back = self.crew.pool.leave_stream();
        self.role = if back { Role::Pool } else { Role::Gone };
        back
    }

    fn set_running(&mut self, running: bool) {
        if !running {
            self.set_long(false);
        }
        if running != self.running {
            self.running = running;
            if running { self.crew.start_running() } else { self.crew.stop_running() }
        }
    }

    fn set_long(&mut self, long: bool) {
        if long != self.long {
            self.long = long;
            if long { self.crew.start_long() } else { self.crew.stop_long() }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.set_running(false);
        match self.role {
            Role::Pool => self.crew.lose_thread(),
            Role::Stream => {
                if self.crew.pool.leave_stream() {
                    self.crew.lose_thread();
                }
            }
            Role::Gone => {}
        }
    }
}

/// Makes one worker's waits return, from any thread.
#[derive(Debug, Clone)]
pub struct Interrupt {
    crew: Arc<Crew>,
    post: Arc<Post>,
}

impl Interrupt {
    /// Makes the worker's current or next wait return.
    pub fn interrupt(&self) {
        self.post.interrupted.store(true, Ordering::SeqCst);
        self.post.unpark();
        self.crew.reactor.nudge();
        self.crew.pool.wake_waiting_streams();
    }
}

/// Where a thread sleeps.
#[derive(Debug)]
pub(super) struct Post {
    thread: Thread,
    called: AtomicBool,
    interrupted: AtomicBool,
}

impl Post {
    fn new(thread: Thread) -> Post {
        Post { thread, called: AtomicBool::new(false), interrupted: AtomicBool::new(false) }
    }

    pub(super) fn unpark(&self) {
        self.called.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }

    /// Sleeps until called. `false` after `limit` without a call.
    pub(super) fn park(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while !self.called.swap(false, Ordering::SeqCst) && !self.interrupted.load(Ordering::SeqCst) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            thread::park_timeout(left);
        }
        true
    }
}
