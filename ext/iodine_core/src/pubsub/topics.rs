//! Who subscribed to what: the tables behind the hub's lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use super::channel::Channel;
use super::glob;
use super::hub::Subscriber;

/// One subscription. `number` counts subscriptions of the process, so it orders them.
#[derive(Clone)]
pub(super) struct Subscription {
    pub(super) number: u64,
    /// `None` once unsubscribed: places are given back in bulk, which makes leaving cheap in large lists.
    pub(super) subscriber: Option<Arc<dyn Subscriber>>,
}

/// The subscriptions of one channel, by number. Shared with publications under way; it is copied only when it changes
/// while one is.
#[derive(Default)]
struct Topic {
    list: Arc<Vec<Subscription>>,
    vacant: usize,
}

/// All subscriptions of the process.
#[derive(Default)]
pub(super) struct Topics {
    exact: HashMap<Bytes, Topic>,
    patterns: HashMap<Bytes, Topic>,
    /// What each owner has subscribed to, and the number of that subscription.
    owned: BTreeMap<(u64, Channel), u64>,
    last_number: u64,
}

/// What an unsubscription took out.
pub(super) struct Removed {
    pub(super) channel: Channel,
    /// It was the channel's last subscription.
    pub(super) last: bool,
    /// Dropped by the caller without the lock: dropping may run anybody's code.
    pub(super) subscriber: Option<Arc<dyn Subscriber>>,
}

impl Topics {
    /// Adds a subscription, or replaces the subscriber of the one that is there already. Returns whether it is the
    /// channel's first one, and the subscriber that was replaced.
    pub(super) fn add(
        &mut self,
        owner: u64,
        channel: Channel,
        subscriber: Arc<dyn Subscriber>,
    ) -> (bool, Option<Arc<dyn Subscriber>>) {
        let key = (owner, channel);
        if let Some(&number) = self.owned.get(&key) {
            let replaced =
                self.topics(&key.1).get_mut(key.1.name()).and_then(|topic| topic.replace(number, subscriber));
            return (false, replaced);
        }
        self.last_number += 1;
        let number = self.last_number;
        let channel = self.shared_name(key.1);
        let topic = self.topics(&channel).entry(channel.name().clone()).or_default();
        let first = topic.list.is_empty();
        Arc::make_mut(&mut topic.list).push(Subscription { number, subscriber: Some(subscriber) });
        self.owned.insert((owner, channel), number);
        (first, None)
    }

    /// Takes out one subscription, if there is one.
    pub(super) fn remove(&mut self, owner: u64, channel: &Channel) -> Option<Removed> {
        let ((_, channel), number) = self.owned.remove_entry(&(owner, channel.clone()))?;
        let topics = self.topics(&channel);
        let topic = topics.get_mut(channel.name())?;
        let subscriber = topic.remove(number);
        let last = topic.list.is_empty();
        if last {
            topics.remove(channel.name());
            give_back(topics);
        }
        Some(Removed { channel, last, subscriber })
    }

    /// What an owner has subscribed to.
    pub(super) fn of_owner(&self, owner: u64) -> Vec<Channel> {
        let first = (owner, Channel::Exact(Bytes::new()));
        self.owned
            .range(first..)
            .map(|(key, _)| key)
            .take_while(|key| key.0 == owner)
            .map(|key| key.1.clone())
            .collect()
    }

    /// The subscriptions that want to hear of a publication to `name`, one list for each channel or pattern.
    pub(super) fn covering(&self, name: &[u8]) -> Vec<Arc<Vec<Subscription>>> {
        let patterns = self.patterns.iter().filter(|(pattern, _)| glob::matches(pattern, name));
        self.exact
            .get(name)
            .into_iter()
            .chain(patterns.map(|(_, topic)| topic))
            .map(|topic| topic.list.clone())
            .collect()
    }

    /// Every channel and pattern that has a subscription.
    pub(super) fn channels(&self) -> Vec<Channel> {
        let exact = self.exact.keys().cloned().map(Channel::Exact);
        exact.chain(self.patterns.keys().cloned().map(Channel::Pattern)).collect()
    }

    fn topics(&mut self, channel: &Channel) -> &mut HashMap<Bytes, Topic> {
        match channel {
            Channel::Exact(_) => &mut self.exact,
            Channel::Pattern(_) => &mut self.patterns,
        }
    }

    /// The same channel by the name that the table holds already, or by a copy of its own: a name is kept once, however
    /// many subscribe, and never keeps a larger buffer alive.
    fn shared_name(&mut self, channel: Channel) -> Channel {
        let known = self.topics(&channel).get_key_value(channel.name()).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| Bytes::copy_from_slice(channel.name()));
        match channel {
            Channel::Exact(_) => Channel::Exact(name),
            Channel::Pattern(_) => Channel::Pattern(name),
        }
    }
}

impl Topic {
    fn replace(&mut self, number: u64, subscriber: Arc<dyn Subscriber>) -> Option<Arc<dyn Subscriber>> {
        self.slot(number)?.subscriber.replace(subscriber)
    }

    fn remove(&mut self, number: u64) -> Option<Arc<dyn Subscriber>> {
        let removed = self.slot(number)?.subscriber.take();
        self.vacant += 1;
        if self.vacant * 2 >= self.list.len() {
            let list = Arc::make_mut(&mut self.list);
            list.retain(|subscription| subscription.subscriber.is_some());
            list.shrink_to(list.len() * 2);
            self.vacant = 0;
        }
        removed
    }

    fn slot(&mut self, number: u64) -> Option<&mut Subscription> {
        let at = self.list.binary_search_by_key(&number, |subscription| subscription.number).ok()?;
        Arc::make_mut(&mut self.list).get_mut(at)
    }
}

/// Returns the memory of a table that was much larger once.
fn give_back(topics: &mut HashMap<Bytes, Topic>) {
    if topics.capacity() > 64 && topics.len() * 8 < topics.capacity() {
        topics.shrink_to(topics.len() * 2);
    }
}
