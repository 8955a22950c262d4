//! Events for one object of the application (an upgraded connection, a subscription), in order: at most one thread
//! works on a mailbox at a time, so that its callbacks never overlap, and a slow one holds up no other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::Pace;
use super::crew::Crew;
use crate::fifo::Fifo;
use crate::pubsub::channel::Channel;
use crate::pubsub::publication::Publication;
use crate::sync::{Mutex, MutexGuard};

/// Messages that may wait in a mailbox before its connection is no longer read.
const AHEAD: usize = 16;

/// Their bytes, before it is no longer read.
const AHEAD_BYTES: usize = 256 * 1024;

/// Something that happened, for a callback.
#[derive(Debug)]
pub enum Event {
    /// The connection is open.
    Open,
    /// A text message: valid UTF-8.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// Everything written has been handed to the system.
    Drained,
    /// The server is about to close the connection.
    Shutdown,
    /// The client has said its last word (or broke a rule): the connection is to be closed with this code and reason,
    /// after the answers to what came before.
    Ending(u16, &'static str),
    /// The connection has ended; the last event.
    Close,
    /// A publication for the block that subscribed to this channel.
    Publication(Arc<Publication>, Channel),
    /// The application has left a block to be run here.
    Deferred,
}

impl Event {
    fn message_len(&self) -> Option<usize> {
        match self {
            Event::Text(data) | Event::Binary(data) => Some(data.len()),
            _ => None,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Mailbox {
    id: u64,
    crew: Arc<Crew>,
    /// Publications that may wait.
    capacity: usize,
    pace: Pace,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    events: Fifo<Event>,
    messages: usize,
    message_bytes: usize,
    publications: usize,
    /// [`Event::Drained`] waits: another one would say nothing new.
    drained: bool,
    /// A thread works on it, or has been asked to.
    scheduled: bool,
    /// The connection waits for room.
    reader: Option<Waker>,
}

impl State {
    fn has_room(&self) -> bool {
        self.messages < AHEAD && self.message_bytes < AHEAD_BYTES
    }

    fn count(&mut self, event: &Event) {
        if let Some(len) = event.message_len() {
            self.messages += 1;
            self.message_bytes += len;
        }
        self.publications += usize::from(matches!(event, Event::Publication(..)));
        self.drained |= matches!(event, Event::Drained);
    }

    fn discount(&mut self, event: &Event) {
        if let Some(len) = event.message_len() {
            self.messages -= 1;
            self.message_bytes -= len;
        }
        self.publications -= usize::from(matches!(event, Event::Publication(..)));
        self.drained &= !matches!(event, Event::Drained);
    }
}

impl Mailbox {
    /// An empty mailbox with an id that no other one of this process has. `capacity`: publications that may wait.
    pub fn new(crew: Arc<Crew>, capacity: usize) -> Arc<Mailbox> {
        static LAST_ID: AtomicU64 = AtomicU64::new(0);
        let id = LAST_ID.fetch_add(1, Ordering::Relaxed) + 1;
        Arc::new(Mailbox { id, crew, capacity, pace: Pace::default(), state: Mutex::default() })
    }

    /// Names the object of the application that the events are for.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Adds an event; a thread of the application will come for it. `false`: too many publications wait already, and
    /// this one was dropped.
    pub fn post(self: &Arc<Self>, event: Event) -> bool {
        let mut state = self.lock();
        if matches!(event, Event::Publication(..)) && state.publications >= self.capacity {
            return false;
        }
        if matches!(event, Event::Drained) && state.drained {
            return true;
        }
        state.count(&event);
        state.events.push_back(event);
        let idle = !std::mem::replace(&mut state.scheduled, true);
        drop(state);
        if idle {
            self.crew.submit_visit(Visit { mailbox: self.clone() });
        }
        true
    }

    /// Ready while messages may be added.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.has_room() {
            return Poll::Ready(());
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn take(&self) -> Option<Event> {
        let mut state = self.lock();
        let event = state.events.pop_front()?;
        state.discount(&event);
        let reader = if state.has_room() { state.reader.take() } else { None };
        drop(state);
        if let Some(reader) = reader {
            self.crew.wake(reader);
        }
        Some(event)
    }

    /// Whether another visit is needed.
    fn rest(&self) -> bool {
        let mut state = self.lock();
        state.scheduled = !state.events.is_empty() && !self.crew.is_stopped();
        if !state.scheduled {
            // Ten thousand idle connections should not keep ten thousand buffers.
            state.events = Fifo::default();
        }
        state.scheduled
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Only counters and a queue change under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to work on a mailbox. Dropped, the next visit is announced where events are left.
#[derive(Debug)]
pub struct Visit {
    mailbox: Arc<Mailbox>,
}

impl Visit {
    /// Names the object that the events are for.
    pub fn id(&self) -> u64 {
        self.mailbox.id
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.mailbox.pace
    }

    /// The next event.
    pub fn take(&mut self) -> Option<Event> {
        self.mailbox.take()
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if self.mailbox.rest() {
            self.mailbox.crew.submit_visit(Visit { mailbox: self.mailbox.clone() });
        }
    }
}
