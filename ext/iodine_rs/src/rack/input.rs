//! `rack.input`: complete, rewindable, binary.

use std::os::fd::IntoRawFd;

use iodine_core::handoff::RequestBody;
use magnus::value::{Lazy, ReprValue};
use magnus::{Error, RClass, Ruby, Value};

use super::constant;

static STRING_IO: Lazy<RClass> = Lazy::new(|ruby| constant(ruby, "StringIO"));
static FILE: Lazy<RClass> = Lazy::new(|ruby| constant(ruby, "File"));

/// The input object for a body; `None` without one (the env's template holds the empty input).
pub(super) fn build(ruby: &Ruby, body: &mut RequestBody) -> Result<Option<Value>, Error> {
    match std::mem::replace(body, RequestBody::Empty) {
        RequestBody::Empty => Ok(None),
        RequestBody::Memory(bytes) => {
            let string = ruby.str_from_slice(&bytes);
            Ok(Some(ruby.get_inner(&STRING_IO).funcall("new", (string,))?))
        }
        RequestBody::File { file, .. } => {
            let fd = file.into_raw_fd();
            let file: Value = ruby.get_inner(&FILE).funcall("for_fd", (fd, "r+b"))?;
            Ok(Some(file))
        }
    }
}
