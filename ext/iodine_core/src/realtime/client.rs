//! One upgraded connection, as the rest of the process sees it: a handle to write to, close and ask.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;

use super::clients::Realtime;
use super::outbox::{Outbox, Push};
use crate::handoff::{Event, Mailbox};
use crate::metrics::Traffic;
use crate::net::stream::Writer;
use crate::sse;
use crate::ws::encoder;

/// What a connection speaks after its upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 6455.
    WebSocket,
    /// Server-sent events.
    Sse,
}

/// A message to one client.
#[derive(Debug, Clone)]
pub enum Message {
    /// Valid UTF-8.
    Text(Bytes),
    /// Anything.
    Binary(Bytes),
    /// Bytes in the connection's own encoding, ready to be sent.
    Encoded(Bytes),
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Of RFC 6455 §7.4; 1006 where no Close frame came.
    pub code: u16,
    /// As the closing side gave it.
    pub reason: String,
}

/// See the module.
#[derive(Debug)]
pub struct Client {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) outbox: Outbox,
    pub(crate) protocol: Protocol,
    realtime: Arc<Realtime>,
    /// Seconds without a byte from the client before it is asked for one; 0 never asks.
    ping_interval: AtomicU32,
    /// SSE: publications are sent as they are.
    raw: AtomicBool,
    /// The application wants to know when everything is written.
    wants_drained: AtomicBool,
    closed: Mutex<Option<Closed>>,
}

impl Client {
    pub(super) fn new(realtime: &Arc<Realtime>, protocol: Protocol) -> Arc<Client> {
        let settings = &realtime.settings;
        Arc::new(Client {
            mailbox: Mailbox::new(realtime.crew.clone(), settings.max_publications),
            outbox: Outbox::new(settings.max_outgoing),
            protocol,
            realtime: realtime.clone(),
            ping_interval: AtomicU32::new(settings.ping_interval),
            raw: AtomicBool::new(false),
            wants_drained: AtomicBool::new(false),
            closed: Mutex::new(None),
        })
    }

    /// The id of the connection in this process, which is also its mailbox's.
    pub fn id(&self) -> u64 {
        self.mailbox.id()
    }

    /// What the connection speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Where events for the connection's callbacks go.
    pub fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Sends a message; never waits. `false` where the connection takes no more.
    pub fn send(&self, message: Message) -> bool {
        let (head, body) = self.encode(message);
        self.push(head, body)
    }

    /// Sends a message that is copied into its encoding; see [`Client::send`].
    pub fn send_small(&self, data: &[u8], text: bool) -> bool {
        let encoded = match self.protocol {
            Protocol::WebSocket => encoder::frame(if text { encoder::TEXT } else { encoder::BINARY }, data),
            Protocol::Sse if self.is_raw() => Bytes::copy_from_slice(data),
            Protocol::Sse => sse::event::data(data),
        };
        self.push(encoded, Bytes::new())
    }

    /// Two pieces, so that a large payload is not copied.
    fn encode(&self, message: Message) -> (Bytes, Bytes) {
        match (self.protocol, message) {
            (_, Message::Encoded(bytes)) => (bytes, Bytes::new()),
            (Protocol::WebSocket, Message::Text(text)) => encoder::pieces(encoder::TEXT, text),
            (Protocol::WebSocket, Message::Binary(data)) => encoder::pieces(encoder::BINARY, data),
            (Protocol::Sse, Message::Text(data) | Message::Binary(data)) if self.is_raw() => (data, Bytes::new()),
            (Protocol::Sse, Message::Text(data) | Message::Binary(data)) => (sse::event::data(&data), Bytes::new()),
        }
    }

    fn push(&self, head: Bytes, body: Bytes) -> bool {
        let pushed = self.outbox.push(head, body);
        self.pushed(pushed)
    }

    /// Sends a publication, without a detour if the system takes it at once. For the thread that drives the sockets.
    pub(super) fn publish(&self, encoded: Bytes) {
        let (written, push, session) = self.outbox.push_through(encoded);
        self.traffic().sent(written);
        self.pushed((push, session));
    }

    /// Where its bytes are counted.
    pub(super) fn traffic(&self) -> &Traffic {
        &self.realtime.traffic
    }

    fn pushed(&self, (push, session): (Push, Option<Waker>)) -> bool {
        self.wake(session);
        match push {
            Push::Queued => {}
            Push::Written => self.drained(),
            Push::Overflow => self.cut_slow(),
            Push::Refused => {}
        }
        matches!(push, Push::Queued | Push::Written)
    }

    /// Closes after what was written, with this code and reason.
    pub fn close(&self, code: u16, reason: &str) {
        let (first, session) = self.outbox.close(self.last(code, reason), self.realtime.settings.close_timeout);
        if first {
            self.note_end(code, reason);
        }
        self.wake(session);
    }

