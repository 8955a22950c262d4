//! A chunked body as it comes from a socket. The fuzz target reads bodies by it, too.

use iodine_core::http::chunks::Chunks;
use iodine_core::settings::Limits;

/// Length of the body, `None` if it has no end yet, or the status it is refused with.
pub type Verdict = Result<Option<usize>, u16>;

/// Feeds `pieces` one after the other, as they come from a socket.
pub fn feed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: &Limits) -> Verdict {
    let mut chunks = Chunks::new(limits);
    let mut used = 0;
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
