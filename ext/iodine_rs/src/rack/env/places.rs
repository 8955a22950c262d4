//! What requests bring for keys of the template, written in one pass over the first entries of its copy: each
//! `rb_hash_aset` would hash the key and look for it again, which made up a third of the work for a small request.

use rb_sys::{Qundef, VALUE, rb_hash_aset};

use super::entries::{self, Entry};
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
    /// Inside `protect`, with the GVL; `env` is a copy of the template that nothing has been added to or taken from.
    pub(super) unsafe fn write(&self, env: VALUE) {
        let keys = place_keys();
        let places = self.values[..self.end].iter().zip(&keys);
        // SAFETY: see above. The entries are not used any more when Ruby is asked to set the rest: there is none, but on a
        // Ruby that keeps its entries in another way.
        unsafe {
            let entries = places.clone().zip(entries::first(env, self.end));
            let written = entries.map_while(|((value, key), entry)| put(entry, *key, *value)).count();
            for (value, key) in places.skip(written).filter(|(value, _)| **value != Qundef.into()) {
                rb_hash_aset(env, *key, *value);
            }
        }
    }
}

/// Gives the entry of `key` its value, where there is one. `None`: this is another entry.
fn put(entry: &mut Entry, key: VALUE, value: VALUE) -> Option<()> {
    let place = entry.value_of(key)?;
    if value != Qundef.into() {
        *place = value;
    }
    Some(())
}
