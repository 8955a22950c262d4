//! `IodineRs::Stream`: what a callable body (Rack 3) or a partial hijack writes to.

use std::sync::Arc;

use magnus::typed_data::Obj;
use magnus::value::ReprValue;
use magnus::{Error, Module, Object, RModule, RString, Ruby, TryConvert, Value, method};

use super::sink::Sink;
use crate::classes;

/// One per streaming body. May be used by other threads, and after the callable has returned, until it is closed.
#[magnus::wrap(class = "IodineRs::Stream", free_immediately)]
pub(super) struct Stream {
    sink: Arc<Sink>,
}

/// Where `read` looks: the request's body.
const INPUT: &str = "@input";

pub(super) fn init(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    let class = classes::define::<Stream>(ruby, module, "Stream")?;
    class.define_method("write", method!(Stream::write, -1))?;
    class.define_method("<<", method!(Stream::push, 1))?;
    class.define_method("write_nonblock", method!(Stream::write, -1))?;
    class.define_method("syswrite", method!(Stream::write, -1))?;
    class.define_method("flush", method!(Stream::flush, 0))?;
    class.define_method("read", method!(Stream::read, -1))?;
    class.define_method("read_nonblock", method!(Stream::read, -1))?;
    class.define_method("close", method!(Stream::close, 0))?;
    class.define_method("close_write", method!(Stream::close, 0))?;
    class.define_method("close_read", method!(Stream::close_read, 0))?;
    class.define_method("closed?", method!(Stream::is_closed, 0))
}

impl Stream {
    pub(super) fn create(ruby: &Ruby, sink: Arc<Sink>, input: Value) -> Result<Value, Error> {
        let stream: Obj<Stream> = ruby.obj_wrap(Stream { sink });
        stream.ivar_set(INPUT, input)?;
        Ok(stream.as_value())
    }

    /// `write(*parts)`: sends them at once; returns their length in bytes. Raises `Errno::EPIPE` when the client is
    /// gone, `IOError` after `close`.
    fn write(ruby: &Ruby, this: Obj<Self>, parts: &[Value]) -> Result<usize, Error> {
        let mut written = 0;
        for part in parts {
            // `write_nonblock(data, exception: false)`
            if magnus::RHash::from_value(*part).is_some() {
                continue;
            }
            let part = string(*part)?;
            written += part.len();
            this.sink.write(ruby, part)?;
        }
        Ok(written)
    }

    /// `<<(part)`
    fn push(ruby: &Ruby, this: Obj<Self>, part: Value) -> Result<Obj<Self>, Error> {
        this.sink.write(ruby, string(part)?)?;
        Ok(this)
    }

    /// `flush`: every part is on its way already.
    fn flush(_ruby: &Ruby, this: Obj<Self>) -> Obj<Self> {
        this
    }

    /// `read(length = nil, buffer = nil)`: the request's body, which has been received completely.
    fn read(_ruby: &Ruby, this: Obj<Self>, arguments: &[Value]) -> Result<Value, Error> {
        let input: Value = this.ivar_get(INPUT)?;
        let plain: Vec<Value> =
            arguments.iter().copied().filter(|argument| magnus::RHash::from_value(*argument).is_none()).collect();
        input.funcall("read", plain.as_slice())
    }

    /// `close`: the body is complete.
    fn close(&self) {
        self.sink.finish();
    }

    /// `close_read`: nothing is read from the client here.
    fn close_read(&self) {}

    /// `closed?`
    fn is_closed(&self) -> bool {
        self.sink.is_closed()
    }
}

impl Drop for Stream {
    /// An app that forgot to close, and lost the stream, has nothing more to say.
    fn drop(&mut self) {
        self.sink.finish();
    }
}

fn string(part: Value) -> Result<RString, Error> {
    match RString::from_value(part) {
        Some(string) => Ok(string),
        None => RString::try_convert(part.funcall::<_, _, Value>("to_s", ())?),
    }
}