    /// What ends a connection on the wire.
    fn last(&self, code: u16, reason: &str) -> Bytes {
        match self.protocol {
            Protocol::WebSocket => encoder::close(code, reason),
            Protocol::Sse => Bytes::new(),
        }
    }

    /// Closes when the application has seen all messages that came before; it has `close_timeout` for them.
    pub(super) fn end_after_messages(&self, code: u16, reason: &'static str) {
        self.mailbox.post(Event::Ending(code, reason));
        self.wake(self.outbox.end_within(self.realtime.settings.close_timeout));
    }

    /// The client does not read: it gets the time to close, and nothing else.
    fn cut_slow(&self) {
        let (code, reason) = (1013, "too slow");
        let (first, session) = self.outbox.cut(self.last(code, reason), self.realtime.settings.close_timeout);
        if first {
            self.note_end(code, reason);
            let limit = self.realtime.settings.max_outgoing;
            self.realtime.log.line(&format!(
                "client {} does not read: more than max_outgoing ({limit} bytes) wait for it; closed with {code}",
                self.id()
            ));
        }
        self.wake(session);
    }

    /// The blocks of its subscriptions are slower than what is published to them.
    pub(super) fn fall_behind(&self) {
        if self.outbox.is_open() {
            let limit = self.realtime.settings.max_publications;
            self.realtime.log.line(&format!(
                "client {}: more than max_publications ({limit}) wait for the blocks of its subscriptions; closed with 1013",
                self.id()
            ));
            self.close(1013, "too slow");
        }
    }

    /// Whether the connection is open and nobody has asked to close it.
    pub fn is_open(&self) -> bool {
        self.outbox.is_open()
    }

    /// Writes that have not been handed to the system yet; `None` once the connection takes no more.
    pub fn pending(&self) -> Option<usize> {
        self.outbox.pending()
    }

    /// Seconds without a byte from the client after which it is asked for one; 0: never.
    pub fn ping_interval(&self) -> u32 {
        self.ping_interval.load(Ordering::Relaxed)
    }

    /// Sets [`Client::ping_interval`].
    pub fn set_ping_interval(&self, seconds: u32) {
        self.ping_interval.store(seconds, Ordering::Relaxed);
        self.wake(self.outbox.waker());
    }

    /// Whether publications are sent to an SSE client as they are, without `data:`.
    pub fn is_raw(&self) -> bool {
        self.raw.load(Ordering::Relaxed)
    }

    /// Sets [`Client::is_raw`].
    pub fn set_raw(&self, raw: bool) {
        self.raw.store(raw, Ordering::Relaxed);
    }

    /// Whether the application has a callback for [`Event::Drained`].
    pub fn set_wants_drained(&self, wanted: bool) {
        self.wants_drained.store(wanted, Ordering::Relaxed);
    }

    /// How the connection ended; `None` while it is open.
    pub fn closed(&self) -> Option<Closed> {
        self.lock_closed().clone()
    }

    /// How long a message may take, and the bytes per second that prolong it.
    pub(super) fn message_pace(&self) -> (Duration, u64) {
        (self.realtime.settings.message_timeout, self.realtime.settings.min_rate)
    }

    pub(super) fn max_message_size(&self) -> usize {
        self.realtime.settings.max_message_size
    }

    /// The session begins.
    pub(super) fn opened(self: &Arc<Self>, socket: Arc<Writer>) {
        self.outbox.open(socket);
        self.realtime.add(self);
        self.mailbox.post(Event::Open);
    }

    pub(super) fn drained(&self) {
        if self.wants_drained.load(Ordering::Relaxed) {
            self.mailbox.post(Event::Drained);
        }
    }

    /// Tells the application that the server stops. It answers by [`Client::close`] with 1001.
    pub(super) fn shut_down(&self, limit: Duration) {
        self.mailbox.post(Event::Shutdown);
        self.wake(self.outbox.end_within(limit));
    }

    /// The first to say why is right.
    pub(super) fn note_end(&self, code: u16, reason: &str) {
        self.lock_closed().get_or_insert_with(|| Closed { code, reason: reason.to_owned() });
    }

    /// The connection has ended: subscriptions end, and the last callback is due.
    pub(super) fn finish(&self) {
        if self.outbox.finish() {
            self.note_end(1006, "");
            self.realtime.remove(self.id());
            self.mailbox.post(Event::Close);
        }
    }

    fn wake(&self, session: Option<Waker>) {
        if let Some(session) = session {
            self.realtime.crew.wake(session);
        }
    }

    fn lock_closed(&self) -> MutexGuard<'_, Option<Closed>> {
        // Only assignments happen under this lock.
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
