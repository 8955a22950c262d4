//! Bodies that run: the thread leaves the pool for them.

use std::sync::Arc;
use std::time::Instant;

use http::header::{HeaderValue, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use iodine_core::handoff::{NoPermit, Payload, Reply, ResponseHead, StreamPermit, Takeover, Ticket, Worker};
use magnus::block::Proc;
use magnus::rb_sys::FromRawValue;
use magnus::value::ReprValue;
use magnus::{Error, Ruby, Value};

use super::{Answer, Call, Sent, misdeclared, string};
use crate::keys::keys;
use crate::rack::sink::Sink;
use crate::rack::socket;
use crate::rack::stream::Stream;
use crate::raised::{self, Caught};
use crate::{fork, gvl};

/// Leaves the pool: this body may take long, and others must not wait for it. `None` where `max_streams` are running.
fn leave_pool(worker: &mut Worker) -> Result<Option<StreamPermit>, Error> {
    let interrupter = worker.interrupter();
    let deadline = Instant::now() + worker.stream_wait_timeout();
    loop {
        match gvl::without(|| worker.enter_stream(deadline), || interrupter.interrupt()) {
            Some(Ok(permit)) => return Ok(Some(permit)),
            Some(Err(NoPermit::TooManyStreams)) => return Ok(None),
            Some(Err(NoPermit::Interrupted)) | None => gvl::check_interrupts()?,
        }
    }
}

/// As many streams as `max_streams` allows are running.
fn refuse(call: &Call<'_>, ticket: Ticket) -> Sent {
    let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from(1_u16))]);
    ticket.answer(Reply::Full(ResponseHead { status: StatusCode::SERVICE_UNAVAILABLE, headers }, Payload::default()));
    let message = "max_streams streaming bodies are running already: answered with 503; raise max_streams";
    match log(call, &raised::app_error(call.ruby, message)) {
        Ok(()) => Sent::Whole,
        Err(kill) => Sent::Killed(kill),
    }
}

/// A body with `each`: a part is sent as soon as it is yielded, the head with the first one.
pub(super) fn each(call: &Call<'_>, worker: &mut Worker, ticket: Ticket, answer: Answer) -> Sent {
    let permit = match leave_pool(worker) {
        Ok(Some(permit)) => permit,
        Ok(None) => return refuse(call, ticket),
        Err(error) => return Sent::Failed(ticket, error, None),
    };
    let declared = answer.declared.filter(|_| !answer.framed);
    let sink = Arc::new(Sink::new(ticket, answer.head, answer.framed, call.cx.stream_buffer_size));
    let outcome: Result<Value, Error> = {
        let sink = sink.clone();
        let block =
            call.ruby.proc_from_fn(move |ruby: &Ruby, arguments: &[Value], _block: Option<Proc>| {
                match arguments.first() {
                    Some(part) if !part.is_nil() => sink.write(ruby, string(ruby, *part)?),
                    _ => Ok(()),
                }
            });
        answer.body.funcall_with_block("each", (), block).caught()
    };
    if fork::is_child(call.cx.forks) {
        std::mem::forget(sink);
        return Sent::Child(outcome.map(drop));
    }
    match outcome {
        Ok(_) => match sink.reclaim() {
            Some((ticket, head)) => match misdeclared(call.ruby, declared, 0) {
                Some(error) => Sent::Failed(ticket, error, Some(permit)),
                None => {
                    ticket.answer(Reply::Full(head, Payload::default()));
                    Sent::Streamed(permit, None)
                }
            },
            None => {
                let deserted = sink.is_deserted();
                sink.finish();
                Sent::Streamed(permit, measure(call, &sink, declared, deserted))
            }
        },
        Err(error) => match sink.reclaim() {
            Some((ticket, _)) => Sent::Failed(ticket, error, Some(permit)),
            None => Sent::Streamed(permit, Some(cut(call, &sink, declared, error))),
        },
    }
}

