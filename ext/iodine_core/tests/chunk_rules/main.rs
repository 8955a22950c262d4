//! The rule book for chunked bodies (RFC 9112 §7.1), one line a case: rows 49–80 of the project's catalogue.
//!
//! Every case is fed whole, byte by byte, and in any two pieces, with the same verdict; what is accepted is also given
//! to hyper, which has to find the same data and the same end.

/// Makes one `#[test]` of each row: `name: body => status;`.
macro_rules! refused {
    ($($name:ident: $body:expr => $status:expr;)*) => {
        $(#[test] fn $name() { $crate::assert_refused($body, $status); })*
    };
}

/// Makes one `#[test]` of each row: `name: body;`.
macro_rules! accepted {
    ($($name:ident: $body:expr;)*) => {
        $(#[test] fn $name() { $crate::assert_accepted($body); })*
    };
}

/// Makes one `#[test]` of each row: `name: beginning of a body;`.
macro_rules! unfinished {
    ($($name:ident: $body:expr;)*) => {
        $(#[test] fn $name() { assert_eq!($crate::verdict($body.as_ref(), &$crate::LIMITS), Ok(None)); })*
    };
}

mod agreement;
#[path = "../support/limits.rs"]
mod defaults;
mod feed;
mod hyper;
mod limits;
mod rows;

use iodine_core::settings::Limits;

pub use self::defaults::LIMITS;
pub use self::feed::{Verdict, feed};
use self::hyper::NEXT;

/// The verdict on `bytes`, asserted to be the same however they are cut.
pub fn verdict(bytes: &[u8], limits: &Limits) -> Verdict {
    let whole = feed([bytes], limits);
    assert_eq!(feed(bytes.chunks(1), limits), whole, "byte by byte");
    // All cuts of a long body cost a square of its length; there, some of them have to do.
    for cut in (0..bytes.len()).step_by(1 + bytes.len() / 300) {
        let (before, behind) = bytes.split_at(cut);
        assert_eq!(feed([before, behind], limits), whole, "cut at {cut}");
    }
    whole
}

/// Panics unless `body` is refused with `status`.
pub fn assert_refused(body: impl AsRef<[u8]>, status: u16) {
    assert_eq!(verdict(body.as_ref(), &LIMITS), Err(status));
}

/// Panics unless `body` is accepted, with the end at its end, by the rules and by hyper.
pub fn assert_accepted(body: impl AsRef<[u8]>) {
    let body = body.as_ref();
    assert_eq!(verdict(&[body, NEXT].concat(), &LIMITS), Ok(Some(body.len())));
    hyper::assert_hyper_accepts(body);
}
