//! Large Ruby Strings lent to the core without a copy.
//!
//! A lent String is frozen (a shared copy, so the application may go on with its own) and sits in a slot of one table,
//! whose mark function keeps it alive and in place. The core drops the bytes on its own thread, without the GVL: that
//! only clears the slot.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use magnus::gc::Marker;
use magnus::rb_sys::{AsRawValue, FromRawValue, protect};
use magnus::typed_data::Obj;
use magnus::{DataTypeFunctions, Error, Module, RModule, RString, Ruby, TypedData, Value};
use rb_sys::{VALUE, rb_gc_register_mark_object, rb_str_new_frozen};

/// Strings lent at once; beyond that they are copied.
const SLOTS: usize = 4096;

/// Smaller Strings are copied: cheaper than a slot, and the response head goes with them in one buffer.
const WORTHWHILE: usize = 16 * 1024;

static TABLE: [AtomicUsize; SLOTS] = [const { AtomicUsize::new(0) }; SLOTS];
/// Where to look for a free slot next.
static NEXT: AtomicUsize = AtomicUsize::new(0);

#[derive(TypedData)]
#[magnus(class = "IodineRs::Pins", free_immediately, mark)]
struct Pins;

impl DataTypeFunctions for Pins {
    fn mark(&self, marker: &Marker) {
        for slot in &TABLE {
            let value = slot.load(Ordering::Acquire);
            if value != 0 {
                // SAFETY: a non-zero slot holds a String that has been marked by every collection since it was put
                // there under the GVL. A slot cleared meanwhile only lets the String live one collection longer.
                marker.mark(unsafe { Value::from_raw(value as VALUE) });
            }
        }
    }
}

/// Makes the object that marks the table. Called once, while the library is loaded.
pub(crate) fn init(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    module.define_class("Pins", ruby.class_object())?;
    let pins: Obj<Pins> = ruby.obj_wrap(Pins);
    // SAFETY: a live object; it becomes a root.
    unsafe { rb_gc_register_mark_object(pins.as_raw()) };
    Ok(())
}

/// The bytes of a String, lent where it is large, copied where it is small.
pub(crate) fn bytes(string: RString) -> Result<Bytes, Error> {
    if string.len() < WORTHWHILE {
        return Ok(copy(string));
    }
    // SAFETY: a String; freezing a shared copy may allocate and raise, which `protect` catches.
    let frozen = protect(|| unsafe { rb_str_new_frozen(string.as_raw()) })?;
    // SAFETY: `rb_str_new_frozen` returns a String.
    let frozen = RString::from_value(unsafe { Value::from_raw(frozen) }).unwrap_or(string);
    Ok(match claim(frozen) {
        Some(slot) => Bytes::from_owner(Lent::new(frozen, slot)),
        None => copy(frozen),
    })
}

/// The bytes of a String that is used at once.
pub(crate) fn copy(string: RString) -> Bytes {
    // SAFETY: no Ruby code runs while the slice is read.
    Bytes::copy_from_slice(unsafe { string.as_slice() })
}

fn claim(string: RString) -> Option<usize> {
    let start = NEXT.fetch_add(1, Ordering::Relaxed);
    (0..SLOTS).map(|step| (start + step) % SLOTS).find(|slot| {
        TABLE[*slot].compare_exchange(0, string.as_raw() as usize, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    })
}

/// A frozen String's bytes and the slot that keeps them.
struct Lent {
    start: *const u8,
    len: usize,
    slot: usize,
}

impl Lent {
    fn new(string: RString, slot: usize) -> Lent {
        // SAFETY: only the address and length are taken; see the impls below.
        let slice = unsafe { string.as_slice() };
        Lent { start: slice.as_ptr(), len: slice.len(), slot }
    }
}

// SAFETY: the bytes belong to a frozen String: nobody writes them, and they neither move nor disappear while the slot
// holds it. Nothing else of Ruby is reached through this value.
unsafe impl Send for Lent {}
// SAFETY: as above; shared reading of constant bytes.
unsafe impl Sync for Lent {}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: see `Send`; the slot is held until `drop`.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        TABLE[self.slot].store(0, Ordering::Release);
    }
}
