//! Chunked bodies: the same end or the same refusal in one piece and in many, and hyper finds the same end in whatever is
//! accepted.

#[path = "../../tests/chunk_rules/feed.rs"]
mod feed;
#[path = "../../tests/chunk_rules/hyper.rs"]
mod hyper;

use self::feed::feed;
use super::cuts;
use super::limits::LIMITS;

/// See the module.
pub fn check(bytes: &[u8]) {
    let whole = feed([bytes], &LIMITS);
    for pieces in cuts::of(bytes) {
        assert_eq!(feed(pieces.iter().copied(), &LIMITS), whole, "in {} pieces", pieces.len());
    }
    if let Ok(Some(length)) = whole {
        hyper::assert_hyper_accepts(&bytes[..length]);
    }
}
