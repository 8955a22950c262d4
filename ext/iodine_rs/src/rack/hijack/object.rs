//! The Ruby object of a hijack, and the one word behind it.
//!
//! magnus would keep a box for each object, which is freed when Ruby collects that, more than a thousand requests later: it
//! has long left the processor's cache by then, which cost a small request a fiftieth of its time. Here the word points to a
//! box as long as the request is served, and the next request gets the same memory; afterwards it points to what the
//! connection has in any case.

use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr::{null, null_mut};
use std::sync::Arc;

use iodine_core::handoff::Ends;
use magnus::rb_sys::{AsRawValue, FromRawValue};
use magnus::{Error, Ruby, TryConvert, Value};
use rb_sys::{
    VALUE, rb_data_type_struct__bindgen_ty_1 as Functions, rb_data_type_t, rb_data_typed_object_wrap, rb_gc_mark,
    rb_gc_writebarrier, rb_typeddata_is_kind_of, rbimpl_typeddata_flags, size_t,
};

use super::{CLASS, Current};
use crate::raised;

/// An `IodineRs::Hijack`. To be kept on the stack, where Ruby's collector finds it.
#[derive(Clone, Copy)]
pub(in crate::rack) struct Hijack(Value);

/// Marks a word that points to the [`Ends`] of a connection whose request is over, not to a [`Current`].
const PAST: usize = 1;

/// What a word points to.
enum Word<'a> {
    /// Nothing: the object is just being made.
    Unset,
    Current(&'a mut Current),
    Past(ManuallyDrop<Arc<Ends>>),
}

struct DataType(rb_data_type_t);

// SAFETY: nobody writes to it.
unsafe impl Sync for DataType {}

static TYPE: DataType = DataType(rb_data_type_t {
    wrap_struct_name: c"IodineRs::Hijack".as_ptr(),
    function: Functions {
        dmark: Some(mark),
        dfree: Some(free),
        dsize: Some(size),
        dcompact: None,
        reserved: [null_mut()],
    },
    parent: null(),
    data: null_mut(),
    // Without write barriers Ruby allocates and marks objects the slow way.
    flags: rbimpl_typeddata_flags::RUBY_TYPED_FREE_IMMEDIATELY as VALUE
        | rbimpl_typeddata_flags::RUBY_TYPED_WB_PROTECTED as VALUE,
});

impl Hijack {
    /// Makes one for the request of `env`. `current` is taken when there is an object for it.
    ///
    /// # Safety
    /// Inside `protect`, with the GVL; `env` is a Hash.
    pub(in crate::rack) unsafe fn create(ruby: &Ruby, env: VALUE, current: &mut Option<Box<Current>>) -> Hijack {
        let class = ruby.get_inner(&CLASS).as_raw();
        // SAFETY: see above. The object is new: no collection has seen it, so that no write barrier is needed.
        unsafe {
            let hijack = Hijack(Value::from_raw(rb_data_typed_object_wrap(class, null_mut(), &raw const TYPE.0)));
            if let Some(mut current) = current.take() {
                current.env = env;
                *hijack.word() = Box::into_raw(current).cast();
            }
            hijack
        }
    }

    pub(in crate::rack) fn as_raw(self) -> VALUE {
        self.0.as_raw()
    }

    /// The request is over, unless the connection was left open for a later hijack.
    pub(in crate::rack) fn settle(self) {
        let over = self.current(|current| {
            let over = current.ticket.take_if(|ticket| ticket.is_answered()).is_some();
            over && !current.taken
        });
        if over == Some(true) {
            // SAFETY: as in `word`, and it points to a `Current`. Nobody else has a reference to that: see `current`.
            unsafe {
                let word = self.word();
                let current = Box::from_raw((*word).cast::<Current>());
                *word = Arc::into_raw(current.ends).map_addr(|address| address | PAST).cast_mut().cast();
            }
        }
    }

    /// Has a look at what the request has; `None` where it is over. `look` runs no Ruby code, and keeps the GVL.
    pub(super) fn current<T>(self, look: impl FnOnce(&mut Current) -> T) -> Option<T> {
        // SAFETY: as in `word`; nobody else has a look meanwhile.
        match unsafe { target(*self.word()) } {
            Word::Current(current) => Some(look(current)),
            Word::Unset | Word::Past(_) => None,
        }
    }

    /// Where the connection begins and ends.
    pub(super) fn ends(self) -> Option<Arc<Ends>> {
        // SAFETY: as in `current`.
        match unsafe { target(*self.word()) } {
            Word::Current(current) => Some(current.ends.clone()),
            Word::Past(ends) => Some(Arc::clone(&ends)),
            Word::Unset => None,
        }
    }

    /// Keeps the connection that was taken.
    pub(super) fn keep(self, io: Value) {
        self.current(|current| current.io = io.as_raw());
        // SAFETY: the GVL is held; both are live objects.
        unsafe { rb_gc_writebarrier(self.as_raw(), io.as_raw()) };
    }

    /// SAFETY: it is only used with the GVL, and not beyond.
    #[expect(
        deprecated,
        reason = "rb-sys has no other way to write the word, which is public in Ruby: RTYPEDDATA_DATA"
    )]
    fn word(self) -> *mut *mut c_void {
        let object = self.as_raw() as *mut rb_sys::RTypedData;
        // SAFETY: a `Hijack` is an object of `TYPE`, which keeps its word in the object.
        unsafe { &raw mut (*object).data }
    }
}

impl TryConvert for Hijack {
    fn try_convert(value: Value) -> Result<Hijack, Error> {
        // SAFETY: any Value may be asked.
        if unsafe { rb_typeddata_is_kind_of(value.as_raw(), &raw const TYPE.0) } != 0 {
            return Ok(Hijack(value));
        }
        let ruby = Ruby::get_with(value);
        Err(raised::error(ruby.exception_type_error(), "not an IodineRs::Hijack"))
    }
}

/// SAFETY: `word` is that of an object, which nobody changes as long as what it points to is used.
unsafe fn target<'a>(word: *mut c_void) -> Word<'a> {
    if word.is_null() {
        return Word::Unset;
    }
    // SAFETY: see above; `Hijack::create` and `Hijack::settle` have written it.
    unsafe {
        if word.addr() & PAST == 0 {
            Word::Current(&mut *word.cast())
        } else {
            let ends = word.map_addr(|address| address & !PAST).cast_const().cast();
            Word::Past(ManuallyDrop::new(Arc::from_raw(ends)))
        }
    }
}

unsafe extern "C" fn mark(word: *mut c_void) {
    // SAFETY: the collector runs, and nothing else. The Values were alive when they were put there, and have been marked
    // ever since.
    unsafe {
        if let Word::Current(current) = target(word) {
            rb_gc_mark(current.env);
            rb_gc_mark(current.io);
        }
    }
}

unsafe extern "C" fn free(word: *mut c_void) {
    // SAFETY: nobody will use the object any more, nor what its word owns.
    unsafe {
        match target(word) {
            Word::Unset => {}
            Word::Current(current) => drop(Box::from_raw(current)),
            Word::Past(ends) => drop(ManuallyDrop::into_inner(ends)),
        }
    }
}

unsafe extern "C" fn size(word: *const c_void) -> size_t {
    // SAFETY: the GVL is held.
    match unsafe { target(word.cast_mut()) } {
        Word::Current(_) => size_of::<Current>() as size_t,
        Word::Unset | Word::Past(_) => 0,
    }
}
