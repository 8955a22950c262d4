//! Full hijack, and 101: the application gets the connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, unbounded};
use iodine_core::handoff::{Payload, Reply, ResponseHead, Socket, TakenOver, Takeover, Unreleased};

use crate::support::{Call, Gate, LIMIT, Site, eventually, head, status, timed};

type Taken = Result<TakenOver, Unreleased>;

fn wait(released: &Receiver<TakenOver>) -> Taken {
    Takeover::wait(released, &never(), Instant::now() + LIMIT)
}

/// Takes the connection, after `head` where there is one, and gives it to the test.
fn take(call: &mut Call<'_>, head: Option<ResponseHead>, to: &Sender<Taken>) {
    let (takeover, released) = Takeover::new();
    call.ticket().answer_now(Reply::Takeover(head, takeover));
    let taken = call.unlocked(|| wait(&released));
    let _ = to.send(taken);
}

/// A site that gives every connection away but the ones that ask for `/quick`.
fn site(head: impl Fn() -> Option<ResponseHead> + Send + Sync + 'static) -> (Site, Receiver<Taken>) {
    let (to, from) = unbounded();
    let site = Site::with(
        |settings| settings.max_connections = 1,
        move |call| {
            if call.path() == "/quick" {
                return call.text("quick");
            }
            take(call, head(), &to);
        },
    );
    (site, from)
}

/// The socket, made to wait.
fn tcp(from: &Receiver<Taken>) -> (TcpStream, Vec<u8>) {
    let taken = from.recv_timeout(LIMIT).expect("a released socket").expect("a client");
    let Socket::Tcp(socket) = taken.socket else { panic!("not TCP: {taken:?}") };
    socket.set_nonblocking(false).expect("a socket");
    socket.set_read_timeout(Some(LIMIT)).expect("a limit");
    (socket, taken.unread.to_vec())
}

#[test]
fn the_application_talks_to_the_client_itself() {
    let (site, from) = site(|| None);
    let mut client = site.connect();
    client.ask("/");
    let (mut socket, unread) = tcp(&from);
    assert_eq!(unread, b"");
    socket.write_all(b"raw bytes").expect("a client");
    assert_eq!(client.take(9), b"raw bytes");
    client.send("ping");
    let mut ping = [0; 4];
    socket.read_exact(&mut ping).expect("a client");
    assert_eq!(&ping, b"ping");
    drop(socket);
    client.expect_fin();
}

#[test]
fn unread_bytes_come_first() {
    let (site, from) = site(|| None);
    let mut client = site.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nbinary \0\x01\r\n\r\nand more");
    let (mut socket, mut unread) = tcp(&from);
    client.send(" and the last").finish_sending();
    socket.read_to_end(&mut unread).expect("a client");
    assert_eq!(unread, b"binary \0\x01\r\n\r\nand more and the last");
}

#[test]
fn bytes_behind_a_body_are_unread() {
    let (site, from) = site(|| None);
    let mut client = site.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhellomore").finish_sending();
    let (mut socket, mut unread) = tcp(&from);
    socket.read_to_end(&mut unread).expect("a client");
    assert_eq!(unread, b"more");
}

#[test]
fn a_connection_that_is_given_away_is_not_counted() {
    let (site, from) = site(|| None);
    let mut client = site.connect();
    client.ask("/");
    let (mut socket, _) = tcp(&from);
    eventually("it is not counted", || site.server.stats().1 == 0);
    // The only place is free again.
    assert_eq!(site.get("/quick").text(), "quick");
    site.server.drain();
    assert!(site.server.await_drained(Some(LIMIT)));
    site.server.halt();
    socket.write_all(b"still here").expect("a client");
    assert_eq!(client.take(10), b"still here");
}

#[test]
fn a_101_has_a_head_without_framing() {
    let (site, from) = site(|| {
        Some(head(101, &[("upgrade", "echo"), ("content-length", "0"), ("transfer-encoding", "chunked"), ("x-a", "1")]))
    });
    let mut client = site.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst");
    let response = client.head();
    assert_eq!((response.status, response.field("upgrade"), response.field("x-a")), (101, Some("echo"), Some("1")));
    assert_eq!(response.field("connection"), Some("upgrade"));
    assert_eq!((response.field("content-length"), response.field("transfer-encoding")), (None, None));
    let (mut socket, unread) = tcp(&from);
    assert_eq!(unread, b"first");
    socket.write_all(b"echo").expect("a client");
    assert_eq!(client.take(4), b"echo");
}

