//! The rules of RFC 6455 for what a client sends: each row in one piece, and cut at every byte.

mod decode;
mod handshake;

use bytes::{Bytes, BytesMut};
use iodine_core::sse::{accept, event};
use iodine_core::ws::decoder::{CloseFrame, Decoder, Incoming};
use iodine_core::ws::encoder;

use self::decode::decode;

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
const LIMIT: usize = 100_000;

/// A client's frame: first byte (FIN, RSV, opcode) and payload.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(0x80 | len as u8),
        len @ 126..=65_535 => {
            bytes.push(0x80 | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(0x80 | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ MASK[at % 4]));
    bytes
}

fn frames(parts: &[(u8, &[u8])]) -> Vec<u8> {
    parts.iter().flat_map(|(first, payload)| frame(*first, payload)).collect()
}

/// In one piece, and in two with every possible cut.
fn check(bytes: &[u8], expected: &[Incoming], code: Option<u16>) {
    let whole = decode(&[bytes], LIMIT);
    assert_eq!(whole.0, expected);
    assert_eq!(whole.1, code);
    for cut in 0..bytes.len().min(400) {
        assert_eq!(decode(&[&bytes[..cut], &bytes[cut..]], LIMIT), whole, "cut at {cut}");
    }
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(decode(&single, LIMIT), whole, "byte by byte");
}

fn text(text: &str) -> Incoming {
    Incoming::Text(Bytes::copy_from_slice(text.as_bytes()))
}

fn binary(data: &[u8]) -> Incoming {
    Incoming::Binary(Bytes::copy_from_slice(data))
}

macro_rules! rows {
    ($($name:ident: $bytes:expr => [$($seen:expr),*] $($code:literal)?;)*) => {
        $(#[test]
        fn $name() {
            let mut code: Option<u16> = None;
            $(code = code.or(Some($code));)?
            check(&$bytes, &[$($seen),*], code.take());
        })*
    };
}

