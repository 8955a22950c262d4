//! `env['rack.early_hints']`: 103 responses.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use iodine_core::handoff::{ResponseHead, TicketHandle};
use magnus::r_hash::ForEach;
use magnus::value::ReprValue;
use magnus::{Class, Error, Module, RArray, RHash, RModule, Ruby, Value, method};

/// `IodineRs::EarlyHints`, one per request.
#[magnus::wrap(class = "IodineRs::EarlyHints", free_immediately)]
pub(super) struct EarlyHints {
    ticket: TicketHandle,
}

pub(super) fn init(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    let class = module.define_class("EarlyHints", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("call", method!(EarlyHints::call, 1))
}

impl EarlyHints {
    pub(super) fn new(ticket: TicketHandle) -> EarlyHints {
        EarlyHints { ticket }
    }

    /// `call(headers)`: sends a 103 with the valid ones at once; nothing where none is valid or the client is gone.
    fn call(&self, headers: RHash) -> Result<(), Error> {
        let mut map = HeaderMap::new();
        headers.foreach(|name: Value, value: Value| {
            for value in lines(value)? {
                let name = HeaderName::from_bytes(name.to_r_string()?.to_string()?.as_bytes());
                if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&value)) {
                    map.append(name, value);
                }
            }
            Ok(ForEach::Continue)
        })?;
        if !map.is_empty() {
            self.ticket.interim(ResponseHead {
                status: StatusCode::EARLY_HINTS,
                headers: map,
            });
        }
        Ok(())
    }
}

/// Several values come as an Array (Rack 3) or in lines (Rack 2).
fn lines(value: Value) -> Result<Vec<Vec<u8>>, Error> {
    let mut lines = Vec::new();
    match RArray::from_value(value) {
        Some(array) => {
            for value in array {
                split(value, &mut lines)?;
            }
        }
        None => split(value, &mut lines)?,
    }
    Ok(lines)
}

fn split(value: Value, lines: &mut Vec<Vec<u8>>) -> Result<(), Error> {
    let string = value.to_r_string()?;
    // SAFETY: copied before Ruby code runs again.
    let bytes = unsafe { string.as_slice() };
    lines.extend(bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
    Ok(())
}
