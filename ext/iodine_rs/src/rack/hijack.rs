//! `env['rack.hijack']`: full hijack.

use std::cell::Cell;
use std::time::Duration;

use iodine_core::handoff::{Reply, Takeover, TicketHandle};
use magnus::gc::Marker;
use magnus::rb_sys::FromRawValue;
use magnus::typed_data::Obj;
use magnus::value::{Opaque, ReprValue};
use magnus::{DataTypeFunctions, Error, Module, RHash, RModule, Ruby, TypedData, Value, method};

use super::socket;
use crate::keys::keys;
use crate::{classes, fork, raised};

/// `IodineRs::Hijack`, one per request.
#[derive(TypedData)]
#[magnus(class = "IodineRs::Hijack", free_immediately, mark)]
pub(super) struct Hijack {
    ticket: TicketHandle,
    limit: Duration,
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
    class.define_method("call", method!(Hijack::call, 0))
}

impl Hijack {
    pub(super) fn create(ruby: &Ruby, ticket: TicketHandle, limit: Duration) -> Obj<Hijack> {
        ruby.obj_wrap(Hijack { ticket, limit, forks: fork::generation(), env: Cell::new(None), io: Cell::new(None) })
    }

    pub(super) fn set_env(&self, env: Value) {
        self.env.set(Some(env.into()));
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
        if !this.ticket.answer_now(Reply::Takeover(None, takeover)) {
            return Err(raised::error(
                ruby.exception_io_error(),
                "the request has been answered; hijack inside app.call",
            ));
        }
        let io = socket::receive(ruby, &released, this.limit)?;
        this.io.set(Some(io.into()));
        this.note_in_env(ruby, io)?;
        Ok(io)
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
