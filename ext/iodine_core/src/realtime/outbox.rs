//! What waits to be written to one upgraded connection: pieces of bytes, in order, with a bound.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::fifo::Fifo;
use crate::net::stream::Writer;

/// Answers to pings that may wait.
const PONGS: usize = 16;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Writes are taken.
    Open,
    /// No more writes; what was written goes out, then the connection ends.
    Closing,
    /// Nothing goes out any more.
    Closed,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// It is on its way.
    Queued,
    /// The system has it.
    Written,
    /// The connection takes no more writes.
    Refused,
    /// The client has not read `max_outgoing` bytes.
    Overflow,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// Bytes that may wait.
    capacity: usize,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    pieces: Fifo<Bytes>,
    /// The first of them is the rest of a message whose beginning is out.
    begun: bool,
    /// Answers to the client's pings, at most [`PONGS`].
    pongs: VecDeque<Bytes>,
    bytes: usize,
    /// Writes since everything was last written.
    pending: usize,
    /// When the connection must have ended.
    deadline: Option<Instant>,
    session: Option<Waker>,
    socket: Option<Arc<Writer>>,
}

impl Outbox {
    pub(crate) fn new(capacity: usize) -> Outbox {
        let state = State {
            phase: Phase::Open,
            pieces: Fifo::default(),
            begun: false,
            pongs: VecDeque::new(),
            bytes: 0,
            pending: 0,
            deadline: None,
            session: None,
            socket: None,
        };
        Outbox { state: Mutex::new(state), capacity }
    }

    /// Adds a message of one or two pieces. The waker, where there is one, has to be woken.
    pub(crate) fn push(&self, head: Bytes, body: Bytes) -> (Push, Option<Waker>) {
        let mut state = self.lock();
        let len = head.len() + body.len();
        if state.phase != Phase::Open {
            return (Push::Refused, None);
        }
        if state.bytes > 0 && state.bytes + len > self.capacity {
            return (Push::Overflow, None);
        }
        state.pending += 1;
        state.add(head);
        state.add(body);
        (Push::Queued, state.session.take())
    }

    /// Writes a message straight to the system if nothing waits before it; what the system does not take waits. To be
    /// called by the thread that drives the sockets. Tells how many bytes were written; the waker, where there is one, has
    /// to be woken.
    pub(crate) fn push_through(&self, message: Bytes) -> (usize, Push, Option<Waker>) {
        let mut state = self.lock();
        let idle = state.phase == Phase::Open && state.bytes == 0;
        let Some(socket) = state.socket.as_ref().filter(|_| idle) else {
            drop(state);
            let (push, session) = self.push(message, Bytes::new());
            return (0, push, session);
        };
        // An error is for the session to find.
        let written = socket.try_write(&message).unwrap_or(0);
        if written == message.len() {
            // What was encrypted and not sent is for the session to send.
            let behind = socket.is_behind();
            return (written, Push::Written, if behind { state.session.take() } else { None });
        }
        state.pending += 1;
        state.begun = written > 0;
        state.add(message.slice(written..));
        (written, Push::Queued, state.session.take())
    }

    /// Where it is written to.
    pub(crate) fn open(&self, socket: Arc<Writer>) {
        self.lock().socket = Some(socket);
    }

    /// Answers a ping, while the connection is open. Where many wait, the last one stands for those before it (RFC 6455
    /// §5.5.3): a flood of pings from a client that does not read takes no memory.
    pub(crate) fn push_pong(&self, frame: Bytes) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            if state.pongs.len() == PONGS {
                state.pongs.pop_back();
            }
            state.pongs.push_back(frame);
        }
    }

    /// Adds what the protocol itself has to ask (a ping, a comment), while the connection is open.
    pub(crate) fn push_control(&self, frame: Bytes) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.add(frame);
        }
    }

    /// Ends the writing with a last frame. `false` where it has ended already.
    pub(crate) fn close(&self, last: Bytes, limit: Duration) -> (bool, Option<Waker>) {
        self.lock().end(last, limit)
    }

    /// Ends the writing with a last frame in place of what waits: the client does not read it. A message that has been
    /// begun goes out to its end. `false` where the writing has ended already.
    pub(crate) fn cut(&self, last: Bytes, limit: Duration) -> (bool, Option<Waker>) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            let mut waiting = std::mem::take(&mut state.pieces);
            let rest = waiting.pop_front().filter(|_| state.begun);
            state.bytes = 0;
            state.pending = 0;
            state.add(rest.unwrap_or_default());
        }
        state.end(last, limit)
    }

    /// The connection has to end within `limit`.
    pub(crate) fn end_within(&self, limit: Duration) -> Option<Waker> {
        let mut state = self.lock();
        state.limit(limit);
        state.session.take()
    }

    /// Nothing is written any more. `false` where that was so already.
    pub(crate) fn finish(&self) -> bool {
        let mut state = self.lock();
        let first = state.phase != Phase::Closed;
        state.phase = Phase::Closed;
        state.pieces = Fifo::default();
        state.pongs = VecDeque::new();
        state.bytes = 0;
        state.session = None;
        state.socket = None;
        first
    }

    /// Moves what waits into `writing`, which is empty.
    pub(crate) fn take(&self, writing: &mut Fifo<Bytes>) {
        let mut state = self.lock();
        state.begun = false;
        for pong in std::mem::take(&mut state.pongs) {
            state.add(pong);
        }
        std::mem::swap(&mut state.pieces, writing);
    }

    /// `written` bytes are out. `true`: these were the last ones, and the application had written some of them.
    pub(crate) fn written(&self, written: usize) -> bool {
        let mut state = self.lock();
        // After `cut` some of the bytes are not counted any more.
        state.bytes = state.bytes.saturating_sub(written);
        state.bytes == 0 && std::mem::take(&mut state.pending) > 0
    }

    /// Where the connection stands, and when it must have ended. `cx` is woken by the next change.
    pub(crate) fn watch(&self, cx: &Context<'_>) -> (Phase, Option<Instant>) {
        let mut state = self.lock();
        if !state.session.as_ref().is_some_and(|session| session.will_wake(cx.waker())) {
            state.session = Some(cx.waker().clone());
        }
        (state.phase, state.deadline)
    }

    pub(crate) fn is_empty(&self) -> bool {
        let state = self.lock();
        state.pieces.is_empty() && state.pongs.is_empty()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.lock().phase == Phase::Open
    }

    /// Writes that are not out yet; `None` once the connection takes no more.
    pub(crate) fn pending(&self) -> Option<usize> {
        let state = self.lock();
        (state.phase == Phase::Open).then_some(state.pending)
    }

    /// The session's waker, to tell it of something else.
    pub(crate) fn waker(&self) -> Option<Waker> {
        self.lock().session.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Only assignments happen under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.bytes += piece.len();
            self.pieces.push_back(piece);
        }
    }

    fn end(&mut self, last: Bytes, limit: Duration) -> (bool, Option<Waker>) {
        if self.phase != Phase::Open {
            return (false, None);
        }
        self.phase = Phase::Closing;
        self.add(last);
        self.limit(limit);
        (true, self.session.take())
    }

    fn limit(&mut self, limit: Duration) {
        let at = Instant::now() + limit;
        self.deadline = Some(self.deadline.map_or(at, |before| before.min(at)));
    }
}
