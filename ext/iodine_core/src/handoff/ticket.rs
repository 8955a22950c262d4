//! The right to answer one request, once.

use std::future::poll_fn;
use std::sync::{Arc, PoisonError};
use std::task::{Poll, Waker};

use super::postbox::Postbox;
use super::reply::{Reply, ResponseHead};
use crate::reactor::Reactor;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// The right to answer one request, once. Dropped unanswered, the client gets a 500: a lost job must never leave a
/// client waiting.
#[derive(Debug)]
pub struct Ticket {
    handle: TicketHandle,
    left_open: bool,
}

impl Ticket {
    pub(crate) fn new(postbox: Arc<Postbox>) -> (Ticket, Inbox) {
        let slot = Arc::new(Slot::default());
        let handle = TicketHandle { slot: slot.clone(), postbox };
        (Ticket { handle, left_open: false }, Inbox { slot, done: false })
    }

    /// Answers. Nothing happens where the request was answered already (a full hijack) or the client is gone.
    pub fn answer(self, reply: Reply) {
        self.handle.answer(reply);
    }

    /// As [`Ticket::answer`], for an answer that has to be on its way before the calling thread does anything else
    /// (a streaming body runs after its head is out).
    pub fn answer_now(self, reply: Reply) {
        self.handle.answer_now(reply);
    }

    /// A capability for objects of the application that may outlive the request.
    pub fn handle(&self) -> TicketHandle {
        self.handle.clone()
    }

    /// Whether nobody waits for the answer any more (the connection died).
    pub fn is_abandoned(&self) -> bool {
        self.handle.is_abandoned()
    }

    /// Gives the right to answer to whoever holds a handle: the connection stays open and silent until then (Rack's
    /// status -1). A server that drains waits for that as long as for a streaming body.
    pub fn leave_open(mut self) {
        self.left_open = true;
        self.handle.post(Parcel::LeftOpen);
    }

    /// Whether the answer has been given (by a full hijack during `app.call`).
    pub fn is_answered(&self) -> bool {
        self.handle.is_answered()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.left_open && !self.is_answered() {
            self.handle.answer(Reply::Lost);
        }
    }
}

/// A shareable reference to a ticket's request, for what an application may do while it works on the answer.
#[derive(Debug, Clone)]
pub struct TicketHandle {
    slot: Arc<Slot>,
    postbox: Arc<Postbox>,
}

impl TicketHandle {
    /// Sends an interim response (103) at once. Ignored after the answer.
    pub fn interim(&self, head: ResponseHead) {
        if !self.is_answered() {
            self.post_now(Parcel::Interim(Box::new(head)));
        }
    }

    /// Answers before the ticket's holder does (full hijack). Returns `false` where an answer was given already.
    pub fn answer_now(&self, reply: Reply) -> bool {
        let first = self.slot.claim();
        if first {
            self.post_now(Parcel::Final(Box::new(reply)));
        }
        first
    }

    pub(super) fn reactor(&self) -> &Arc<Reactor> {
        self.postbox.reactor()
    }

    fn answer(&self, reply: Reply) {
        if self.slot.claim() {
            self.post(Parcel::Final(Box::new(reply)));
        }
    }

    fn post(&self, parcel: Parcel) {
        self.postbox.post(self.slot.clone(), parcel);
    }

    fn post_now(&self, parcel: Parcel) {
        self.postbox.post_now(self.slot.clone(), parcel);
    }

    /// See [`Ticket::is_abandoned`].
    pub fn is_abandoned(&self) -> bool {
        self.slot.abandoned.load(Ordering::Acquire)
    }

    /// Whether the answer has been given.
    pub fn is_answered(&self) -> bool {
        self.slot.answered.load(Ordering::Acquire)
    }
}

#[derive(Debug)]
pub(crate) enum Parcel {
    /// In a box: every answer would be moved with room for it.
    Interim(Box<ResponseHead>),
    /// The answer may come at any time, or never.
    LeftOpen,
    Final(Box<Reply>),
}

/// Where the I/O side waits for the answer of one request.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    state: Mutex<SlotState>,
    answered: AtomicBool,
    abandoned: AtomicBool,
}

#[derive(Debug, Default)]
struct SlotState {
    interim: Vec<ResponseHead>,
    left_open: bool,
    reply: Option<Box<Reply>>,
    waker: Option<Waker>,
}

impl Slot {
    fn claim(&self) -> bool {
        !self.answered.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn put(&self, parcel: Parcel) {
        let waker = {
            let mut state = self.lock();
            if self.abandoned.load(Ordering::Acquire) {
                // Dropping the parcel tells a streaming body, or a thread that hijacks, that nobody is there.
                drop(state);
                return drop(parcel);
            }
            match parcel {
                Parcel::Interim(head) => state.interim.push(*head),
                Parcel::LeftOpen => state.left_open = true,
                Parcel::Final(reply) => state.reply = Some(reply),
            }
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, SlotState> {
        // A poisoned lock means a panic between two assignments above: the state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The I/O side of a ticket. Dropped before the answer came, the ticket is abandoned.
#[derive(Debug)]
pub(crate) struct Inbox {
    slot: Arc<Slot>,
    /// The answer was taken out: nothing comes behind it.
    done: bool,
}

/// What [`Inbox::next`] brings.
#[derive(Debug)]
pub(crate) enum Delivery {
    Interim(Vec<ResponseHead>),
    LeftOpen,
    Final(Box<Reply>),
}

impl Inbox {
    /// Waits for the next interim responses, for the answer, or for the news that this may take any time.
    pub(crate) async fn next(&mut self) -> Delivery {
        poll_fn(|cx| {
            let mut state = self.slot.lock();
            if !state.interim.is_empty() {
                return Poll::Ready(Delivery::Interim(std::mem::take(&mut state.interim)));
            }
            if let Some(reply) = state.reply.take() {
                self.done = true;
                return Poll::Ready(Delivery::Final(reply));
            }
            if std::mem::take(&mut state.left_open) {
                return Poll::Ready(Delivery::LeftOpen);
            }
            state.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        if self.done {
            return self.slot.abandoned.store(true, Ordering::Release);
        }
        let mut state = self.slot.lock();
        self.slot.abandoned.store(true, Ordering::Release);
        let unread = state.reply.take();
        drop(state);
        drop(unread);
    }
}
