//! `env['rack.early_hints']`: 103 responses.

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use iodine_core::handoff::{ResponseHead, TicketHandle};
use magnus::r_hash::ForEach;
use magnus::value::ReprValue;
use magnus::{Error, Module, RArray, RHash, RModule, Ruby, Value, method};

use crate::{classes, fork};

/// `IodineRs::EarlyHints`, one per request.
#[magnus::wrap(class = "IodineRs::EarlyHints", free_immediately)]
pub(super) struct EarlyHints {
    ticket: TicketHandle,
    forks: u64,
}

pub(super) fn init(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    let class = classes::define::<EarlyHints>(ruby, module, "EarlyHints")?;
    class.define_method("call", method!(EarlyHints::call, 1))
}

impl EarlyHints {
    pub(super) fn new(ticket: TicketHandle) -> EarlyHints {
        EarlyHints { ticket, forks: fork::generation() }
    }

    /// `call(headers)`: sends a 103 with the valid ones at once; nothing where none is valid or the client is gone.
    fn call(&self, headers: RHash) -> Result<(), Error> {
        let mut map = HeaderMap::new();
        headers.foreach(|name: Value, value: Value| {
            let name = name.to_r_string()?.to_string()?;
            if let (Some(name), Some(values)) = (hint_name(&name), values(value)?) {
                for value in values {
                    map.append(&name, value);
                }
            }
            Ok(ForEach::Continue)
        })?;
        if !map.is_empty() && !fork::is_child(self.forks) {
            self.ticket.interim(ResponseHead { status: StatusCode::EARLY_HINTS, headers: map });
        }
        Ok(())
    }
}

/// Names that may stand in a 103: no framing (RFC 9110 §8.6), nothing about the connection, nothing of Rack's.
fn hint_name(name: &str) -> Option<HeaderName> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    let ours = name == CONTENT_LENGTH || name == TRANSFER_ENCODING || name == CONNECTION;
    (!ours && !name.as_str().starts_with("rack.") && name.as_str() != "status").then_some(name)
}

/// `None` where one of them is illegal.
fn values(value: Value) -> Result<Option<Vec<HeaderValue>>, Error> {
    Ok(lines(value)?.iter().map(|line| HeaderValue::from_bytes(line).ok()).collect())
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
