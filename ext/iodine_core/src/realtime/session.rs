//! The life of an upgraded connection on the I/O side: what comes in becomes events, what the outbox holds goes out.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use tokio::time::{Sleep, sleep};

use super::client::{Client, Protocol};
use super::outbox::Phase;
use crate::handoff::Event;
use crate::net::spare;
use crate::net::stream::{Reader, Stream, Writer};
use crate::sse;
use crate::ws::decoder::{CloseFrame, Decoder, Incoming};
use crate::ws::encoder;

/// Bytes read at once.
const READ_SIZE: usize = 4 * 1024;

/// Read at once while a large message comes in.
const LARGE_READ: usize = 64 * 1024;

/// Pieces written at once.
const PIECES: usize = 64;

/// Pieces up to this size together are copied into one: cheaper than a list of pieces for the kernel.
const SMALL_WRITE: usize = 1024;

/// How long the timer sleeps where there is nothing to wait for.
const LONG: Duration = Duration::from_secs(3600);

/// Serves an upgraded connection to its end. `unread`: what the client sent behind its request.
pub(crate) async fn run(stream: Stream, unread: Bytes, client: Arc<Client>) {
    let _last_word = LastWord(client.clone());
    let (reader, writer) = stream.into_split();
    let writer = Arc::new(writer);
    client.opened(writer.clone());
    let mut session = Session::new(reader, writer, unread, client);
    let mut timer = pin!(sleep(session.first_wait()));
    poll_fn(|cx| session.poll(timer.as_mut(), cx)).await;
}

/// However a session ends (also by the end of the runtime), its client learns it.
struct LastWord(Arc<Client>);

impl Drop for LastWord {
    fn drop(&mut self) {
        self.0.finish();
    }
}

struct Session {
    reader: Reader,
    writer: Arc<Writer>,
    client: Arc<Client>,
    decoder: Decoder,
    buffer: BytesMut,
    writing: VecDeque<Bytes>,
    stage: Stage,
    /// When the client was last heard of: a byte came, or (SSE) one was taken.
    heard: Instant,
    asked: Option<Instant>,
    interval: u32,
    /// When the message began that is not complete yet, and what has come of it.
    message: Option<(Instant, u64)>,
    deadline: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Messages come in.
    Talking,
    /// The client has said its last word, or what it says does not count any more.
    Heard,
    /// We have said ours as well: the client has to end the connection.
    Parted,
}

impl Session {
    fn new(reader: Reader, writer: Arc<Writer>, unread: Bytes, client: Arc<Client>) -> Session {
        let mut buffer = BytesMut::new();
        buffer.extend_from_slice(&unread);
        Session {
            reader,
            writer,
            decoder: Decoder::new(client.max_message_size()),
            buffer,
            writing: VecDeque::new(),
            stage: Stage::Talking,
            heard: Instant::now(),
            asked: None,
            message: None,
            interval: client.ping_interval(),
            deadline: None,
            client,
        }
    }

    /// Ready when the connection is to be dropped.
    fn poll(&mut self, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
        // First, so that a change that comes meanwhile wakes us again.
        let (phase, deadline) = self.client.outbox.watch(cx);
        self.follow(deadline, timer.as_mut());
        let measured = self.message.is_some();
        if self.poll_read(cx).is_ready() || self.poll_write(cx).is_ready() {
            return Poll::Ready(());
        }
        if let (false, Some(due)) = (measured, self.message_due()) {
            if due < timer.deadline().into_std() {
                timer.as_mut().reset(due.into());
            }
        }
        if phase == Phase::Closing && self.is_written() && self.part() {
            return Poll::Ready(());
        }
        self.poll_timer(timer, cx)
    }

    /// Takes over what others have changed.
    fn follow(&mut self, deadline: Option<Instant>, timer: Pin<&mut Sleep>) {
        let interval = self.client.ping_interval();
        let earlier = deadline.filter(|at| self.deadline.is_none_or(|known| *at < known));
        if let Some(at) = earlier {
            self.deadline = Some(at);
            timer.reset(at.into());
        } else if interval != self.interval {
            self.interval = interval;
            self.asked = None;
            timer.reset((Instant::now() + self.first_wait()).into());
        }
    }

    fn first_wait(&self) -> Duration {
        if self.interval == 0 { LONG } else { Duration::from_secs(self.interval.into()) }
    }

    // --- In -------------------------------------------------------------------------------------------------------

