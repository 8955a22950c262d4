//! A client by rustls, and the certificates of the servers that it talks to.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use iodine_core::net::tls::{self, Acceptor, ClientVerification, SelfSigned, TlsSettings};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::{LIMIT, Response};

/// A certificate for this machine.
pub fn certificate() -> SelfSigned {
    tls::self_signed(vec!["localhost".into()]).expect("a certificate")
}

pub fn settings(certificate: &SelfSigned) -> TlsSettings {
    TlsSettings {
        certificates: certificate.certificate.clone().into_bytes(),
        key: certificate.key.clone().into_bytes(),
        clients: ClientVerification::None,
        ciphersuites: None,
        resumption: true,
    }
}

pub fn acceptor(certificate: &SelfSigned) -> Arc<Acceptor> {
    Arc::new(Acceptor::new(&settings(certificate)).expect("an acceptor"))
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// With a goodbye.
    CloseNotify,
    /// Without one.
    Cut,
}

/// One encrypted connection.
pub struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects, and trusts that certificate only.
    pub fn connect(address: SocketAddr, trusted: &SelfSigned) -> Client {
        Client::over(TcpStream::connect_timeout(&address, LIMIT).expect("a connection"), trusted)
    }

    pub fn over(socket: TcpStream, trusted: &SelfSigned) -> Client {
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        socket.set_write_timeout(Some(LIMIT)).expect("a limit");
        let mut roots = RootCertStore::empty();
        let trusted = CertificateDer::from_pem_slice(trusted.certificate.as_bytes()).expect("a certificate");
        roots.add(trusted).expect("a root");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a session");
        Client { stream: StreamOwned::new(session, socket), buffer: Vec::new() }
    }

    /// Its own address.
    pub fn address(&self) -> SocketAddr {
        self.stream.sock.local_addr().expect("a connection")
    }

    /// Makes the handshake now. `false`: it fails.
    pub fn shake_hands(&mut self) -> bool {
        self.stream.conn.complete_io(&mut self.stream.sock).is_ok()
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        self.stream.write_all(bytes.as_ref()).expect("a server that listens");
        self
    }

    pub fn ask(&mut self, path: &str) -> &mut Client {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    }

    /// Says goodbye; the server may still answer.
    pub fn finish_sending(&mut self) {
        self.stream.conn.send_close_notify();
        let _ = self.stream.flush();
    }

    /// Ends the connection's own half: what has been sent arrives, whatever the client has not read.
    pub fn hang_up(&mut self) {
        let _ = self.stream.sock.shutdown(Shutdown::Write);
    }

    /// The next response, whose body has a length.
    pub fn response(&mut self) -> Response {
        let (mut response, length) = loop {
            if let Some(parsed) = self.head() {
                break parsed;
            }
        };
        self.buffer.drain(..length);
        let length = response.field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        response.body = self.take(length);
        response
    }

    pub fn get(&mut self, path: &str) -> Response {
        self.ask(path).response()
    }

    /// The next head and its length; it is left in place. `None`: more has to be read, and a piece has been.
    pub fn head(&mut self) -> Option<(Response, usize)> {
        let parsed = Response::parse(&self.buffer);
        if parsed.is_none() {
            assert_eq!(self.fill(4096), None, "a response");
        }
        parsed
    }

    /// So many bytes.
    pub fn take(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert_eq!(self.fill(64 * 1024), None, "{} of {length} bytes", self.buffer.len());
        }
        self.buffer.drain(..length).collect()
    }

    /// Everything up to the end, and which one it was.
    pub fn rest(&mut self) -> (Vec<u8>, End) {
        loop {
            if let Some(end) = self.fill(64 * 1024) {
                return (std::mem::take(&mut self.buffer), end);
            }
        }
    }

    /// Reads a piece. `Some`: there is no other one.
    pub fn fill(&mut self, most: usize) -> Option<End> {
        let mut piece = vec![0; most];
        match self.stream.read(&mut piece) {
            Ok(0) => Some(End::CloseNotify),
            Ok(length) => {
                self.buffer.extend_from_slice(&piece[..length]);
                None
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => panic!("time is up"),
            Err(_) => Some(End::Cut),
        }
    }
}
