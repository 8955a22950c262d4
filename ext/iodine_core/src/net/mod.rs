//! Bytes in and out: listening sockets and connections, of whatever kind.

pub(crate) mod listener;
pub(crate) mod spare;
pub(crate) mod stream;

pub use listener::Listener;
