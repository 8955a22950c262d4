//! HTTP inside.

use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use iodine_core::handoff::Reply;
use rustix::net::sockopt;

use super::client::{Client, End, acceptor, certificate};
use crate::support::{Call, Gate, LIMIT, Site, eventually, payload, status};

/// More than what the system takes at once.
const LARGE: usize = 16_000_000;

fn big(call: &mut Call<'_>) {
    let body = "b".repeat(LARGE);
    call.answer(Reply::Full(status(200), payload(&[&body])));
}

#[test]
fn requests_are_answered_and_the_connection_is_kept() {
    let certificate = certificate();
    let site = Site::encrypted(
        acceptor(&certificate),
        |_| {},
        |call| {
            let secure = call.request.tls.is_some();
            call.text(&format!("{} {secure}", call.path().to_owned()));
        },
    );
    let mut client = Client::connect(site.address, &certificate);
    assert_eq!(client.get("/a").text(), "/a true");
    assert_eq!(client.get("/b").text(), "/b true");
    client.ask("/c").ask("/d");
    assert_eq!([client.response().text(), client.response().text()], ["/c true", "/d true"]);
}

#[test]
fn a_large_response_arrives_whole() {
    let certificate = certificate();
    let site = Site::encrypted(acceptor(&certificate), |_| {}, big);
    let mut client = Client::connect(site.address, &certificate);
    assert_eq!(client.get("/").body.len(), LARGE);
    assert_eq!(client.get("/").body.len(), LARGE);
}

/// A client with a small window.
fn narrow(site: &Site, certificate: &iodine_core::net::tls::SelfSigned) -> Client {
    let socket = TcpStream::connect_timeout(&site.address, LIMIT).expect("a connection");
    sockopt::set_socket_recv_buffer_size(&socket, 4096).expect("a buffer");
    Client::over(socket, certificate)
}

#[test]
#[cfg_attr(slowed, ignore = "measures how quickly a client reads")]
fn a_client_that_reads_slowly_gets_everything() {
    let certificate = certificate();
    let limit = Duration::from_millis(400);
    let site = Site::encrypted(acceptor(&certificate), |settings| settings.timeouts.write = limit, big);
    let mut client = Client::connect(site.address, &certificate);
    client.ask("/");
    let length = loop {
        if let Some((head, length)) = client.head() {
            assert_eq!(head.field("content-length"), Some("16000000"));
            break length;
        }
    };
    client.take(length);
    for _ in 0..8 {
        // Longer in sum than the limit, but never without a byte for as long.
        thread::sleep(limit / 4);
        client.take(2_000_000);
    }
    assert_eq!(client.get("/").status, 200);
}

#[test]
fn a_client_that_does_not_read_is_cut() {
    let certificate = certificate();
    let site =
        Site::encrypted(acceptor(&certificate), |settings| settings.timeouts.write = Duration::from_millis(200), big);
    let mut client = narrow(&site, &certificate);
    client.ask("/");
    eventually("the connection is gone", || site.server.stats().1 == 0);
    assert_eq!(client.rest().1, End::Cut);
}

#[test]
fn the_end_of_a_connection_is_said() {
    let certificate = certificate();
    let site = Site::encrypted(acceptor(&certificate), |_| {}, |call| call.text("ok"));
    let mut client = Client::connect(site.address, &certificate);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let (answer, end) = client.rest();
    assert!(answer.ends_with(b"\r\n\r\nok"));
    assert_eq!(end, End::CloseNotify);
}

#[test]
fn a_client_that_has_said_goodbye_is_answered() {
    let certificate = certificate();
    let gate = Arc::new(Gate::default());
    let opened = gate.clone();
    let site = Site::encrypted(
        acceptor(&certificate),
        |_| {},
        move |call| {
            call.unlocked(|| opened.wait());
            call.text("late");
        },
    );
    let mut client = Client::connect(site.address, &certificate);
    client.ask("/").finish_sending();
    gate.open();
    assert_eq!(client.response().text(), "late");
}

#[test]
fn a_server_that_drains_ends_idle_connections_with_a_goodbye() {
    let certificate = certificate();
    let site = Site::encrypted(acceptor(&certificate), |_| {}, |call| call.text("ok"));
    let mut idle = Client::connect(site.address, &certificate);
    idle.get("/");
    site.server.drain();
    assert_eq!(idle.rest(), (Vec::new(), End::CloseNotify));
    assert!(site.server.await_drained(Some(LIMIT)));
}
