//! Rack: a request as an env, a triplet as a reply. What enters: a [`Job`](iodine_core::handoff::Job). What leaves: its
//! ticket, answered.

mod body;
mod call;
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

use magnus::{Error, RModule, Ruby, TryConvert};

pub(crate) use context::{Context, RemoteAddress};
pub(crate) use env::Left;

/// Defines the classes of this room.
pub(crate) fn init(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    ruby.require("socket")?;
    ruby.require("stringio")?;
    ruby.require("iodine_rs/encrypted_socket")?;
    input::init(ruby);
    sink::init(ruby);
    socket::init(ruby);
    stream::init(ruby, module)?;
    hijack::init(ruby, module)?;
    early_hints::init(ruby, module)
}

/// A class of Ruby's own, or one that [`init`] has loaded.
fn constant<T: TryConvert>(ruby: &Ruby, name: &str) -> T {
    ruby.eval(name).expect("Ruby's own classes and those of the libraries loaded by init exist")
}
