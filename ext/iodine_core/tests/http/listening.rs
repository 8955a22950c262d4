//! Where clients come from.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::thread;

use iodine_core::handoff::{Call, Job, Peer, Reply, Wait};
use iodine_core::log::Log;
use iodine_core::net::Binding;
use iodine_core::pubsub::hub::Hub;
use iodine_core::server::Server;

use crate::support::{Client, LIMIT, Site, payload, settings, status};

/// Answers one request on the calling thread, with what the application is told about the client.
fn serve_one(server: &Server) {
    let mut worker = server.crew().join();
    loop {
        if let Some(Job::Call(call)) = worker.take() {
            let Call { request, ticket } = call;
            let peer = match request.ends.peer {
                Peer::Tcp(address) => address.ip().to_string(),
                Peer::Unix => "unix".to_owned(),
            };
            ticket.answer(Reply::Full(status(200), payload(&[&peer])));
            // The answer goes out while this thread waits for the next request, or for the end.
            assert_eq!(worker.wait(), Wait::Retire);
            return;
        }
        if worker.wait() == Wait::Retire {
            return;
        }
    }
}

#[test]
fn tcp_clients_have_an_address() {
    let site = Site::serve(|call| {
        let peer = format!("{:?}", call.request.ends.peer);
        call.text(&peer);
    });
    assert!(site.get("/").text().starts_with("Tcp(127.0.0.1:"));
}

#[test]
fn unix_clients_have_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).expect("a socket");
    let (log, _lines) = Log::channel();
    let bindings = vec![Binding::plain(listener, "unix://socket")];
    let server = Server::start(settings(), bindings, Hub::new(), log).expect("a server");
    let server = Arc::new(server);
    let serving = {
        let server = server.clone();
        thread::spawn(move || serve_one(&server))
    };
    let mut client = UnixStream::connect(&path).expect("a connection");
    client.set_read_timeout(Some(LIMIT)).expect("a limit");
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("a server");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nunix"), "{answer}");
    server.halt();
    serving.join().expect("a thread that ends");
}

/// A server on two ports that may have so many connections.
fn on_two_ports(max_connections: usize) -> (Server, [SocketAddr; 2]) {
    let listeners = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let addresses = [0, 1].map(|at: usize| listeners[at].local_addr().expect("an address"));
    let mut settings = settings();
    settings.max_connections = max_connections;
    let (log, _lines) = Log::channel();
    let bindings = listeners.map(|listener| Binding::plain(listener, "tcp://127.0.0.1"));
    let server = Server::start(settings, bindings.into(), Hub::new(), log).expect("a server");
    (server, addresses)
}

/// Asserts that a client of each of the two ports is served, while nobody comes to the other one.
fn assert_both_served(max_connections: usize) {
    for at in [0, 1] {
        let (server, addresses) = on_two_ports(max_connections);
        thread::scope(|scope| {
            let _halt = Halt(&server);
            scope.spawn(|| serve_one(&server));
            assert_eq!(Client::connect(addresses[at]).get("/").text(), "127.0.0.1");
        });
    }
}

#[test]
fn every_listener_is_served() {
    assert_both_served(100);
}

#[test]
fn a_listener_without_clients_takes_no_place_from_another() {
    assert_both_served(1);
}

struct Halt<'a>(&'a Server);

impl Drop for Halt<'_> {
    fn drop(&mut self) {
        self.0.halt();
    }
}

#[test]
fn a_socket_that_takes_no_connections_is_refused_at_the_start() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let (log, _lines) = Log::channel();
    let started = Server::start(settings(), vec![Binding::plain(socket, "udp://127.0.0.1")], Hub::new(), log);
    let halted = started.map(|server| server.halt());
    assert!(halted.is_err());
}

#[test]
fn a_start_that_fails_leaves_no_port_open() {
    let good = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = good.local_addr().expect("an address");
    let bad = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let (log, _lines) = Log::channel();
    let bindings = vec![Binding::plain(good, "tcp://127.0.0.1"), Binding::plain(bad, "udp://127.0.0.1")];
    assert!(Server::start(settings(), bindings, Hub::new(), log).is_err());
    assert!(TcpStream::connect_timeout(&address, LIMIT).is_err());
}

#[test]
fn a_socket_that_was_shut_down_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let copy = listener.try_clone().expect("a copy");
    let (log, lines) = Log::channel();
    let server = Server::start(settings(), vec![Binding::plain(listener, "tcp://127.0.0.1")], Hub::new(), log);
    let server = server.expect("a server");
    thread::scope(|scope| {
        let _halt = Halt(&server);
        scope.spawn(|| serve_one(&server));
        rustix::net::shutdown(&copy, rustix::net::Shutdown::Read).expect("an open socket");
        let line = lines.recv_timeout(LIMIT).expect("a line");
        assert!(line.contains("cannot accept on tcp://127.0.0.1: ") && line.ends_with("restart the server"), "{line}");
    });
}

#[test]
fn tls_on_a_plain_port_is_named_in_the_log() {
    let site = Site::serve(|call| call.text("ok"));
    let mut client = site.connect();
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    assert_eq!(client.response().status, 400);
    let line = site.log_line("HTTP parse error, malformed request");
    assert!(line.contains("TLS"), "{line}");
}
