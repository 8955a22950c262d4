//! The gate between a socket and hyper. It lets one message at a time through: a head that was judged by
//! [`super::head`], then exactly the bytes of its body. Bytes behind them stay here, so that a hijacked connection, a
//! refusal or a file response finds them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::chunks::Chunks;
use super::head::{self, Framing, Head, Scan};
use super::link::{Link, Phase};
use super::refusal::Refusal;
use super::shared::Shared;
use crate::net::spare::{self, Source};
use crate::net::stream::Stream;

/// Bytes read from the socket at once while a head is expected.
const READ_SIZE: usize = 8 * 1024;

/// Pieces up to this size together are copied into one: cheaper than a list of pieces for the kernel.
const SMALL_WRITE: usize = 1024;

/// hyper's own number of fields; more need a connection built for more (and slower).
const COMMON_FIELDS: usize = 100;

/// See the module.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    link: Arc<Link>,
    shared: Arc<Shared>,
    /// Read from the socket and not yet given to hyper.
    buffer: BytesMut,
    /// How much of `buffer` was searched for the end of a head.
    scanned: usize,
    expect: Expect,
    /// Whether hyper was told to take many fields.
    wide: bool,
    /// Whether the client's side of the connection is still worth watching while the application works.
    watch: bool,
}

/// What the next bytes from the client are.
#[derive(Debug)]
enum Expect {
    /// A head.
    Head,
    /// Already judged bytes of a head, then its body.
    JudgedHead { left: usize, then: Framing },
    /// So many bytes of a body.
    Body(u64),
    /// A chunked body.
    Chunks(Chunks),
    /// Nothing that hyper should see.
    Nothing,
}

impl Wire {
    pub(crate) fn new(stream: Stream, unread: BytesMut, link: Arc<Link>, shared: Arc<Shared>) -> Wire {
        shared.realtime.traffic.received(unread.len());
        Wire { stream, link, shared, buffer: unread, scanned: 0, expect: Expect::Head, wide: false, watch: true }
    }

    pub(crate) fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Counts bytes that were written to [`Wire::stream`].
    pub(crate) fn count_sent(&self, bytes: usize) {
        self.shared.realtime.traffic.sent(bytes);
    }

    /// Prepares for a head with many fields.
    pub(crate) fn widen(&mut self) {
        self.wide = true;
        self.expect = Expect::Head;
        self.scanned = 0;
    }

    pub(crate) fn is_wide(&self) -> bool {
        self.wide
    }

    /// The next message begins: hyper had to be left for the last response.
    pub(crate) fn rearm(&mut self) {
        self.expect = Expect::Head;
        self.watch = true;
    }

