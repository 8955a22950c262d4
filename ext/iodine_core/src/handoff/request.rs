//! A request as the application sees it: complete, owned, without a socket.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;

use super::Pace;
use crate::http::refusal::Kind;
use crate::realtime::Upgrade;
use crate::sync::{Instant, moment};

/// A request whose head has been judged and whose body has been received completely.
#[derive(Debug)]
pub struct Request {
    /// Method, target, version and fields as hyper parsed them.
    pub parts: Parts,
    /// The target as it was sent, where `parts.uri` cannot give it back (absolute-form, fragment).
    pub raw_target: Option<Bytes>,
    /// The decoded body.
    pub body: RequestBody,
    /// How long the body took to arrive after the head.
    pub body_wait: Duration,
    /// When its last byte had arrived.
    pub complete: Instant,
    /// How long it waited from then on for the thread that took it.
    pub queue_time: Duration,
    /// Where its connection begins and ends.
    pub ends: Arc<Ends>,
    /// What the connection's requests were like lately.
    pub pace: Pace,
    /// What the handshake has brought; `None` where the connection is not encrypted.
    pub tls: Option<Arc<TlsSession>>,
    /// What the request asks to be upgraded to.
    pub upgrade: Option<Box<Upgrade>>,
    /// Why it was turned away, where only the error handler is asked for an answer: then nothing of it was judged, and it
    /// is not to be served.
    pub refused: Option<Refused>,
}

impl Request {
    /// One without a body, complete as of now, from a connection that is not encrypted.
    pub(crate) fn new(parts: Parts, raw_target: Option<Bytes>, ends: Arc<Ends>, pace: Pace) -> Request {
        Request {
            parts,
            raw_target,
            body: RequestBody::Empty,
            body_wait: Duration::ZERO,
            complete: moment(),
            queue_time: Duration::ZERO,
            ends,
            pace,
            tls: None,
            upgrade: None,
            refused: None,
        }
    }

    /// Its body has arrived, for which it waited since it was made.
    pub(crate) fn receive(&mut self, body: RequestBody) {
        let now = Instant::now();
        self.body_wait = now.saturating_duration_since(self.complete);
        self.complete = now;
        self.body = body;
    }
}

/// Why a request was turned away.
#[derive(Debug)]
pub struct Refused {
    /// What the client is told unless somebody has a better answer.
    pub status: StatusCode,
    /// The sort of reason.
    pub kind: Kind,
    /// The reason.
    pub why: Cow<'static, str>,
    /// Whether anything could be read of the request; else method and target mean nothing.
    pub any: bool,
}

/// A request body, decoded from its transfer coding.
#[derive(Debug)]
pub enum RequestBody {
    /// No body, or one whose length was said to be 0.
    Empty,
    /// Small enough for memory (`Limits::body_memory`).
    Memory(Bytes),
    /// In an unlinked file, positioned at its start.
    File {
        /// The file; nobody else can open it.
        file: File,
        /// Its length in bytes.
        len: u64,
    },
}

impl RequestBody {
    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            RequestBody::Empty => 0,
            RequestBody::Memory(bytes) => bytes.len() as u64,
            RequestBody::File { len, .. } => *len,
        }
    }

    /// Whether there is no body.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a TLS handshake has brought.
#[derive(Debug)]
pub struct TlsSession {
    /// The client's certificate (DER), where one was asked for and shown.
    pub peer_certificate: Option<Bytes>,
}

/// The two ends of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// Ours.
    pub local: Local,
    /// The other.
    pub peer: Peer,
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A TCP client.
    Tcp(SocketAddr),
    /// A client of a Unix socket: it has no address.
    Unix,
}

/// Our end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Local {
    /// The address that a TCP client has connected to.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(Arc<Path>),
    /// A Unix socket without a path, or a connection that had ended before this was asked for.
    Unnamed,
}

/// As the log names it.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(address) => address.ip().fmt(f),
            Peer::Unix => f.write_str("unix"),
        }
    }
}
