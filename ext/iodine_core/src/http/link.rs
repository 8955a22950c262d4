//! What the parts of one connection tell each other: the wire (which hyper owns), the exchange (which hyper polls) and
//! the connection's own loop.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use bytes::Bytes;

use super::clock::{Clock, Phase};
use super::refusal::Refusal;
use crate::access_log::Record;
use crate::handoff::{Reply, ResponseHead, StreamReader, Takeover};
use crate::realtime::Opening;

/// See the module.
#[derive(Debug)]
pub(crate) struct Link {
    state: Mutex<LinkState>,
}

#[derive(Debug)]
pub(crate) struct LinkState {
    pub(crate) clock: Clock,
    /// Heads that reached hyper on this connection.
    pub(crate) requests: u64,
    /// The present request must be the last one (RFC 9112 §6.1, or its head asked for it).
    pub(crate) last: bool,
    /// The target as sent, where hyper's `Uri` does not have it.
    pub(crate) raw_target: Option<Bytes>,
    /// Why the connection, or the body being read, is turned away.
    pub(crate) refusal: Option<Refusal>,
    /// Only the end of the connection ends the body being sent: an untimely end has to be told by a reset.
    pub(crate) close_delimited: bool,
    /// The next head has more fields than hyper was prepared for.
    pub(crate) wide: bool,
    /// The exchange wants the connection without hyper.
    pub(crate) detach: Option<Box<Detach>>,
    /// The next request that hyper is shown has been answered: see [`super::plain`].
    pub(crate) answered: Option<Answered>,
    /// hyper has nothing left to write.
    pub(crate) flushed: bool,
    /// A deadline passed while the body came in.
    pub(crate) body_expired: bool,
    interim: Option<Bytes>,
    interim_pending: bool,
    interim_waker: Option<Waker>,
}

/// Why an exchange leaves hyper.
#[derive(Debug)]
pub(crate) struct Detach {
    pub(crate) http10: bool,
    pub(crate) head_only: bool,
    /// Whether another request may follow.
    pub(crate) persistent: bool,
    pub(crate) what: Detached,
    /// Its line in the access log.
    pub(crate) record: Option<Record>,
}

/// A reply whose sending takes hyper.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) reply: Box<Reply>,
    /// Its line in the access log.
    pub(crate) record: Option<Record>,
}

#[derive(Debug)]
pub(crate) enum Detached {
    Head(ResponseHead),
    Framed(ResponseHead, StreamReader),
    Takeover(Option<ResponseHead>, Takeover),
    Upgrade(ResponseHead, Opening),
}

impl Link {
    pub(crate) fn new() -> Link {
        Link {
            state: Mutex::new(LinkState {
                clock: Clock::new(),
                requests: 0,
                last: false,
                raw_target: None,
                refusal: None,
                close_delimited: false,
                wide: false,
                detach: None,
                answered: None,
                flushed: false,
                body_expired: false,
                interim: None,
                interim_pending: false,
                interim_waker: None,
            }),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, LinkState> {
        // The lock is held for assignments only.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LinkState {
    /// What an exchange left hyper for, once the responses before it are out of hyper's hands.
    pub(crate) fn take_detach(&mut self) -> Option<Box<Detach>> {
        if self.flushed { self.detach.take() } else { None }
    }

    /// The body came too slowly: see [`super::wire::Wire`].
    pub(crate) fn expire_body(&mut self) {
        self.body_expired = true;
        self.clock.enter(Phase::Application);
    }

    /// Leaves bytes of an interim response for the wire.
    pub(crate) fn put_interim(&mut self, bytes: Bytes) {
        self.interim_pending = true;
        self.interim = Some(bytes);
    }

    /// Ready when the wire has written what [`LinkState::put_interim`] left.
    pub(crate) fn poll_interim_written(&mut self, waker: &Waker) -> Poll<()> {
        if !self.interim_pending {
            return Poll::Ready(());
        }
        self.interim_waker = Some(waker.clone());
        Poll::Pending
    }

    pub(crate) fn interim_written(&mut self) -> Option<Waker> {
        self.interim_pending = false;
        self.interim_waker.take()
    }

    /// hyper has nothing left to write: what the wire should know and do then.
    pub(crate) fn flush(&mut self) -> (Phase, Option<Bytes>) {
        self.flushed = true;
        (self.clock.phase(), self.interim.take())
    }
}
