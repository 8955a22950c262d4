//! What a connection has to pass before it may speak HTTP: the header of a proxy, the handshake of TLS.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::time::{sleep, timeout_at};
use tokio_rustls::{TlsAcceptor, rustls};

use super::proxy::{self, Unreadable};
use super::stream::Stream;
use super::tls::{Acceptor, Ciphertext, Tls};
use crate::handoff::{Ends, Peer, TlsSession};
use crate::http::clock::DRAIN_PAUSE;
use crate::http::connection::{self, Arrival};
use crate::http::shared::Shared;
use crate::http::{raw, refused};
use crate::log::Complaints;
use crate::settings::ProxyProtocol;

/// The answer to HTTP where TLS was expected. Its end is the end of the connection.
const SPEAK_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
    This port speaks TLS (SSL): its URLs begin with https://\n";

/// What the log calls a failure of TLS.
const TLS: &str = "SSL error";

/// The content type of a handshake record (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;

/// The way in, for the connections of one listener.
#[derive(Debug)]
pub(crate) struct Entrance {
    proxy: Option<ProxyProtocol>,
    tls: Option<Arc<Acceptor>>,
    complaints: Mutex<Complaints>,
}

/// Why a connection does not come in.
enum Refused {
    /// The client is gone, or has said nothing.
    Silent,
    /// What the log says, and what the client is told.
    Because { what: &'static str, why: String, told: Option<(Stream, &'static [u8])> },
}

impl Refused {
    fn tls(why: impl ToString, told: Option<(Stream, &'static [u8])>) -> Refused {
        Refused::Because { what: TLS, why: why.to_string(), told }
    }
}

impl Entrance {
    /// `None` where a connection may speak at once.
    pub(crate) fn new(proxy: Option<ProxyProtocol>, tls: Option<Arc<Acceptor>>) -> Option<Arc<Entrance>> {
        (proxy.is_some() || tls.is_some()).then(|| Arc::new(Entrance { proxy, tls, complaints: Mutex::default() }))
    }

    /// Lets the connection in, and serves it to its end.
    pub(crate) async fn admit(
        self: Arc<Self>,
        stream: Stream,
        peer: Peer,
        permit: connection::Permit,
        counted: connection::Counted,
    ) {
        let shared = counted.shared().clone();
        let local = stream.local();
        let opened = tokio::select! {
            opened = self.open(stream, peer, &shared) => opened,
            () = until_too_late(&shared) => return,
        };
        match opened {
            Ok(arrival) => connection::serve(arrival, permit, counted).await,
            Err(Refused::Silent) => {}
            Err(Refused::Because { what, why, told }) => {
                self.complain(&format!("{what}, peer: {peer}: {why}"), &shared);
                if what == TLS {
                    refused::tell(&shared, Ends { local, peer }, why);
                }
                if let Some((mut stream, answer)) = told {
                    // Who does not read it will not miss it.
                    let _ = raw::write_all(&mut stream, answer, shared.settings.timeouts.write).await;
                    raw::linger(stream, &shared).await;
                }
            }
        }
    }

    async fn open(&self, mut stream: Stream, peer: Peer, shared: &Shared) -> Result<Arrival, Refused> {
        let mut unread = BytesMut::new();
        let mut peer = peer;
        if let Some(version) = self.proxy {
            match proxy::read(&mut stream, version, &mut unread, &shared.settings.timeouts).await {
                Ok(address) => peer = address.map_or(peer, Peer::Tcp),
                Err(Unreadable::Silent) => return Err(Refused::Silent),
                Err(Unreadable::Malformed(why)) => {
                    return Err(Refused::Because { what: "PROXY protocol error", why, told: None });
                }
            }
        }
        let Some(acceptor) = &self.tls else { return Ok(Arrival { stream, peer, tls: None, unread }) };
        let deadline = Instant::now() + shared.settings.timeouts.tls_handshake;
        let (stream, session) = match timeout_at(deadline.into(), handshake(stream, unread, acceptor)).await {
            Ok(done) => done?,
            Err(_) => return Err(Refused::tls("the handshake took longer than tls_handshake_timeout", None)),
        };
        Ok(Arrival { stream, peer, tls: Some(Arc::new(session)), unread: BytesMut::new() })
    }

    /// One line a second and listener: anybody can cause them.
    fn complain(&self, line: &str, shared: &Shared) {
        if self.complaints.lock().unwrap_or_else(PoisonError::into_inner).due() {
            shared.log.line(line);
        }
    }
}

/// A draining server lets those in that are at the door, and no others.
async fn until_too_late(shared: &Shared) {
    shared.drained().await;
    sleep(DRAIN_PAUSE).await;
}

async fn handshake(
    mut stream: Stream,
    mut unread: BytesMut,
    acceptor: &Acceptor,
) -> Result<(Stream, TlsSession), Refused> {
    if unread.is_empty() && !stream.read_buf(&mut unread).await.is_ok_and(|read| read > 0) {
        return Err(Refused::Silent);
    }
    if unread.first().is_some_and(|byte| *byte != HANDSHAKE && byte.is_ascii()) {
        let why = "not a TLS handshake. Are you trying to speak plain HTTP to a TLS (SSL) port?";
        return Err(Refused::tls(why, Some((stream, SPEAK_TLS))));
    }
    let accepting = TlsAcceptor::from(acceptor.config()).accept(Ciphertext::new(stream, unread));
    match accepting.into_fallible().await {
        Ok(stream) => {
            let tls = Tls::new(stream);
            let peer_certificate = tls
                .session()
                .peer_certificates()
                .and_then(|chain| chain.first())
                .map(|first| Bytes::copy_from_slice(first));
            Ok((Stream::Tls(Box::new(tls)), TlsSession { peer_certificate }))
        }
        // The alert is on its way: the connection must not be reset before it is read.
        Err((error, lower)) => Err(Refused::tls(explained(&error), Some((lower.into_socket(), b"")))),
    }
}

/// An old client lacks one thing or another: it helps to know what would be spoken.
fn explained(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::PeerIncompatible(_)) => format!("{error}; TLS 1.2 and 1.3 are spoken here"),
        _ => error.to_string(),
    }
}
