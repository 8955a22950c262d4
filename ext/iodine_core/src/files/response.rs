//! The response that carries a file, or says why it does not.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Range;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use headers::{HeaderMapExt, LastModified};
use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, Entry, HeaderValue, LAST_MODIFIED, LOCATION,
    VARY,
};
use http::{HeaderMap, StatusCode};

use super::conditions::{Conditions, Verdict};
use super::range::{self, Asked};
use super::variant::Variant;
use crate::handoff::{FileBody, Payload, Reply, ResponseHead};

/// A file under a head, which keeps what it says itself. Conditions and ranges are for a 200 only.
pub(super) fn of(file: Variant, mut head: ResponseHead, conditions: &Conditions<'_>) -> Reply {
    describe(&file, &mut head.headers);
    if head.status != StatusCode::OK {
        return Reply::File(head, FileBody::whole(file.file, file.len));
    }
    let (Some(etag), Some(modified)) = (head.headers.typed_get(), head.headers.typed_get::<LastModified>()) else {
        return Reply::File(head, FileBody::whole(file.file, file.len));
    };
    match conditions.judge(&etag, modified.into()) {
        Verdict::Failed => bodiless(StatusCode::PRECONDITION_FAILED, HeaderMap::new()),
        Verdict::NotModified => {
            head.headers.remove(CONTENT_TYPE);
            head.headers.remove(CONTENT_ENCODING);
            bodiless(StatusCode::NOT_MODIFIED, head.headers)
        }
        Verdict::Whole => Reply::File(head, FileBody::whole(file.file, file.len)),
        Verdict::Range(value) => match range::parse(value, file.len) {
            Asked::Whole => Reply::File(head, FileBody::whole(file.file, file.len)),
            Asked::Parts(parts) => partial(file, head, &parts),
            Asked::Unsatisfiable => unsatisfiable(file.len),
        },
    }
}

/// To the same path with a slash at its end.
pub(super) fn moved(path: &str, query: Option<&str>) -> Reply {
    // More than one slash at the front would name another host.
    let path = path.trim_start_matches('/');
    let location = match query {
        Some(query) => format!("/{path}/?{query}"),
        None => format!("/{path}/"),
    };
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(LOCATION, location);
    }
    bodiless(StatusCode::MOVED_PERMANENTLY, headers)
}

/// There is no such file.
pub(super) fn not_found() -> Reply {
    bodiless(StatusCode::NOT_FOUND, HeaderMap::new())
}

fn bodiless(status: StatusCode, headers: HeaderMap) -> Reply {
    Reply::Full(ResponseHead { status, headers }, Payload::default())
}

fn describe(file: &Variant, headers: &mut HeaderMap) {
    let mut default = |name, value| {
        if let Entry::Vacant(entry) = headers.entry(name) {
            entry.insert(value);
        }
    };
    default(CONTENT_TYPE, HeaderValue::from_static(file.media_type));
    default(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if !headers.contains_key(ETAG) {
        insert(headers, ETAG, etag(file));
    }
    if !headers.contains_key(LAST_MODIFIED) {
        headers.typed_insert(LastModified::from(file.modified));
    }
    if let Some(coding) = file.coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    if file.varies {
        headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    }
}

/// The same in every process and after a restart: when the file was written, how long it is, how it is encoded.
fn etag(file: &Variant) -> String {
    let written = file.modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let coding = file.coding.map(|coding| format!("-{coding}")).unwrap_or_default();
    format!("\"{written:x}-{:x}{coding}\"", file.len)
}

fn unsatisfiable(len: u64) -> Reply {
    let mut headers = HeaderMap::new();
    insert(&mut headers, CONTENT_RANGE, format!("bytes */{len}"));
    bodiless(StatusCode::RANGE_NOT_SATISFIABLE, headers)
}

fn partial(file: Variant, mut head: ResponseHead, parts: &[Range<u64>]) -> Reply {
    head.status = StatusCode::PARTIAL_CONTENT;
    let mut body = FileBody::empty(file.file);
    if let [part] = parts {
        insert(&mut head.headers, CONTENT_RANGE, content_range(part, file.len));
        body.push_part(part.clone());
        return Reply::File(head, body);
    }
    // RFC 9110 §14.6: the type of the parts stands in each of them.
    let media_type = head.headers.remove(CONTENT_TYPE);
    let media_type = media_type.as_ref().and_then(|value| value.to_str().ok()).unwrap_or(file.media_type);
    let boundary = boundary();
    for part in parts {
        let range = content_range(part, file.len);
        body.push_bytes(Bytes::from(format!(
            "\r\n--{boundary}\r\ncontent-type: {media_type}\r\ncontent-range: {range}\r\n\r\n"
        )));
        body.push_part(part.clone());
    }
    body.push_bytes(Bytes::from(format!("\r\n--{boundary}--\r\n")));
    insert(&mut head.headers, CONTENT_TYPE, format!("multipart/byteranges; boundary={boundary}"));
    Reply::File(head, body)
}

fn content_range(part: &Range<u64>, len: u64) -> String {
    format!("bytes {}-{}/{len}", part.start, part.end - 1)
}

/// Not to be found in any file, but by chance: a number that nobody knows before.
fn boundary() -> String {
    let number = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", number(), number())
}

fn insert(headers: &mut HeaderMap, name: http::HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
