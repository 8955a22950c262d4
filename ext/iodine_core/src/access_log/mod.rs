//! A line for each request, written by a thread of its own. Where a request is served only what the line needs is noted
//! down; words are made of it by the log's thread.

mod format;
mod line;
mod record;
mod writer;

pub use self::format::{BadFormat, Format};
pub(crate) use self::record::Record;

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use http::HeaderName;
use http::request::Parts;

use crate::handoff::Peer;
use crate::log::Log;

/// How long the end of the server waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

/// What to write, and where.
#[derive(Debug, Clone)]
pub struct AccessLogSettings {
    /// What a line looks like.
    pub format: Format,
    /// Where it goes.
    pub target: Target,
    /// Lines that may wait; more are counted and dropped.
    pub queue: usize,
    /// Where the client's address comes from.
    pub remote: Remote,
}

/// Where lines go.
#[derive(Debug, Clone)]
pub enum Target {
    /// The standard output of the process.
    Stdout,
    /// The end of the file at that path.
    File(PathBuf),
    /// Whoever reads behind that descriptor.
    Pipe(Arc<OwnedFd>),
}

/// Where the client's address comes from, unless a proxy says it in `X-Forwarded-For`.
#[derive(Debug, Clone)]
pub enum Remote {
    /// The socket.
    Socket,
    /// The same for all.
    Fixed(String),
    /// A field that a proxy sets; the socket where it is missing.
    Field(HeaderName),
}

/// A handle to the log. The thread ends with the last handle and the last record.
#[derive(Debug, Clone)]
pub(crate) struct AccessLog {
    queue: Arc<Queue>,
}

#[derive(Debug)]
struct Queue {
    records: Sender<Message>,
    format: Format,
    state: Arc<State>,
    thread: Thread,
}

/// What the log's thread gets.
#[derive(Debug)]
enum Message {
    Line(Box<record::Facts>),
    /// Write what came before, then drop the sender.
    Flush(Sender<()>),
}

/// What both sides of the queue look at.
#[derive(Debug, Default)]
struct State {
    dropped: AtomicU64,
    /// The thread sleeps and has to be woken.
    asleep: AtomicBool,
    reopen: AtomicBool,
    closed: AtomicBool,
}

impl AccessLog {
    /// Starts the thread. Complaints go to `log`.
    ///
    /// # Errors
    /// When the file cannot be opened, or the system gives no thread.
    pub(crate) fn start(mut settings: AccessLogSettings, log: Log) -> std::io::Result<AccessLog> {
        settings.format = settings.format.with_remote(&settings.remote);
        let (records, lines) = bounded(settings.queue.max(1));
        let state = Arc::new(State::default());
        let format = settings.format.clone();
        let thread = writer::start(settings, lines, state.clone(), log)?;
        Ok(AccessLog { queue: Arc::new(Queue { records, format, state, thread }) })
    }

    /// Begins the record of a request, which is written when it is dropped.
    pub(crate) fn begin(&self, parts: &Parts, peer: Peer) -> Record {
        Record::new(self.clone(), parts, peer, self.queue.format.fields())
    }

    /// Opens the file anew before the next line. Returns at once.
    pub(crate) fn reopen(&self) {
        self.queue.state.reopen.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Waits until everything that was recorded is written, but not for ever.
    pub(crate) fn flush(&self) {
        let (written, ended) = bounded(0);
        if self.queue.records.send_timeout(Message::Flush(written), LAST_LINES).is_ok() {
            self.wake();
            let _ = ended.recv_timeout(LAST_LINES);
        }
    }

    fn write(&self, facts: Box<record::Facts>) {
        if self.queue.records.try_send(Message::Line(facts)).is_err() {
            self.queue.state.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.wake();
    }

    /// While lines come the thread looks for them by itself: waking it costs a system call.
    fn wake(&self) {
        let asleep = &self.queue.state.asleep;
        if asleep.load(Ordering::SeqCst) && asleep.swap(false, Ordering::SeqCst) {
            self.queue.thread.unpark();
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}
