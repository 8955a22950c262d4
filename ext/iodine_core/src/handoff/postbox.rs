//! Answers on their way from the application's threads to the thread that drives the sockets.
//!
//! Waking a tokio task from another thread costs a system call. Answers are therefore collected here, and the driving
//! thread hands them over itself, where a wake-up is an entry in a local list.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::task::Waker;

use super::ticket::{Parcel, Slot};
use crate::reactor::Reactor;
use crate::sync::{Mutex, MutexGuard};

/// Most items that there is always room for.
const KEPT: usize = 1024;

/// What the driving thread is asked to do.
enum Item {
    /// Hand an answer over.
    Answer(Arc<Slot>, Parcel),
    /// Wake a task.
    Wake(Waker),
    /// Anything else.
    Errand(Box<dyn FnOnce() + Send>),
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Item::Answer(..) => "Answer",
            Item::Wake(_) => "Wake",
            Item::Errand(_) => "Errand",
        })
    }
}

/// Collects answers and errands for the driving thread.
#[derive(Debug)]
pub(crate) struct Postbox {
    /// `None` once nobody delivers any more.
    items: Mutex<Option<Vec<Item>>>,
    reactor: Arc<Reactor>,
}

impl Postbox {
    pub(crate) fn new(reactor: Arc<Reactor>) -> Postbox {
        Postbox { items: Mutex::new(Some(Vec::new())), reactor }
    }

    pub(super) fn reactor(&self) -> &Arc<Reactor> {
        &self.reactor
    }

    /// Leaves an answer; it is handed over as soon as some thread drives the sockets (within about a millisecond).
    pub(crate) fn post(&self, slot: Arc<Slot>, parcel: Parcel) {
        self.push_and_nudge(Item::Answer(slot, parcel));
    }

    /// Has a task woken.
    pub(crate) fn wake(&self, waker: Waker) {
        self.push_and_nudge(Item::Wake(waker));
    }

    /// Has something done.
    pub(crate) fn run(&self, errand: Box<dyn FnOnce() + Send>) {
        self.push_and_nudge(Item::Errand(errand));
    }

    /// Leaves an answer and sees to it that a thread drives the sockets now.
    pub(crate) fn post_now(&self, slot: Arc<Slot>, parcel: Parcel) {
        self.push(Item::Answer(slot, parcel));
        self.reactor.see_to_it();
    }

    /// Hands over what was left. Called by the driving thread only.
    pub(crate) fn deliver(&self) {
        let mut items = self.lock().as_mut().map(std::mem::take).unwrap_or_default();
        for item in items.drain(..) {
            match item {
                Item::Answer(slot, parcel) => slot.put(parcel),
                Item::Wake(waker) => waker.wake(),
                // A panic in it is a bug of ours, and has been reported: whoever drives goes on.
                Item::Errand(errand) => drop(catch_unwind(AssertUnwindSafe(errand))),
            }
        }
        self.reuse(items);
    }

    /// The next items find room in the list of the last ones, unless there were many.
    fn reuse(&self, list: Vec<Item>) {
        if let Some(items) = self.lock().as_mut().filter(|items| items.capacity() == 0 && list.capacity() <= KEPT) {
            *items = list;
        }
    }

    /// Whether something waits to be handed over.
    pub(super) fn has_items(&self) -> bool {
        self.lock().as_ref().is_some_and(|items| !items.is_empty())
    }

    /// The server has stopped: items are dropped from now on, which tells whoever waits for their effect.
    pub(crate) fn close(&self) {
        let items = self.lock().take();
        drop(items);
    }

    fn push_and_nudge(&self, item: Item) {
        // Behind others it is handed over with them, and who brought the first of them has nudged.
        if self.push(item) {
            self.reactor.nudge();
        }
    }

    /// Whether the item is the first one that waits.
    fn push(&self, item: Item) -> bool {
        let mut items = self.lock();
        let Some(list) = items.as_mut() else {
            // Without the lock: dropping may answer other tickets.
            drop(items);
            drop(item);
            return false;
        };
        list.push(item);
        list.len() == 1
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Item>>> {
        // Nothing in this file can panic while the lock is held.
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
