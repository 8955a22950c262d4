//! `rack.input`: complete, rewindable, binary.

use std::os::fd::{AsRawFd, IntoRawFd};

use iodine_core::handoff::RequestBody;
use magnus::value::{Lazy, ReprValue};
use magnus::{Error, RClass, Ruby, Value};

use super::constant;

static STRING_IO: Lazy<RClass> = Lazy::new(|ruby| constant(ruby, "StringIO"));
static FILE: Lazy<RClass> = Lazy::new(|ruby| constant(ruby, "File"));

/// Resolves what is needed later, while nothing can interrupt.
pub(super) fn init(ruby: &Ruby) {
    Lazy::force(&STRING_IO, ruby);
    Lazy::force(&FILE, ruby);
}

/// The input object for a body; `None` without one (the env's template holds the empty input).
pub(super) fn build(ruby: &Ruby, body: &mut RequestBody) -> Result<Option<Value>, Error> {
    match std::mem::replace(body, RequestBody::Empty) {
        RequestBody::Empty => Ok(None),
        RequestBody::Memory(bytes) => {
            let string = ruby.str_from_slice(&bytes);
            Ok(Some(ruby.get_inner(&STRING_IO).funcall("new", (string,))?))
        }
        RequestBody::File { file, .. } => {
            let io: Value = ruby.get_inner(&FILE).funcall("for_fd", (file.as_raw_fd(), "r+b"))?;
            // The descriptor is Ruby's from the moment that an IO holds it.
            let _ = file.into_raw_fd();
            Ok(Some(io))
        }
    }
}
