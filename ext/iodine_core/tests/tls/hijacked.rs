//! Full hijack: the application gets a socket that it can use as any other one.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never, unbounded};
use iodine_core::handoff::{Reply, Socket, TakenOver, Takeover};
use iodine_core::net::tls::SelfSigned;

use super::client::{Client, End, acceptor, certificate};
use crate::support::{LIMIT, Site};

/// A site that gives every connection away.
fn site(certificate: &SelfSigned) -> (Site, Receiver<TakenOver>) {
    let (to, from) = unbounded();
    let change = |settings: &mut iodine_core::settings::Settings| settings.timeouts.linger = Duration::from_millis(200);
    let site = Site::encrypted(acceptor(certificate), change, move |call| {
        let (takeover, released) = Takeover::new();
        call.ticket().answer_now(Reply::Takeover(None, takeover));
        let taken = call.unlocked(|| Takeover::wait(&released, &never(), Instant::now() + LIMIT));
        let _ = to.send(taken.expect("a socket"));
    });
    (site, from)
}

/// The application's socket, made to wait, and what the client had sent already.
fn taken(from: &Receiver<TakenOver>) -> (UnixStream, Vec<u8>) {
    let taken = from.recv_timeout(LIMIT).expect("a released socket");
    let Socket::Pair { socket, .. } = taken.socket else { panic!("not a pair: {taken:?}") };
    socket.set_nonblocking(false).expect("a socket");
    socket.set_read_timeout(Some(LIMIT)).expect("a limit");
    (socket, taken.unread.to_vec())
}

/// A client whose connection the application has, and the application's end.
fn hijacked() -> (Site, Client, UnixStream) {
    let certificate = certificate();
    let (site, from) = site(&certificate);
    let mut client = Client::connect(site.address, &certificate);
    client.ask("/");
    let (socket, _) = taken(&from);
    (site, client, socket)
}

#[test]
fn both_sides_talk() {
    let certificate = certificate();
    let (site, from) = site(&certificate);
    let mut client = Client::connect(site.address, &certificate);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nearly");
    let (mut socket, unread) = taken(&from);
    assert_eq!(unread, b"early");
    socket.write_all(b"raw").expect("a client");
    assert_eq!(client.take(3), b"raw");
    client.send("later");
    let mut later = [0; 5];
    socket.read_exact(&mut later).expect("a client");
    assert_eq!(&later, b"later");
}

#[test]
fn what_was_written_before_the_end_arrives() {
    let (_site, mut client, mut socket) = hijacked();
    let writing = std::thread::spawn(move || socket.write_all(&[7; 2_000_000]).expect("a client"));
    let (all, end) = client.rest();
    assert_eq!((all.len(), end), (2_000_000, End::CloseNotify));
    writing.join().expect("a thread that ends");
}

#[test]
fn half_closes_arrive_in_both_directions() {
    let (_site, mut client, mut socket) = hijacked();
    client.finish_sending();
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).expect("an end");
    assert_eq!(rest, b"");
    socket.write_all(b"still here").expect("a client");
    socket.shutdown(Shutdown::Write).expect("a socket");
    assert_eq!(client.rest(), (b"still here".to_vec(), End::CloseNotify));
}

#[test]
fn an_application_that_closes_its_side_still_reads() {
    let (_site, mut client, mut socket) = hijacked();
    socket.shutdown(Shutdown::Write).expect("a socket");
    assert_eq!(client.rest(), (Vec::new(), End::CloseNotify));
    client.send("said after that").finish_sending();
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).expect("an end");
    assert_eq!(rest, b"said after that");
}

#[test]
fn a_client_that_vanishes_is_noticed() {
    let (_site, client, mut socket) = hijacked();
    drop(client);
    assert_eq!(socket.read(&mut [0; 9]).expect("an end"), 0);
}

#[test]
fn the_end_of_the_server_is_a_goodbye_after_what_was_written() {
    let (site, mut client, mut socket) = hijacked();
    socket.write_all(&[7; 50_000]).expect("a client");
    site.server.halt();
    let (all, end) = client.rest();
    assert_eq!((all.len(), end), (50_000, End::CloseNotify));
}

#[test]
fn a_client_that_misses_something_gets_no_goodbye() {
    let (site, mut client, socket) = hijacked();
    socket.set_nonblocking(true).expect("a socket");
    let mut written = 0;
    let mut quiet = 0;
    // More than the sockets between them take.
    while quiet < 20 {
        match (&socket).write(&[7; 65_536]) {
            Ok(more) => (written, quiet) = (written + more, 0),
            Err(_) => {
                quiet += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
    site.server.halt();
    let (all, end) = client.rest();
    assert!(all.len() < written, "{} of {written}", all.len());
    assert_eq!(end, End::Cut);
}

#[test]
fn it_has_the_addresses_of_the_connection() {
    let certificate = certificate();
    let (site, from) = site(&certificate);
    let mut client = Client::connect(site.address, &certificate);
    client.ask("/");
    let taken = from.recv_timeout(LIMIT).expect("a released socket");
    let Socket::Pair { local, peer, .. } = taken.socket else { panic!("not a pair: {taken:?}") };
    assert_eq!((local, peer), (Some(site.address), Some(client.address())));
}
