//! `env['rack.hijack']`, which is `env['puma.socket']` as well: full hijack, and what is known of the connection without
//! it. The rest of the class is Ruby: lib/iodine_rs/hijack.rb.

use std::cell::{Cell, RefCell};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;

use iodine_core::handoff::{Ends, Local, Peer, Reply, Takeover, TicketHandle};
use magnus::gc::Marker;
use magnus::rb_sys::FromRawValue;
use magnus::typed_data::{Obj, Writebarrier};
use magnus::value::{Opaque, ReprValue};
use magnus::{DataTypeFunctions, Error, IntoValue, Module, RHash, RModule, Ruby, TypedData, Value, method};

use super::socket;
use crate::keys::keys;
use crate::{classes, fork, raised};

/// `IodineRs::Hijack`, one per request. Protected by write barriers: without, Ruby allocates and marks it the slow way.
#[derive(TypedData)]
#[magnus(class = "IodineRs::Hijack", free_immediately, mark, wb_protected)]
pub(super) struct Hijack {
    /// `None` once the request is over: nothing of it should wait for Ruby's collector.
    ticket: RefCell<Option<TicketHandle>>,
    limit: Duration,
    ends: Arc<Ends>,
    forks: u64,
    env: Cell<Option<Opaque<Value>>>,
    io: Cell<Option<Opaque<Value>>>,
}

impl DataTypeFunctions for Hijack {
    fn mark(&self, marker: &Marker) {
        for value in [self.env.get(), self.io.get()].into_iter().flatten() {
            marker.mark(value);
        }
    }
}

pub(super) fn init(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    let class = classes::define::<Hijack>(ruby, module, "Hijack")?;
    class.define_method("call", method!(Hijack::call, 0))?;
    class.define_private_method("taken", method!(Hijack::taken, 0))?;
    class.define_private_method("gone?", method!(Hijack::is_gone, 0))?;
    class.define_private_method("ends", method!(Hijack::ends, 0))?;
    ruby.require("iodine_rs/hijack").map(drop)
}

impl Hijack {
    pub(super) fn create(ruby: &Ruby, ticket: TicketHandle, limit: Duration, ends: Arc<Ends>) -> Obj<Hijack> {
        let (env, io) = (Cell::new(None), Cell::new(None));
        let ticket = RefCell::new(Some(ticket));
        ruby.obj_wrap(Hijack { ticket, limit, ends, forks: fork::generation(), env, io })
    }

    pub(super) fn set_env(this: Obj<Self>, env: Value) {
        this.env.set(Some(env.into()));
        this.writebarrier(env);
    }

    /// The request is over, unless the connection was left open for a later hijack.
    pub(super) fn settle(&self) {
        let mut ticket = self.ticket.borrow_mut();
        if ticket.as_ref().is_some_and(TicketHandle::is_answered) {
            *ticket = None;
        }
    }

    /// `call`: the connection as an IO, the same one every time. Nothing has been written to it.
    fn call(ruby: &Ruby, this: Obj<Self>) -> Result<Value, Error> {
        if let Some(io) = this.io.get() {
            return Ok(ruby.get_inner(io));
        }
        if fork::is_child(this.forks) {
            return Err(raised::error(
                ruby.exception_io_error(),
                "the connection belongs to the parent of this process",
            ));
        }
        let (takeover, released) = Takeover::new();
        let ticket = this.ticket.borrow().clone();
        if !ticket.is_some_and(|ticket| ticket.answer_now(Reply::Takeover(None, takeover))) {
            return Err(raised::error(
                ruby.exception_io_error(),
                "the request has been answered; hijack inside app.call",
            ));
        }
        let io = socket::receive(ruby, &released, this.limit)?;
        this.io.set(Some(io.into()));
        this.writebarrier(io);
        this.note_in_env(ruby, io)?;
        Ok(io)
    }

    /// `taken`: the IO that `call` has given; nil before.
    fn taken(ruby: &Ruby, this: Obj<Self>) -> Option<Value> {
        this.io.get().map(|io| ruby.get_inner(io))
    }

    /// `gone?`: whether the client has left, or the request was answered.
    fn is_gone(&self) -> bool {
        let ticket = self.ticket.borrow();
        ticket.as_ref().is_none_or(|ticket| ticket.is_abandoned() || ticket.is_answered())
    }

    /// `ends`: ours and the client's, each a host and a port, or the path of a Unix socket; nil where there is none.
    fn ends(ruby: &Ruby, this: Obj<Self>) -> (Option<Value>, Option<Value>) {
        let Ends { local, peer } = &*this.ends;
        let local = match local {
            Local::Tcp(address) => Some(socket::place(*address).into_value_with(ruby)),
            Local::Unix(path) => Some(ruby.str_from_slice(path.as_os_str().as_bytes()).as_value()),
            Local::Unnamed => None,
        };
        let peer = match peer {
            Peer::Tcp(address) => Some(socket::place(*address).into_value_with(ruby)),
            Peer::Unix => None,
        };
        (local, peer)
    }

    fn note_in_env(&self, ruby: &Ruby, io: Value) -> Result<(), Error> {
        let Some(env) = self.env.get().and_then(|env| RHash::from_value(ruby.get_inner(env))) else {
            return Ok(());
        };
        // SAFETY: the table's Strings live for ever.
        let key = unsafe { Value::from_raw(keys().hijack_io) };
        if env.is_frozen() { Ok(()) } else { env.aset(key, io) }
    }
}
