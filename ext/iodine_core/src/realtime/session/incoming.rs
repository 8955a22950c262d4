//! What comes in becomes events.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::{Session, Stage};
use crate::handoff::Event;
use crate::net::spare;
use crate::realtime::client::Protocol;
use crate::ws::decoder::{CloseFrame, Incoming};
use crate::ws::encoder;

/// Bytes read at once behind the beginning of a message; [`spare`] reads the beginning.
const READ_SIZE: usize = 4 * 1024;

/// Read at once while a large message comes in.
const LARGE_READ: usize = 64 * 1024;

impl Session {
    /// Ready when nothing more can be said to the client.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.stage == Stage::Talking && self.client.protocol == Protocol::WebSocket {
                ready!(self.poll_messages(cx));
            } else {
                self.buffer.clear();
            }
            match ready!(self.poll_fill(cx)) {
                // It still hears us: a proxy passes a browser's Close on together with its end.
                Ok(0) if self.stage == Stage::Heard => return Poll::Pending,
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
    pub(super) fn message_due(&self) -> Option<Instant> {
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
    pub(super) fn end_talk(&mut self, code: u16, reason: &'static str) {
        self.stage = Stage::Heard;
        self.client.end_after_messages(code, reason);
    }
}