rows! {
    a_text: frame(0x81, b"hello") => [text("hello")];
    an_empty_text: frame(0x81, b"") => [text("")];
    a_binary: frame(0x82, b"\x00\xff") => [binary(b"\x00\xff")];
    an_empty_binary: frame(0x82, b"") => [binary(b"")];
    two_messages: frames(&[(0x81, b"a"), (0x82, b"b")]) => [text("a"), binary(b"b")];
    of_125_bytes: frame(0x82, &[7; 125]) => [binary(&[7; 125])];
    of_126_bytes: frame(0x82, &[7; 126]) => [binary(&[7; 126])];
    of_65535_bytes: frame(0x82, &[7; 65_535]) => [binary(&[7; 65_535])];
    of_65536_bytes: frame(0x82, &[7; 65_536]) => [binary(&[7; 65_536])];
    fragments: frames(&[(0x01, b"hel"), (0x00, b""), (0x80, b"lo")]) => [text("hello")];
    fragments_of_a_character: frames(&[(0x01, b"\xe2\x82"), (0x80, b"\xac")]) => [text("€")];
    a_ping: frame(0x89, b"x") => [Incoming::Ping(Bytes::from_static(b"x"))];
    a_ping_of_125: frame(0x89, &[1; 125]) => [Incoming::Ping(Bytes::copy_from_slice(&[1; 125]))];
    a_pong: frame(0x8A, b"") => [Incoming::Pong(Bytes::new())];
    a_ping_between_fragments: frames(&[(0x01, b"a"), (0x89, b"p"), (0x80, b"b")]) => [Incoming::Ping(Bytes::from_static(b"p")), text("ab")];
    a_close: frame(0x88, b"") => [Incoming::Close(None)];
    a_close_with_code: frame(0x88, b"\x03\xe8bye") => [Incoming::Close(Some(CloseFrame { code: 1000, reason: "bye".into() }))];
    a_close_of_4999: frame(0x88, b"\x13\x87") => [Incoming::Close(Some(CloseFrame { code: 4999, reason: String::new() }))];
    nothing_after_a_close: frames(&[(0x88, b""), (0x81, b"x")]) => [Incoming::Close(None)];
    a_message_before_a_close: frames(&[(0x81, b"x"), (0x88, b"")]) => [text("x"), Incoming::Close(None)];
    no_mask: [0x81, 0x01, b'x'] => [] 1002;
    rsv1: frame(0xC1, b"x") => [] 1002;
    rsv2: frame(0xA1, b"x") => [] 1002;
    rsv3: frame(0x91, b"x") => [] 1002;
    rsv_of_a_ping: frame(0xC9, b"x") => [] 1002;
    opcode_3: frame(0x83, b"x") => [] 1002;
    opcode_7: frame(0x87, b"x") => [] 1002;
    opcode_b: frame(0x8B, b"") => [] 1002;
    opcode_f: frame(0x8F, b"") => [] 1002;
    a_ping_of_126: frame(0x89, &[1; 126]) => [] 1002;
    a_ping_in_fragments: frame(0x09, b"x") => [] 1002;
    a_close_in_fragments: frame(0x08, b"") => [] 1002;
    a_continuation_of_nothing: frame(0x80, b"x") => [] 1002;
    an_unfinished_continuation_of_nothing: frame(0x00, b"x") => [] 1002;
    a_message_inside_a_message: frames(&[(0x01, b"a"), (0x81, b"b")]) => [] 1002;
    a_continuation_after_the_end: frames(&[(0x81, b"a"), (0x80, b"b")]) => [text("a")] 1002;
    length_of_5_in_16_bits: [&[0x81, 0xFE, 0, 5][..], &MASK, b"\0\0\0\0\0"].concat() => [] 1002;
    length_of_5_in_64_bits: [&[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 5][..], &MASK].concat() => [] 1002;
    length_with_its_top_bit: [&[0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0][..], &MASK].concat() => [] 1002;
    length_of_an_exabyte: [&[0x82, 0xFF, 0x0F, 0, 0, 0, 0, 0, 0, 0][..], &MASK].concat() => [] 1009;
    too_big: frame(0x82, &[0; LIMIT + 1]) => [] 1009;
    just_not_too_big: frame(0x82, &[0; LIMIT]) => [binary(&[0; LIMIT])];
    too_big_in_fragments: frames(&[(0x02, &[0; 60_000]), (0x80, &[0; 60_000])]) => [] 1009;
    not_utf8: frame(0x81, b"a\xffb") => [] 1007;
    a_surrogate: frame(0x81, b"\xed\xa0\x80") => [] 1007;
    an_overlong_slash: frame(0x81, b"\xc0\xaf") => [] 1007;
    above_unicode: frame(0x81, b"\xf4\x90\x80\x80") => [] 1007;
    half_a_character_at_the_end: frame(0x81, b"\xe2\x82") => [] 1007;
    half_a_character_at_the_end_of_fragments: frames(&[(0x01, b"a"), (0x80, b"\xe2\x82")]) => [] 1007;
    not_utf8_in_a_first_fragment: frame(0x01, b"\xff") => [] 1007;
    binary_need_not_be_utf8: frames(&[(0x02, b"\xff"), (0x80, b"\xfe")]) => [binary(b"\xff\xfe")];
    half_a_close_code: frame(0x88, b"\x03") => [] 1002;
    close_999: frame(0x88, &999_u16.to_be_bytes()) => [] 1002;
    close_1004: frame(0x88, &1004_u16.to_be_bytes()) => [] 1002;
    close_1005: frame(0x88, &1005_u16.to_be_bytes()) => [] 1002;
    close_1006: frame(0x88, &1006_u16.to_be_bytes()) => [] 1002;
    close_1015: frame(0x88, &1015_u16.to_be_bytes()) => [] 1002;
    close_1016: frame(0x88, &1016_u16.to_be_bytes()) => [] 1002;
    close_2999: frame(0x88, &2999_u16.to_be_bytes()) => [] 1002;
    close_5000: frame(0x88, &5000_u16.to_be_bytes()) => [] 1002;
    close_reason_not_utf8: frame(0x88, b"\x03\xe8\xff") => [] 1007;
}

