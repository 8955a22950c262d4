//! The first entries of a Hash, read and written in place. Ruby's own calls hash the key for each, or call back for each,
//! which made up a twentieth of the work for a small request.

use std::ffi::c_int;
use std::slice;

use rb_sys::{VALUE, rb_hash_size_num, rb_hash_tbl, st_index_t};

/// Most entries of a Hash that has no table (Ruby's `RHASH_AR_TABLE_MAX_SIZE`).
const TABLELESS: usize = 8;

/// In the place of a hash: the entry was deleted (`RESERVED_HASH_VAL` of st.c).
const DELETED: st_index_t = st_index_t::MAX;

/// `st_table_entry`. Ruby keeps its shape to itself, the same since 2.4: nothing may rest on it but what an expected key
/// has confirmed, see [`Entry::value_of`].
#[repr(C)]
pub(super) struct Entry {
    hash: st_index_t,
    key: VALUE,
    value: VALUE,
}

impl Entry {
    /// The value, where this is the entry of `key`, the very String. Where it is not, there is the usual way to look for it.
    pub(super) fn value_of(&mut self, key: VALUE) -> Option<&mut VALUE> {
        (self.key == key && self.hash != DELETED).then_some(&mut self.value)
    }
}

/// The first `most` entries of a Hash, in the order they were added in; none of a small one. They may be written: of a Hash
/// whose table it has handed out Ruby expects no write barrier (`OBJ_WB_UNPROTECT` in `rb_hash_tbl`).
///
/// # Safety
/// With the GVL; `hash` is a Hash, of which nobody else makes use as long as the entries are used.
pub(super) unsafe fn first<'a>(hash: VALUE, most: usize) -> &'a mut [Entry] {
    // SAFETY: see above. A Hash of so many entries has a table, whose entries are in one piece from the first to
    // `entries_bound`.
    unsafe {
        if rb_hash_size_num(hash) as usize <= TABLELESS {
            return &mut [];
        }
        let table = &*rb_hash_tbl(hash, c"entries.rs".as_ptr(), line!() as c_int);
        slice::from_raw_parts_mut(table.entries.cast(), most.min(table.entries_bound as usize))
    }
}