    /// What the client sent beyond what hyper was given.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer
    }

    pub(crate) fn into_stream(self) -> Stream {
        self.stream
    }

    pub(crate) fn into_parts(self) -> (Stream, Bytes) {
        (self.stream, self.buffer.freeze())
    }

    /// Ready when the client has said something (`true`), or its last word.
    pub(crate) fn poll_word(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if !self.buffer.is_empty() {
            return Poll::Ready(true);
        }
        self.poll_fill(cx).map(|read| matches!(read, Ok(1..)))
    }

    /// Gives hyper what the buffer has for it. `None`: more is needed from the socket.
    fn give(&mut self, out: &mut ReadBuf<'_>) -> Option<io::Result<()>> {
        match &mut self.expect {
            Expect::Head => match self.judge() {
                Ok(true) => self.give(out),
                Ok(false) => None,
                Err(refusal) => Some(self.refuse(refusal)),
            },
            Expect::JudgedHead { left, then } => {
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
        self.expect = Expect::JudgedHead { left: length, then: judged.framing };
        Ok(true)
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
            spare::give_back(&mut self.buffer);
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

    /// A head that is turned away: hyper sees the end of the connection, [`super::connection`] answers.
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
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let read = ready!(spare::poll_read(&mut self.stream, &mut self.buffer, READ_SIZE, cx))?;
        self.shared.realtime.traffic.received(read);
        Poll::Ready(Ok(read))
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
        if !self.buffer.is_empty() {
            self.link.lock().clock.enter(Phase::Head);
        } else {
            self.link.lock().clock.enter(Phase::Idle);
        }
        Poll::Pending
    }

    fn body_deadline(&mut self) -> Poll<io::Result<()>> {
        if !self.link.lock().body_expired {
            return Poll::Pending;
        }
        self.expect = Expect::Nothing;
        Poll::Ready(Err(self.fail_body(Refusal::timeout("the body came too slowly"))))
    }

    /// While the application works, nobody reads. A reset by the client is noticed here, so that a request in the queue
    /// is not run for nobody. An end of the client's side alone is no reason to stop (RFC 9112 §9.6).
    fn poll_reset(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.watch && self.stream.poll_read_ready(cx).is_ready() {
            // Ready also for pipelined bytes and FIN, and stays so: look once.
            self.watch = false;
            if let Some(error) = self.stream.take_error() {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes the interim response that an exchange left, now that hyper has nothing in front of it.
    fn poll_interim(&mut self, mut interim: Bytes, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !interim.is_empty() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &interim);
            self.note_sent(&written);
            match written {
                Poll::Ready(written) => interim.advance(written?),
                Poll::Pending => {
                    self.link.lock().put_interim(interim);
                    return Poll::Pending;
                }
            }
        }
        if let Some(waker) = self.link.lock().interim_written() {
            waker.wake();
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when nothing is left that was encrypted and not sent.
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.stream.is_behind() {
            return Poll::Ready(Ok(()));
        }
        let sent = Pin::new(&mut self.stream).poll_flush(cx);
        self.note_write(&sent);
        sent
    }

    fn note_sent(&mut self, outcome: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = outcome {
            self.count_sent(*bytes);
        }
        self.note_write(outcome);
    }

    fn note_write<T>(&mut self, outcome: &Poll<io::Result<T>>) {
        match outcome {
            Poll::Pending => {
                let moved = self.stream.take_moved();
                let clock = &mut self.link.lock().clock;
                if moved {
                    clock.write_moved();
                }
                clock.write_blocked();
            }
            Poll::Ready(Ok(_)) => self.link.lock().clock.write_moved(),
            Poll::Ready(Err(_)) => {}
        }
    }
}

/// Moves up to `most` bytes from the buffer to `out`.
fn put(buffer: &mut BytesMut, out: &mut ReadBuf<'_>, most: usize) -> usize {
    let given = most.min(buffer.len()).min(out.remaining());
    out.put_slice(&buffer[..given]);
    buffer.advance(given);
    given
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

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let written = Pin::new(&mut wire.stream).poll_write(cx, bytes);
        wire.note_sent(&written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total: usize = bufs.iter().map(|buf| buf.len()).sum();
        if total > SMALL_WRITE {
            let wire = self.get_mut();
            let written = Pin::new(&mut wire.stream).poll_write_vectored(cx, bufs);
            wire.note_sent(&written);
            return written;
        }
        let mut joined = [0; SMALL_WRITE];
        let mut rest = &mut joined[..];
        for buf in bufs {
            // Fits: the sum was checked.
            let _ = io::Write::write(&mut rest, buf);
        }
        self.poll_write(cx, &joined[..total])
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        // First: a connection that is flushed may be left to itself.
        ready!(wire.poll_sent(cx))?;
        let (phase, interim) = wire.link.lock().flush();
        if phase == Phase::Application {
            wire.poll_reset(cx)?;
        }
        if let Some(interim) = interim {
            ready!(wire.poll_interim(interim, cx))?;
        }
        wire.poll_sent(cx)
    }

    /// hyper is done; the connection may not be: see [`super::connection`].
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
