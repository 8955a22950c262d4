//! `rack.after_reply` and `rack.response_finished`: run on the thread of `app.call`, once, whatever happened.

use magnus::rb_sys::{AsRawValue, FromRawValue, protect};
use magnus::value::ReprValue;
use magnus::{Error, IntoValue, RArray, RHash, Ruby, Value};
use rb_sys::{Qnil, rb_hash_lookup};

use super::context::Context;
use crate::keys::keys;
use crate::raised::{Caught, exception, is_kill};

/// How the response ended, for `rack.response_finished`.
pub(super) struct Finished {
    pub(super) status: Value,
    pub(super) headers: Value,
    pub(super) error: Option<Error>,
}

/// Runs both lists. An error in one callback is logged, the others still run; only a thread that is being killed stops
/// here.
pub(super) fn run(ruby: &Ruby, cx: &Context, env: Value, finished: &Finished) -> Result<(), Error> {
    let Some(hash) = RHash::from_value(env) else {
        return Ok(());
    };
    if are_none(hash)? {
        return Ok(());
    }
    if let Some(callbacks) = list(ruby, hash, keys().after_reply) {
        for index in 0..callbacks.len() {
            let callback: Value = callbacks.entry(index as isize)?;
            settle(ruby, cx, env, "rack.after_reply", callback.funcall("call", ()))?;
        }
    }
    let Some(callbacks) = list(ruby, hash, keys().response_finished) else {
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

/// Whether both lists are as empty as they were: true of most requests, and asked of all of them.
fn are_none(env: RHash) -> Result<bool, Error> {
    let mut none = true;
    protect(|| {
        for key in [keys().after_reply, keys().response_finished] {
            // SAFETY: the GVL is held; the table's Strings live for ever; a jump is caught by `protect`.
            let value = unsafe { Value::from_raw(rb_hash_lookup(env.as_raw(), key)) };
            none &= value.is_nil() || RArray::from_value(value).is_some_and(|array| array.is_empty());
        }
        Qnil.into()
    })?;
    Ok(none)
}

/// A copy of the list, so that a callback that changes it changes nothing for the others. `None` for an empty one.
fn list(ruby: &Ruby, env: RHash, key: rb_sys::VALUE) -> Option<RArray> {
    // SAFETY: the table's Strings live for ever.
    let key = unsafe { Value::from_raw(key) };
    let array = env.get(key).and_then(RArray::from_value).filter(|array| !array.is_empty())?;
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
