//! The body of an answer, by its kind: pieces that are known, a file, parts that come one by one, a callable.

mod file;
mod pieces;
mod streamed;

use std::fs::File;

use http::StatusCode;
use http::header::CONTENT_LENGTH;
use iodine_core::handoff::{Payload, Reply, ResponseHead, StreamPermit, Ticket, Worker, is_bodiless, stream};
use magnus::value::ReprValue;
use magnus::{Error, RArray, RString, Ruby, Value};

use super::call::Call;
use super::reply::{self, Answer};
use crate::raised;
use pieces::Pieces;

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
        return streamed::upgrade(call, worker, ticket, answer);
    }
    // Chunks are unknown to HTTP/1.0.
    answer.framed &= !call.http10;
    let bodiless = call.head_only || is_bodiless(answer.head.status);
    if let Some(callable) = answer.hijack {
        return if bodiless {
            head_only(ticket, answer.head)
        } else {
            streamed::run(call, worker, ticket, answer, callable)
        };
    }
    if answer.names_file {
        ticket.answer(Reply::Full(answer.head, Payload::default()));
        return Sent::Whole;
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
        Kind::File(file, len) => file::send(call, ticket, answer, file, len),
        Kind::Complete => match reply::collect(ruby, body).and_then(|parts| Pieces::of_array(ruby, parts)) {
            Ok(payload) => whole(call, ticket, answer, payload),
            Err(error) => Sent::Failed(ticket, error, None),
        },
        Kind::Parts | Kind::Callable if bodiless => head_only(ticket, answer.head),
        Kind::Parts => streamed::each(call, worker, ticket, answer),
        Kind::Callable => streamed::run(call, worker, ticket, answer, body),
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
        if let Some((file, len)) = file::open(body)? {
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

fn whole(call: &Call<'_>, ticket: Ticket, answer: Answer, payload: Payload) -> Sent {
    let bodiless = call.head_only || is_bodiless(answer.head.status);
    if answer.framed && !bodiless {
        return framed(ticket, answer.head, payload);
    }
    let (declared, given) = (answer.declared.filter(|_| !bodiless), payload.len());
    let wrong = misdeclared(call.ruby, declared, given);
    match wrong {
        Some(error) if declared > Some(given) => Sent::Failed(ticket, error, None),
        wrong => {
            ticket.answer(Reply::Full(answer.head, payload));
            let logged = wrong.map(|error| call.cx.log_error(call.ruby, &error, call.env, "response body"));
            logged.and_then(Result::err).map_or(Sent::Whole, Sent::Killed)
        }
    }
}

/// What to tell the developer where the app's content-length is not that of its body.
fn misdeclared(ruby: &Ruby, declared: Option<u64>, given: u64) -> Option<Error> {
    let declared = declared.filter(|declared| *declared != given)?;
    let message = format!(
        "the app declared a content-length of {declared}, but its body has {given} bytes; leave the header out"
    );
    Some(raised::app_error(ruby, &message))
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

fn string(ruby: &Ruby, part: Value) -> Result<RString, Error> {
    RString::from_value(part).ok_or_else(|| {
        let class = part.class().inspect();
        raised::app_error(ruby, &format!("the body gave a part of {class}; every part has to be a String"))
    })
}
