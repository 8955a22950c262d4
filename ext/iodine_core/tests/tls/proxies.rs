//! The header of the PROXY protocol.

use std::time::Duration;

use iodine_core::settings::ProxyProtocol;

use super::client::{Client, acceptor, certificate};
use crate::support::{Call, Site};

const V1: &str = "PROXY TCP4 192.0.2.1 198.51.100.1 5000 443\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x01\x13\x88\x01\xbb";

fn peer(call: &mut Call<'_>) {
    let peer = format!("{:?}", call.request.ends.peer);
    call.text(&peer);
}

fn site(version: ProxyProtocol) -> Site {
    Site::with(
        move |settings| {
            settings.proxy_protocol = Some(version);
            settings.timeouts.first_data = Duration::from_millis(300);
        },
        peer,
    )
}

/// What the application sees behind that header.
fn seen(site: &Site, header: impl AsRef<[u8]>) -> String {
    let mut client = site.connect();
    client.send(header).get("/").text()
}

#[test]
fn both_versions_name_the_client() {
    assert_eq!(seen(&site(ProxyProtocol::V1), V1), "Tcp(192.0.2.1:5000)");
    assert_eq!(seen(&site(ProxyProtocol::V2), V2), "Tcp(192.0.2.1:5000)");
}

#[test]
fn a_connection_without_a_header_comes_from_its_socket() {
    assert!(seen(&site(ProxyProtocol::V1), "").starts_with("Tcp(127.0.0.1:"));
    assert!(seen(&site(ProxyProtocol::V2), "").starts_with("Tcp(127.0.0.1:"));
}

#[test]
fn a_header_may_come_in_pieces() {
    for (version, header) in [(ProxyProtocol::V1, V1.as_bytes()), (ProxyProtocol::V2, V2)] {
        let site = site(version);
        let mut client = site.connect();
        for byte in header {
            client.send([*byte]);
        }
        assert_eq!(client.get("/").text(), "Tcp(192.0.2.1:5000)");
    }
}

#[test]
fn only_the_first_bytes_of_a_connection_are_a_header() {
    let site = site(ProxyProtocol::V1);
    let mut client = site.connect();
    client.send(V1).get("/");
    client.send(V1);
    assert_eq!(client.response().status, 400);
}

#[test]
fn a_malformed_header_ends_the_connection_with_a_line() {
    for header in ["PROXY TCP4 nobody\r\n", "PROXY TCP4 1.2.3.4 1.2.3.4 1 99999\r\n", "PROXY TCP4\n"] {
        let site = site(ProxyProtocol::V1);
        let mut client = site.connect();
        client.send(header);
        client.expect_end();
        site.log_line("PROXY protocol error, peer: 127.0.0.1: ");
    }
}

#[test]
fn a_header_without_an_end_is_not_read_for_ever() {
    let site = site(ProxyProtocol::V1);
    let mut client = site.connect();
    client.try_send("PROXY UNKNOWN ".to_owned() + &"x".repeat(100));
    client.expect_end();
    site.log_line("PROXY protocol error, peer: 127.0.0.1: ");
    let mut slow = site.connect();
    slow.send("PROXY ");
    slow.expect_end();
}

#[test]
fn a_header_comes_before_the_handshake() {
    let certificate = certificate();
    let change = |settings: &mut iodine_core::settings::Settings| settings.proxy_protocol = Some(ProxyProtocol::V1);
    let site = Site::encrypted(acceptor(&certificate), change, peer);
    let mut socket = std::net::TcpStream::connect(site.address).expect("a connection");
    std::io::Write::write_all(&mut socket, V1.as_bytes()).expect("a server");
    assert_eq!(Client::over(socket, &certificate).get("/").text(), "Tcp(192.0.2.1:5000)");
    assert!(Client::connect(site.address, &certificate).get("/").text().starts_with("Tcp(127.0.0.1:"));
}