    /// Ready when nothing more can be said to the client.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.stage == Stage::Talking && self.client.protocol == Protocol::WebSocket {
                ready!(self.poll_messages(cx));
            } else {
                self.buffer.clear();
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(read) => {
                    self.client.traffic().received(read);
                    self.heard = Instant::now();
                    self.asked = None;
                    if let Some((_, bytes)) = &mut self.message {
                        *bytes += read as u64;
                    }
                }
            }
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let size = if self.buffer.len() < READ_SIZE { READ_SIZE } else { LARGE_READ };
        spare::poll_read(&mut self.reader, &mut self.buffer, size, cx)
    }

    /// Ready when the buffer holds no whole message; not while the application is behind.
    fn poll_messages(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.buffer.is_empty() {
            ready!(self.client.mailbox.poll_room(cx));
            match self.decoder.next(&mut self.buffer) {
                Ok(Some(incoming)) => self.receive(incoming),
                Ok(None) => break,
                Err(violation) => self.end_talk(violation.code, violation.why),
            }
            if self.stage != Stage::Talking {
                return Poll::Ready(());
            }
        }
        self.await_rest();
        Poll::Ready(())
    }

    /// Measures a message that is not complete. The timer looks at that at its next turn: see `poll`.
    fn await_rest(&mut self) {
        if self.buffer.is_empty() && !self.decoder.is_within_message() {
            self.message = None;
        } else if self.message.is_none() {
            self.message = Some((Instant::now(), 0));
        }
    }

    /// When the message that is coming in must be complete.
    fn message_due(&self) -> Option<Instant> {
        let (begun, bytes) = self.message?;
        let (limit, rate) = self.client.message_pace();
        Some(begun + limit + Duration::from_millis(bytes.saturating_mul(1000).checked_div(rate).unwrap_or(0)))
    }

    fn receive(&mut self, incoming: Incoming) {
        if matches!(incoming, Incoming::Text(_) | Incoming::Binary(_)) {
            self.message = None;
        }
        match incoming {
            Incoming::Text(text) => drop(self.client.mailbox.post(Event::Text(text))),
            Incoming::Binary(data) => drop(self.client.mailbox.post(Event::Binary(data))),
            Incoming::Ping(data) => self.client.outbox.push_pong(encoder::frame(encoder::PONG, &data)),
            Incoming::Pong(_) => {}
            Incoming::Close(frame) => self.answer_close(frame),
        }
    }

    /// RFC 6455 §5.5.1: a Close is answered with the same code.
    fn answer_close(&mut self, frame: Option<CloseFrame>) {
        let (code, reason) = frame.map_or((1005, String::new()), |frame| (frame.code, frame.reason));
        self.client.note_end(code, &reason);
        self.end_talk(code, "");
    }

    /// What the application has still to answer goes out first.
    fn end_talk(&mut self, code: u16, reason: &'static str) {
        self.stage = Stage::Heard;
        self.client.end_after_messages(code, reason);
    }

    // --- Out ------------------------------------------------------------------------------------------------------

    /// Ready when the client takes nothing any more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.writing.is_empty() {
                self.client.outbox.take(&mut self.writing);
                if self.writing.is_empty() {
                    self.writing = VecDeque::new();
                    return if ready!(self.writer.poll_sent(cx)).is_err() { Poll::Ready(()) } else { Poll::Pending };
                }
            }
            match ready!(self.poll_write_pieces(cx)) {
                Ok(written) if written > 0 => self.written(written),
                _ => return Poll::Ready(()),
            }
        }
    }

    fn poll_write_pieces(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.writer.poll_write_ready(cx))?;
            match self.write_pieces() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn write_pieces(&mut self) -> io::Result<usize> {
        if let [piece] = self.writing.make_contiguous() {
            return self.writer.try_write(piece);
        }
        let pieces = self.writing.iter().take(PIECES);
        let total: usize = pieces.clone().map(Bytes::len).sum();
        if total <= SMALL_WRITE {
            let mut joined = Vec::with_capacity(total);
            pieces.for_each(|piece| joined.extend_from_slice(piece));
            return self.writer.try_write(&joined);
        }
        let pieces: Vec<_> = pieces.map(|piece| IoSlice::new(piece)).collect();
        self.writer.try_write_vectored(&pieces)
    }

    fn written(&mut self, written: usize) {
        self.client.traffic().sent(written);
        let mut left = written;
        while let Some(piece) = self.writing.front_mut() {
            if piece.len() > left {
                piece.advance(left);
                break;
            }
            left -= piece.len();
            self.writing.pop_front();
        }
        if self.client.protocol == Protocol::Sse {
            self.heard = Instant::now();
            self.asked = None;
        }
        if self.client.outbox.written(written) {
            self.client.drained();
        }
    }

    fn is_written(&self) -> bool {
        self.writing.is_empty() && self.client.outbox.is_empty() && !self.writer.is_behind()
    }

    /// Our last word is out. `true` where there is nothing to wait for.
    fn part(&mut self) -> bool {
        if self.client.protocol == Protocol::Sse {
            self.writer.hang_up();
            return true;
        }
        if self.stage == Stage::Heard {
            // RFC 6455 §7.1.1: the server ends the TCP connection first; the client may have to read before it does.
            self.writer.hang_up();
            self.stage = Stage::Parted;
            self.client.finish();
        }
        false
    }

    // --- Time -----------------------------------------------------------------------------------------------------

    /// Ready when the client has had its time.
    fn poll_timer(&mut self, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            if self.deadline.is_some_and(|at| at <= now) {
                self.cut();
                return Poll::Ready(());
            }
            if self.message_due().is_some_and(|due| due <= now) {
                self.message = None;
                self.end_talk(1008, "a message came too slowly");
            }
            let Some(next) = self.next_wake_up(now) else {
                self.client.note_end(1006, "");
                self.cut();
                return Poll::Ready(());
            };
            let next = [self.deadline, self.message_due()].into_iter().flatten().fold(next, Instant::min);
            timer.as_mut().reset(next.into());
            // A ping may have been left to be written.
            if self.poll_write(cx).is_ready() {
                return Poll::Ready(());
            }
        }
    }

    /// What the client does not read must not stay with the kernel.
    fn cut(&self) {
        if self.is_written() { self.writer.hang_up() } else { self.writer.reset_on_close() }
    }

    /// Asks a silent client for a sign of life. `None`: it was asked, and has said nothing.
    fn next_wake_up(&mut self, now: Instant) -> Option<Instant> {
        if self.interval == 0 || self.stage != Stage::Talking {
            return Some(now + LONG);
        }
        let interval = Duration::from_secs(self.interval.into());
        if let Some(asked) = self.asked {
            return if now >= asked + interval { None } else { Some(asked + interval) };
        }
        if now < self.heard + interval {
            return Some(self.heard + interval);
        }
        self.client.outbox.push_control(match self.client.protocol {
            Protocol::WebSocket => encoder::frame(encoder::PING, b""),
            Protocol::Sse => sse::event::comment(),
        });
        self.asked = Some(now);
        Some(now + interval)
    }
}
