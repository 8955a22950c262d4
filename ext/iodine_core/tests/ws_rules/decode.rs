//! What a client sends, as it comes from a socket. The fuzz target reads messages by it, too.

use bytes::BytesMut;
use iodine_core::ws::decoder::{Decoder, Incoming, Violation};

/// What a decoder with this `max_message_size` makes of the pieces, and the code of the violation that ends it.
pub fn decode(pieces: &[&[u8]], limit: usize) -> (Vec<Incoming>, Option<u16>) {
    let (mut decoder, mut buffer, mut seen) = (Decoder::new(limit), BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.next(&mut buffer) {
                Ok(Some(incoming)) => seen.push(incoming),
                Ok(None) => break,
                Err(Violation { code, .. }) => return (seen, Some(code)),
            }
        }
        assert!(buffer.len() < limit + 14, "more is kept than one frame");
    }
    (seen, None)
}
