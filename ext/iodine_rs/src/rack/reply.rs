//! What an app returned, read and checked: `[status, headers, body]`.

use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode};
use iodine_core::files::FILE_FIELDS;
use iodine_core::handoff::{ResponseHead, maps};
use magnus::block::Proc;
use magnus::r_hash::ForEach;
use magnus::value::{Opaque, ReprValue};
use magnus::{Error, Integer, RArray, RHash, RString, Ruby, TryConvert, Value};

use crate::raised::{Caught, app_error};

/// A response as the app gave it.
pub(super) struct Answer {
    pub(super) head: ResponseHead,
    /// The callable of a partial hijack (header `rack.hijack`).
    pub(super) hijack: Option<Value>,
    pub(super) body: Value,
    /// The app names a file: the body is not sent, whatever it is.
    pub(super) names_file: bool,
    /// The app set `transfer-encoding`: it frames the body itself.
    pub(super) framed: bool,
    /// The app's content-length.
    pub(super) declared: Option<u64>,
    /// What the app returned, for `rack.response_finished`.
    pub(super) status: Value,
    pub(super) headers: Value,
}

/// Reads a triplet. `names_files`: it may name a file instead of its body.
///
/// # Errors
/// `IodineRs::AppError` saying what is wrong and how to mend it, or what the app's objects raised.
pub(super) fn read(ruby: &Ruby, app: Value, response: Value, names_files: bool) -> Result<Answer, Error> {
    let (status, headers, body) = triplet(ruby, response)?;
    let code = status_code(ruby, status)?;
    let mut fields = Fields::new(ruby, app);
    fields.read(headers)?;
    let names_file = names_files && FILE_FIELDS.iter().any(|name| fields.map.contains_key(name));
    if names_file {
        // The file's length counts. An app that knows it sets it, beside a body of none.
        fields.map.remove(CONTENT_LENGTH);
        fields.map.remove(TRANSFER_ENCODING);
    }
    // What partially hijacks has no use for a body.
    if body.is_nil() && fields.hijack.is_none() {
        return Err(app_error(ruby, "the app returned nil as body; return an Array of Strings, [] for none"));
    }
    let declared = fields.declared_length()?;
    Ok(Answer {
        framed: fields.framing && fields.map.contains_key(TRANSFER_ENCODING),
        head: ResponseHead { status: code, headers: fields.map },
        hijack: fields.hijack,
        body,
        names_file,
        declared,
        status,
        headers,
    })
}

/// The headers of a triplet, checked.
///
/// # Errors
/// As [`read`].
pub(super) fn fields(ruby: &Ruby, app: Value, headers: Value) -> Result<HeaderMap, Error> {
    let mut fields = Fields::new(ruby, app);
    if !headers.is_nil() {
        fields.read(headers)?;
    }
    Ok(fields.map)
}

/// `[-1, {}, []]`: the app will hijack the connection later (drop-in row H-03).
pub(super) fn is_left_open(response: Value) -> bool {
    let Some(array) = RArray::from_value(response).filter(|array| array.len() == 3) else {
        return false;
    };
    array.entry::<Value>(0).ok().and_then(Integer::from_value).is_some_and(|status| status.to_i64().ok() == Some(-1))
        && array.entry::<Value>(1).ok().and_then(RHash::from_value).is_some_and(|headers| headers.is_empty())
        && array.entry::<Value>(2).ok().and_then(RArray::from_value).is_some_and(|body| body.is_empty())
}

fn triplet(ruby: &Ruby, response: Value) -> Result<(Value, Value, Value), Error> {
    let array = match RArray::from_value(response) {
        Some(array) => Some(array),
        None if response.is_nil() => None,
        None => RArray::try_convert(response).or_none()?,
    };
    match array {
        Some(array) if array.len() == 3 => Ok((array.entry(0)?, array.entry(1)?, array.entry(2)?)),
        _ => {
            let seen = shorten(&response.inspect());
            Err(app_error(ruby, &format!("the app returned {seen}; a Rack app returns [status, headers, body]")))
        }
    }
}

/// 100 to 999, as an Integer or something with `to_i`; 1xx only as 101 (interim responses have an API of their own).
fn status_code(ruby: &Ruby, status: Value) -> Result<StatusCode, Error> {
    let number = match Integer::from_value(status) {
        Some(integer) => integer.to_i64().unwrap_or(0),
        None if status.is_nil() => 0,
        None => status.funcall("to_i", ()).or_none()?.unwrap_or(0),
    };
    u16::try_from(number)
        .ok()
        .and_then(|number| StatusCode::from_u16(number).ok())
        .filter(|code| !code.is_informational() || *code == StatusCode::SWITCHING_PROTOCOLS)
        .ok_or_else(|| {
            let seen = shorten(&status.inspect());
            app_error(ruby, &format!("the app returned the status {seen}; use an Integer from 200 to 999, or 101"))
        })
}

struct Fields<'a> {
    ruby: &'a Ruby,
    app: Value,
    map: HeaderMap,
    hijack: Option<Value>,
    /// Content-Length or Transfer-Encoding was named: most responses have neither, and need not be searched for them.
    framing: bool,
}

