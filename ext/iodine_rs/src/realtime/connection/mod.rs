//! `IodineRs::Connection`: one upgraded connection. Its methods in the forms that an app uses are in
//! `lib/iodine_rs/connection.rb`.

mod methods;

use std::cell::Cell;
use std::sync::Arc;

use bytes::Bytes;
use iodine_core::pubsub::channel::Channel;
use iodine_core::realtime::Client;
use magnus::gc::Marker;
use magnus::typed_data::{Obj, Writebarrier};
use magnus::value::{Opaque, ReprValue};
use magnus::{DataTypeFunctions, Error, Object, RArray, RHash, RModule, RString, Ruby, TypedData, Value, function};

use super::handler::Handler;
use super::{message, pubsub, registry};
use crate::{classes, fork, raised};

/// See the module.
#[derive(TypedData)]
#[magnus(class = "IodineRs::Connection", free_immediately, mark, wb_protected)]
pub(super) struct Connection {
    client: Arc<Client>,
    forks: u64,
    env: Opaque<Value>,
    handler: Cell<Option<Handler>>,
    opened: Cell<bool>,
    /// A thread is in one of the connection's callbacks.
    entered: Cell<Option<Opaque<Value>>>,
    /// Blocks to be run in the connection's order.
    deferred: Cell<Option<Opaque<RArray>>>,
    /// Blocks of subscriptions, by channel.
    blocks: Cell<Option<Opaque<RHash>>>,
}

impl DataTypeFunctions for Connection {
    fn mark(&self, marker: &Marker) {
        marker.mark(self.env);
        if let Some(handler) = self.handler.get() {
            marker.mark(handler.opaque());
        }
        if let Some(thread) = self.entered.get() {
            marker.mark(thread);
        }
        if let Some(deferred) = self.deferred.get() {
            marker.mark(deferred);
        }
        if let Some(blocks) = self.blocks.get() {
            marker.mark(blocks);
        }
    }
}

pub(super) fn init(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    let class = classes::define::<Connection>(ruby, module, "Connection")?;
    class.define_singleton_method("all", function!(all, 0))?;
    class.define_singleton_method("find", function!(find, 1))?;
    methods::init(class)
}

/// `Connection.all`: every connection of this process, in an Array of its own.
fn all(ruby: &Ruby) -> Result<RArray, Error> {
    registry::all(ruby)
}

/// `Connection.find(id)`: the connection with that `conn_id`, or nil.
fn find(ruby: &Ruby, id: u64) -> Result<Option<Obj<Connection>>, Error> {
    registry::get(ruby, id)
}

/// What the rest of the bridge does with a connection.
impl Connection {
    /// Makes the connection of an accepted upgrade, known to the registry, with its handler attached.
    ///
    /// # Errors
    /// What the handler's class raised.
    pub(super) fn establish(
        ruby: &Ruby,
        client: Arc<Client>,
        env: Value,
        handler: Value,
        mixin: bool,
    ) -> Result<(), Error> {
        let id = client.id();
        let this: Obj<Connection> = ruby.obj_wrap(Connection {
            client,
            forks: fork::generation(),
            env: env.into(),
            handler: Cell::new(None),
            opened: Cell::new(false),
            entered: Cell::new(None),
            deferred: Cell::new(None),
            blocks: Cell::new(None),
        });
        let _: Value = this.funcall(if mixin { "mix_into" } else { "adopt" }, (handler,))?;
        registry::add(ruby, id, this)
    }

    pub(super) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub(super) fn env(&self, ruby: &Ruby) -> Value {
        ruby.get_inner(self.env)
    }

    /// There is one from `establish` on.
    pub(super) fn current_handler(&self) -> Handler {
        self.handler.get().expect("attached when it was established")
    }

    pub(super) fn set_opened(&self) {
        self.opened.set(true);
    }

    pub(super) fn is_opened(&self) -> bool {
        self.opened.get()
    }

    pub(super) fn block(&self, ruby: &Ruby, channel: &Channel) -> Result<Option<Value>, Error> {
        match self.blocks.get() {
            Some(blocks) => ruby.get_inner(blocks).lookup(pubsub::key(ruby, channel)),
            None => Ok(None),
        }
    }

    pub(super) fn next_deferred(&self, ruby: &Ruby) -> Result<Option<Value>, Error> {
        match self.deferred.get() {
            Some(deferred) => ruby.get_inner(deferred).shift(),
            None => Ok(None),
        }
    }

    fn check_process(&self, ruby: &Ruby) -> Result<(), Error> {
        if fork::is_child(self.forks) {
            let message = "the connection belongs to the parent of this process";
            return Err(raised::error(ruby.exception_io_error(), message));
        }
        Ok(())
    }
}

/// For the events of a visit.
pub(super) trait InVisit {
    /// The calling thread runs the connection's callbacks.
    fn enter(&self);
    /// It does so no longer.
    fn leave(&self);
}

impl InVisit for Obj<Connection> {
    fn enter(&self) {
        let thread = Ruby::get_with(*self).thread_current().as_value();
        self.entered.set(Some(thread.into()));
        self.writebarrier(thread);
    }

    fn leave(&self) {
        self.entered.set(None);
    }
}

/// Bytes of a name: compared as they are, whatever their encoding says.
pub(super) fn name_bytes(name: RString) -> Bytes {
    // SAFETY: copied before Ruby code runs again.
    Bytes::copy_from_slice(unsafe { name.as_slice() })
}
