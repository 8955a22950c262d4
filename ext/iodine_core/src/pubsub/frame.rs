//! What travels between the processes of one server: publications, and which channels have subscribers.
//!
//! ```text
//! u32 length of what follows │ u8 kind │ u32 length │ channel │ payload
//! ```
//!
//! All numbers are big-endian. The kind is a set of bits, see [`BINARY`] and its neighbours; a notice has no payload.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::channel::Channel;
use super::publication::Publication;

/// Bytes in front of channel and payload.
const HEAD: usize = 4 + 1 + 4;

/// The payload is binary, whatever its bytes are.
const BINARY: u8 = 1;
/// Also for other servers.
const OUTWARD: u8 = 2;
/// A notice, no publication; with this alone, the channel has its first subscriber.
const NOTICE: u8 = 4;
/// The channel has no subscriber any more.
const LEFT: u8 = 8;
/// The channel is a pattern.
const PATTERN: u8 = 16;

/// The other side does not speak this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a malformed publication came from another process of this server")
    }
}

impl std::error::Error for Malformed {}

/// One frame.
#[derive(Debug)]
pub enum Frame {
    /// For the subscribers of every process, and of other servers if `outward`.
    Publication {
        /// What was published.
        publication: Publication,
        /// Whether other servers should get it, too.
        outward: bool,
    },
    /// The channel got its first subscriber in the process that says so, or lost its last one.
    Notice {
        /// The channel or pattern.
        channel: Channel,
        /// Whether there is a subscriber now.
        subscribed: bool,
    },
}

/// Bytes of the frame for this publication.
pub fn size(publication: &Publication) -> usize {
    HEAD + publication.channel().len() + publication.payload().len()
}

/// Appends a publication. `false`, and nothing appended, where it is too large for the format (4 GiB).
pub fn encode(publication: &Publication, outward: bool, out: &mut BytesMut) -> bool {
    let kind = if publication.is_text() { 0 } else { BINARY } | if outward { OUTWARD } else { 0 };
    put(kind, publication.channel(), publication.payload(), out)
}

/// Appends a notice. `false`, and nothing appended, where the name is too long for the format.
pub fn encode_notice(channel: &Channel, subscribed: bool, out: &mut BytesMut) -> bool {
    let pattern = if matches!(channel, Channel::Pattern(_)) { PATTERN } else { 0 };
    put(NOTICE | pattern | if subscribed { 0 } else { LEFT }, channel.name(), b"", out)
}

fn put(kind: u8, channel: &[u8], payload: &[u8], out: &mut BytesMut) -> bool {
    let size = HEAD + channel.len() + payload.len();
    let (Ok(rest), Ok(name)) = (u32::try_from(size - 4), u32::try_from(channel.len())) else { return false };
    out.reserve(size);
    out.put_u32(rest);
    out.put_u8(kind);
    out.put_u32(name);
    out.put_slice(channel);
    out.put_slice(payload);
    true
}

/// Takes the first frame out of `input`; `None` where it has not arrived completely.
///
/// # Errors
/// [`Malformed`]; nothing sensible can follow.
pub fn decode(input: &mut BytesMut) -> Result<Option<Frame>, Malformed> {
    let Some(length) = whole(input)? else { return Ok(None) };
    let mut frame = input.split_to(length).freeze();
    frame.advance(4);
    let kind = frame.get_u8();
    let name = frame.get_u32() as usize;
    if name > frame.len() {
        return Err(Malformed);
    }
    let channel: Bytes = frame.split_to(name);
    match kind {
        0..NOTICE => {
            let binary = kind & BINARY != 0;
            let publication =
                if binary { Publication::binary(channel, frame) } else { Publication::new(channel, frame) };
            Ok(Some(Frame::Publication { publication, outward: kind & OUTWARD != 0 }))
        }
        _ if kind & !(LEFT | PATTERN) == NOTICE && frame.is_empty() => {
            let pattern = kind & PATTERN != 0;
            let channel = if pattern { Channel::Pattern(channel) } else { Channel::Exact(channel) };
            Ok(Some(Frame::Notice { channel, subscribed: kind & LEFT == 0 }))
        }
        _ => Err(Malformed),
    }
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

/// Whether a complete frame is a notice.
pub fn is_notice(frame: &[u8]) -> bool {
    frame.get(4).is_some_and(|kind| kind & NOTICE != 0)
}
