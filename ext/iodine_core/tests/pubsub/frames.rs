//! The format between processes, and the relay that speaks it.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use iodine_core::pubsub::frame::{Frame, Malformed, decode, encode, encode_notice, is_notice, size, whole};
use iodine_core::pubsub::hub::Hub;
use iodine_core::pubsub::publication::Publication;
use iodine_core::pubsub::relay::Relay;

use crate::recorder::{Heard, Recorder, exact, heard, pattern, publication};

fn encoded(publications: &[&Publication]) -> BytesMut {
    let mut out = BytesMut::new();
    for one in publications {
        assert!(encode(one, false, &mut out));
    }
    out
}

fn parts(publication: &Publication) -> (&[u8], &[u8], bool) {
    (publication.channel(), publication.payload(), publication.is_text())
}

#[test]
fn survives_the_journey() {
    let text = Publication::new(Bytes::from_static(b"room"), Bytes::from("h\u{e9}llo"));
    let binary = Publication::binary(Bytes::from_static(b"\xff"), Bytes::from_static(b"abc"));
    let empty = Publication::new(Bytes::new(), Bytes::new());
    let mut input = encoded(&[&text, &binary, &empty]);
    assert_eq!(input.len(), size(&text) + size(&binary) + size(&empty));
    for one in [&text, &binary, &empty] {
        let arrived = decode(&mut input).expect("well-formed").expect("complete");
        let Frame::Publication { publication, outward: false } = arrived else { panic!("{arrived:?}") };
        assert_eq!(parts(&publication), parts(one));
    }
    assert!(input.is_empty());
}

#[test]
fn tells_what_is_for_other_servers_and_who_listens() {
    let mut input = BytesMut::new();
    assert!(encode(&publication("room", "hello"), true, &mut input));
    assert!(!is_notice(&input));
    assert!(matches!(decode(&mut input), Ok(Some(Frame::Publication { outward: true, .. }))));
    for (sent, now) in [(exact("room"), true), (exact("room"), false), (pattern("r*"), true), (pattern("r*"), false)] {
        assert!(encode_notice(&sent, now, &mut input));
        assert!(is_notice(&input));
        let arrived = decode(&mut input).expect("well-formed").expect("complete");
        let Frame::Notice { channel, subscribed } = arrived else { panic!("{arrived:?}") };
        assert_eq!((channel, subscribed), (sent, now));
    }
}

#[test]
fn waits_for_the_rest_at_every_byte() {
    let whole_frame = encoded(&[&publication("room", "hello")]);
    for length in 0..whole_frame.len() {
        let mut part = BytesMut::from(&whole_frame[..length]);
        assert!(decode(&mut part).expect("well-formed").is_none());
        assert_eq!(part.len(), length);
        assert_eq!(whole(&part), Ok(None));
    }
    assert_eq!(whole(&whole_frame), Ok(Some(whole_frame.len())));
}

#[test]
fn refuses_what_it_cannot_be() {
    for bad in [
        &b"\0\0\0\x04\0\0\0\0"[..],                  // shorter than its own head
        b"\0\0\0\x05\0\0\0\0\x01",                   // a channel longer than the frame
        b"\0\0\0\x05\x20\0\0\0\0",                   // an unknown kind
        b"\0\0\0\x05\x05\0\0\0\0",                   // a notice that is binary
        b"\0\0\0\x06\x04\0\0\0\0x",                  // a notice with a payload
        b"\0\0\0\x08\0\xff\xff\xff\xff\x01\x02\x03", // a channel of 4 GiB
    ] {
        assert_eq!(decode(&mut BytesMut::from(bad)).err(), Some(Malformed), "{bad:?}");
    }
}

/// A hub with a subscriber to "room", and what that one heard.
fn listening_hub() -> (Arc<Hub>, Heard) {
    let (hub, heard): (_, Heard) = (Hub::new(), Arc::new(Mutex::default()));
    hub.subscribe(1, exact("room"), Recorder::new("a", &heard));
    (hub, heard)
}

fn socket_pair() -> (OwnedFd, OwnedFd) {
    let (one, other) = UnixStream::pair().expect("a pair of sockets");
    (one.into(), other.into())
}

#[test]
fn relays_in_both_directions_and_in_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (left, right) = socket_pair();
    let (left, right) = (Relay::new(left, 1 << 20), Relay::new(right, 1 << 20));
    let (hub, received) = listening_hub();
    // The first ones are sent before anybody brings them.
    for n in 0..3 {
        assert!(left.send(&publication("room", &n.to_string()), false));
    }
    assert!(left.pending() > 0);
    runtime.block_on(async {
        let silent = Hub::new();
        let exchange = async { tokio::join!(left.run(&silent), right.run(&hub)) };
        let rest = async {
            for n in 3..2000 {
                assert!(left.send(&publication("room", &n.to_string()), false));
                tokio::task::yield_now().await;
            }
            while received.lock().expect("a healthy lock").len() < 2000 || left.pending() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            ended = exchange => panic!("the relay ended: {ended:?}"),
            done = tokio::time::timeout(std::time::Duration::from_secs(10), rest) => done.expect("all of them arrive"),
        }
    });
    assert_eq!(heard(&received), (0..2000).map(|n| format!("a:{n}")).collect::<Vec<_>>());
}

#[test]
fn says_last_words_itself() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (left, right) = socket_pair();
    let (left, right) = (Relay::new(left, 1 << 20), Relay::new(right, 1 << 20));
    let running = left.clone();
    runtime.spawn(async move { running.run(&Hub::new()).await });
    assert!(left.send(&publication("room", "while it runs"), false));
    drop(runtime);
    left.end();
    assert!(left.send(&publication("room", "at the end"), false));
    drop(left);

    let (hub, received) = listening_hub();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(right.run(&hub)).expect("whole frames");
    assert_eq!(heard(&received), ["a:while it runs", "a:at the end"]);
    right.end();
    assert!(!right.send(&publication("room", "to nobody"), false));
}

#[test]
fn drops_what_is_above_the_limit() {
    let (left, _right) = socket_pair();
    let one = publication("room", "hello");
    let relay = Relay::new(left, 2 * size(&one));
    assert_eq!([relay.send(&one, false), relay.send(&one, false), relay.send(&one, false)], [true, true, false]);
    assert_eq!(relay.pending(), 2 * size(&one));
}

#[test]
fn ends_with_an_error_on_what_is_no_frame() {
    use std::io::Write;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (mut left, right) = UnixStream::pair().expect("a pair of sockets");
    left.write_all(b"\0\0\0\x05\x20\0\0\0\0").expect("room in the socket");
    let relay = Relay::new(right.into(), 1 << 20);
    let error = runtime.block_on(relay.run(&Hub::new())).expect_err("no frame");
    assert!(error.to_string().contains("malformed"));
}
