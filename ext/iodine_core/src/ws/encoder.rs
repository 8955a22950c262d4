//! Frames of a server: final, unmasked, without extensions.

use bytes::{BufMut, Bytes, BytesMut};
pub use tungstenite::protocol::frame::coding::OpCode;
use tungstenite::protocol::frame::coding::{Control, Data};

/// A text message.
pub const TEXT: OpCode = OpCode::Data(Data::Text);
/// A binary message.
pub const BINARY: OpCode = OpCode::Data(Data::Binary);
/// Asks for a sign of life.
pub const PING: OpCode = OpCode::Control(Control::Ping);
/// Answers a ping.
pub const PONG: OpCode = OpCode::Control(Control::Pong);
const CLOSE: OpCode = OpCode::Control(Control::Close);

/// No status code was given (RFC 6455 §7.4.1): never sent.
const NO_STATUS: u16 = 1005;

/// Bytes of a reason, beside the code, in a control frame.
const REASON: usize = 123;

/// Payloads up to this size are copied behind their header.
const SMALL: usize = 1024;

/// A frame in one piece.
pub fn frame(opcode: OpCode, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(10 + payload.len());
    put_header(&mut frame, opcode, payload.len());
    frame.put_slice(payload);
    frame.freeze()
}

/// A frame in one piece or two: a large payload is not copied.
pub fn pieces(opcode: OpCode, payload: Bytes) -> (Bytes, Bytes) {
    if payload.len() <= SMALL {
        return (frame(opcode, &payload), Bytes::new());
    }
    let mut header = BytesMut::with_capacity(10);
    put_header(&mut header, opcode, payload.len());
    (header.freeze(), payload)
}

/// A Close frame; without a status where `code` is 1005. A reason that is too long is cut between characters.
pub fn close(code: u16, reason: &str) -> Bytes {
    if code == NO_STATUS {
        return frame(CLOSE, b"");
    }
    let mut payload = code.to_be_bytes().to_vec();
    let end = (0..=reason.len().min(REASON)).rfind(|at| reason.is_char_boundary(*at)).unwrap_or(0);
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    frame(CLOSE, &payload)
}

/// RFC 6455 §5.2.
fn put_header(out: &mut BytesMut, opcode: OpCode, len: usize) {
    const FINAL: u8 = 0x80;
    out.put_u8(FINAL | u8::from(opcode));
    match len {
        0..=125 => out.put_u8(len as u8),
        126..=65_535 => {
            out.put_u8(126);
            out.put_u16(len as u16);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(len as u64);
        }
    }
}
