//! One published message, and its encodings for the wire.

use std::sync::OnceLock;

use bytes::Bytes;

/// A message that was published to a channel.
#[derive(Debug)]
pub struct Publication {
    channel: Bytes,
    payload: Bytes,
    text: bool,
    encodings: [OnceLock<Bytes>; Encoding::COUNT],
}

/// How a publication is written to a socket. Each is made at most once for each publication.
///
/// An encoding that differs between groups of subscribers (a prefix of the group, the shared payload, a suffix) becomes
/// one more variant that carries the group's number; subscribers, not the hub, choose the encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A WebSocket frame of the publication's own kind, text or binary.
    WebSocket,
    /// A binary WebSocket frame, whatever the publication is.
    WebSocketBinary,
    /// A server-sent event.
    Event,
    /// The payload for an event stream whose application writes its events itself.
    EventRaw,
}

impl Encoding {
    const COUNT: usize = Encoding::EventRaw as usize + 1;
}

impl Publication {
    /// A publication that is text if `payload` is valid UTF-8, else binary.
    pub fn new(channel: Bytes, payload: Bytes) -> Publication {
        let text = std::str::from_utf8(&payload).is_ok();
        Publication { channel, payload, text, encodings: Default::default() }
    }

    /// A publication that is binary, even if `payload` would be valid UTF-8.
    pub fn binary(channel: Bytes, payload: Bytes) -> Publication {
        Publication { channel, payload, text: false, encodings: Default::default() }
    }

    /// The channel's name.
    pub fn channel(&self) -> &Bytes {
        &self.channel
    }

    /// The message as it was published.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Tells whether the payload is text; it is valid UTF-8 then.
    pub fn is_text(&self) -> bool {
        self.text
    }

    /// The publication in this encoding; `make` is called for the first who asks, everybody else shares its result.
    pub fn encoded(&self, encoding: Encoding, make: impl FnOnce(&Publication) -> Bytes) -> Bytes {
        self.encodings[encoding as usize].get_or_init(|| make(self)).clone()
    }
}
