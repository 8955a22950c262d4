//! Encrypted connections at a socket, and what may come before they speak.

#[allow(dead_code, unused_imports, reason = "every test crate uses its part of it")]
#[path = "../support/mod.rs"]
mod support;

mod client;
mod conversations;
mod engine;
mod handshakes;
mod hijacked;
mod proxies;
