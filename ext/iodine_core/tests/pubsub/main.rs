//! Publish and subscribe, without sockets of clients: the rules for patterns, and what the hub promises.

#[allow(dead_code, reason = "every test crate uses its part of it")]
#[path = "../support/wait.rs"]
mod wait;

mod frames;
mod glob;
mod hub;
mod observer;
mod recorder;
mod redis;
