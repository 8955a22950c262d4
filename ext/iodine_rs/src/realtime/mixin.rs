//! `IodineRs::Websocket`: the article's API, whose methods are in `lib/iodine_rs/websocket.rb`. Here is only the link
//! from a handler to its connection, in a place that no program sees.

use std::sync::OnceLock;

use magnus::rb_sys::{AsRawValue, FromRawValue, protect};
use magnus::typed_data::Obj;
use magnus::{Error, Module, Object, RModule, Value, function};
use rb_sys::{ID, rb_intern2, rb_ivar_get, rb_ivar_set};

use super::connection::Connection;

/// Without an `@`: an instance variable that Ruby code cannot name.
const LINK: &str = "iodine_rs_connection";

pub(super) fn init(module: RModule) -> Result<(), Error> {
    let mixin = module.define_module("Websocket")?;
    mixin.define_singleton_method("attach", function!(attach, 2))?;
    mixin.define_singleton_method("connection_of", function!(connection_of, 1))
}

fn link() -> ID {
    static ID: OnceLock<ID> = OnceLock::new();
    // SAFETY: the GVL is held; the name is copied.
    *ID.get_or_init(|| unsafe { rb_intern2(LINK.as_ptr().cast(), LINK.len() as i64) })
}

/// `Websocket.attach(handler, connection)`: from now on the handler is this connection. Raises FrozenError.
fn attach(handler: Value, connection: Obj<Connection>) -> Result<Value, Error> {
    // SAFETY: live objects; what is raised is caught by `protect`.
    protect(|| unsafe { rb_ivar_set(handler.as_raw(), link(), connection.as_raw()) })?;
    Ok(handler)
}

/// `Websocket.connection_of(handler)`: its Connection, or nil.
fn connection_of(handler: Value) -> Result<Value, Error> {
    // SAFETY: a live object; reading an instance variable that is not there gives nil.
    let found = protect(|| unsafe { rb_ivar_get(handler.as_raw(), link()) })?;
    // SAFETY: what Ruby has just returned.
    Ok(unsafe { Value::from_raw(found) })
}
