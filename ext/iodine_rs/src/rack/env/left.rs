//! What the app has left for the server in an env.

use magnus::rb_sys::{AsRawValue, FromRawValue};
use magnus::{RHash, Value};
use rb_sys::{Qnil, VALUE};

use super::entries;
use crate::keys::keys;

/// The entries that are looked at when the app has returned: the first of every env, so that a look at them need not hash
/// their keys, which would be a twentieth of the work for a small request. To be kept on the stack, where Ruby's collector
/// finds the values.
#[derive(Clone, Copy)]
pub(crate) struct Left {
    values: [VALUE; 3],
}

/// Their keys, in this order.
pub(super) fn left_keys() -> [VALUE; 3] {
    let keys = keys();
    [keys.rack_upgrade_p, keys.after_reply, keys.response_finished]
}

impl Left {
    /// Looks for them, wherever they are by now. nil for one that is missing.
    pub(crate) fn of(env: Value) -> Left {
        let Some(env) = RHash::from_value(env) else { return Left::nothing() };
        Left::in_front(env).unwrap_or_else(|| Left { values: left_keys().map(|key| look_up(env, key)) })
    }

    /// Nothing, as before the app was called.
    pub(crate) fn nothing() -> Left {
        Left { values: [Qnil.into(); 3] }
    }

    /// `rack.upgrade?`
    pub(crate) fn upgrade(self) -> Value {
        self.value(0)
    }

    /// `rack.after_reply`
    pub(crate) fn after_reply(self) -> Value {
        self.value(1)
    }

    /// `rack.response_finished`
    pub(crate) fn response_finished(self) -> Value {
        self.value(2)
    }

    fn value(self, index: usize) -> Value {
        // SAFETY: it was in the env, and has been on the stack since.
        unsafe { Value::from_raw(self.values[index]) }
    }

    /// `None` where something else is in front: the app has deleted one of them, and may have set it again.
    fn in_front(env: RHash) -> Option<Left> {
        let keys = left_keys();
        let mut left = Left::nothing();
        // SAFETY: the GVL is held, and nothing is done with the entries but to read them.
        let entries = unsafe { entries::first(env.as_raw(), keys.len()) };
        if entries.len() < keys.len() {
            return None;
        }
        for ((entry, key), value) in entries.iter_mut().zip(keys).zip(&mut left.values) {
            *value = *entry.value_of(key)?;
        }
        Some(left)
    }
}

/// The usual way.
fn look_up(env: RHash, key: VALUE) -> VALUE {
    // SAFETY: the table's Strings live for ever.
    let key = unsafe { Value::from_raw(key) };
    env.get(key).map_or(Qnil.into(), |value: Value| value.as_raw())
}
