//! `env['rack.hijack']`, which is `env['puma.socket']` as well: full hijack, and what is known of the connection without
//! it. The rest of the class is Ruby: lib/iodine_rs/hijack.rb.

mod object;

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;

use iodine_core::handoff::{Ends, Local, Peer, Reply, Takeover, TicketHandle};
use magnus::rb_sys::FromRawValue;
use magnus::value::{Lazy, ReprValue};
use magnus::{Class, Error, IntoValue, Module, RClass, RHash, RModule, Ruby, Value, method};
use rb_sys::{Qnil, VALUE};

use super::{constant, socket};
use crate::keys::keys;
use crate::{fork, raised};
pub(super) use object::Hijack;

static CLASS: Lazy<RClass> = Lazy::new(|ruby| constant(ruby, "IodineRs::Hijack"));

/// What a request has for its hijack, and one whose connection was taken.
pub(super) struct Current {
    /// `None` once the request is over: nothing of it should wait for Ruby's collector.
    ticket: Option<TicketHandle>,
    limit: Duration,
    ends: Arc<Ends>,
    forks: u64,
    env: VALUE,
    /// nil before.
    io: VALUE,
    /// Somebody has begun to take the connection.
    taken: bool,
}

impl Current {
    pub(super) fn new(ticket: TicketHandle, limit: Duration, ends: Arc<Ends>) -> Box<Current> {
        let nil = Qnil.into();
        let ticket = Some(ticket);
        Box::new(Current { ticket, limit, ends, forks: fork::generation(), env: nil, io: nil, taken: false })
    }

    /// Takes the connection from the server: how long it may take to come. `None` where the request was answered.
    fn take(&mut self, takeover: Takeover) -> Option<Duration> {
        let ticket = self.ticket.as_ref()?;
        let first = ticket.answer_now(Reply::Takeover(None, takeover));
        self.taken |= first;
        first.then_some(self.limit)
    }
}

pub(super) fn init(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    let class = module.define_class("Hijack", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("call", method!(Hijack::call, 0))?;
    class.define_private_method("taken", method!(Hijack::taken, 0))?;
    class.define_private_method("gone?", method!(Hijack::is_gone, 0))?;
    class.define_private_method("ends", method!(Hijack::places, 0))?;
    Lazy::force(&CLASS, ruby);
    ruby.require("iodine_rs/hijack").map(drop)
}

/// `IodineRs::Hijack`, one per request.
impl Hijack {
    /// `call`: the connection as an IO, the same one every time. Nothing has been written to it.
    fn call(ruby: &Ruby, this: Hijack) -> Result<Value, Error> {
        if let Some(io) = this.taken() {
            return Ok(io);
        }
        if this.current(|current| fork::is_child(current.forks)) == Some(true) {
            return Err(raised::error(
                ruby.exception_io_error(),
                "the connection belongs to the parent of this process",
            ));
        }
        let (takeover, released) = Takeover::new();
        let Some(limit) = this.current(|current| current.take(takeover)).flatten() else {
            return Err(raised::error(
                ruby.exception_io_error(),
                "the request has been answered; hijack inside app.call",
            ));
        };
        let io = socket::receive(ruby, &released, limit)?;
        this.keep(io);
        this.note_in_env(io)?;
        Ok(io)
    }

    /// `taken`: the IO that `call` has given; nil before.
    fn taken(self) -> Option<Value> {
        // SAFETY: the object keeps it alive.
        let io = self.current(|current| unsafe { Value::from_raw(current.io) });
        io.filter(|io| !io.is_nil())
    }

    /// `gone?`: whether the client has left, or the request was answered.
    fn is_gone(self) -> bool {
        let waits = |ticket: &TicketHandle| !ticket.is_abandoned() && !ticket.is_answered();
        self.current(|current| current.ticket.as_ref().is_some_and(waits)) != Some(true)
    }

    /// `ends`: ours and the client's, each a host and a port, or the path of a Unix socket; nil where there is none.
    fn places(ruby: &Ruby, this: Hijack) -> (Option<Value>, Option<Value>) {
        let Some(ends) = this.ends() else { return (None, None) };
        let local = match &ends.local {
            Local::Tcp(address) => Some(socket::place(*address).into_value_with(ruby)),
            Local::Unix(path) => Some(ruby.str_from_slice(path.as_os_str().as_bytes()).as_value()),
            Local::Unnamed => None,
        };
        let peer = match ends.peer {
            Peer::Tcp(address) => Some(socket::place(address).into_value_with(ruby)),
            Peer::Unix => None,
        };
        (local, peer)
    }

    fn note_in_env(self, io: Value) -> Result<(), Error> {
        // SAFETY: the object keeps it alive.
        let env = self.current(|current| unsafe { Value::from_raw(current.env) });
        let Some(env) = env.and_then(RHash::from_value) else { return Ok(()) };
        // SAFETY: the table's Strings live for ever.
        let key = unsafe { Value::from_raw(keys().hijack_io) };
        if env.is_frozen() { Ok(()) } else { env.aset(key, io) }
    }
}
