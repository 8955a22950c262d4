//! `rack.after_reply` and `rack.response_finished`: run on the thread of `app.call`, once, whatever happened.

use magnus::value::ReprValue;
use magnus::{Error, IntoValue, RArray, Ruby, Value};

use super::context::Context;
use super::env::Left;
use crate::raised::{Caught, exception, is_kill};

/// How the response ended, for `rack.response_finished`.
pub(super) struct Finished {
    pub(super) status: Value,
    pub(super) headers: Value,
    pub(super) error: Option<Error>,
}

/// Runs both lists, of which `left` tells whether there is anything to run. An error in one callback is logged, the others still run; only a thread that is being killed stops
/// here.
pub(super) fn run(ruby: &Ruby, cx: &Context, env: Value, left: Left, finished: &Finished) -> Result<(), Error> {
    if is_empty(left.after_reply()) && is_empty(left.response_finished()) {
        return Ok(());
    }
    if let Some(callbacks) = list(ruby, left.after_reply()) {
        for index in 0..callbacks.len() {
            let callback: Value = callbacks.entry(index as isize)?;
            settle(ruby, cx, env, "rack.after_reply", callback.funcall("call", ()))?;
        }
    }
    let Some(callbacks) = list(ruby, Left::of(env).response_finished()) else {
        return Ok(());
    };
    let error = finished.error.as_ref().and_then(exception).into_value_with(ruby);
    // Rack SPEC: in reverse order of registration.
    for index in (0..callbacks.len()).rev() {
        let callback: Value = callbacks.entry(index as isize)?;
        let outcome = callback.funcall("call", (env, finished.status, finished.headers, error));
        settle(ruby, cx, env, "rack.response_finished", outcome)?;
    }
    Ok(())
}

/// Whether no callback is there: true of most requests.
fn is_empty(list: Value) -> bool {
    list.is_nil() || RArray::from_value(list).is_some_and(|array| array.is_empty())
}

/// A copy of the list, so that a callback that changes it changes nothing for the others. `None` for an empty one.
fn list(ruby: &Ruby, list: Value) -> Option<RArray> {
    let array = RArray::from_value(list).filter(|array| !array.is_empty())?;
    // SAFETY: the elements are copied before Ruby code runs.
    Some(ruby.ary_new_from_values(unsafe { array.as_slice() }))
}

/// Logs an error of the app's code after the answer; passes on what must end the thread.
pub(super) fn settle(
    ruby: &Ruby,
    cx: &Context,
    env: Value,
    place: &str,
    outcome: Result<Value, Error>,
) -> Result<(), Error> {
    match outcome.caught() {
        Ok(_) => Ok(()),
        Err(error) if is_kill(&error) => Err(error),
        Err(error) => cx.log_error(ruby, &error, env, place),
    }
}