#[test]
fn wrong_text_is_noticed_before_the_frame_is_complete() {
    let whole = frame(0x81, &[b"a\xff".as_slice(), &[b'x'; 5000]].concat());
    assert_eq!(decode(&[&whole[..20]], LIMIT), (vec![], Some(1007)));
}

#[test]
fn fragments_without_end_are_refused() {
    let endless = [frame(0x01, b""), frame(0x00, b"").repeat(20_000)].concat();
    assert_eq!(decode(&[&endless], LIMIT), (vec![], Some(1008)));
}

#[test]
fn an_idle_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 64, "{}", size_of::<Decoder>());
}

#[test]
fn announced_memory_is_not_reserved() {
    let (mut decoder, mut buffer) = (Decoder::new(LIMIT), BytesMut::new());
    buffer.extend_from_slice(&frame(0x82, &[0; LIMIT])[..20]);
    assert!(matches!(decoder.next(&mut buffer), Ok(None)));
    assert!(buffer.capacity() < 1000);
}

#[test]
fn frames_of_the_server_have_the_shortest_length() {
    for (len, head) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
        assert_eq!(encoder::frame(encoder::BINARY, &vec![0; len]).len(), head + len);
    }
}

#[test]
fn large_payloads_are_not_copied() {
    let payload = Bytes::from(vec![1; 70_000]);
    let (head, body) = encoder::pieces(encoder::TEXT, payload.clone());
    assert_eq!(head.len(), 10);
    assert_eq!(body.as_ptr(), payload.as_ptr());
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let frame = encoder::close(1000, &"ä".repeat(100));
    assert_eq!(frame.len(), 2 + 2 + 122);
    assert!(std::str::from_utf8(&frame[4..]).is_ok());
}

#[test]
fn no_code_is_an_empty_close() {
    assert_eq!(&encoder::close(1005, "ignored")[..], b"\x88\x00");
}

#[test]
fn who_wants_an_event_stream() {
    for (accept, wanted) in [
        ("text/event-stream", true),
        ("TEXT/Event-Stream", true),
        ("text/html, text/event-stream;q=0.5", true),
        ("text/event-stream; q=0", false),
        ("text/event-stream;q=0.0, text/html", false),
        ("*/*", false),
        ("text/*", false),
        ("text/event-streams", false),
        ("text/event-stream;charset=utf-8", true),
    ] {
        let headers = [(http::header::ACCEPT, accept.parse().expect("a value"))].into_iter().collect();
        assert_eq!(accept::wants_event_stream(&headers), wanted, "{accept}");
    }
}

#[test]
fn lines_of_data() {
    for (data, sent) in [
        ("a", "data: a\n\n"),
        ("a\nb", "data: a\ndata: b\n\n"),
        ("a\r\nb\rc", "data: a\ndata: b\ndata: c\n\n"),
        ("", "data: \n\n"),
        ("a\n", "data: a\ndata: \n\n"),
    ] {
        assert_eq!(event::data(data.as_bytes()), sent.as_bytes(), "{data:?}");
    }
    assert_eq!(event::data(b"\xff"), "data: \u{fffd}\n\n".as_bytes());
}

#[test]
fn fields_of_an_event() {
    let whole = event::Event { data: b"x", id: Some("7"), event: Some("news"), retry: Some(1500) };
    assert_eq!(event::encode(&whole).expect("an event"), "id: 7\nevent: news\nretry: 1500\ndata: x\n\n");
    for wrong in ["a\nb", "a\rb", "a\0b"] {
        assert!(event::encode(&event::Event { id: Some(wrong), ..whole }).is_err(), "{wrong:?}");
        assert!(event::encode(&event::Event { event: Some(wrong), ..whole }).is_err(), "{wrong:?}");
    }
}
