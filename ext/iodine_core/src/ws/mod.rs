//! WebSocket (RFC 6455) without sockets: the handshake judged, bytes as messages, messages as bytes.
//!
//! tungstenite knows frames; the rules of messages are here, because it answers a violation with silence, checks UTF-8
//! only at the end of a frame and lets a client announce memory.

pub mod decoder;
pub mod encoder;
pub mod handshake;
mod mask;
pub mod origin;
mod utf8;
