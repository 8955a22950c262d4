//! Other servers: what the processes of this one publish goes to a Redis (or Valkey), and what others publish there
//! comes back.
//!
//! It is one more process to whoever passes frames on, made of two plain threads: the speaker publishes, the listener
//! listens. Nothing is lost locally while Redis is away, since publications reach the processes of this server without
//! it. Each publication of ours that Redis sends back to us is recognised and dropped ([`echoes`]).

mod attempt;
mod echoes;
mod line;
mod listener;
mod speaker;

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::BytesMut;
use redis::{Client, RedisResult};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::attempt::Attempt;
use self::echoes::Echoes;
use self::line::Line;
use self::listener::Subscriptions;
use self::speaker::Speaker;

/// Between two attempts to connect: twice as long each time, up to the second.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// How long the listener waits for room in the socket before it looks whether it is to end.
const LOOK: Duration = Duration::from_millis(20);

/// See the module. Between [`Redis::stop`] and [`Redis::start`] it has no threads, but for an attempt to connect that hangs.
#[derive(Debug)]
pub struct Redis {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    /// Frames of this server, in both directions.
    socket: UnixStream,
    /// A byte in it ends a wait.
    wake: (UnixStream, UnixStream),
    /// Writes a line for the operator; may wait.
    log: fn(&str),
    /// A channel of our own, whose messages make the listener look up.
    control: String,
    stopped: AtomicBool,
    /// Whether the operator knows that Redis is away.
    away: AtomicBool,
    speaker: Mutex<Speaker>,
    /// The listener's.
    attempt: Mutex<Attempt>,
    subscriptions: Subscriptions,
    echoes: Mutex<Echoes>,
    /// The listener's: what it could not hand over before it had to end, at most one frame.
    unsent: Mutex<BytesMut>,
}

impl Redis {
    /// Checks a URL: `redis://user:password@host:port/database` or `unix:///path`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn check(url: &str) -> Result<(), String> {
        Client::open(url).map(drop).map_err(|error| error.to_string())
    }

    /// A bridge between `socket`, which brings and takes frames of this server, and the Redis at `url`. `log` gets lines
    /// for the operator.
    ///
    /// # Errors
    /// When the URL is none, or the system gives no descriptor.
    pub fn new(url: &str, socket: OwnedFd, log: fn(&str)) -> io::Result<Redis> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let client = Client::open(url).map_err(io::Error::other)?;
        let socket = UnixStream::from(socket);
        socket.set_write_timeout(Some(LOOK))?;
        let wake = UnixStream::pair()?;
        wake.1.set_nonblocking(true)?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let shared = Shared {
            client,
            socket,
            wake,
            log,
            control: format!("iodine-rs:{}:{}:{number}", std::process::id(), started.as_nanos()),
            stopped: AtomicBool::new(true),
            away: AtomicBool::new(false),
            speaker: Mutex::default(),
            attempt: Mutex::default(),
            subscriptions: Subscriptions::default(),
            echoes: Mutex::default(),
            unsent: Mutex::default(),
        };
        Ok(Redis { shared: Arc::new(shared), threads: Mutex::default() })
    }

    /// Begins to bring publications. What has come meanwhile is not lost.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(&self) -> io::Result<()> {
        if !self.shared.stopped.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        self.shared.forget_wake();
        let spawn = |name: &str, run: fn(&Shared)| {
            let shared = self.shared.clone();
            thread::Builder::new().name(name.into()).spawn(move || run(&shared))
        };
        let threads = vec![spawn("iodine-rs redis>", speaker::run)?, spawn("iodine-rs redis<", listener::run)?];
        *lock(&self.threads) = threads;
        Ok(())
    }

    /// Ends the threads, at once also where Redis is silent or nobody reads this server's frames; a fork may follow.
    pub fn stop(&self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // A full pipe wakes as well.
        let _ = io::Write::write(&mut &self.shared.wake.0, b".");
        for thread in lock(&self.threads).drain(..) {
            // A panic in it has been reported.
            let _ = thread.join();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// A new connection, by the attempt that belongs to the calling thread.
    fn connect(&self, attempt: &mut Attempt) -> RedisResult<Line<'_>> {
        Line::open(self, attempt.socket(&self.client, || self.is_stopped())?)
    }

    /// Takes back what [`Redis::stop`] wrote, or no wait would last.
    fn forget_wake(&self) {
        let mut bytes = [0; 64];
        while matches!((&self.wake.1).read(&mut bytes), Ok(1..)) {}
    }

    /// Waits until frames have come (`true`), or for `limit`, or for the end.
    fn await_frames(&self, limit: Duration) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN), PollFd::new(&self.wake.1, PollFlags::IN)];
        match poll(&mut fds, Some(&timespec(limit))) {
            Ok(_) => Ok(!fds[0].revents().is_empty()),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits between two attempts of the listener, which has nothing else to wait for.
    fn rest(&self, limit: Duration) {
        // Woken earlier, it tries earlier.
        let _ = poll(&mut [PollFd::new(&self.wake.1, PollFlags::IN)], Some(&timespec(limit)));
    }

    fn note_away(&self, error: &redis::RedisError) {
        // What breaks because the bridge stops says nothing about Redis.
        if !self.is_stopped() && !self.away.swap(true, Ordering::SeqCst) {
            let place = &self.client.get_connection_info().addr();
            (self.log)(&format!(
                "Redis at {place} is away ({error}): publications stay on this server until it is back"
            ));
        }
    }

    fn note_back(&self) {
        if self.away.swap(false, Ordering::SeqCst) {
            (self.log)("Redis is back");
        }
    }
}

/// Grows from attempt to attempt.
#[derive(Debug)]
struct Pause(Duration);

impl Pause {
    fn new() -> Pause {
        Pause(BACK_OFF.0)
    }

    fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(BACK_OFF.1);
        pause
    }
}

fn timespec(limit: Duration) -> Timespec {
    Timespec::try_from(limit).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whatever a panic left is as good as a connection that broke.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