/// A callable: it gets a stream, after the head is out.
pub(super) fn run(call: &Call<'_>, worker: &mut Worker, ticket: Ticket, answer: Answer, callable: Value) -> Sent {
    let permit = match leave_pool(worker) {
        Ok(Some(permit)) => permit,
        Ok(None) => return refuse(call, ticket),
        Err(error) => return Sent::Failed(ticket, error, None),
    };
    let declared = answer.declared.filter(|_| !answer.framed);
    let sink = Arc::new(Sink::new(ticket, answer.head, answer.framed, call.cx.stream_buffer_size));
    sink.open();
    let outcome = call
        .input()
        .and_then(|input| Stream::create(call.ruby, sink.clone(), input))
        .and_then(|stream| callable.funcall::<_, _, Value>("call", (stream,)))
        .caught();
    if fork::is_child(call.cx.forks) {
        std::mem::forget(sink);
        return Sent::Child(outcome.map(drop));
    }
    let error = match outcome {
        // Other threads may go on writing.
        Ok(_) if sink.is_closed() => measure(call, &sink, declared, sink.is_deserted()),
        Ok(_) => None,
        Err(error) => Some(cut(call, &sink, declared, error)),
    };
    Sent::Streamed(permit, error)
}

/// 101: the callable gets the connection itself.
pub(super) fn upgrade(call: &Call<'_>, worker: &mut Worker, ticket: Ticket, answer: Answer) -> Sent {
    let callable = match answer.hijack {
        Some(callable) => callable,
        None if matches!(answer.body.respond_to("call", false).caught(), Ok(true)) => answer.body,
        None => {
            let message = "the app returned 101 without a callable body or rack.hijack to speak the new protocol";
            return Sent::Failed(ticket, raised::app_error(call.ruby, message), None);
        }
    };
    let permit = match leave_pool(worker) {
        Ok(Some(permit)) => permit,
        Ok(None) => return refuse(call, ticket),
        Err(error) => return Sent::Failed(ticket, error, None),
    };
    let (takeover, released) = Takeover::new();
    ticket.answer_now(Reply::Takeover(Some(answer.head), takeover));
    let outcome = socket::receive(call.ruby, &released, call.cx.release_limit).and_then(|io| converse(io, callable));
    if fork::is_child(call.cx.forks) {
        return Sent::Child(outcome);
    }
    Sent::Streamed(permit, outcome.err().map(|error| log(call, &error).err().unwrap_or(error)))
}

/// Half a conversation is worse than none: where the callable raises, the connection is closed.
fn converse(io: Value, callable: Value) -> Result<(), Error> {
    match callable.funcall::<_, _, Value>("call", (io,)).caught() {
        Ok(_) => Ok(()),
        Err(error) => {
            // A socket that is closed already stays closed.
            io.funcall::<_, _, Value>("close", ()).or_none()?;
            Err(error)
        }
    }
}

/// Logs and returns what is wrong with the app's content-length, when its body has ended. A client that left early may be
/// why there is less; one that has got all it was promised is gone, too, where there is more.
fn measure(call: &Call<'_>, sink: &Sink, declared: Option<u64>, deserted: bool) -> Option<Error> {
    let given = sink.given();
    if deserted && Some(given) <= declared {
        return None;
    }
    let error = misdeclared(call.ruby, declared, given)?;
    Some(log(call, &error).err().unwrap_or(error))
}

/// A body that failed half-way. A client that left is no error of the app.
fn cut(call: &Call<'_>, sink: &Sink, declared: Option<u64>, error: Error) -> Error {
    let deserted = sink.is_deserted();
    sink.abort();
    if deserted {
        return measure(call, sink, declared, deserted).unwrap_or(error);
    }
    log(call, &error).err().unwrap_or(error)
}

/// Logs an exception. An error here is a kill, which comes first.
fn log(call: &Call<'_>, error: &Error) -> Result<(), Error> {
    call.cx.log_error(call.ruby, error, call.env, "streaming body")
}

impl Call<'_> {
    fn input(&self) -> Result<Value, Error> {
        // SAFETY: the table's Strings live for ever.
        let key = unsafe { Value::from_raw(keys().input) };
        self.env.funcall("[]", (key,))
    }
}
