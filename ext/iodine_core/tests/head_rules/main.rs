//! The rule book for request heads, one line a case. Names give the row of the project's catalogue of bad requests.
//!
//! Every case is judged twice, whole and byte by byte, with the same verdict; whatever is accepted is also shown to
//! httparse and `http`, which stand behind the rules inside hyper.

/// Makes one `#[test]` of each row: `name: request => status;`.
macro_rules! refused {
    ($($name:ident: $bytes:expr => $status:expr;)*) => {
        $(#[test] fn $name() { $crate::assert_refused($bytes, $status); })*
    };
}

/// Makes one `#[test]` of each row: `name: request => framing;`.
macro_rules! served {
    ($($name:ident: $bytes:expr => $framing:expr;)*) => {
        $(#[test] fn $name() { $crate::assert_served($bytes, $framing); })*
    };
}

mod agreement;
#[path = "../support/limits.rs"]
mod defaults;
mod fields;
mod framing;
mod host;
mod hyper;
mod limits;
mod request_line;
mod scanning;

use iodine_core::http::head::{Framing, Head, Rules, Scan, inspect, scan};
use iodine_core::http::refusal::Refusal;

pub use self::defaults::LIMITS;

/// The methods of a server without options.
pub fn methods() -> Vec<String> {
    ["HEAD", "GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "QUERY"].map(String::from).to_vec()
}

/// Judges `bytes` as the gate does when they arrive at once.
pub fn judge(bytes: &[u8], rules: &Rules<'_>) -> Result<Head, Refusal> {
    match scan(bytes, 0, rules.limits)? {
        Scan::Complete(len) => inspect(&bytes[..len], rules),
        Scan::Partial => panic!("no end found in {:?}", String::from_utf8_lossy(bytes)),
    }
}

/// Judges `bytes` as the gate does when each comes in a packet of its own.
pub fn judge_slowly(bytes: &[u8], rules: &Rules<'_>) -> Result<Head, Refusal> {
    for len in 1..=bytes.len() {
        if let Scan::Complete(end) = scan(&bytes[..len], len - 1, rules.limits)? {
            return inspect(&bytes[..end], rules);
        }
    }
    panic!("no end found in {:?}", String::from_utf8_lossy(bytes));
}

/// The verdict on `bytes` by the default rules, asserted to be the same either way.
pub fn verdict(bytes: &[u8]) -> Result<Head, Refusal> {
    let methods = methods();
    verdict_by(bytes, &Rules { limits: &LIMITS, methods: Some(&methods) })
}

/// The verdict on `bytes` by other rules.
pub fn verdict_by(bytes: &[u8], rules: &Rules<'_>) -> Result<Head, Refusal> {
    let verdict = judge(bytes, rules);
    let status = |verdict: &Result<Head, Refusal>| verdict.clone().map_err(|refusal| refusal.status);
    assert_eq!(status(&judge_slowly(bytes, rules)), status(&verdict), "byte by byte");
    if let Ok(head) = &verdict {
        hyper::assert_hyper_accepts(bytes, head);
    }
    verdict
}

/// Panics unless `bytes` are refused with `status`.
pub fn assert_refused(bytes: impl AsRef<[u8]>, status: u16) {
    match verdict(bytes.as_ref()) {
        Ok(head) => panic!("accepted as {head:?}"),
        Err(refusal) => assert_eq!(refusal.status.as_u16(), status, "{refusal}"),
    }
}

/// Panics unless `bytes` are accepted and have a body of this sort.
pub fn assert_served(bytes: impl AsRef<[u8]>, framing: Framing) {
    match verdict(bytes.as_ref()) {
        Ok(head) => assert_eq!(head.framing, framing),
        Err(refusal) => panic!("refused with {}: {refusal}", refusal.status),
    }
}

/// A POST with these field lines (without the last CRLF of each list) beside Host.
pub fn post(fields: impl AsRef<[u8]>) -> Vec<u8> {
    [b"POST /x HTTP/1.1\r\nHost: a.example\r\n", fields.as_ref(), b"\r\n\r\n"].concat()
}

/// The same in HTTP/1.0 and without Host.
pub fn post10(fields: impl AsRef<[u8]>) -> Vec<u8> {
    [b"POST /x HTTP/1.0\r\n", fields.as_ref(), b"\r\n\r\n"].concat()
}

/// A request with this line before `Host` (without CRLF).
pub fn line(line: impl AsRef<[u8]>) -> Vec<u8> {
    [line.as_ref(), b"\r\nHost: a.example\r\n\r\n"].concat()
}

/// A GET for this target.
pub fn get(target: impl AsRef<[u8]>) -> Vec<u8> {
    line([b"GET ", target.as_ref(), b" HTTP/1.1"].concat())
}
