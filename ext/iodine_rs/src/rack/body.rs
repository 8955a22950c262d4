//! The body of an answer, by its kind: pieces that are known, a file, parts that come one by one, a callable.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use iodine_core::handoff::{
    FileBody, NoPermit, Payload, Reply, ResponseHead, StreamPermit, Takeover, Ticket, Worker, is_bodiless, stream,
};
use magnus::block::Proc;
use magnus::rb_sys::FromRawValue;
use magnus::value::ReprValue;
use magnus::{Error, RArray, RString, Ruby, Value};

use super::reply::{self, Answer};
use super::service::Call;
use super::sink::Sink;
use super::socket;
use super::stream::Stream;
use crate::keys::keys;
use crate::raised::{self, Caught};
use crate::{fork, gvl, pins};

/// Files up to this size are read here; larger ones are left to the core, which sends them without reading.
const SMALL_FILE: u64 = 64 * 1024;

/// Pieces below this size are joined with their neighbours.
const SMALL_PIECE: usize = 16 * 1024;

/// How sending went.
pub(super) enum Sent {
    /// Everything is in the core's hands.
    Whole,
    /// The thread left the pool for the body, which has ended, perhaps with an error.
    Streamed(StreamPermit, Option<Error>),
    /// Nothing was sent; the request still has to be answered.
    Failed(Ticket, Error, Option<StreamPermit>),
    /// The answer is given; the thread is to end.
    Killed(Error),
    /// This is a forked child, which has nothing to send.
    Child(Result<(), Error>),
}

/// Sends an answer.
pub(super) fn send(call: &Call<'_>, worker: &mut Worker, ticket: Ticket, mut answer: Answer) -> Sent {
    let ruby = call.ruby;
    if answer.head.status == StatusCode::SWITCHING_PROTOCOLS {
        return upgrade(call, worker, ticket, answer);
    }
    // Chunks are unknown to HTTP/1.0.
    answer.framed &= !call.http10;
    let bodiless = call.head_only || is_bodiless(answer.head.status);
    if let Some(callable) = answer.hijack {
        return if bodiless { head_only(ticket, answer.head) } else { run(call, worker, ticket, answer, callable) };
    }
    let body = answer.body;
    if let Some(array) = RArray::from_value(body) {
        return match Pieces::of_array(ruby, array) {
            Ok(payload) => whole(call, ticket, answer, payload),
            Err(error) => Sent::Failed(ticket, error, None),
        };
    }
    let kind = match Kind::of(ruby, body) {
        Ok(kind) => kind,
        Err(error) => return Sent::Failed(ticket, error, None),
    };
    match kind {
        Kind::File(file, len) => send_file(call, ticket, answer, file, len),
        Kind::Complete => match reply::collect(ruby, body).and_then(|parts| Pieces::of_array(ruby, parts)) {
            Ok(payload) => whole(call, ticket, answer, payload),
            Err(error) => Sent::Failed(ticket, error, None),
        },
        Kind::Parts | Kind::Callable if bodiless => head_only(ticket, answer.head),
        Kind::Parts => each(call, worker, ticket, answer),
        Kind::Callable => run(call, worker, ticket, answer, body),
    }
}

/// Sends the page of an error handler: an Array body.
pub(super) fn send_page(ruby: &Ruby, ticket: Ticket, page: Answer) {
    let payload = RArray::from_value(page.body).and_then(|array| Pieces::of_array(ruby, array).ok());
    let mut head = page.head;
    head.headers.remove(CONTENT_LENGTH);
    ticket.answer(Reply::Full(head, payload.unwrap_or_default()));
}

enum Kind {
    File(File, u64),
    /// Answers to `to_ary`: everything is there.
    Complete,
    Parts,
    Callable,
}

impl Kind {
    fn of(ruby: &Ruby, body: Value) -> Result<Kind, Error> {
        if let Some((file, len)) = open(body)? {
            return Ok(Kind::File(file, len));
        }
        if body.respond_to("each", false)? {
            return Ok(if body.respond_to("to_ary", false)? { Kind::Complete } else { Kind::Parts });
        }
        if body.respond_to("call", false)? {
            return Ok(Kind::Callable);
        }
        let class = body.class().inspect();
        Err(raised::app_error(ruby, &format!("the app returned a body of {class}; return one with each or call")))
    }
}

/// The file behind `to_path`; `None` where there is none to be read, and `each` has to do (drop-in row R-07).
fn open(body: Value) -> Result<Option<(File, u64)>, Error> {
    if !body.respond_to("to_path", false)? {
        return Ok(None);
    }
    let Some(path) = body.funcall::<_, _, Option<PathBuf>>("to_path", ())? else { return Ok(None) };
    // A file system may take its time, and must not take everybody's.
    Ok(gvl::without(|| open_regular(&path), || {}).flatten())
}

fn open_regular(path: &Path) -> Option<(File, u64)> {
    // Without O_NONBLOCK a FIFO would wait for its writer. It makes no difference to a regular file.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((file, metadata.len()))
}

