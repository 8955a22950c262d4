//! TLS without a socket of ours.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use iodine_core::net::tls::{Engine, TlsError};

use super::client::{Client, End, acceptor, certificate};

/// Lets a client talk to an engine, whose bytes are carried in pieces of that size. Returns what the client has said up
/// to `last`, the engine's answer to which is `answer`.
fn carry(
    mut socket: TcpStream,
    engine: &mut Engine,
    last: &[u8],
    answer: &[u8],
    piece: usize,
) -> Result<Vec<u8>, TlsError> {
    let (mut said, mut bytes) = (Vec::new(), vec![0; piece]);
    while !said.ends_with(last) {
        let read = socket.read(&mut bytes).expect("a client");
        assert_ne!(read, 0, "an end after {said:?}");
        let received = engine.receive(&bytes[..read]);
        socket.write_all(&engine.outgoing()).expect("a client");
        said.extend(received?);
    }
    engine.finish(answer);
    socket.write_all(&engine.outgoing()).expect("a client");
    socket.shutdown(Shutdown::Write).expect("a client");
    Ok(said)
}

#[test]
fn it_talks_in_pieces_of_any_size() {
    for piece in [1, 7, 100_000] {
        let certificate = certificate();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut client = Client::connect(listener.local_addr().expect("a port"), &certificate);
        let mut engine = Engine::new(&acceptor(&certificate)).expect("an engine");
        let (socket, _) = listener.accept().expect("a client");
        let server = thread::spawn(move || carry(socket, &mut engine, b"last", &[7; 300_000], piece));
        client.send([b"first", [7; 40_000].as_slice(), b"last"].concat());
        let (answer, end) = client.rest();
        assert_eq!((answer.len(), end), (300_000, End::CloseNotify));
        let said = server.join().expect("a thread that ends").expect("TLS");
        assert_eq!(said.len(), 40_009);
    }
}

#[test]
fn it_refuses_what_is_no_tls() {
    let mut engine = Engine::new(&acceptor(&certificate())).expect("an engine");
    assert!(engine.receive(b"GET / HTTP/1.1\r\n\r\n").is_err());
    assert!(engine.receive(b"more of it").is_err());
}

#[test]
fn it_takes_nothing_after_the_goodbye() {
    let certificate = certificate();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut client = Client::connect(listener.local_addr().expect("a port"), &certificate);
    let mut engine = Engine::new(&acceptor(&certificate)).expect("an engine");
    let (mut socket, _) = listener.accept().expect("a client");
    let server = thread::spawn(move || {
        let mut said = Vec::new();
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = socket.read(&mut bytes) {
            said.extend(engine.receive(&bytes[..read]).expect("TLS"));
            socket.write_all(&engine.outgoing()).expect("a client");
        }
        said.extend(engine.receive(b"whatever comes now").expect("TLS"));
        said
    });
    client.send("said").finish_sending();
    // It has tickets that it did not read: dropped, it would leave with a reset, which may overtake its goodbye.
    client.hang_up();
    assert_eq!(server.join().expect("a thread that ends"), b"said");
}
