//! A request that the app was called for, from what it has returned to the answered ticket.

use http::{HeaderMap, StatusCode};
use iodine_core::handoff::{Payload, Reply, ResponseHead, Ticket, Worker};
use iodine_core::realtime::Upgrade;
use magnus::rb_sys::AsRawValue;
use magnus::value::ReprValue;
use magnus::{Error, IntoValue, RArray, Ruby, Value};

use super::body::{self, Sent};
use super::callbacks::{self, Finished};
use super::context::Context;
use super::env::Left;
use super::hijack::Hijack;
use super::reply::{self, Answer};
use crate::fork;
use crate::raised::{Caught, exception, is_forced, is_kill};
use crate::realtime::upgrade;

/// A request, and what the app made of it.
pub(super) struct Call<'a> {
    pub(super) ruby: &'a Ruby,
    pub(super) cx: &'a Context,
    pub(super) env: Value,
    pub(super) hijack: Hijack,
    pub(super) head_only: bool,
    pub(super) http10: bool,
    /// `rack.input`, where it is a file.
    pub(super) spool: Option<Value>,
    /// What the client asks to be upgraded to, or the app by itself.
    pub(super) upgrade: Option<Box<Upgrade>>,
    /// What there was in the env when the app returned.
    pub(super) left: Left,
}

