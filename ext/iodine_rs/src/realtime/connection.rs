//! `IodineRs::Connection`: one upgraded connection. Its methods in the forms that an app uses are in
//! `lib/iodine_rs/connection.rb`.

use std::cell::Cell;
use std::sync::Arc;

use bytes::Bytes;
use iodine_core::pubsub::channel::Channel;
use iodine_core::realtime::{Client, Direct, Message, Protocol, ToBlock};
use iodine_core::sse::event::{self, Event};
use magnus::gc::Marker;
use magnus::typed_data::{Obj, Writebarrier};
use magnus::value::{Opaque, ReprValue};
use magnus::{
    DataTypeFunctions, Error, Module, Object, RArray, RHash, RModule, RString, Ruby, Symbol, TypedData, Value,
    function, method,
};

use super::handler::{Callback, Handler};
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
    class.define_method("send_message", method!(Connection::send_message, 1))?;
    class.define_method("send_event", method!(Connection::send_event, 4))?;
    class.define_method("send_close", method!(Connection::send_close, 2))?;
    class.define_method("open?", method!(Connection::is_open, 0))?;
    class.define_method("pending", method!(Connection::pending, 0))?;
    class.define_method("protocol", method!(Connection::protocol, 0))?;
    class.define_method("ping_interval", method!(Connection::ping_interval, 0))?;
    class.define_method("ping_interval=", method!(Connection::set_ping_interval, 1))?;
    class.define_method("raw=", method!(Connection::set_raw, 1))?;
    class.define_method("env", method!(Connection::env_method, 0))?;
    class.define_method("handler", method!(Connection::handler, 0))?;
    class.define_method("attach", method!(Connection::attach, 2))?;
    class.define_method("in_callback?", method!(Connection::is_entered_here, 0))?;
    class.define_method("defer_block", method!(Connection::defer_block, 1))?;
    class.define_method("subscribe_to", method!(Connection::subscribe_to, 4))?;
    class.define_method("unsubscribe_from", method!(Connection::unsubscribe_from, 2))?;
    class.define_method("close_code", method!(Connection::close_code, 0))?;
    class.define_method("close_reason", method!(Connection::close_reason, 0))?;
    class.define_method("conn_id", method!(Connection::conn_id, 0))
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

/// What Ruby calls.
impl Connection {
    /// `send_message(string)`: true, or false where the connection takes no more.
    fn send_message(ruby: &Ruby, this: Obj<Self>, string: RString) -> Result<bool, Error> {
        this.check_process(ruby)?;
        message::send(ruby, &this.client, string)
    }

    /// `send_event(data, id, event, retry)`: an event with fields, for SSE.
    fn send_event(
        ruby: &Ruby,
        this: Obj<Self>,
        data: RString,
        id: Option<String>,
        event: Option<String>,
        retry: Option<u64>,
    ) -> Result<bool, Error> {
        this.check_process(ruby)?;
        // SAFETY: copied into the event before Ruby code runs again.
        let data = unsafe { data.as_slice() };
        let event = Event { data, id: id.as_deref(), event: event.as_deref(), retry };
        match event::encode(&event) {
            Ok(bytes) => Ok(this.client.send(Message::Encoded(bytes))),
            Err(error) => Err(raised::error(ruby.exception_arg_error(), &error.to_string())),
        }
    }

    /// `send_close(code, reason)`: closes after what was written.
    fn send_close(ruby: &Ruby, this: Obj<Self>, code: u16, reason: String) -> Result<(), Error> {
        this.check_process(ruby)?;
        this.client.close(code, &reason);
        Ok(())
    }

    /// `open?`: false from the moment that somebody asked to close.
    fn is_open(&self) -> bool {
        !fork::is_child(self.forks) && self.client.is_open()
    }

    /// `pending`: writes that the system has not taken yet, -1 once the connection takes no more.
    fn pending(&self) -> i64 {
        if fork::is_child(self.forks) {
            return -1;
        }
        self.client.pending().map_or(-1, |writes| i64::try_from(writes).unwrap_or(i64::MAX))
    }

    /// `protocol`: :websocket or :sse.
    fn protocol(ruby: &Ruby, this: Obj<Self>) -> Symbol {
        ruby.to_symbol(match this.client.protocol() {
            Protocol::WebSocket => "websocket",
            Protocol::Sse => "sse",
        })
    }

    /// `ping_interval`: seconds.
    fn ping_interval(&self) -> u32 {
        self.client.ping_interval()
    }

    /// `ping_interval = seconds`
    fn set_ping_interval(&self, seconds: u32) {
        self.client.set_ping_interval(seconds);
    }

    /// `raw = true`: an event stream whose data is sent as it is.
    fn set_raw(&self, raw: bool) {
        self.client.set_raw(raw);
    }

