//! Who is told which channels have subscribers in this process.

use std::sync::Arc;

use crossbeam_channel::Sender;
use iodine_core::pubsub::channel::Channel;
use iodine_core::pubsub::hub::Observer;
use magnus::{Error, IntoValue, Object, RModule, Ruby, Value, function};

use super::{News, observe, process, wait_for};
use crate::realtime::message;

pub(super) fn init(pubsub: RModule) -> Result<(), Error> {
    pubsub.define_singleton_method("observe", function!(start_notices, 0))?;
    pubsub.define_singleton_method("next_notice", function!(next_notice, 0))
}

/// Tells all of them.
pub(super) struct Observers(pub(super) Vec<Arc<dyn Observer>>);

impl Observer for Observers {
    fn subscribed(&self, channel: &Channel) {
        self.0.iter().for_each(|one| one.subscribed(channel));
    }

    fn unsubscribed(&self, channel: &Channel) {
        self.0.iter().for_each(|one| one.unsubscribed(channel));
    }
}

/// Leaves notices for `next_notice`.
struct Notices(Sender<News>);

impl Observer for Notices {
    fn subscribed(&self, channel: &Channel) {
        // The process holds the other end.
        let _ = self.0.send((channel.clone(), true));
    }

    fn unsubscribed(&self, channel: &Channel) {
        let _ = self.0.send((channel.clone(), false));
    }
}

/// `PubSub.observe`: from now on `next_notice` tells which channels have subscribers in this process.
fn start_notices() {
    let sender = process().as_ref().map(|process| process.notices.0.clone());
    if let Some(sender) = sender {
        observe(Arc::new(Notices(sender)));
    }
}

/// `PubSub.next_notice`: waits for `[name, pattern, subscribed]`.
fn next_notice(ruby: &Ruby) -> Result<Value, Error> {
    let Some(receiver) = process().as_ref().map(|process| process.notices.1.clone()) else {
        return Ok(ruby.qnil().into_value_with(ruby));
    };
    let (channel, subscribed) = wait_for(&receiver)?;
    Ok(notice(ruby, &channel, subscribed))
}

/// `[name, pattern, subscribed]`.
pub(super) fn notice(ruby: &Ruby, channel: &Channel, subscribed: bool) -> Value {
    let pattern = matches!(channel, Channel::Pattern(_));
    let name = message::string(ruby, channel.name(), std::str::from_utf8(channel.name()).is_ok());
    let parts = [name, pattern.into_value_with(ruby), subscribed.into_value_with(ruby)];
    ruby.ary_new_from_values(&parts).into_value_with(ruby)
}
