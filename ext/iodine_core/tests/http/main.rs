//! HTTP at a socket: what a client sees of a server whose application is written in Rust.

#[allow(dead_code, unused_imports, reason = "every test crate uses its part of it")]
#[path = "../support/mod.rs"]
mod support;

mod access_log;
mod bodies;
mod draining;
mod figures;
mod files;
mod interim;
mod keep_alive;
mod late_clients;
mod listening;
mod overload;
mod public;
mod responses;
mod roads;
mod streams;
mod takeover;
mod timeouts;
