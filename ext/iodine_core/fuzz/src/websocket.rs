//! What a WebSocket client sends: the same messages and the same end in one piece and in many; and whatever is accepted
//! is what tungstenite, an independent reader, finds there.

#[path = "../../tests/ws_rules/decode.rs"]
mod decode;

use std::io::{self, Cursor, Read, Write};

use iodine_core::ws::decoder::{CloseFrame, Incoming};
use tungstenite::WebSocket;
use tungstenite::protocol::{Message, Role, WebSocketConfig};

use self::decode::decode;
use super::cuts;

/// `max_message_size`.
const LIMIT: usize = 70_000;

/// See the module.
pub fn check(bytes: &[u8]) {
    let whole = decode(&[bytes], LIMIT);
    for pieces in cuts::of(bytes) {
        assert_eq!(decode(&pieces, LIMIT), whole, "in {} pieces", pieces.len());
    }
    let (mut messages, _) = whole;
    // tungstenite does not know the registered code 1014 (Bad Gateway).
    messages.retain(|message| !matches!(message, Incoming::Close(Some(CloseFrame { code: 1014, .. }))));
    assert_eq!(second_opinion(bytes, messages.len()), messages);
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
