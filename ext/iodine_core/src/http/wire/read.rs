//! What hyper is given to read: whole heads that were judged, and the bytes of their bodies.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::task::coop::has_budget_remaining;

use super::Wire;
use crate::http::chunks::Chunks;
use crate::http::clock::Phase;
use crate::http::head::{self, Framing, Head, Scan};
use crate::http::refusal::Refusal;
use crate::net::spare::{self, Source};

/// Bytes read from the socket at once behind the beginning of a head; [`spare`] reads the beginning.
const READ_SIZE: usize = 8 * 1024;

/// hyper's own number of fields; more need a connection built for more (and slower).
const COMMON_FIELDS: usize = 100;

/// What the next bytes from the client are.
#[derive(Debug)]
pub(super) enum Expect {
    /// A head.
    Head,
    /// Already judged bytes of a head, then its body.
    JudgedHead { left: usize, then: Framing, http10: bool },
    /// So many bytes of a body.
    Body(u64),
    /// A chunked body.
    Chunks(Chunks),
    /// Nothing that hyper should see.
    Nothing,
}

/// See [`Wire::poll_next`].
#[derive(Debug)]
pub(crate) enum Next {
    /// A head of HTTP/1.1 without a body.
    Head(Bytes),
    /// Something that hyper has to read.
    More,
    /// A head that is turned away.
    Refused(Refusal),
    /// Nothing more.
    End,
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        loop {
            if let Some(given) = wire.give(out) {
                return Poll::Ready(given);
            }
            if let Expect::Body(left) = wire.expect {
                return match wire.poll_body(left, cx, out) {
                    Poll::Pending => wire.nothing_yet(),
                    ready => ready,
                };
            }
            match wire.poll_fill(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(bytes)) => wire.note_arrival(bytes),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return wire.nothing_yet(),
            }
        }
    }
}

