//! Upgraded connections: events as callbacks, `write` as bytes. What the methods take and return in all their forms is
//! told in `lib/iodine_rs/connection.rb`, `websocket.rb` and `pub_sub.rb`, which stand on what is defined here.

mod connection;
mod events;
mod handler;
mod message;
mod mixin;
mod pubsub;
mod redis;
mod registry;
pub(crate) mod upgrade;

use magnus::{Error, RModule, Ruby};

pub(crate) use events::serve;
pub(crate) use pubsub::{hub, serve_with};

/// Defines the classes of this room.
pub(crate) fn init(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    registry::init(ruby);
    connection::init(ruby, module)?;
    mixin::init(module)?;
    pubsub::init(ruby, module)
}
