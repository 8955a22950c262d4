//! Ruby's side of every upgraded connection of this process, by id. A Ruby Hash: what is in it lives.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use magnus::rb_sys::AsRawValue;
use magnus::typed_data::Obj;
use magnus::value::{Opaque, ReprValue};
use magnus::{Error, RArray, RHash, Ruby};
use rb_sys::rb_gc_register_mark_object;

use super::connection::Connection;
use crate::fork;

static CONNECTIONS: OnceLock<Opaque<RHash>> = OnceLock::new();
/// See [`fork`]: the process whose connections these are.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// Makes the Hash. Called once, while the library is loaded.
pub(super) fn init(ruby: &Ruby) {
    CONNECTIONS.get_or_init(|| {
        let hash = ruby.hash_new();
        // SAFETY: a live object; it becomes a root.
        unsafe { rb_gc_register_mark_object(hash.as_raw()) };
        hash.into()
    });
}

fn hash(ruby: &Ruby) -> Result<RHash, Error> {
    let hash = ruby.get_inner(*CONNECTIONS.get_or_init(|| ruby.hash_new().into()));
    let forks = fork::generation();
    if FORKS.load(Ordering::Relaxed) != forks {
        FORKS.store(forks, Ordering::Relaxed);
        // The parent's connections.
        hash.clear()?;
    }
    Ok(hash)
}

pub(super) fn add(ruby: &Ruby, id: u64, connection: Obj<Connection>) -> Result<(), Error> {
    hash(ruby)?.aset(id, connection)
}

pub(super) fn get(ruby: &Ruby, id: u64) -> Result<Option<Obj<Connection>>, Error> {
    hash(ruby)?.lookup(id)
}

pub(super) fn remove(ruby: &Ruby, id: u64) -> Result<(), Error> {
    hash(ruby)?.delete::<_, magnus::Value>(id).map(drop)
}

/// A copy, so that connections may come and go while it is walked through.
pub(super) fn all(ruby: &Ruby) -> Result<RArray, Error> {
    hash(ruby)?.funcall("values", ())
}