impl<'a> Fields<'a> {
    fn new(ruby: &'a Ruby, app: Value) -> Fields<'a> {
        Fields { ruby, app, map: maps::take(), hijack: None, framing: false }
    }

    fn read(&mut self, headers: Value) -> Result<(), Error> {
        if let Some(hash) = RHash::from_value(headers) {
            return hash.foreach(|name: Value, value: Value| {
                self.add(name, value)?;
                Ok(ForEach::Continue)
            });
        }
        if !headers.respond_to("each", false)? {
            let seen = shorten(&headers.inspect());
            return Err(app_error(self.ruby, &format!("the app returned {seen} as headers; return a Hash")));
        }
        for pair in collect(self.ruby, headers)? {
            let pair = RArray::try_convert(pair)?;
            self.add(pair.entry(0)?, pair.entry(1)?)?;
        }
        Ok(())
    }

    fn add(&mut self, name: Value, value: Value) -> Result<(), Error> {
        let name = match RString::from_value(name) {
            Some(name) => name,
            None => name.to_r_string()?,
        };
        // SAFETY: the slice is copied into a header name, or compared, before Ruby code runs again.
        let bytes = unsafe { name.as_slice() };
        if is_internal(bytes) {
            return if bytes == b"rack.hijack" { self.add_hijack(value) } else { Ok(()) };
        }
        let Ok(name) = HeaderName::from_bytes(bytes) else {
            let seen = shorten(&bytes.escape_ascii().to_string());
            return Err(self.illegal(&format!("the header name \"{seen}\""), "use letters, digits and dashes"));
        };
        if name == CONTENT_LENGTH || name == TRANSFER_ENCODING {
            // A Hash of Rack 2 unsets a field that way: empty, these two would say something of the body.
            if value.is_nil() {
                return Ok(());
            }
            self.framing = true;
        }
        self.add_values(&name, value)
    }

    fn add_hijack(&mut self, value: Value) -> Result<(), Error> {
        if value.is_nil() {
            return Ok(());
        }
        if !value.respond_to("call", false)? {
            let seen = shorten(&value.inspect());
            return Err(self.illegal(&format!("the rack.hijack {seen}"), "set it to something with call"));
        }
        self.hijack = Some(value);
        Ok(())
    }

    fn add_values(&mut self, name: &HeaderName, value: Value) -> Result<(), Error> {
        if let Some(string) = RString::from_value(value) {
            return self.add_lines(name, string);
        }
        if let Some(values) = RArray::from_value(value) {
            for value in values {
                self.add_lines(name, value.to_r_string()?)?;
            }
            return Ok(());
        }
        self.add_lines(name, value.to_r_string()?)
    }

    /// Rack 2 joins several values with a newline. One at the end, of a command's output for instance, begins none.
    fn add_lines(&mut self, name: &HeaderName, string: RString) -> Result<(), Error> {
        // SAFETY: no Ruby code runs while the slice is used: `append` copies, and `illegal` is called after.
        let bytes = unsafe { string.as_slice() };
        // A legal value has no newline in it: one line, as nearly all are.
        if let Ok(value) = HeaderValue::from_bytes(bytes) {
            self.map.append(name, value);
            return Ok(());
        }
        let end = bytes.iter().rposition(|byte| *byte != b'\n').map_or(0, |last| last + 1);
        let mut legal = true;
        for line in bytes[..end].split(|byte| *byte == b'\n') {
            match HeaderValue::from_bytes(line) {
                Ok(value) => {
                    self.map.append(name, value);
                }
                Err(_) => legal = false,
            }
        }
        if legal {
            return Ok(());
        }
        Err(self.illegal(
            &format!("a value of the header \"{name}\" with CR, NUL or another control character"),
            "escape or remove such characters: sent as they are, they would let a client write headers",
        ))
    }

    fn illegal(&self, what: &str, remedy: &str) -> Error {
        let app = shorten(&self.app.inspect());
        app_error(self.ruby, &format!("the app {app} returned {what}; {remedy}"))
    }

    /// The app's content-length. Two middlewares may have set the same one, in different letters.
    fn declared_length(&mut self) -> Result<Option<u64>, Error> {
        if !self.framing {
            return Ok(None);
        }
        let values = self.map.get_all(CONTENT_LENGTH);
        let Some(first) = values.iter().next().map(number) else { return Ok(None) };
        let several = values.iter().nth(1).is_some();
        let Some(length) = first.filter(|_| values.iter().all(|value| number(value) == first)) else {
            return Err(
                self.illegal("a content-length that is not one number of bytes", "leave it out, or set it to one")
            );
        };
        if several {
            self.map.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        Ok(Some(length))
    }
}

fn number(value: &HeaderValue) -> Option<u64> {
    let digits = value.as_bytes();
    let text = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_digit))?;
    text.parse().ok()
}

/// Names between app and server, in any case; they are not sent.
fn is_internal(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"status") || name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"rack."))
}

/// What `each` yields: each time the one argument, or an Array of several.
pub(super) fn collect(ruby: &Ruby, object: Value) -> Result<RArray, Error> {
    let yielded = ruby.ary_new();
    let to = Opaque::from(yielded);
    let block = ruby.proc_from_fn(move |ruby: &Ruby, arguments: &[Value], _block: Option<Proc>| {
        let to = ruby.get_inner(to);
        match arguments {
            [] => Ok(()),
            [one] => to.push(*one),
            several => to.push(ruby.ary_new_from_values(several)),
        }
    });
    let _: Value = object.funcall_with_block("each", (), block)?;
    Ok(yielded)
}

/// Something an app returned, short enough for a log line.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
