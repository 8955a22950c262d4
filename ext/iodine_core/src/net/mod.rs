//! Bytes in and out: listening sockets and connections, of whatever kind.

mod entrance;
pub(crate) mod listener;
pub mod proxy;
pub(crate) mod pump;
pub(crate) mod spare;
pub(crate) mod stream;
pub mod tls;

pub use listener::{Binding, Listener};
