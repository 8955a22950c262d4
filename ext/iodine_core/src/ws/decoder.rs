//! Bytes of a client as messages. A violation ends the conversation, with the code that RFC 6455 §7.4.1 has for it.

use std::io::Cursor;

use bytes::{Buf, Bytes, BytesMut};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::mask;
use super::utf8::Utf8;

/// Largest payload of a control frame (§5.5).
const CONTROL: u64 = 125;

/// Longest header (§5.2).
const HEADER: usize = 14;

/// Fragments of one message, beside one for every [`FRAGMENT`] bytes: empty ones would cost nothing of its size.
const FRAGMENTS: usize = 16_384;

/// Bytes that entitle to a fragment more.
const FRAGMENT: usize = 16;

/// Payloads up to this size are copied out of what was read: see [`detach`].
const COPIED: usize = 1024;

const PROTOCOL_ERROR: u16 = 1002;
const NOT_UTF8: u16 = 1007;
const POLICY: u16 = 1008;
const TOO_BIG: u16 = 1009;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A text message: valid UTF-8.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// To be answered with a pong of the same payload.
    Ping(Bytes),
    /// A sign of life.
    Pong(Bytes),
    /// The client's last word.
    Close(Option<CloseFrame>),
}

/// What a Close frame says.
#[derive(Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// §7.4.
    pub code: u16,
    /// For people.
    pub reason: String,
}

/// The client broke a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// To be sent in the Close frame.
    pub code: u16,
    /// Likewise.
    pub why: &'static str,
}

fn violation<T>(code: u16, why: &'static str) -> Result<T, Violation> {
    Err(Violation { code, why })
}

/// See the module. Small while nothing is under way: there may be ten thousand of them.
#[derive(Debug)]
pub struct Decoder {
    max_message_size: usize,
    message: Option<Box<Partial>>,
    frame: Option<Frame>,
    closed: bool,
}

/// A message that is not complete.
#[derive(Debug, Default)]
struct Partial {
    text: bool,
    data: BytesMut,
    utf8: Utf8,
    fragments: usize,
}

impl Partial {
    fn has_too_many_fragments(&self) -> bool {
        self.fragments >= FRAGMENTS + self.data.len() / FRAGMENT
    }
}

/// A data frame whose payload is still coming.
#[derive(Debug)]
struct Frame {
    left: usize,
    seen: usize,
    mask: [u8; 4],
    last: bool,
}

/// A frame's header, judged.
struct Header {
    opcode: OpCode,
    last: bool,
    mask: [u8; 4],
    start: usize,
    len: usize,
}

impl Decoder {
    /// `max_message_size`: bytes of one message, all its fragments together.
    pub fn new(max_message_size: usize) -> Decoder {
        Decoder { max_message_size, message: None, frame: None, closed: false }
    }

    /// Whether a message has begun and is not complete.
    pub fn is_within_message(&self) -> bool {
        self.message.is_some() || self.frame.is_some()
    }

