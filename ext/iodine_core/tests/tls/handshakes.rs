//! Who comes in, and who does not.

use std::time::Duration;

use iodine_core::net::tls::{Acceptor, ClientVerification, TlsSettings};

use super::client::{Client, acceptor, certificate, settings};
use crate::support::{LIMIT, Site, timed};

#[test]
fn plain_http_is_answered_in_words() {
    let certificate = certificate();
    let site = Site::encrypted(acceptor(&certificate), |_| {}, |call| call.text("ok"));
    let mut client = site.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = client.response();
    assert_eq!((answer.status, answer.closes()), (400, true));
    assert!(answer.text().contains("https://"), "{}", answer.text());
    assert!(site.log_line("SSL error, peer: 127.0.0.1").contains("plain HTTP"));
}

#[test]
fn a_handshake_has_a_limit_and_delays_nobody() {
    let certificate = certificate();
    let limit = Duration::from_millis(200);
    let site = Site::encrypted(
        acceptor(&certificate),
        |settings| settings.timeouts.tls_handshake = limit,
        |call| call.text("ok"),
    );
    let mut silent = site.connect();
    silent.send([22]);
    assert_eq!(Client::connect(site.address, &certificate).get("/").text(), "ok");
    silent.expect_end();
    site.log_line("tls_handshake_timeout");
}

#[test]
fn a_server_that_drains_does_not_wait_for_a_handshake() {
    let certificate = certificate();
    let site = Site::encrypted(acceptor(&certificate), |_| {}, |call| call.text("ok"));
    let mut silent = site.connect();
    assert_eq!(Client::connect(site.address, &certificate).get("/").text(), "ok");
    let (drained, time) = timed(|| {
        site.server.drain();
        site.server.await_drained(Some(LIMIT))
    });
    assert!(drained && time < Duration::from_secs(3), "{time:?}");
    silent.expect_end();
}

#[test]
fn failures_are_one_line_a_second_at_most() {
    let certificate = certificate();
    let site = Site::encrypted(acceptor(&certificate), |_| {}, |call| call.text("ok"));
    let (_, time) = timed(|| {
        for _ in 0..50 {
            let mut client = site.connect();
            client.try_send(b"\x16\x03\x01\x00\x05garba");
            client.rest();
        }
    });
    let lines = site.log_lines();
    assert!(!lines.is_empty() && lines.len() as u64 <= time.as_secs() + 1, "{lines:?}");
}

#[test]
fn a_certificate_is_replaced_while_others_go_on() {
    let (old, new) = (certificate(), certificate());
    let acceptor = acceptor(&old);
    let site = Site::encrypted(acceptor.clone(), |_| {}, |call| call.text("ok"));
    let mut client = Client::connect(site.address, &old);
    assert_eq!(client.get("/").text(), "ok");
    acceptor.reload(&settings(&new)).expect("a certificate");
    assert_eq!(client.get("/").text(), "ok");
    assert_eq!(Client::connect(site.address, &new).get("/").text(), "ok");
    assert!(!Client::connect(site.address, &old).shake_hands());
}

#[test]
fn what_cannot_be_used_changes_nothing() {
    let certificate = certificate();
    let acceptor = acceptor(&certificate);
    let broken = TlsSettings { certificates: b"nothing".to_vec(), ..settings(&certificate) };
    let error = acceptor.reload(&broken).expect_err("no certificate").to_string();
    assert_eq!(error, "cert: there is no certificate in PEM form");
    let site = Site::encrypted(acceptor, |_| {}, |call| call.text("ok"));
    assert_eq!(Client::connect(site.address, &certificate).get("/").text(), "ok");
}

#[test]
fn a_client_has_to_show_a_certificate_where_that_is_required() {
    let certificate = certificate();
    let authority = certificate.certificate.clone().into_bytes();
    let required = TlsSettings { clients: ClientVerification::Required(authority), ..settings(&certificate) };
    let acceptor = Acceptor::new(&required).expect("an acceptor");
    let site = Site::encrypted(acceptor.into(), |_| {}, |call| call.text("ok"));
    let mut client = Client::connect(site.address, &certificate);
    // Under TLS 1.3 the server speaks after the client believes that it is done.
    client.shake_hands();
    assert_eq!(client.rest().0, b"");
    site.log_line("SSL error, peer: 127.0.0.1: peer sent no certificates");
}

#[test]
fn mistakes_are_named() {
    let (one, other) = (certificate(), certificate());
    let refused = |change: fn(&mut TlsSettings, String)| {
        let mut settings = settings(&one);
        change(&mut settings, other.key.clone());
        Acceptor::new(&settings).expect_err("a mistake").to_string()
    };
    assert!(refused(|settings, other| settings.key = other.into_bytes()).starts_with("cert and key: "));
    assert!(refused(|settings, _| settings.key = b"none".to_vec()).starts_with("key: there is no key"));
    assert!(refused(|settings, _| settings.ciphersuites = Some(vec!["TLS_X".into()])).contains("unknown suite TLS_X"));
    assert!(
        refused(|settings, _| settings.clients = ClientVerification::Optional(Vec::new()))
            .starts_with("ca: there is no")
    );
}
