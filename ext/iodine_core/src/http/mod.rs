//! HTTP/1.1, both ways. What enters: a connected socket. What leaves: requests through the hand-off, responses as bytes.
//!
//! In front of everything stands a gate (`wire`) that judges every request head by the rules in `head`, and lets exactly
//! one message at a time through. Requests without a body whose answers are all there are served in `plain`. For the others
//! hyper parses, frames and encodes; what it cannot do (refusals that arrive, interim responses, hijacking) happens beside it
//! in `connection` and `raw`.

pub mod chunks;
pub(crate) mod clock;
pub(crate) mod connection;
mod date;
mod deadline;
mod exchange;
pub mod head;
pub(crate) mod link;
mod parts;
mod plain;
pub(crate) mod raw;
mod reason;
mod receive;
pub mod refusal;
pub(crate) mod refused;
mod response;
mod salvage;
pub(crate) mod shared;
mod talk;
pub mod target;
mod wire;