impl Call<'_> {
    /// Answers with what the app has returned.
    pub(super) fn answer(
        mut self,
        worker: &mut Worker,
        ticket: Ticket,
        response: Result<Value, Error>,
    ) -> Result<(), Error> {
        if self.upgrade.is_none() && !self.head_only {
            self.upgrade = upgrade::written(self.ruby, self.cx, self.left);
        }
        let answer = match response {
            // The app has forked, and this is the child: the request is the parent's.
            response if self.is_child() => {
                std::mem::forget(ticket);
                return response.map(drop);
            }
            Ok(response) if ticket.is_answered() => return self.after_hijack(response),
            Ok(response) if self.upgrade_wish(response).is_some() => return self.upgrade(ticket, response),
            Ok(response) if reply::is_left_open(response) => {
                ticket.leave_open();
                return self.after_hijack(response);
            }
            Ok(response) => {
                let app = self.ruby.get_inner(self.cx.app);
                let answer = reply::read(self.ruby, app, response, self.cx.names_files);
                answer.caught().map_err(|error| (error, body_of(response)))
            }
            Err(error) => Err((error, None)),
        };
        match answer {
            Ok(answer) => self.send(worker, ticket, answer),
            Err((error, body)) => self.fail(ticket, error, body),
        }
    }

    fn upgrade_wish(&self, response: Value) -> Option<(&Upgrade, upgrade::Wish)> {
        let upgrade = self.upgrade.as_deref()?;
        Some((upgrade, upgrade::wish(self.env, upgrade, response)?))
    }

    /// The app wants the connection to speak WebSocket or SSE: its headers go along, its body is closed unsent.
    fn upgrade(&self, ticket: Ticket, response: Value) -> Result<(), Error> {
        let Some((upgrade, wish)) = self.upgrade_wish(response) else { return Ok(()) };
        let reply = self.headers_of(response).and_then(|(headers, fields)| {
            upgrade::accept(self.ruby, self.cx, upgrade, &wish, self.env, fields).map(|reply| (headers, reply))
        });
        match reply.caught() {
            Ok((headers, reply)) => {
                let status = reply.head().map_or(0, |head| head.status.as_u16()).into_value_with(self.ruby);
                ticket.answer(reply);
                let finished = self.finish(body_of(response), Finished { status, headers, error: None });
                upgrade::slim(self.env);
                finished
            }
            Err(error) => self.fail(ticket, error, body_of(response)),
        }
    }

    fn headers_of(&self, response: Value) -> Result<(Value, HeaderMap), Error> {
        let headers = RArray::from_value(response).map_or(Ok(self.nil()), |array| array.entry(1))?;
        Ok((headers, reply::fields(self.ruby, self.ruby.get_inner(self.cx.app), headers)?))
    }

    fn send(&self, worker: &mut Worker, ticket: Ticket, answer: Answer) -> Result<(), Error> {
        let (status, headers, body) = (answer.status, answer.headers, answer.body);
        let sent = body::send(self, worker, ticket, answer);
        let (outcome, permit) = match sent {
            // There is nothing to close, and nothing of the app's has run since it returned.
            Sent::Whole if is_plain_array(self.ruby, body) => {
                (self.wind_up(Ok(()), self.left, Finished { status, headers, error: None }), None)
            }
            Sent::Whole => (self.finish(Some(body), Finished { status, headers, error: None }), None),
            Sent::Streamed(permit, error) => {
                (self.finish(Some(body), Finished { status, headers, error }), Some(permit))
            }
            Sent::Failed(ticket, error, permit) => (self.fail(ticket, error, Some(body)), permit),
            Sent::Killed(kill) => {
                let error = Some(kill);
                (self.finish(Some(body), Finished { status, headers, error }), None)
            }
            Sent::Child(outcome) => return outcome,
        };
        if let Some(permit) = permit.filter(|_| !self.is_child()) {
            // A thread whose place was taken learns it from its next wait.
            worker.leave_stream(permit);
        }
        outcome
    }

    /// Nothing has been sent: the client gets an error page, the operator a log line.
    fn fail(&self, ticket: Ticket, error: Error, body: Option<Value>) -> Result<(), Error> {
        let status = if is_forced(self.ruby, &error) { 503 } else { 500 };
        let (page, killed) = match self.error_page(&error, status) {
            Ok(page) => (page, None),
            Err(kill) => (None, Some(kill)),
        };
        let (code, headers) = match page {
            Some(page) => {
                let finished = (page.status, page.headers);
                body::send_page(self.ruby, ticket, page);
                finished
            }
            None if ticket.is_answered() => (self.nil(), self.nil()),
            None => {
                ticket.answer(Reply::Full(empty(status), Payload::default()));
                (status.into_value_with(self.ruby), self.ruby.hash_new().as_value())
            }
        };
        let finished = self.finish(body, Finished { status: code, headers, error: Some(error) });
        killed.map_or(finished, Err)
    }

    /// What the error handler wants the client to see.
    fn error_page(&self, error: &Error, status: u16) -> Result<Option<Answer>, Error> {
        let Some(exception) = exception(error) else {
            return self.cx.log_error(self.ruby, error, self.env, "app.call").map(|()| None);
        };
        let page = self.cx.handle_error(self.ruby, exception, self.env, status).or_none()?;
        handlers_answer(self.ruby, self.cx, self.env, page)
    }

    /// The app took the connection during `call`: what it returned means nothing, but its callbacks run (drop-in row
    /// H-04).
    fn after_hijack(&self, response: Value) -> Result<(), Error> {
        let part = |index| RArray::from_value(response).and_then(|array| array.entry::<Value>(index).ok());
        let status = part(0).unwrap_or_else(|| self.nil());
        let headers = part(1).unwrap_or_else(|| self.ruby.hash_new().as_value());
        self.finish(body_of(response), Finished { status, headers, error: None })
    }

    /// Closes the body, then runs the callbacks (Rack SPEC, drop-in row R-14).
    fn finish(&self, body: Option<Value>, finished: Finished) -> Result<(), Error> {
        let closed = match body {
            Some(body) => self.close(body),
            None => Ok(()),
        };
        self.wind_up(closed, Left::of(self.env), finished)
    }

    /// Runs the callbacks, and lets go of what the request had.
    fn wind_up(&self, closed: Result<(), Error>, left: Left, finished: Finished) -> Result<(), Error> {
        let called = callbacks::run(self.ruby, self.cx, self.env, left, &finished);
        let closed_spool = self.close_spool();
        self.hijack.settle();
        closed.and(called).and(closed_spool)?;
        match finished.error {
            Some(error) if is_kill(&error) => Err(error),
            _ => Ok(()),
        }
    }

    fn close(&self, body: Value) -> Result<(), Error> {
        // A plain Array has no `close`; asking each one would cost a method call.
        if is_plain_array(self.ruby, body) || !body.respond_to("close", false).or_none()?.unwrap_or(false) {
            return Ok(());
        }
        callbacks::settle(self.ruby, self.cx, self.env, "body.close", body.funcall("close", ()))
    }

    /// A request body in a file ends with its request: waiting for the garbage collector would fill the disk.
    fn close_spool(&self) -> Result<(), Error> {
        if let Some(file) = self.spool {
            // An app that has closed it already is right, too.
            file.funcall::<_, _, Value>("close", ()).or_none()?;
        }
        Ok(())
    }

    fn is_child(&self) -> bool {
        fork::is_child(self.cx.forks)
    }

    fn nil(&self) -> Value {
        self.ruby.qnil().as_value()
    }
}

/// What an error handler has returned, where it is an answer; else it is logged.
///
/// # Errors
/// Only a kill.
pub(super) fn handlers_answer(
    ruby: &Ruby,
    cx: &Context,
    env: Value,
    page: Option<Value>,
) -> Result<Option<Answer>, Error> {
    let Some(page) = page else { return Ok(None) };
    match reply::read(ruby, page, page, cx.names_files).caught() {
        Ok(answer) => Ok(Some(answer)),
        Err(kill) if is_kill(&kill) => Err(kill),
        Err(error) => cx.log_error(ruby, &error, env, "lowlevel_error_handler").map(|()| None),
    }
}

/// Neither a subclass nor an object with methods of its own: `class` gives the singleton class where there is one.
fn is_plain_array(ruby: &Ruby, body: Value) -> bool {
    body.class().as_raw() == ruby.class_array().as_raw()
}

fn empty(status: u16) -> ResponseHead {
    ResponseHead {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        headers: HeaderMap::new(),
    }
}

/// The body of whatever an app returned, to be closed.
fn body_of(response: Value) -> Option<Value> {
    RArray::from_value(response)?.entry::<Value>(2).ok().filter(|body| !body.is_nil())
}
