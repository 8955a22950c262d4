//! Blocks of `IodineRs.subscribe`: what they hear waits here for the thread that runs them.

use std::sync::Arc;

use crossbeam_channel::Sender;
use iodine_core::log::Losses;
use iodine_core::pubsub::hub::Subscriber;
use iodine_core::pubsub::publication::Publication;
use magnus::{Error, IntoValue, Object, RArray, RModule, RString, Ruby, function};

use super::{Delivery, WAITING, channel, hub, process, wait_for};
use crate::realtime::message;

pub(super) fn init(pubsub: RModule) -> Result<(), Error> {
    pubsub.define_singleton_method("listen", function!(listen, 3))?;
    pubsub.define_singleton_method("unlisten", function!(unlisten, 3))?;
    pubsub.define_singleton_method("next_delivery", function!(next_delivery, 0))
}

/// `PubSub.listen(number, name, pattern)`: publications of the channel come out of `next_delivery` under this number.
fn listen(number: u64, name: RString, pattern: bool) {
    let subscriber = process().as_ref().map(|process| Listener {
        number,
        to: process.sender.clone(),
        losses: process.undelivered.clone(),
    });
    if let Some(subscriber) = subscriber {
        hub().subscribe(owner(number), channel(name, pattern), Arc::new(subscriber));
    }
}

/// `PubSub.unlisten(number, name, pattern)`: whether there was such a subscription.
fn unlisten(number: u64, name: RString, pattern: bool) -> bool {
    hub().unsubscribe(owner(number), &channel(name, pattern))
}

/// Numbers of connections count up from 1, those of blocks down from the top.
fn owner(number: u64) -> u64 {
    u64::MAX - number
}

/// `PubSub.next_delivery`: waits for `[number, channel, message]`.
fn next_delivery(ruby: &Ruby) -> Result<RArray, Error> {
    let Some(receiver) = process().as_ref().map(|process| process.receiver.clone()) else { return Ok(ruby.ary_new()) };
    let (number, publication) = wait_for(&receiver)?;
    let source = publication.channel();
    let source = message::string(ruby, source, std::str::from_utf8(source).is_ok());
    let data = message::string(ruby, publication.payload(), publication.is_text());
    Ok(ruby.ary_new_from_values(&[number.into_value_with(ruby), source, data]))
}

struct Listener {
    number: u64,
    to: Sender<Delivery>,
    losses: Arc<Losses>,
}

impl Subscriber for Listener {
    fn deliver(&self, publication: &Arc<Publication>) {
        if self.to.len() >= WAITING {
            return self.losses.note();
        }
        // The other end is kept as long as the process.
        let _ = self.to.send((self.number, publication.clone()));
    }
}
