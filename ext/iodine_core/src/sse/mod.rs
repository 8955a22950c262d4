//! Server-sent events (HTML Standard §9.2) without sockets: who asks for them, and how they are written.

pub mod accept;
pub mod event;

/// The media type.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";