#[test]
fn a_connection_field_of_the_application_stands_in_a_101() {
    let (site, from) = site(|| Some(head(101, &[("upgrade", "echo"), ("connection", "Upgrade, x")])));
    let mut client = site.connect();
    assert_eq!(client.ask("/").head().field("connection"), Some("Upgrade, x"));
    tcp(&from);
}

#[test]
fn answers_before_it_are_sent_first() {
    let (site, from) = site(|| None);
    let mut client = site.connect();
    client.ask("/quick").ask("/").send("rest");
    let (mut socket, unread) = tcp(&from);
    socket.write_all(b"raw").expect("a client");
    socket.shutdown(Shutdown::Write).expect("a client");
    assert_eq!(unread, b"rest");
    assert_eq!(client.response().text(), "quick");
    assert_eq!(client.rest(), b"raw");
}

#[test]
fn a_large_answer_before_it_is_sent_whole() {
    let (to, from) = unbounded();
    let site = Site::serve(move |call| match call.path() {
        "/large" => call.text(&"x".repeat(10_000_000)),
        _ => take(call, None, &to),
    });
    let mut client = site.connect();
    client.ask("/large").ask("/");
    assert!(client.hears_nothing_for(Duration::from_millis(1)) || from.is_empty());
    assert_eq!(client.response().body.len(), 10_000_000);
    let (mut socket, _) = tcp(&from);
    socket.write_all(b"raw").expect("a client");
    drop(socket);
    assert_eq!(client.rest(), b"raw");
}

#[test]
fn an_answer_behind_a_takeover_means_nothing() {
    let (to, from) = unbounded();
    let site = Site::serve(move |call| {
        let (takeover, released) = Takeover::new();
        assert!(call.handle().answer_now(Reply::Takeover(None, takeover)));
        assert!(!call.handle().answer_now(Reply::Abort));
        let ticket = call.ticket();
        assert!(ticket.is_answered());
        let _ = to.send(call.unlocked(|| wait(&released)));
        ticket.answer(Reply::Full(status(200), Payload::default()));
    });
    let mut client = site.connect();
    client.ask("/");
    let (mut socket, _) = tcp(&from);
    socket.write_all(b"raw").expect("a client");
    drop(socket);
    assert_eq!(client.rest(), b"raw");
}

#[test]
fn an_application_that_takes_a_dead_connection_learns_it() {
    let (to, from) = unbounded();
    let gate = Arc::new(Gate::default());
    let site = Site::serve({
        let gate = gate.clone();
        move |call| {
            call.unlocked(|| gate.wait());
            take(call, None, &to);
        }
    });
    let mut client = site.connect();
    client.ask("/");
    eventually("the application is at work", || site.inside() == 1);
    client.reset();
    eventually("the connection is gone", || site.server.stats().1 == 0);
    gate.open();
    let taken = from.recv_timeout(LIMIT).expect("an end of waiting");
    assert_eq!(taken.err(), Some(Unreleased::Never));
}

#[test]
fn waiting_for_a_connection_ends_with_an_interrupt_or_a_deadline() {
    let (takeover, released) = Takeover::new();
    let (interrupt, interrupted) = bounded(1);
    interrupt.send(()).expect("a place");
    let waited = Takeover::wait(&released, &interrupted, Instant::now() + LIMIT);
    assert_eq!(waited.err(), Some(Unreleased::Interrupted));
    let deadline = Duration::from_millis(50);
    let (waited, time) = timed(|| Takeover::wait(&released, &interrupted, Instant::now() + deadline));
    assert_eq!(waited.err(), Some(Unreleased::Never));
    assert!(time >= deadline, "{time:?}");
    drop(takeover);
    assert_eq!(wait(&released).err(), Some(Unreleased::Never));
}
