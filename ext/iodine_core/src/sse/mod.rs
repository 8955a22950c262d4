//! Server-sent events (HTML Standard §9.2) without sockets: who asks for them, and how they are written.

pub mod accept;
pub mod event;