    /// `env`: of the request.
    fn env_method(ruby: &Ruby, this: Obj<Self>) -> Value {
        this.env(ruby)
    }

    /// `handler`: whose callbacks are called.
    fn handler(ruby: &Ruby, this: Obj<Self>) -> Option<Value> {
        this.handler.get().map(|handler| handler.object(ruby))
    }

    /// `attach(handler, mixin)`: calls this object's callbacks from now on.
    fn attach(_ruby: &Ruby, this: Obj<Self>, object: Value, mixin: bool) -> Result<Obj<Self>, Error> {
        let handler = Handler::new(object, mixin)?;
        this.handler.set(Some(handler));
        this.writebarrier(object);
        this.client.set_wants_drained(handler.answers(Callback::Drained));
        Ok(this)
    }

    /// `in_callback?`: whether the calling thread is in one of the connection's callbacks.
    fn is_entered_here(ruby: &Ruby, this: Obj<Self>) -> bool {
        let here = ruby.thread_current().as_value();
        this.entered.get().is_some_and(|thread| ruby.get_inner(thread).equal(here).unwrap_or(false))
    }

    /// `defer_block(callable)`: calls it in the connection's order, while it is open. False where it is not.
    fn defer_block(ruby: &Ruby, this: Obj<Self>, block: Value) -> Result<bool, Error> {
        if !this.is_open() {
            return Ok(false);
        }
        let deferred = this.deferred.get().map(|deferred| ruby.get_inner(deferred)).unwrap_or_else(|| {
            let array = ruby.ary_new();
            this.deferred.set(Some(array.into()));
            this.writebarrier(array);
            array
        });
        deferred.push(block)?;
        Ok(this.client.mailbox().post(iodine_core::handoff::Event::Deferred))
    }

    /// `subscribe_to(name, pattern, binary, block or nil)`: false where the connection is closed.
    fn subscribe_to(
        ruby: &Ruby,
        this: Obj<Self>,
        name: RString,
        pattern: bool,
        binary: bool,
        block: Option<Value>,
    ) -> Result<bool, Error> {
        if !this.is_open() {
            return Ok(false);
        }
        let channel = pubsub::channel(name, pattern);
        this.keep_block(ruby, &channel, block)?;
        let hub = pubsub::hub();
        if block.is_some() {
            hub.subscribe(this.client.id(), channel.clone(), ToBlock::of_client(&this.client, channel));
        } else {
            hub.subscribe(this.client.id(), channel, Direct::new(this.client.clone(), binary));
        }
        if !this.is_open() {
            // It ended meanwhile, and has ended its subscriptions before this one.
            hub.unsubscribe_all(this.client.id());
        }
        Ok(true)
    }

    /// `unsubscribe_from(name, pattern)`: whether there was such a subscription.
    fn unsubscribe_from(ruby: &Ruby, this: Obj<Self>, name: RString, pattern: bool) -> Result<bool, Error> {
        this.check_process(ruby)?;
        let channel = pubsub::channel(name, pattern);
        this.keep_block(ruby, &channel, None)?;
        Ok(pubsub::hub().unsubscribe(this.client.id(), &channel))
    }

    /// `close_code`: of RFC 6455 §7.4, nil while the connection is open.
    fn close_code(&self) -> Option<u16> {
        self.client.closed().map(|closed| closed.code)
    }

    /// `close_reason`: as the closing side gave it, nil while the connection is open.
    fn close_reason(&self) -> Option<String> {
        self.client.closed().map(|closed| closed.reason)
    }

    /// `conn_id`: names the connection in this process.
    fn conn_id(&self) -> u64 {
        self.client.id()
    }
}

/// Keeping the blocks of subscriptions.
trait Blocks {
    fn keep_block(&self, ruby: &Ruby, channel: &Channel, block: Option<Value>) -> Result<(), Error>;
}

impl Blocks for Obj<Connection> {
    fn keep_block(&self, ruby: &Ruby, channel: &Channel, block: Option<Value>) -> Result<(), Error> {
        let blocks = self.blocks.get().map(|blocks| ruby.get_inner(blocks));
        let key = pubsub::key(ruby, channel);
        match (blocks, block) {
            (None, None) => Ok(()),
            (Some(blocks), None) => blocks.delete::<_, Value>(key).map(drop),
            (Some(blocks), Some(block)) => blocks.aset(key, block),
            (None, Some(block)) => {
                let blocks = ruby.hash_new();
                self.blocks.set(Some(blocks.into()));
                self.writebarrier(blocks);
                blocks.aset(key, block)
            }
        }
    }
}

/// Bytes of a name: compared as they are, whatever their encoding says.
pub(super) fn name_bytes(name: RString) -> Bytes {
    // SAFETY: copied before Ruby code runs again.
    Bytes::copy_from_slice(unsafe { name.as_slice() })
}
