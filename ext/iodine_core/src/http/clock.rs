//! How long a connection has waited for what, and when that is too long.

use std::time::{Duration, Instant};

use crate::moment;
use crate::settings::{Limits, Timeouts};

/// How long hyper keeps its buffers for an idle connection.
const REST: Duration = Duration::from_secs(1);

/// How long a pause in a head may be while the server drains.
pub(crate) const DRAIN_PAUSE: Duration = Duration::from_secs(1);

/// What a connection waits for, and since when.
#[derive(Debug)]
pub(crate) struct Clock {
    phase: Phase,
    since: Instant,
    touched: Instant,
    received: u64,
    blocked: Option<Instant>,
    /// When the client did not take all of the present response at once.
    behind: Option<Instant>,
    first: bool,
    /// What the application sends comes in parts, or at any time, and has no end that we know of.
    streaming: bool,
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The first byte of a request.
    Idle,
    /// The same, without hyper.
    Rest,
    /// The rest of a head.
    Head,
    /// The rest of a body.
    Body,
    /// The application.
    Application,
}

/// Which deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expired {
    /// No request came for a moment: let go of hyper.
    Idle,
    /// No request came, or its head was too slow: close silently.
    Request,
    /// The body was too slow: 408.
    Body,
    /// The client does not read, or a stream does not end: cut.
    Write,
}

impl Clock {
    pub(super) fn new() -> Clock {
        let now = Instant::now();
        Clock {
            phase: Phase::Idle,
            since: now,
            touched: now,
            received: 0,
            blocked: None,
            behind: None,
            first: true,
            streaming: false,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn enter(&mut self, phase: Phase) {
        self.streaming = false;
        self.behind = None;
        if phase == Phase::Application {
            // Nothing is measured while the application works: no need to look at the clock.
            self.phase = phase;
            self.first = false;
            return;
        }
        if self.phase == Phase::Rest && phase == Phase::Idle {
            // Nothing has come after all: the time goes on.
            self.phase = phase;
        } else if self.phase != phase {
            self.phase = phase;
            self.since = moment::now();
            self.touched = self.since;
            self.received = 0;
        }
    }

    /// The client is waited for without hyper.
    pub(crate) fn rest(&mut self) {
        self.phase = Phase::Rest;
    }

    /// The response to the present request is a streaming body, or left open.
    pub(crate) fn stream(&mut self) {
        self.streaming = true;
    }

    /// The client sent `bytes` of what the phase waits for.
    pub(crate) fn received(&mut self, bytes: usize) {
        self.received += bytes as u64;
        self.touched = Instant::now();
    }

    /// The client does not take more for the moment.
    pub(crate) fn write_blocked(&mut self) {
        let blocked = *self.blocked.get_or_insert_with(Instant::now);
        self.behind.get_or_insert(blocked);
    }

    /// The client took something.
    pub(crate) fn write_moved(&mut self) {
        if self.blocked.take().is_some() && self.phase == Phase::Idle {
            self.since = Instant::now();
        }
    }

    /// When to look again, and what will have passed by then. A server that drains since `drained` waits for a request that
    /// is on its way already, for a streaming body and for a slow client, but not long.
    pub(crate) fn due(
        &self,
        timeouts: &Timeouts,
        limits: &Limits,
        drained: Option<Instant>,
    ) -> Option<(Instant, Expired)> {
        if let Some(at) = self.write_due(timeouts, drained) {
            return Some((at, Expired::Write));
        }
        let transfer_end = || self.transfer_end(self.since, timeouts, drained);
        match self.phase {
            Phase::Application => None,
            Phase::Idle => Some((self.idle_due(timeouts, drained).min(self.since + REST), Expired::Idle)),
            Phase::Rest => Some((self.idle_due(timeouts, drained), Expired::Request)),
            Phase::Head => {
                let pause = if drained.is_some() { DRAIN_PAUSE.min(timeouts.first_data) } else { timeouts.first_data };
                let at = (self.since + timeouts.header).min(self.touched + pause);
                Some((earlier(at, transfer_end()), Expired::Request))
            }
            Phase::Body => Some((earlier(self.body_due(timeouts, limits), transfer_end()), Expired::Body)),
        }
    }

    /// The client does not read, or a stream does not end while the server drains.
    fn write_due(&self, timeouts: &Timeouts, drained: Option<Instant>) -> Option<Instant> {
        if self.blocked.is_none() && !self.streaming {
            return None;
        }
        let blocked = self.blocked.map(|blocked| blocked + timeouts.write);
        let behind = self.blocked.and(self.behind).and_then(|behind| self.transfer_end(behind, timeouts, drained));
        let stream_end = drained.filter(|_| self.streaming).map(|drained| drained + timeouts.stream_shutdown);
        blocked.into_iter().chain(behind).chain(stream_end).min()
    }

    /// When a server that drains since `drained` has waited long enough for what `began` to be sent.
    fn transfer_end(&self, began: Instant, timeouts: &Timeouts, drained: Option<Instant>) -> Option<Instant> {
        drained.map(|drained| drained.max(began) + timeouts.transfer_shutdown)
    }

    /// A response whose head was sent before the drain began has promised that another request may follow, however long
    /// its body took.
    fn idle_due(&self, timeouts: &Timeouts, drained: Option<Instant>) -> Instant {
        let at = self.since + if self.first { timeouts.first_data } else { timeouts.persistent };
        drained.map_or(at, |drained| at.min(drained.max(self.since) + timeouts.drain_idle))
    }

    fn body_due(&self, timeouts: &Timeouts, limits: &Limits) -> Instant {
        let stalled = self.touched + timeouts.first_data;
        if limits.min_body_rate == 0 {
            return stalled;
        }
        let earned = Duration::from_millis(self.received.saturating_mul(1000) / limits.min_body_rate);
        stalled.min(self.since + timeouts.first_data.max(earned))
    }
}

fn earlier(at: Instant, limit: Option<Instant>) -> Instant {
    limit.map_or(at, |limit| at.min(limit))
}
