//! Answers on their way from the application's threads to the thread that drives the sockets.
//!
//! Waking a tokio task from another thread costs a system call. Answers are therefore collected here, and the driving
//! thread hands them over itself, where a wake-up is an entry in a local list.

use std::sync::{Arc, Mutex, PoisonError};

use super::ticket::{Parcel, Slot};
use crate::reactor::Reactor;

type Parcels = Vec<(Arc<Slot>, Parcel)>;

/// Collects answers for the driving thread.
#[derive(Debug)]
pub(crate) struct Postbox {
    /// `None` once nobody delivers any more.
    parcels: Mutex<Option<Parcels>>,
    reactor: Arc<Reactor>,
}

impl Postbox {
    pub(crate) fn new(reactor: Arc<Reactor>) -> Postbox {
        Postbox { parcels: Mutex::new(Some(Vec::new())), reactor }
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
        let parcels = self.lock().as_mut().map(std::mem::take).unwrap_or_default();
        for (slot, parcel) in parcels {
            slot.put(parcel);
        }
    }

    /// The server has stopped: parcels are dropped from now on, which tells whoever waits for their effect.
    pub(crate) fn close(&self) {
        let parcels = self.lock().take();
        drop(parcels);
    }

    fn push(&self, slot: Arc<Slot>, parcel: Parcel) {
        let refused = match self.lock().as_mut() {
            Some(parcels) => {
                parcels.push((slot, parcel));
                None
            }
            None => Some(parcel),
        };
        // Without the lock: dropping may answer other tickets.
        drop(refused);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Parcels>> {
        // Nothing in this file can panic while the lock is held.
        self.parcels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
