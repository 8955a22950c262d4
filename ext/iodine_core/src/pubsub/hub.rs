//! Where publications of this process meet its subscribers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::channel::Channel;
pub use super::notices::Observer;
use super::notices::{Notice, Notices};
use super::publication::Publication;
use super::topics::{Removed, Topics};

/// Takes publications.
pub trait Subscriber: Send + Sync {
    /// Takes one publication, on the publisher's thread. May use the hub, and must not wait: others stand behind.
    fn deliver(&self, publication: &Arc<Publication>);
}

/// All subscriptions of one process.
///
/// Nobody's code runs while a lock is held: subscribers and observers may subscribe, unsubscribe and publish.
#[derive(Default)]
pub struct Hub {
    topics: RwLock<Topics>,
    notices: Notices,
    publications: AtomicU64,
    deliveries: AtomicU64,
}

impl Hub {
    /// A hub without subscriptions.
    pub fn new() -> Arc<Hub> {
        Arc::default()
    }

    /// Subscribes `owner` (a number that the caller gives to a connection, or to whatever else ends) to a channel. An
    /// owner has at most one subscription to a channel: subscribing again replaces the subscriber, in its place.
    ///
    /// Returns whether it is the first subscription to this channel in the process.
    pub fn subscribe(&self, owner: u64, channel: Channel, subscriber: Arc<dyn Subscriber>) -> bool {
        let mut topics = self.write();
        let (first, replaced) = topics.add(owner, channel.clone(), subscriber);
        if first {
            self.notices.add(Notice::Subscribed(channel));
        }
        drop(topics);
        drop(replaced);
        if first {
            self.notices.tell();
        }
        first
    }

    /// Ends one subscription; a publication that is under way may still arrive. Returns whether there was one.
    pub fn unsubscribe(&self, owner: u64, channel: &Channel) -> bool {
        let mut topics = self.write();
        let removed = topics.remove(owner, channel);
        self.note(removed.as_slice());
        drop(topics);
        self.notices.tell();
        removed.map(|one| drop(one.subscriber)).is_some()
    }

    /// Ends all subscriptions of an owner, without looking at those of others.
    pub fn unsubscribe_all(&self, owner: u64) {
        let mut topics = self.write();
        let channels = topics.of_owner(owner);
        let removed: Vec<Removed> = channels.iter().filter_map(|channel| topics.remove(owner, channel)).collect();
        self.note(&removed);
        drop(topics);
        drop(removed);
        self.notices.tell();
    }

    /// Delivers to everybody in this process who subscribed to the channel or to a pattern of it, in the order of
    /// their subscriptions; whoever subscribed in both ways gets it twice. What one thread publishes arrives in the
    /// order of its calls.
    ///
    /// Returns the number of deliveries.
    pub fn publish(&self, publication: &Arc<Publication>) -> usize {
        let lists = self.read().covering(publication.channel());
        let deliveries = match lists.as_slice() {
            [] => 0,
            [list] => deliver(publication, list.iter().filter_map(|one| one.subscriber.as_ref())),
            lists => {
                let mut all: Vec<_> = lists.iter().flat_map(|list| list.iter()).collect();
                all.sort_by_key(|one| one.number);
                deliver(publication, all.into_iter().filter_map(|one| one.subscriber.as_ref()))
            }
        };
        self.publications.fetch_add(1, Ordering::Relaxed);
        self.deliveries.fetch_add(deliveries as u64, Ordering::Relaxed);
        deliveries
    }

    /// Publications and deliveries so far.
    pub fn totals(&self) -> (u64, u64) {
        (self.publications.load(Ordering::Relaxed), self.deliveries.load(Ordering::Relaxed))
    }

    /// Every channel and pattern that has a subscription now, in no order.
    pub fn channels(&self) -> Vec<Channel> {
        self.read().channels()
    }

    /// Tells `observer`, instead of the one before, of all channels that have a subscription, and of every change from
    /// now on.
    pub fn set_observer(&self, observer: Arc<dyn Observer>) {
        let topics = self.write();
        self.notices.set_observer(observer, topics.channels());
        drop(topics);
        self.notices.tell();
    }

    fn note(&self, removed: &[Removed]) {
        for one in removed.iter().filter(|one| one.last) {
            self.notices.add(Notice::Unsubscribed(one.channel.clone()));
        }
    }

    // Nothing can panic while a lock is held, except where memory ends.
    fn read(&self) -> RwLockReadGuard<'_, Topics> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Topics> {
        self.topics.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn deliver<'a>(publication: &Arc<Publication>, subscribers: impl Iterator<Item = &'a Arc<dyn Subscriber>>) -> usize {
    subscribers.map(|subscriber| subscriber.deliver(publication)).count()
}
