//! What a WebSocket client sends: the same messages and the same end in one piece and in many; and whatever is accepted
//! is what tungstenite, an independent reader, finds there.

use std::io::{self, Cursor, Read, Write};

use bytes::BytesMut;
use iodine_core::ws::decoder::{CloseFrame, Decoder, Incoming};
use tungstenite::WebSocket;
use tungstenite::protocol::{Message, Role, WebSocketConfig};

use super::cuts;

/// `max_message_size`.
const LIMIT: usize = 70_000;

/// See the module.
pub fn check(bytes: &[u8]) {
    let whole = read(&[bytes]);
    for pieces in cuts::of(bytes) {
        assert_eq!(read(&pieces), whole, "in {} pieces", pieces.len());
    }
    let (mut messages, _) = whole;
    // tungstenite does not know the registered code 1014 (Bad Gateway).
    messages.retain(|message| !matches!(message, Incoming::Close(Some(CloseFrame { code: 1014, .. }))));
    assert_eq!(second_opinion(bytes, messages.len()), messages);
}

/// What came, and the code of the violation that ended it.
fn read(pieces: &[&[u8]]) -> (Vec<Incoming>, Option<u16>) {
    let (mut decoder, mut buffer, mut seen) = (Decoder::new(LIMIT), BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.next(&mut buffer) {
                Ok(Some(incoming)) => seen.push(incoming),
                Ok(None) => break,
                Err(violation) => return (seen, Some(violation.code)),
            }
        }
        assert!(buffer.len() < LIMIT + 14, "more is kept than one frame");
    }
    (seen, None)
}

/// The first messages by tungstenite.
fn second_opinion(bytes: &[u8], most: usize) -> Vec<Incoming> {
    let config = WebSocketConfig::default().max_message_size(Some(LIMIT)).max_frame_size(Some(LIMIT));
    let mut socket = WebSocket::from_raw_socket(OneWay(Cursor::new(bytes)), Role::Server, Some(config));
    let mut seen = Vec::new();
    while seen.len() < most {
        match socket.read() {
            Ok(Message::Text(text)) => seen.push(Incoming::Text(text.into())),
            Ok(Message::Binary(data)) => seen.push(Incoming::Binary(data)),
            Ok(Message::Ping(data)) => seen.push(Incoming::Ping(data)),
            Ok(Message::Pong(data)) => seen.push(Incoming::Pong(data)),
            Ok(Message::Close(frame)) => seen.push(Incoming::Close(
                frame.map(|frame| CloseFrame { code: frame.code.into(), reason: frame.reason.as_str().to_owned() }),
            )),
            Ok(Message::Frame(_)) => {}
            Err(_) => break,
        }
    }
    seen
}

/// Reads from memory; what is written goes nowhere.
struct OneWay<'a>(Cursor<&'a [u8]>);

impl Read for OneWay<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for OneWay<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
