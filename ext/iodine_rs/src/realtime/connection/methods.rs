//! What Ruby calls.

use iodine_core::pubsub::channel::Channel;
use iodine_core::realtime::{Direct, Message, ToBlock};
use iodine_core::sse::event::{self, Event};
use magnus::typed_data::{Obj, Writebarrier};
use magnus::value::ReprValue;
use magnus::{Error, Module, RClass, RString, Ruby, Symbol, Value, method};

use super::{Connection, message, pubsub};
use crate::realtime::handler::{Callback, Handler};
use crate::realtime::upgrade;
use crate::{fork, raised};

pub(super) fn init(class: RClass) -> Result<(), Error> {
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
        upgrade::name(ruby, this.client.protocol())
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
            hub.subscribe(this.client.id(), channel.clone(), ToBlock::new(this.client.clone(), channel));
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
