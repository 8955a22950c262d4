//! What a subscription does with a publication: write it to the client, or leave it for a block.

use std::sync::Arc;

use bytes::Bytes;

use super::client::{Client, Protocol};
use crate::handoff::Event;
use crate::pubsub::channel::Channel;
use crate::pubsub::hub::Subscriber;
use crate::pubsub::publication::{Encoding, Publication};
use crate::sse;
use crate::ws::encoder;

/// Writes publications straight to a client: encoded once for all of them, without the application.
#[derive(Debug)]
pub struct Direct {
    client: Arc<Client>,
    binary: bool,
}

impl Direct {
    /// `binary`: as binary frames, whatever the publication is.
    pub fn new(client: Arc<Client>, binary: bool) -> Arc<Direct> {
        Arc::new(Direct { client, binary })
    }

    fn encoded(&self, publication: &Publication) -> Bytes {
        match self.client.protocol {
            Protocol::WebSocket if self.binary => {
                publication.encoded(Encoding::WebSocketBinary, |one| encoder::frame(encoder::BINARY, one.payload()))
            }
            Protocol::WebSocket => publication.encoded(Encoding::WebSocket, |one| {
                encoder::frame(if one.is_text() { encoder::TEXT } else { encoder::BINARY }, one.payload())
            }),
            Protocol::Sse if self.client.is_raw() => {
                publication.encoded(Encoding::EventRaw, |one| one.payload().clone())
            }
            Protocol::Sse => publication.encoded(Encoding::Event, |one| sse::event::data(one.payload())),
        }
    }
}

impl Subscriber for Direct {
    fn deliver(&self, publication: &Arc<Publication>) {
        self.client.publish(self.encoded(publication));
    }
}

/// Leaves publications in a client's mailbox, for the block that subscribed. A client whose blocks are too slow is closed.
#[derive(Debug)]
pub struct ToBlock {
    client: Arc<Client>,
    channel: Channel,
}

impl ToBlock {
    /// `channel`: what the block has subscribed to.
    pub fn new(client: Arc<Client>, channel: Channel) -> Arc<ToBlock> {
        Arc::new(ToBlock { client, channel })
    }
}

impl Subscriber for ToBlock {
    fn deliver(&self, publication: &Arc<Publication>) {
        let event = Event::Publication(publication.clone(), self.channel.clone());
        if !self.client.mailbox.post(event) {
            self.client.fall_behind();
        }
    }
}
