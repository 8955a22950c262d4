//! A publication as it travels between the processes of one server:
//!
//! ```text
//! u32 length of what follows │ u8 kind (0 text or binary by its bytes, 1 binary) │ u32 length │ channel │ payload
//! ```
//!
//! All numbers are big-endian.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::publication::Publication;

/// Bytes in front of channel and payload.
const HEAD: usize = 4 + 1 + 4;

const BY_ITS_BYTES: u8 = 0;
const BINARY: u8 = 1;

/// The other side does not speak this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a malformed publication came from another process of this server")
    }
}

impl std::error::Error for Malformed {}

/// Bytes of the frame for this publication.
pub fn size(publication: &Publication) -> usize {
    HEAD + publication.channel().len() + publication.payload().len()
}

/// Appends the frame. `false`, and nothing appended, where the publication is too large for the format (4 GiB).
pub fn encode(publication: &Publication, out: &mut BytesMut) -> bool {
    let (channel, payload) = (publication.channel(), publication.payload());
    let (Ok(rest), Ok(name)) = (u32::try_from(size(publication) - 4), u32::try_from(channel.len())) else {
        return false;
    };
    out.reserve(size(publication));
    out.put_u32(rest);
    out.put_u8(if publication.is_text() { BY_ITS_BYTES } else { BINARY });
    out.put_u32(name);
    out.put_slice(channel);
    out.put_slice(payload);
    true
}

/// Takes the first frame out of `input`; `None` where it has not arrived completely.
///
/// # Errors
/// [`Malformed`]; nothing sensible can follow.
pub fn decode(input: &mut BytesMut) -> Result<Option<Publication>, Malformed> {
    let Some(length) = whole(input)? else { return Ok(None) };
    let mut frame = input.split_to(length).freeze();
    frame.advance(4);
    let kind = frame.get_u8();
    let name = frame.get_u32() as usize;
    if name > frame.len() || kind > BINARY {
        return Err(Malformed);
    }
    let channel: Bytes = frame.split_to(name);
    Ok(Some(if kind == BINARY { Publication::binary(channel, frame) } else { Publication::new(channel, frame) }))
}

/// The bytes of the first frame in `input`; `None` where it has not arrived completely.
///
/// # Errors
/// [`Malformed`]
pub fn whole(input: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(length) = input.first_chunk::<4>() else { return Ok(None) };
    let length = 4 + u32::from_be_bytes(*length) as usize;
    if length < HEAD {
        return Err(Malformed);
    }
    Ok((input.len() >= length).then_some(length))
}
