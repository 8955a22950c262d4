//! Rack: a request as an env, a triplet as a reply. What enters: a [`Job`](iodine_core::handoff::Job). What leaves: its
//! ticket, answered.

mod body;
mod callbacks;
mod context;
mod early_hints;
mod env;
mod hijack;
mod input;
mod reply;
pub(crate) mod service;
mod sink;
mod socket;
mod stream;

use magnus::{Error, RModule, Ruby};

pub(crate) use context::Context;

/// Defines the classes of this room.
pub(crate) fn init(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    stream::init(ruby, module)?;
    hijack::init(ruby, module)?;
    early_hints::init(ruby, module)
}
