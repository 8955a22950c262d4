//! The way to other servers, whose Redis has more to say than this server takes at the moment.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use iodine_core::pubsub::frame::{Frame, decode, encode};
use iodine_core::pubsub::publication::Publication;
use iodine_core::pubsub::redis::Redis;
use rustix::net::{SendFlags, send};

use crate::wait::LIMIT;

/// Messages to whoever subscribes.
const MESSAGES: usize = 100;

/// A Redis that knows two commands. Returns its URL, and tells when it has answered a subscription.
fn talkative() -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    let (tell, told) = channel();
    thread::spawn(move || {
        for client in listener.incoming() {
            let tell = tell.clone();
            thread::spawn(move || client.map(|client| talk(client, &tell)));
        }
    });
    (url, told)
}

/// Ends with the connection.
fn talk(mut client: TcpStream, tell: &Sender<()>) -> std::io::Result<()> {
    let mut command = [0; 1024];
    loop {
        let read = match client.read(&mut command)? {
            0 => return Ok(()),
            read => String::from_utf8_lossy(&command[..read]).into_owned(),
        };
        if !read.contains("SUBSCRIBE") {
            client.write_all(b":0\r\n")?;
            continue;
        }
        let name = read.lines().last().unwrap_or_default();
        let mut answer = format!("*3\r\n$9\r\nsubscribe\r\n${}\r\n{name}\r\n:1\r\n", name.len());
        for number in 0..MESSAGES {
            answer += &format!("*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$9\r\n{number:9}\r\n");
        }
        client.write_all(answer.as_bytes())?;
        let _ = tell.send(());
    }
}

/// Leaves no room for anybody's frame, but for a part of one.
fn fill(socket: &UnixStream) {
    let mut filler = BytesMut::new();
    assert!(encode(&Publication::new(Bytes::from_static(b"filler"), Bytes::new()), false, &mut filler));
    while send(socket, &filler, SendFlags::DONTWAIT).is_ok() {}
}

/// What comes from `room`: so many numbers.
fn numbers(socket: &mut UnixStream, count: usize) -> Vec<usize> {
    let (mut input, mut chunk, mut numbers) = (BytesMut::new(), [0; 65_536], Vec::new());
    while numbers.len() < count {
        match decode(&mut input).expect("whole frames") {
            Some(Frame::Publication { publication, .. }) if publication.channel() == "room" => {
                let text = std::str::from_utf8(publication.payload()).expect("text");
                numbers.push(text.trim().parse().expect("a number"));
            }
            Some(_) => {}
            None => {
                let read = socket.read(&mut chunk).expect("more in time");
                input.extend_from_slice(&chunk[..read]);
            }
        }
    }
    numbers
}

#[test]
fn an_end_does_not_wait_for_a_reader_and_loses_nothing() {
    let (ours, mut theirs) = UnixStream::pair().expect("a pair");
    theirs.set_read_timeout(Some(LIMIT)).expect("a limit");
    fill(&ours);
    let (url, answered) = talkative();
    let redis = Redis::new(&url, ours.into(), |_| {}).expect("a bridge");
    redis.start().expect("threads");
    answered.recv_timeout(LIMIT).expect("a subscription");
    assert!(answered.recv_timeout(Duration::from_millis(100)).is_err(), "one is enough");
    let (tell, told) = channel();
    let stopped = thread::spawn(move || {
        redis.stop();
        let _ = tell.send(());
        redis
    });
    told.recv_timeout(LIMIT).expect("it stops although nobody reads");
    let redis = stopped.join().expect("no panic");
    redis.start().expect("threads");
    let numbers = numbers(&mut theirs, 1 + MESSAGES);
    assert_eq!(numbers[0], 0, "what it had taken comes first");
    assert!(numbers[1..].iter().copied().eq(0..MESSAGES));
}