fn send_file(call: &Call<'_>, ticket: Ticket, mut answer: Answer, mut file: File, len: u64) -> Sent {
    let bodiless = is_bodiless(answer.head.status);
    if bodiless {
        return whole(call, ticket, answer, Payload::default());
    }
    answer.head.headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
    if len > SMALL_FILE || call.head_only {
        ticket.answer(Reply::File(answer.head, FileBody::whole(file, len)));
        return Sent::Whole;
    }
    let read = gvl::without(
        || {
            let mut bytes = Vec::with_capacity(len as usize);
            (&mut file).take(len).read_to_end(&mut bytes).map(|_| bytes)
        },
        || {},
    );
    match read {
        Some(Ok(bytes)) if bytes.len() as u64 == len => {
            ticket.answer(Reply::Full(answer.head, Bytes::from(bytes).into()));
        }
        // Shortened meanwhile, or interrupted before it was read: the core will see for itself.
        _ => ticket.answer(Reply::File(answer.head, FileBody::whole(file, len))),
    }
    Sent::Whole
}

fn whole(call: &Call<'_>, ticket: Ticket, answer: Answer, payload: Payload) -> Sent {
    let bodiless = call.head_only || is_bodiless(answer.head.status);
    if answer.framed && !bodiless {
        return framed(ticket, answer.head, payload);
    }
    if let Some(declared) = answer.declared.filter(|declared| *declared > payload.len() && !bodiless) {
        let message = format!(
            "the app declared a content-length of {declared}, but its body has {} bytes; leave the header out",
            payload.len()
        );
        return Sent::Failed(ticket, raised::app_error(call.ruby, &message), None);
    }
    ticket.answer(Reply::Full(answer.head, payload));
    Sent::Whole
}

/// The application's own framing passes untouched, behind its own head.
fn framed(ticket: Ticket, head: ResponseHead, mut payload: Payload) -> Sent {
    let (writer, reader) = stream(&ticket.handle(), usize::MAX);
    while let Some(piece) = payload.pop() {
        // The reader is in our hands: nobody has closed it.
        let _ = writer.try_write(&piece);
    }
    writer.finish();
    ticket.answer(Reply::Framed(head, reader));
    Sent::Whole
}

fn head_only(ticket: Ticket, head: ResponseHead) -> Sent {
    let (writer, reader) = stream(&ticket.handle(), 0);
    writer.finish();
    ticket.answer(Reply::Stream(head, reader));
    Sent::Whole
}

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
fn each(call: &Call<'_>, worker: &mut Worker, ticket: Ticket, answer: Answer) -> Sent {
    let permit = match leave_pool(worker) {
        Ok(Some(permit)) => permit,
        Ok(None) => return refuse(call, ticket),
        Err(error) => return Sent::Failed(ticket, error, None),
    };
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
            Some((ticket, head)) => {
                ticket.answer(Reply::Full(head, Payload::default()));
                Sent::Streamed(permit, None)
            }
            None => {
                sink.finish();
                Sent::Streamed(permit, None)
            }
        },
        Err(error) => match sink.reclaim() {
            Some((ticket, _)) => Sent::Failed(ticket, error, Some(permit)),
            None => Sent::Streamed(permit, Some(cut(call, &sink, error))),
        },
    }
}

/// A callable: it gets a stream, after the head is out.
fn run(call: &Call<'_>, worker: &mut Worker, ticket: Ticket, answer: Answer, callable: Value) -> Sent {
    let permit = match leave_pool(worker) {
        Ok(Some(permit)) => permit,
        Ok(None) => return refuse(call, ticket),
        Err(error) => return Sent::Failed(ticket, error, None),
    };
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
    Sent::Streamed(permit, outcome.err().map(|error| cut(call, &sink, error)))
}

/// 101: the callable gets the connection itself.
fn upgrade(call: &Call<'_>, worker: &mut Worker, ticket: Ticket, answer: Answer) -> Sent {
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

/// A body that failed half-way. A client that left is no error of the app.
fn cut(call: &Call<'_>, sink: &Sink, error: Error) -> Error {
    let deserted = sink.is_deserted();
    sink.abort();
    if deserted {
        return error;
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

fn string(ruby: &Ruby, part: Value) -> Result<RString, Error> {
    RString::from_value(part).ok_or_else(|| {
        let class = part.class().inspect();
        raised::app_error(ruby, &format!("the body gave a part of {class}; every part has to be a String"))
    })
}

/// Collects the pieces of a complete body: small ones joined, large ones lent.
#[derive(Default)]
struct Pieces {
    small: BytesMut,
    payload: Payload,
}

impl Pieces {
    fn of_array(ruby: &Ruby, array: RArray) -> Result<Payload, Error> {
        let mut pieces = Pieces::default();
        if array.len() == 1 {
            let piece: Value = array.entry(0)?;
            return if piece.is_nil() { Ok(Payload::default()) } else { Ok(pins::bytes(string(ruby, piece)?)?.into()) };
        }
        for part in array {
            pieces.push(ruby, part)?;
        }
        Ok(pieces.finish())
    }

    fn push(&mut self, ruby: &Ruby, part: Value) -> Result<(), Error> {
        if part.is_nil() {
            return Ok(());
        }
        let part = string(ruby, part)?;
        if part.len() < SMALL_PIECE {
            // SAFETY: copied before Ruby code runs again.
            self.small.extend_from_slice(unsafe { part.as_slice() });
        } else {
            self.flush();
            self.payload.push(pins::bytes(part)?);
        }
        Ok(())
    }

    fn flush(&mut self) {
        self.payload.push(self.small.split().freeze());
    }

    fn finish(mut self) -> Payload {
        self.flush();
        self.payload
    }
}