impl Wire {
    /// Gives hyper what the buffer has for it. `None`: more is needed from the socket.
    fn give(&mut self, out: &mut ReadBuf<'_>) -> Option<io::Result<()>> {
        match &mut self.expect {
            Expect::Head => match self.judge() {
                Ok(true) => self.give(out),
                Ok(false) => None,
                Err(refusal) => Some(self.refuse(refusal)),
            },
            Expect::JudgedHead { left, then, .. } => {
                let given = put(&mut self.buffer, out, *left);
                *left -= given;
                if *left == 0 {
                    self.expect = match std::mem::replace(then, Framing::None) {
                        Framing::None | Framing::Length(0) => Expect::Head,
                        Framing::Length(length) => Expect::Body(length),
                        Framing::Chunked => Expect::Chunks(Chunks::new(&self.shared.settings.limits)),
                    };
                    self.head_given();
                }
                Some(Ok(()))
            }
            Expect::Body(_) if self.buffer.is_empty() => None,
            Expect::Body(left) => {
                let given = put(&mut self.buffer, out, usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= given as u64;
                let done = *left == 0;
                Some(self.body_given(given, done))
            }
            Expect::Chunks(_) if self.buffer.is_empty() => None,
            Expect::Chunks(chunks) => {
                let window = self.buffer.len().min(out.remaining());
                match chunks.advance(&self.buffer[..window]) {
                    Ok(advance) => {
                        let given = put(&mut self.buffer, out, advance.used);
                        Some(self.body_given(given, advance.done))
                    }
                    Err(refusal) => {
                        self.expect = Expect::Nothing;
                        Some(Err(self.fail_body(refusal)))
                    }
                }
            }
            Expect::Nothing => Some(Ok(())),
        }
    }

    /// Looks for a whole head in the buffer and judges it. `false`: it is not complete yet.
    fn judge(&mut self) -> Result<bool, Refusal> {
        if self.buffer.is_empty() {
            return Ok(false);
        }
        let limits = &self.shared.settings.limits;
        let length = match head::scan(&self.buffer, self.scanned, limits)? {
            Scan::Complete(length) => length,
            Scan::Partial => {
                self.scanned = self.buffer.len();
                return Ok(false);
            }
        };
        let judged = head::inspect(&self.buffer[..length], &self.shared.rules())?;
        self.scanned = 0;
        if judged.fields > COMMON_FIELDS && !self.wide {
            self.link.lock().wide = true;
            self.expect = Expect::Nothing;
            return Ok(true);
        }
        self.announce(&judged);
        self.expect = Expect::JudgedHead { left: length, then: judged.framing, http10: judged.http10 };
        Ok(true)
    }

    /// What the client says next, for an exchange without hyper.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Next>> {
        loop {
            if matches!(self.expect, Expect::Head) {
                if let Err(refusal) = self.judge() {
                    return Poll::Ready(Ok(Next::Refused(refusal)));
                }
            }
            match self.expect {
                Expect::Head => {}
                Expect::JudgedHead { left, then: Framing::None | Framing::Length(0), http10: false } => {
                    return Poll::Ready(Ok(Next::Head(self.take_head(left))));
                }
                _ => return Poll::Ready(Ok(Next::More)),
            }
            match self.poll_fill(cx) {
                Poll::Ready(Ok(0)) if self.buffer.is_empty() => return Poll::Ready(Ok(Next::End)),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Poll::Ready(Ok(bytes)) => self.note_arrival(bytes),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.await_head();
                    return Poll::Pending;
                }
            }
        }
    }

    fn take_head(&mut self, length: usize) -> Bytes {
        // What is nobody else's is not shared with an empty rest.
        let whole = length == self.buffer.len();
        let head = if whole { std::mem::take(&mut self.buffer) } else { self.buffer.split_to(length) };
        self.expect = Expect::Head;
        self.head_given();
        head.freeze()
    }

    /// The answer to this head takes hyper, which has to see it.
    pub(crate) fn put_back(&mut self, head: &[u8]) {
        let mut buffer = BytesMut::with_capacity(head.len() + self.buffer.len());
        buffer.extend_from_slice(head);
        buffer.extend_from_slice(&self.buffer);
        self.buffer = buffer;
        self.expect = Expect::JudgedHead { left: head.len(), then: Framing::None, http10: false };
    }

    fn announce(&mut self, judged: &Head) {
        let mut link = self.link.lock();
        link.requests += 1;
        link.last = judged.close_after || !self.shared.settings.enable_keep_alives;
        if let Some(most) = self.shared.settings.max_keep_alive {
            link.last |= link.requests >= most;
        }
        link.raw_target = judged.raw_target.clone().map(|range| Bytes::copy_from_slice(&self.buffer[range]));
    }

    fn note_arrival(&mut self, bytes: usize) {
        // A head that comes in one piece is judged and given at once: it needs no deadline.
        if matches!(self.expect, Expect::Head) && self.scanned > 0 {
            self.link.lock().clock.received(bytes);
        }
    }

    fn head_given(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        self.watch = true;
        let phase = if matches!(self.expect, Expect::Head) { Phase::Application } else { Phase::Body };
        self.link.lock().clock.enter(phase);
    }

    fn body_given(&mut self, given: usize, done: bool) -> io::Result<()> {
        let mut link = self.link.lock();
        link.clock.received(given);
        if done {
            link.clock.enter(Phase::Application);
            self.expect = Expect::Head;
        }
        Ok(())
    }

    /// A head that is turned away: hyper sees the end of the connection, [`crate::http::connection`] answers.
    fn refuse(&mut self, refusal: Refusal) -> io::Result<()> {
        self.expect = Expect::Nothing;
        self.link.lock().refusal = Some(refusal);
        Ok(())
    }

    /// A body that is turned away: the exchange sees an error, and finds the refusal in the link.
    fn fail_body(&self, refusal: Refusal) -> io::Error {
        self.link.lock().refusal = Some(refusal);
        io::ErrorKind::InvalidData.into()
    }

    /// Reads from the socket into the buffer; 0 at the end.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if std::mem::take(&mut self.watched) && !self.stream.may_have_come() {
            // It was arranged already that this task is woken.
            return Poll::Pending;
        }
        let read = match self.try_word() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                ready!(spare::poll_read(&mut self.stream, &mut self.buffer, READ_SIZE, cx))?
            }
            read => read?,
        };
        self.shared.realtime.traffic.received(read);
        Poll::Ready(Ok(read))
    }

    /// What a client says first is there when this is looked for, as a rule: to ask for it first would cost as much as to
    /// read it.
    fn try_word(&mut self) -> io::Result<usize> {
        if !self.buffer.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        spare::try_read(&mut self.stream, &mut self.buffer)
    }

    /// Reads a body past the buffer, straight to where hyper wants it.
    fn poll_body(&mut self, left: u64, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        ready!(Pin::new(&mut (&mut self.stream).take(left)).poll_read(cx, out))?;
        let given = out.filled().len() - before;
        self.shared.realtime.traffic.received(given);
        self.expect = Expect::Body(left - given as u64);
        Poll::Ready(self.body_given(given, given as u64 == left))
    }

    /// The client has nothing (more) for us at the moment.
    fn nothing_yet(&mut self) -> Poll<io::Result<()>> {
        if !matches!(self.expect, Expect::Head) {
            return self.body_deadline();
        }
        self.await_head();
        Poll::Pending
    }

    fn await_head(&mut self) {
        let phase = if self.buffer.is_empty() { Phase::Idle } else { Phase::Head };
        self.link.lock().clock.enter(phase);
    }

    fn body_deadline(&mut self) -> Poll<io::Result<()>> {
        if !self.link.lock().body_expired {
            return Poll::Pending;
        }
        self.expect = Expect::Nothing;
        Poll::Ready(Err(self.fail_body(Refusal::timeout("the body came too slowly"))))
    }

    /// Ends when the client resets the connection.
    pub(crate) async fn reset(&mut self) {
        self.watch = true;
        poll_fn(|cx| if self.poll_reset(cx).is_err() { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// While the application works, nobody reads. A reset by the client is noticed here, so that a request in the queue
    /// is not run for nobody. An end of the client's side alone is no reason to stop (RFC 9112 §9.6).
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let pending = self.watch && self.stream.poll_read_ready(cx).is_pending();
        // A task without budget is told the same, and nothing has been arranged.
        self.watched = pending && has_budget_remaining();
        if self.watch && !pending {
            // Ready also for pipelined bytes and FIN, and stays so: look once.
            self.watch = false;
            if let Some(error) = self.stream.take_error() {
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Moves up to `most` bytes from the buffer to `out`.
fn put(buffer: &mut BytesMut, out: &mut ReadBuf<'_>, most: usize) -> usize {
    let given = most.min(buffer.len()).min(out.remaining());
    out.put_slice(&buffer[..given]);
    buffer.advance(given);
    given
}
