//! What the server counts while it runs. None of it needs a lock, and most of it not even a locked instruction.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;

use crate::handoff::{Reply, Stats};

/// Upper ends of the ranges that queue times are counted in, in µs; one more range has no end.
pub const QUEUE_TIME_LIMITS: [u64; 12] =
    [250, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000];

const RANGES: usize = QUEUE_TIME_LIMITS.len() + 1;

/// Figures of one server at one moment.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Threads and requests.
    pub crew: Stats,
    /// Connections that speak HTTP.
    pub http: usize,
    /// Connections that speak WebSocket.
    pub websockets: usize,
    /// Connections that get server-sent events.
    pub event_streams: usize,
    /// The most requests that waited for a thread at once, since the maxima were last reset.
    pub backlog_max: usize,
    /// The most connections that spoke HTTP at once, since then.
    pub http_max: usize,
    /// Bytes that clients sent, as HTTP, WebSocket and server-sent events have seen them.
    pub received: u64,
    /// Bytes that were sent to them.
    pub sent: u64,
    /// Responses by the first digit of their status, from 1 to 5.
    pub responses: [u64; 5],
    /// How long requests waited for a thread.
    pub queue_times: QueueTimes,
    /// Publications in this process, its own and those of others.
    pub publications: u64,
    /// What became of them: one for each subscriber.
    pub deliveries: u64,
}

/// How long requests waited between their last byte and the thread that took them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueTimes {
    /// Requests by [`QUEUE_TIME_LIMITS`].
    pub counts: [u64; RANGES],
    /// All waiting together.
    pub total: Duration,
}

impl QueueTimes {
    /// Requests that were taken.
    pub fn requests(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Collects [`QueueTimes`].
#[derive(Debug, Default)]
pub(crate) struct QueueClock {
    counts: [AtomicU64; RANGES],
    micros: AtomicU64,
}

impl QueueClock {
    pub(crate) fn note(&self, waited: Duration) {
        let micros = waited.as_micros() as u64;
        let range = QUEUE_TIME_LIMITS.partition_point(|limit| *limit < micros);
        self.counts[range].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> QueueTimes {
        QueueTimes {
            counts: std::array::from_fn(|range| self.counts[range].load(Ordering::Relaxed)),
            total: Duration::from_micros(self.micros.load(Ordering::Relaxed)),
        }
    }
}

/// Counts bytes of connections: without what TLS adds, and not those of connections that the application has taken over.
/// Only the thread that drives the sockets does: see [`Responses`].
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Traffic {
    pub(crate) fn received(&self, bytes: usize) {
        add(&self.received, bytes as u64);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        add(&self.sent, bytes as u64);
    }

    /// Bytes received and sent.
    pub(crate) fn read(&self) -> (u64, u64) {
        (self.received.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed))
    }
}

/// An addition without a locked instruction.
fn add(count: &AtomicU64, more: u64) {
    count.store(count.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

/// Counts responses by the class of their status. Only the thread that drives the sockets does, and the right to drive
/// is handed on by a lock: nobody else writes between the two halves of an addition.
#[derive(Debug, Default)]
pub(crate) struct Responses([AtomicU64; 5]);

impl Responses {
    pub(crate) fn note(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        add(&self.0[class], 1);
    }

    /// The status that the client will see, where there is one.
    pub(crate) fn note_reply(&self, reply: &Reply) {
        match (reply, reply.head()) {
            (_, Some(head)) => self.note(head.status),
            (Reply::Lost, None) => self.note(StatusCode::INTERNAL_SERVER_ERROR),
            _ => {}
        }
    }

    pub(crate) fn read(&self) -> [u64; 5] {
        std::array::from_fn(|class| self.0[class].load(Ordering::Relaxed))
    }
}
