//! What the app has left for the server in an env.

use std::ffi::c_int;

use magnus::rb_sys::{AsRawValue, FromRawValue};
use magnus::{RHash, Value};
use rb_sys::st_retval::{ST_CONTINUE, ST_STOP};
use rb_sys::{Qnil, VALUE, rb_hash_tbl, rb_st_foreach, st_data_t};

use crate::keys::keys;

/// Most entries of a Hash that has no table (Ruby's `RHASH_AR_TABLE_MAX_SIZE`).
const TABLELESS: usize = 8;

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
        if env.len() <= TABLELESS {
            return None;
        }
        let mut walk = Walk { keys: left_keys(), left: Left::nothing(), next: 0 };
        // SAFETY: the GVL is held, so that nobody changes the table; of so many entries there is one, and nothing has to be
        // made of it. The callback neither allocates nor raises, and `walk` outlives the call.
        unsafe {
            let table = rb_hash_tbl(env.as_raw(), c"left.rs".as_ptr(), line!() as c_int);
            rb_st_foreach(table, Some(visit), (&raw mut walk) as st_data_t);
        }
        (walk.next == walk.keys.len()).then_some(walk.left)
    }
}

/// The usual way.
fn look_up(env: RHash, key: VALUE) -> VALUE {
    // SAFETY: the table's Strings live for ever.
    let key = unsafe { Value::from_raw(key) };
    env.get(key).map_or(Qnil.into(), |value: Value| value.as_raw())
}

struct Walk {
    keys: [VALUE; 3],
    left: Left,
    /// Which of them is looked for.
    next: usize,
}

unsafe extern "C" fn visit(key: st_data_t, value: st_data_t, walk: st_data_t) -> c_int {
    // SAFETY: `Left::in_front` passes it, and nobody else looks at it meanwhile.
    let walk = unsafe { &mut *(walk as *mut Walk) };
    if key != walk.keys[walk.next] {
        return ST_STOP as c_int;
    }
    walk.left.values[walk.next] = value;
    walk.next += 1;
    let verdict = if walk.next == walk.keys.len() { ST_STOP } else { ST_CONTINUE };
    verdict as c_int
}
