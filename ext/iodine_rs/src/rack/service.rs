//! One request on the Ruby side: its env, the app's call, and what comes of it.

use http::Method;
use iodine_core::handoff::{self, Refused, Ticket, Worker, maps};
use iodine_core::http::refusal::Kind;
use magnus::rb_sys::{AsRawId, AsRawValue, FromRawValue, protect};
use magnus::value::{LazyId, ReprValue};
use magnus::{Error, Ruby, Value};
use rb_sys::rb_funcallv;

use super::body;
use super::call::{Call, handlers_answer};
use super::context::Context;
use super::env::{self, Left};
use super::hijack::Hijack;
use crate::fork;
use crate::raised::{Caught, is_kill};

static CALL: LazyId = LazyId::new("call");

/// Runs the app for one request and answers it.
///
/// # Errors
/// Only what must end the thread (`Thread#kill`); everything else is answered and logged here.
pub(crate) fn serve(ruby: &Ruby, cx: &Context, worker: &mut Worker, call: handoff::Call) -> Result<(), Error> {
    let handoff::Call { mut request, ticket } = call;
    let refused = request.refused.take();
    // Of a handshake that failed the app is told although nobody waits.
    let is_told = refused.as_ref().is_some_and(|refused| refused.kind == Kind::Handshake);
    if ticket.is_abandoned() && !is_told {
        return Ok(());
    }
    let head_only = request.parts.method == Method::HEAD;
    let http10 = request.parts.version == http::Version::HTTP_10;
    let mut draft = match env::Draft::new(ruby, cx, &mut request, ticket.handle()) {
        Ok(draft) => draft,
        Err(error) => return unbuilt(ruby, cx, error),
    };
    if let Some(refused) = refused {
        // SAFETY: inside `protect`, with the GVL.
        return match protect(|| unsafe { draft.build(ruby, cx, &request).0 }) {
            // SAFETY: just made.
            Ok(env) => refuse(ruby, cx, &refused, unsafe { Value::from_raw(env) }, ticket),
            Err(error) => unbuilt(ruby, cx, error),
        };
    }
    let (made, response) = call_app(ruby, cx, &mut draft, &mut request);
    let Some((env, hijack)) = made else {
        return response.map_or_else(|error| unbuilt(ruby, cx, error), |_| Ok(()));
    };
    let (spool, upgrade, left) = (draft.spool, request.upgrade.take(), Left::of(env));
    drop(request);
    let call = Call { ruby, cx, env, hijack, head_only, http10, spool, upgrade, left };
    call.answer(worker, ticket, response)
}

/// Builds the env and calls the app, in one `protect`: each costs a hundredth of the work for a small request. Without an env
/// the error is one of building it.
fn call_app(
    ruby: &Ruby,
    cx: &Context,
    draft: &mut env::Draft,
    request: &mut handoff::Request,
) -> (Option<(Value, Hijack)>, Result<Value, Error>) {
    let (app, name) = (ruby.get_inner(cx.app).as_raw(), LazyId::get_inner_with(&CALL, ruby).as_raw());
    let mut made = None;
    let response = protect(|| {
        // SAFETY: the GVL is held, `made` is on the stack; a jump finds nothing to drop in this closure.
        unsafe {
            let (env, hijack) = draft.build(ruby, cx, request);
            made = Some((Value::from_raw(env), hijack));
            maps::give_back(std::mem::take(&mut request.parts.headers));
            rb_funcallv(app, name, 1, &raw const env)
        }
    });
    // SAFETY: it has just been returned.
    (made, response.map(|response| unsafe { Value::from_raw(response) }).caught())
}

/// Out of memory or descriptors; the ticket answers 500.
fn unbuilt(ruby: &Ruby, cx: &Context, error: Error) -> Result<(), Error> {
    if is_kill(&error) { Err(error) } else { cx.log_error(ruby, &error, ruby.qnil().as_value(), "building the env") }
}

/// Asks the error handler what a client gets whose request was refused; without an answer that is the plain refusal.
fn refuse(ruby: &Ruby, cx: &Context, refused: &Refused, env: Value, ticket: Ticket) -> Result<(), Error> {
    if !refused.any {
        env::forget_target(env)?;
    }
    let page = cx.handle_refusal(ruby, refused, env).or_none();
    if fork::is_child(cx.forks) {
        // As in `Call::answer`.
        std::mem::forget(ticket);
        return page.map(drop);
    }
    if let Some(answer) = handlers_answer(ruby, cx, env, page?)? {
        body::send_page(ruby, ticket, answer);
    }
    Ok(())
}
