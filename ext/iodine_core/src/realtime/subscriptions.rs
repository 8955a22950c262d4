//! What a subscription does with a publication: write it to the client, or leave it for a block.

use std::sync::Arc;

use bytes::Bytes;

use super::client::{Client, Protocol};
use crate::handoff::{Event, Mailbox};
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

/// Leaves publications in a mailbox, for the block that subscribed.
#[derive(Debug)]
pub struct ToBlock {
    mailbox: Arc<Mailbox>,
    channel: Channel,
    client: Option<Arc<Client>>,
}

impl ToBlock {
    /// For a block of a client's handler. A client whose blocks are too slow is closed.
    pub fn of_client(client: &Arc<Client>, channel: Channel) -> Arc<ToBlock> {
        Arc::new(ToBlock { mailbox: client.mailbox.clone(), channel, client: Some(client.clone()) })
    }
}

impl Subscriber for ToBlock {
    fn deliver(&self, publication: &Arc<Publication>) {
        let event = Event::Publication(publication.clone(), self.channel.clone());
        if !self.mailbox.post(event) {
            if let Some(client) = &self.client {
                client.fall_behind();
            }
        }
    }
}