    /// Takes what the buffer has for the next message. `None`: more is needed, or nothing counts any more.
    ///
    /// # Errors
    /// [`Violation`]; nothing after it counts.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Incoming>, Violation> {
        let outcome = if self.closed { Ok(None) } else { self.advance(buffer) };
        self.closed |= matches!(outcome, Err(_) | Ok(Some(Incoming::Close(_))));
        if self.closed {
            buffer.clear();
        }
        outcome
    }

    fn advance(&mut self, buffer: &mut BytesMut) -> Result<Option<Incoming>, Violation> {
        loop {
            if self.frame.is_none() {
                let Some(header) = self.header(buffer)? else { return Ok(None) };
                if header.is_control() {
                    return header.take(buffer).map(|payload| control(header.opcode, payload)).transpose();
                }
                if let Some(message) = self.take_whole(&header, buffer)? {
                    return Ok(Some(message));
                }
                self.begin(header, buffer)?;
            }
            if let Some(message) = self.go_on(buffer)? {
                return Ok(Some(message));
            }
            if self.frame.is_some() {
                return Ok(None);
            }
        }
    }

    fn header(&self, buffer: &BytesMut) -> Result<Option<Header>, Violation> {
        let mut cursor = Cursor::new(&buffer[..buffer.len().min(HEADER)]);
        let (header, len) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(None),
            Err(_) => return violation(PROTOCOL_ERROR, "reserved opcode"),
        };
        let start = cursor.position() as usize;
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return violation(PROTOCOL_ERROR, "reserved bits without an extension");
        }
        let Some(mask) = header.mask else { return violation(PROTOCOL_ERROR, "frame without a mask") };
        if len > i64::MAX as u64 || start != header.len(len) {
            return violation(PROTOCOL_ERROR, "length not in its shortest form");
        }
        self.judge(header.opcode, header.is_final, len)?;
        // Within `max_message_size`: see `judge`.
        Ok(Some(Header { opcode: header.opcode, last: header.is_final, mask, start, len: len as usize }))
    }

    /// Decides on the header alone: a client must not announce memory.
    fn judge(&self, opcode: OpCode, last: bool, len: u64) -> Result<(), Violation> {
        let data = match opcode {
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(Data::Reserved(_)) => {
                return violation(PROTOCOL_ERROR, "reserved opcode");
            }
            OpCode::Control(_) if !last => return violation(PROTOCOL_ERROR, "control frame in fragments"),
            OpCode::Control(_) if len > CONTROL => return violation(PROTOCOL_ERROR, "control frame too large"),
            OpCode::Control(_) => return Ok(()),
            OpCode::Data(data) => data,
        };
        let so_far = match (&self.message, data) {
            (None, Data::Continue) => return violation(PROTOCOL_ERROR, "continuation of nothing"),
            (Some(_), Data::Text | Data::Binary) => {
                return violation(PROTOCOL_ERROR, "new message inside a fragmented one");
            }
            (Some(message), _) if message.has_too_many_fragments() => return violation(POLICY, "too many fragments"),
            (Some(message), _) => message.data.len(),
            (None, _) => 0,
        };
        if len > self.max_message_size.saturating_sub(so_far) as u64 {
            return violation(TOO_BIG, "message larger than max_message_size");
        }
        Ok(())
    }

    /// The common case: a message in one frame, all of it there.
    fn take_whole(&self, header: &Header, buffer: &mut BytesMut) -> Result<Option<Incoming>, Violation> {
        if !header.last || self.message.is_some() {
            return Ok(None);
        }
        let Some(payload) = header.take(buffer) else { return Ok(None) };
        if header.opcode == OpCode::Data(Data::Binary) {
            return Ok(Some(Incoming::Binary(payload)));
        }
        match std::str::from_utf8(&payload) {
            Ok(_) => Ok(Some(Incoming::Text(payload))),
            Err(_) => violation(NOT_UTF8, "text is not UTF-8"),
        }
    }

    fn begin(&mut self, header: Header, buffer: &mut BytesMut) -> Result<(), Violation> {
        buffer.advance(header.start);
        let message = self.message.get_or_insert_default();
        message.fragments += 1;
        if message.fragments == 1 {
            message.text = header.opcode == OpCode::Data(Data::Text);
        }
        self.frame = Some(Frame { left: header.len, seen: 0, mask: header.mask, last: header.last });
        Ok(())
    }

    /// Takes what is there of the frame that has begun; the message, where this completes it.
    fn go_on(&mut self, buffer: &mut BytesMut) -> Result<Option<Incoming>, Violation> {
        let (Some(frame), Some(message)) = (&mut self.frame, &mut self.message) else { return Ok(None) };
        let mut piece = buffer.split_to(frame.left.min(buffer.len()));
        mask::apply(&mut piece, frame.mask, frame.seen);
        frame.seen += piece.len();
        frame.left -= piece.len();
        if message.text && !message.utf8.take(&piece) {
            return violation(NOT_UTF8, "text is not UTF-8");
        }
        message.data.extend_from_slice(&piece);
        if frame.left > 0 {
            return Ok(None);
        }
        let last = frame.last;
        self.frame = None;
        if !last {
            return Ok(None);
        }
        let Some(message) = self.message.take() else { return Ok(None) };
        match (message.text, message.utf8.is_complete()) {
            (false, _) => Ok(Some(Incoming::Binary(message.data.freeze()))),
            (true, true) => Ok(Some(Incoming::Text(message.data.freeze()))),
            (true, false) => violation(NOT_UTF8, "text ends inside a character"),
        }
    }
}

impl Header {
    fn is_control(&self) -> bool {
        matches!(self.opcode, OpCode::Control(_))
    }

    /// The payload without its mask, once all of it is there.
    fn take(&self, buffer: &mut BytesMut) -> Option<Bytes> {
        if buffer.len() < self.start + self.len {
            return None;
        }
        buffer.advance(self.start);
        let mut payload = detach(buffer, self.len);
        mask::apply(&mut payload, self.mask, 0);
        Some(payload.freeze())
    }
}

/// Takes the first bytes of the buffer. A few of them are copied: they should not keep the whole memory of the buffer,
/// which may wait for the application.
fn detach(buffer: &mut BytesMut, len: usize) -> BytesMut {
    if len > COPIED {
        return buffer.split_to(len);
    }
    let copy = BytesMut::from(&buffer[..len]);
    buffer.advance(len);
    copy
}

fn control(opcode: OpCode, payload: Bytes) -> Result<Incoming, Violation> {
    match opcode {
        OpCode::Control(Control::Ping) => Ok(Incoming::Ping(payload)),
        OpCode::Control(Control::Pong) => Ok(Incoming::Pong(payload)),
        _ => close(&payload).map(Incoming::Close),
    }
}

/// §5.5.1 and §7.4.
fn close(payload: &[u8]) -> Result<Option<CloseFrame>, Violation> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(None) } else { violation(PROTOCOL_ERROR, "half a status code") };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return violation(PROTOCOL_ERROR, "status code that may not be sent");
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok(Some(CloseFrame { code, reason: reason.to_owned() })),
        Err(_) => violation(NOT_UTF8, "reason is not UTF-8"),
    }
}
