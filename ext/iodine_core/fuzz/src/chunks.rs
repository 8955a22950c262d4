//! Chunked bodies: the same end or the same refusal in one piece and in many, and hyper finds the same end in whatever is
//! accepted.

#[path = "../../tests/chunk_rules/hyper.rs"]
mod hyper;

use iodine_core::http::chunks::Chunks;

use super::cuts;
use super::limits::LIMITS;

/// See the module.
pub fn check(bytes: &[u8]) {
    let whole = feed(&[bytes]);
    for pieces in cuts::of(bytes) {
        assert_eq!(feed(&pieces), whole, "in {} pieces", pieces.len());
    }
    if let Ok(Some(length)) = whole {
        hyper::assert_hyper_accepts(&bytes[..length]);
    }
}

/// The length of the body, `None` where it has no end yet, or the status that it is refused with.
fn feed(pieces: &[&[u8]]) -> Result<Option<usize>, u16> {
    let (mut chunks, mut used) = (Chunks::new(&LIMITS), 0);
    for piece in pieces {
        let advance = chunks.advance(piece).map_err(|refusal| refusal.status.as_u16())?;
        used += advance.used;
        if advance.done {
            return Ok(Some(used));
        }
        assert_eq!(advance.used, piece.len(), "all bytes are used up to the end of the body");
    }
    Ok(None)
}
