//! Tells an observer which channels come and go: in order, and without any lock held.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::channel::Channel;

/// Is told which channels have subscribers in this process. The calls come one after another, in the order of the
/// changes, from whichever thread caused one of them; they may use the hub, and must not wait for anything.
pub trait Observer: Send + Sync {
    /// The channel got its first subscription.
    fn subscribed(&self, channel: &Channel);
    /// The channel lost its last subscription.
    fn unsubscribed(&self, channel: &Channel);
}

pub(super) enum Notice {
    Subscribed(Channel),
    Unsubscribed(Channel),
}

/// Notices on their way to the observer.
#[derive(Default)]
pub(super) struct Notices(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    observer: Option<Arc<dyn Observer>>,
    queue: VecDeque<Notice>,
    /// Some thread is telling the observer, and will tell it whatever is added.
    telling: bool,
}

impl Notices {
    /// Replaces the observer; it hears first of all `channels` that are there already.
    pub(super) fn set_observer(&self, observer: Arc<dyn Observer>, channels: Vec<Channel>) {
        let mut waiting = self.lock();
        // What waits for the old observer is part of `channels` already.
        waiting.queue = channels.into_iter().map(Notice::Subscribed).collect();
        let old = waiting.observer.replace(observer);
        drop(waiting);
        drop(old);
    }

    /// Adds a notice. Called while the hub's lock is held, which gives the order.
    pub(super) fn add(&self, notice: Notice) {
        let mut waiting = self.lock();
        if waiting.observer.is_some() {
            waiting.queue.push_back(notice);
        }
    }

    /// Tells the observer whatever waits, unless another thread is about it. Called without the hub's lock.
    pub(super) fn tell(&self) {
        loop {
            let mut waiting = self.lock();
            if waiting.telling {
                return;
            }
            let Some(notice) = waiting.queue.pop_front() else { return };
            let Some(observer) = waiting.observer.clone() else { return };
            waiting.telling = true;
            drop(waiting);
            let _told = Told(self);
            match &notice {
                Notice::Subscribed(channel) => observer.subscribed(channel),
                Notice::Unsubscribed(channel) => observer.unsubscribed(channel),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in this file can panic while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets others tell again, even if the observer panics.
struct Told<'a>(&'a Notices);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.lock().telling = false;
    }
}
