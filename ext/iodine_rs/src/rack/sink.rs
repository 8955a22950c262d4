//! Where the parts of a streaming body go: one after the other to the client, with its speed.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use iodine_core::handoff::{Reply, ResponseHead, Room, StreamReader, StreamWriter, Ticket, stream};
use magnus::value::Lazy;
use magnus::{Error, ExceptionClass, RString, Ruby};

use super::constant;
use crate::{fork, gvl, pins, raised};

/// How long one wait for a slow client lasts. The core cuts a client that does not read at all (`write_timeout`).
const PATIENCE: Duration = Duration::from_secs(1);

static EPIPE: Lazy<ExceptionClass> = Lazy::new(|ruby| constant(ruby, "Errno::EPIPE"));

/// Resolves what is needed later, while nothing can interrupt.
pub(super) fn init(ruby: &Ruby) {
    Lazy::force(&EPIPE, ruby);
}

/// See the module.
pub(super) struct Sink {
    /// Never dropped in a forked child: its locks may be held by threads that do not exist there.
    writer: ManuallyDrop<StreamWriter>,
    forks: u64,
    /// Bytes that the app has given.
    given: AtomicU64,
    /// What goes before the first part.
    opening: Mutex<Option<Opening>>,
}

struct Opening {
    ticket: Ticket,
    head: ResponseHead,
    reader: StreamReader,
    framed: bool,
}

impl Sink {
    /// A body that starts with its first part, so that an app that fails before it can still be answered with 500.
    pub(super) fn new(ticket: Ticket, head: ResponseHead, framed: bool, capacity: usize) -> Sink {
        let (writer, reader) = stream(&ticket.handle(), capacity);
        let opening = Mutex::new(Some(Opening { ticket, head, reader, framed }));
        Sink { writer: ManuallyDrop::new(writer), forks: fork::generation(), given: AtomicU64::new(0), opening }
    }

    /// Sends the head, if that has not happened.
    pub(super) fn open(&self) {
        if let Some(opening) = self.take_opening() {
            let Opening { ticket, head, reader, framed } = opening;
            ticket.answer_now(if framed { Reply::Framed(head, reader) } else { Reply::Stream(head, reader) });
        }
    }

    /// Takes the request back, where nothing has been sent yet.
    pub(super) fn reclaim(&self) -> Option<(Ticket, ResponseHead)> {
        self.take_opening().map(|opening| (opening.ticket, opening.head))
    }

    /// Sends a part; waits, without the GVL, while the client is slow.
    ///
    /// # Errors
    /// `Errno::EPIPE` when the client is gone, `IOError` when the stream was closed.
    pub(super) fn write(&self, ruby: &Ruby, part: RString) -> Result<(), Error> {
        if part.is_empty() {
            return Ok(());
        }
        if fork::is_child(self.forks) {
            return Err(raised::error(ruby.exception_io_error(), "the stream belongs to the parent of this process"));
        }
        self.open();
        self.given.fetch_add(part.len() as u64, Ordering::Relaxed);
        let bytes = pins::bytes(part)?;
        while self.writer.try_write(&bytes).map_err(|_| self.closed_error(ruby))? == Room::Full {
            gvl::without(|| self.writer.wait_for_room(bytes.len(), PATIENCE), || self.writer.interrupt());
            gvl::check_interrupts()?;
        }
        Ok(())
    }

    /// The body is complete.
    pub(super) fn finish(&self) {
        if fork::is_child(self.forks) {
            return;
        }
        self.open();
        self.writer.finish();
    }

    /// The body has failed: the client sees a cut connection.
    pub(super) fn abort(&self) {
        self.writer.abort();
    }

    /// How many bytes the app has given, whether they were sent or not.
    pub(super) fn given(&self) -> u64 {
        self.given.load(Ordering::Relaxed)
    }

    /// Whether nothing more can be written.
    pub(super) fn is_closed(&self) -> bool {
        self.writer.is_closed()
    }

    /// Whether the client has gone before the body ended.
    pub(super) fn is_deserted(&self) -> bool {
        self.writer.is_deserted()
    }

    fn closed_error(&self, ruby: &Ruby) -> Error {
        if self.is_deserted() {
            raised::error(ruby.get_inner(&EPIPE), "the client closed the connection")
        } else {
            raised::error(ruby.exception_io_error(), "closed stream")
        }
    }

    fn take_opening(&self) -> Option<Opening> {
        // Nothing panics under this lock.
        self.opening.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if !fork::is_child(self.forks) {
            // SAFETY: dropped once, here; `self.writer` is not used again.
            unsafe { ManuallyDrop::drop(&mut self.writer) };
        }
    }
}
