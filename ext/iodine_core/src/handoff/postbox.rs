//! Answers on their way from the application's threads to the thread that drives the sockets.
//!
//! Waking a tokio task from another thread costs a system call. Answers are therefore collected here, and the driving
//! thread hands them over itself, where a wake-up is an entry in a local list.

use std::sync::{Arc, Mutex, PoisonError};

use super::ticket::{Parcel, Slot};
use crate::reactor::Reactor;

/// Collects answers for the driving thread.
#[derive(Debug)]
pub(crate) struct Postbox {
    parcels: Mutex<Vec<(Arc<Slot>, Parcel)>>,
    reactor: Arc<Reactor>,
}

impl Postbox {
    pub(crate) fn new(reactor: Arc<Reactor>) -> Postbox {
        Postbox { parcels: Mutex::default(), reactor }
    }

    pub(super) fn reactor(&self) -> &Arc<Reactor> {
        &self.reactor
    }

    /// Leaves an answer; it is handed over as soon as some thread drives the sockets (within about a millisecond).
    pub(crate) fn post(&self, slot: Arc<Slot>, parcel: Parcel) {
        self.push(slot, parcel);
        self.reactor.nudge();
    }

    /// Leaves an answer and sees to it that a thread drives the sockets now.
    pub(crate) fn post_now(&self, slot: Arc<Slot>, parcel: Parcel) {
        self.push(slot, parcel);
        self.reactor.see_to_it();
    }

    /// Hands over what was left. Called by the driving thread only.
    pub(crate) fn deliver(&self) {
        let parcels = std::mem::take(&mut *self.lock());
        for (slot, parcel) in parcels {
            slot.put(parcel);
        }
    }

    fn push(&self, slot: Arc<Slot>, parcel: Parcel) {
        self.lock().push((slot, parcel));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Arc<Slot>, Parcel)>> {
        // Nothing in this file can panic while the lock is held.
        self.parcels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
