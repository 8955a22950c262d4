//! Publish and subscribe: who wants to hear what, and how a publication reaches them.
//!
//! ```text
//! publish ┬→ hub → every subscriber of this process (encoded once)
//!         └→ relay → the other processes of this server → redis → other servers
//! ```
//!
//! Nothing here knows sockets of clients or the application: a [`Subscriber`](hub::Subscriber) is whoever takes a
//! publication, and the processes and Redis are fed by whoever calls [`Hub::publish`](hub::Hub::publish).

pub mod channel;
pub mod frame;
pub mod glob;
pub mod hub;
mod notices;
pub mod publication;
pub mod redis;
pub mod relay;
mod topics;
