//! What requests bring for keys of the template, written in one pass over the first entries of its copy: each
//! `rb_hash_aset` would hash the key and look for it again, which made up a third of the work for a small request.

use std::ffi::c_int;

use rb_sys::st_retval::{ST_CONTINUE, ST_REPLACE, ST_STOP};
use rb_sys::{Qundef, RB_OBJ_WRITE, VALUE, rb_hash_tbl, rb_st_foreach_with_replace, st_data_t};

use crate::keys::keys;

/// The first keys of the template, in the order of [`place_keys`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    RequestMethod,
    PathInfo,
    RequestPath,
    QueryString,
    RequestUri,
    HttpHost,
    ServerName,
    ServerPort,
    UrlScheme,
    RemoteAddr,
    Hijack,
    Socket,
    AfterReply,
    ResponseFinished,
    QueueTime,
}

/// How many places there are.
const PLACES: usize = Place::QueueTime as usize + 1;

/// Their keys, in the same order.
pub(super) fn place_keys() -> [VALUE; PLACES] {
    let keys = keys();
    [
        keys.request_method,
        keys.path_info,
        keys.request_path,
        keys.query_string,
        keys.request_uri,
        keys.http_host,
        keys.server_name,
        keys.server_port,
        keys.url_scheme,
        keys.remote_addr,
        keys.hijack,
        keys.socket,
        keys.after_reply,
        keys.response_finished,
        keys.queue_time,
    ]
}

/// A value for each place.
pub(super) struct Places {
    /// `Qundef` where the template's value stays.
    values: [VALUE; PLACES],
}

impl Places {
    pub(super) fn new() -> Places {
        Places { values: [Qundef.into(); PLACES] }
    }

    pub(super) fn set(&mut self, place: Place, value: VALUE) {
        self.values[place as usize] = value;
    }

    pub(super) fn has(&self, place: Place) -> bool {
        self.values[place as usize] != Qundef.into()
    }

    /// Writes the values into a copy of the template.
    ///
    /// # Safety
    /// With the GVL; `env` is a copy of the template that nothing has been added to or taken from, and that no Ruby code
    /// has seen.
    pub(super) unsafe fn write(&self, env: VALUE) {
        let mut pass = Pass { env, values: &self.values, next: 0 };
        // SAFETY: the template has more than eight entries, so its copies are tables. The callbacks neither allocate nor
        // raise, and `pass` outlives the call. Ruby's own `transform_values!` is the same call.
        unsafe {
            let table = rb_hash_tbl(env, c"places.rs".as_ptr(), line!() as c_int);
            rb_st_foreach_with_replace(table, Some(visit), Some(replace), (&raw mut pass) as st_data_t);
        }
    }
}

struct Pass<'a> {
    env: VALUE,
    values: &'a [VALUE; PLACES],
    /// The place of the entry that is looked at next.
    next: usize,
}

unsafe extern "C" fn visit(_key: st_data_t, _value: st_data_t, pass: st_data_t, _error: c_int) -> c_int {
    // SAFETY: `Places::write` passes it, and nobody else looks at it meanwhile.
    let pass = unsafe { &mut *(pass as *mut Pass<'_>) };
    let verdict = match pass.values.get(pass.next) {
        None => ST_STOP,
        Some(value) if *value == Qundef.into() => ST_CONTINUE,
        Some(_) => ST_REPLACE,
    };
    // `replace` is called at once for the entry that asked for it.
    pass.next += 1;
    verdict as c_int
}

unsafe extern "C" fn replace(_key: *mut st_data_t, value: *mut st_data_t, pass: st_data_t, _existing: c_int) -> c_int {
    // SAFETY: as in `visit`, which has just found a value there; `value` is the entry's.
    unsafe {
        let pass = &*(pass as *const Pass<'_>);
        RB_OBJ_WRITE(pass.env, value, pass.values[pass.next - 1]);
    }
    ST_CONTINUE as c_int
}
