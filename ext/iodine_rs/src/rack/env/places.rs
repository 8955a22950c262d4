//! What requests bring for keys of the template, written in one pass over the first entries of its copy: each
//! `rb_hash_aset` would hash the key and look for it again, which made up a third of the work for a small request.

use std::ffi::c_int;

use rb_sys::st_retval::{ST_CONTINUE, ST_REPLACE, ST_STOP};
use rb_sys::{Qundef, VALUE, rb_hash_tbl, rb_st_foreach_with_replace, st_data_t};

use super::left::left_keys;
use crate::keys::keys;

/// The first keys of the template, in the order of [`place_keys`]: those that are looked at again when the app has returned
/// (see [`Left`](super::Left)), then what every request brings, then what few do.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    UpgradeAsked,
    AfterReply,
    ResponseFinished,
    Hijack,
    Socket,
    QueueTime,
    PathInfo,
    RequestPath,
    RequestUri,
    HttpHost,
    ServerName,
    ServerPort,
    QueryString,
    RemoteAddr,
    UrlScheme,
    RequestMethod,
}

/// How many places there are.
const PLACES: usize = Place::RequestMethod as usize + 1;

/// Their keys, in the same order.
pub(super) fn place_keys() -> [VALUE; PLACES] {
    let keys = keys();
    let [upgrade_asked, after_reply, response_finished] = left_keys();
    [
        upgrade_asked,
        after_reply,
        response_finished,
        keys.hijack,
        keys.socket,
        keys.queue_time,
        keys.path_info,
        keys.request_path,
        keys.request_uri,
        keys.http_host,
        keys.server_name,
        keys.server_port,
        keys.query_string,
        keys.remote_addr,
        keys.url_scheme,
        keys.request_method,
    ]
}

/// A value for each place.
pub(super) struct Places {
    /// `Qundef` where the template's value stays.
    values: [VALUE; PLACES],
    /// Behind the last one that does not.
    end: usize,
}

impl Places {
    pub(super) fn new() -> Places {
        Places { values: [Qundef.into(); PLACES], end: 0 }
    }

    pub(super) fn set(&mut self, place: Place, value: VALUE) {
        self.values[place as usize] = value;
        self.end = self.end.max(place as usize + 1);
    }

    pub(super) fn has(&self, place: Place) -> bool {
        self.values[place as usize] != Qundef.into()
    }

    /// Writes the values into a copy of the template.
    ///
    /// # Safety
    /// With the GVL; `env` is a copy of the template that nothing has been added to or taken from, and that no Ruby code has
    /// seen.
    pub(super) unsafe fn write(&self, env: VALUE) {
        let mut pass = Pass { values: &self.values[..self.end], next: 0 };
        // SAFETY: the template has more than eight entries, so its copies are tables. The callbacks neither allocate nor
        // raise, and `pass` outlives the call. Ruby's own `transform_values!` is the same call.
        unsafe {
            let table = rb_hash_tbl(env, c"places.rs".as_ptr(), line!() as c_int);
            rb_st_foreach_with_replace(table, Some(visit), Some(replace), (&raw mut pass) as st_data_t);
        }
    }
}

struct Pass<'a> {
    values: &'a [VALUE],
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
    // SAFETY: as in `visit`, which has just found a value there; `value` is the entry's. It takes no write barrier: of a Hash
    // whose table it has handed out Ruby expects none (`OBJ_WB_UNPROTECT` in `rb_hash_tbl`).
    unsafe {
        let pass = &*(pass as *const Pass<'_>);
        *value = pass.values[pass.next - 1];
    }
    ST_CONTINUE as c_int
}
