//! The server core of iodine-rs. It knows sockets and HTTP, and nothing of Ruby.
//!
//! A request's path, room by room:
//!
//! ```text
//! bytes → net/listener → http/connection → http/wire (gate) → hyper → http/exchange → handoff ║ application
//!       ← http/wire ← hyper ← http/response, http/raw ←──────────────────── handoff/ticket ║ ←
//! ```
//!
//! `║` is the door: see [`handoff`]. Who runs all this is told in `reactor`. Rooms import downstream only.

#![forbid(unsafe_code)]

pub mod access_log;
mod fifo;
pub mod files;
pub mod handoff;
pub mod http;
mod lifeline;
pub mod log;
pub mod metrics;
mod moment;
pub mod net;
pub mod pubsub;
mod reactor;
pub mod realtime;
pub mod server;
pub mod settings;
pub mod sse;
mod sync;
pub mod ws;
