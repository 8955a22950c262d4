//! The object whose callbacks a connection calls.

use magnus::typed_data::Obj;
use magnus::value::{LazyId, Opaque, ReprValue};
use magnus::{ArgList, Error, Ruby, Value};

use super::connection::Connection;

/// The callbacks, under their names in both APIs: that of the article (without a client) and the Rack draft's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Callback {
    Open,
    Message,
    Drained,
    Shutdown,
    Close,
}

const ALL: [Callback; 5] = [Callback::Open, Callback::Message, Callback::Drained, Callback::Shutdown, Callback::Close];

static ON_OPEN: LazyId = LazyId::new("on_open");
static ON_MESSAGE: LazyId = LazyId::new("on_message");
static ON_DRAINED: LazyId = LazyId::new("on_drained");
static ON_READY: LazyId = LazyId::new("on_ready");
static ON_SHUTDOWN: LazyId = LazyId::new("on_shutdown");
static ON_CLOSE: LazyId = LazyId::new("on_close");

impl Callback {
    pub(super) fn name(self, mixin: bool) -> &'static str {
        match self {
            Callback::Open => "on_open",
            Callback::Message => "on_message",
            Callback::Drained if mixin => "on_ready",
            Callback::Drained => "on_drained",
            Callback::Shutdown => "on_shutdown",
            Callback::Close => "on_close",
        }
    }

    fn id(self, mixin: bool) -> &'static LazyId {
        match self {
            Callback::Open => &ON_OPEN,
            Callback::Message => &ON_MESSAGE,
            Callback::Drained if mixin => &ON_READY,
            Callback::Drained => &ON_DRAINED,
            Callback::Shutdown => &ON_SHUTDOWN,
            Callback::Close => &ON_CLOSE,
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// See the module. Which callbacks it has is asked once, when it is attached.
#[derive(Clone, Copy)]
pub(super) struct Handler {
    object: Opaque<Value>,
    /// The handler speaks the article's API: it is the connection, callbacks get no client.
    pub(super) mixin: bool,
    answers: u8,
}

impl Handler {
    /// # Errors
    /// What the handler's own `respond_to?` raised.
    pub(super) fn new(object: Value, mixin: bool) -> Result<Handler, Error> {
        let mut answers = 0;
        for callback in ALL {
            if object.respond_to(**callback.id(mixin), true)? {
                answers |= callback.bit();
            }
        }
        Ok(Handler { object: object.into(), mixin, answers })
    }

    pub(super) fn object(&self, ruby: &Ruby) -> Value {
        ruby.get_inner(self.object)
    }

    pub(super) fn opaque(&self) -> Opaque<Value> {
        self.object
    }

    pub(super) fn answers(&self, callback: Callback) -> bool {
        self.answers & callback.bit() != 0
    }

    /// Calls a callback that takes no data, if the handler has it.
    pub(super) fn call(&self, ruby: &Ruby, callback: Callback, client: Obj<Connection>) -> Result<(), Error> {
        if self.mixin { self.invoke(ruby, callback, ()) } else { self.invoke(ruby, callback, (client,)) }
    }

    pub(super) fn on_message(&self, ruby: &Ruby, client: Obj<Connection>, data: Value) -> Result<(), Error> {
        if self.mixin {
            self.invoke(ruby, Callback::Message, (data,))
        } else {
            self.invoke(ruby, Callback::Message, (client, data))
        }
    }

    fn invoke(&self, ruby: &Ruby, callback: Callback, arguments: impl ArgList) -> Result<(), Error> {
        if self.answers(callback) {
            self.object(ruby).funcall::<_, _, Value>(**callback.id(self.mixin), arguments)?;
        }
        Ok(())
    }
}
