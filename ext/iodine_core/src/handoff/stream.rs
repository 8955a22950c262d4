//! A streaming response body: parts from an application thread to a connection, with a bound in bytes.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;

use super::ticket::TicketHandle;
use crate::reactor::Reactor;
use crate::sync::{Condvar, Instant, Mutex, MutexGuard};

/// The client is gone, or the stream was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamClosed;

/// Makes the two ends of a streaming body that holds at most `capacity` bytes (and always at least one part).
pub fn stream(ticket: &TicketHandle, capacity: usize) -> (StreamWriter, StreamReader) {
    let reactor = ticket.reactor().clone();
    let pipe = Arc::new(Pipe { state: Mutex::default(), room: Condvar::new(), capacity, reactor });
    (StreamWriter { pipe: pipe.clone() }, StreamReader { pipe })
}

/// How a stream ended, seen from the reading side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// The body is complete.
    Finished,
    /// The application failed half-way: the client must see a cut connection, not a complete body.
    Aborted,
}

#[derive(Debug)]
struct Pipe {
    state: Mutex<State>,
    room: Condvar,
    capacity: usize,
    reactor: Arc<Reactor>,
}

#[derive(Debug, Default)]
struct State {
    parts: VecDeque<Bytes>,
    queued: usize,
    end: Option<StreamEnd>,
    reader_gone: bool,
    interrupted: bool,
    waker: Option<Waker>,
}

impl State {
    /// One part always fits, however large it is.
    fn has_room(&self, size: usize, capacity: usize) -> bool {
        self.queued == 0 || self.queued + size <= capacity
    }
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held can only come from an allocation failure, which aborts.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The application's end. The stream ends when [`StreamWriter::finish`] or [`StreamWriter::abort`] is called; a writer
/// that is merely dropped aborts, so that a lost body never looks complete.
#[derive(Debug)]
pub struct StreamWriter {
    pipe: Arc<Pipe>,
}

/// What [`StreamWriter::try_write`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// The part was queued.
    Queued,
    /// The client has to read first; see [`StreamWriter::wait_for_room`].
    Full,
}

impl StreamWriter {
    /// Queues a part without waiting. It is on its way to the client at once.
    ///
    /// # Errors
    /// [`StreamClosed`] when the client is gone or the stream was ended.
    pub fn try_write(&self, part: &Bytes) -> Result<Room, StreamClosed> {
        let waker = {
            let mut state = self.pipe.lock();
            if state.reader_gone || state.end.is_some() {
                return Err(StreamClosed);
            }
            if part.is_empty() {
                return Ok(Room::Queued);
            }
            if !state.has_room(part.len(), self.pipe.capacity) {
                return Ok(Room::Full);
            }
            state.queued += part.len();
            state.parts.push_back(part.clone());
            state.waker.take()
        };
        self.wake(waker);
        Ok(Room::Queued)
    }

    /// Waits until there is room for `size` more bytes, the client is gone, `limit` has passed, or [`StreamWriter::interrupt`] is called.
    /// Blocks the calling thread.
    pub fn wait_for_room(&self, size: usize, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut state = self.pipe.lock();
        while !state.has_room(size, self.pipe.capacity) && !state.reader_gone && !state.interrupted {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                break;
            };
            state = match self.pipe.room.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        state.interrupted = false;
    }

    /// Makes a waiting [`StreamWriter::wait_for_room`] return. May be called from any thread.
    pub fn interrupt(&self) {
        self.pipe.lock().interrupted = true;
        self.pipe.room.notify_all();
    }

    /// Whether the client is gone or the stream was ended.
    pub fn is_closed(&self) -> bool {
        let state = self.pipe.lock();
        state.reader_gone || state.end.is_some()
    }

    /// Whether the client has gone before the stream was ended.
    pub fn is_deserted(&self) -> bool {
        let state = self.pipe.lock();
        state.reader_gone && state.end.is_none()
    }

    /// Ends the body: it is complete.
    pub fn finish(&self) {
        self.end(StreamEnd::Finished);
    }

    /// Ends the body in the middle: the client sees a cut connection.
    pub fn abort(&self) {
        self.end(StreamEnd::Aborted);
    }

    fn end(&self, end: StreamEnd) {
        let waker = {
            let mut state = self.pipe.lock();
            if state.end.is_some() {
                return;
            }
            state.end = Some(end);
            state.waker.take()
        };
        self.wake(waker);
    }

    fn wake(&self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            waker.wake();
            self.pipe.reactor.see_to_it();
        }
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.abort();
    }
}

/// The connection's end.
#[derive(Debug)]
pub struct StreamReader {
    pipe: Arc<Pipe>,
}

impl StreamReader {
    /// The next part, or how the stream ended.
    pub(crate) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, StreamEnd>> {
        let mut state = self.pipe.lock();
        if let Some(part) = state.parts.pop_front() {
            state.queued -= part.len();
            self.pipe.room.notify_all();
            return Poll::Ready(Ok(part));
        }
        if let Some(end) = state.end {
            return Poll::Ready(Err(end));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) async fn part(&mut self) -> Result<Bytes, StreamEnd> {
        poll_fn(|cx| self.poll_part(cx)).await
    }
}

impl Drop for StreamReader {
    fn drop(&mut self) {
        let mut state = self.pipe.lock();
        state.reader_gone = true;
        state.parts.clear();
        state.queued = 0;
        drop(state);
        self.pipe.room.notify_all();
    }
}
