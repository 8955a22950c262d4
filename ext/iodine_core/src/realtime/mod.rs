//! Connections after their upgrade: WebSocket and server-sent events.
//!
//! ```text
//! bytes → session → mailbox ║ callback        write → client → outbox ║ session → bytes
//! ```
//!
//! A [`Client`] is the handle that the application and the subscriptions hold; the session task owns the socket.

mod client;
mod clients;
mod outbox;
pub(crate) mod session;
mod subscriptions;
mod upgrade;

pub use client::{Client, Closed, Message, Protocol};
pub use clients::Realtime;
pub use subscriptions::{Direct, ToBlock};
pub use upgrade::{Opening, Upgrade};
