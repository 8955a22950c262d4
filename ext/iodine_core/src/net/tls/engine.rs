//! A TLS connection without a socket: for who reads and writes bytes himself.

use std::io::{Read, Write};

use tokio_rustls::rustls::ServerConnection;

use super::{Acceptor, TlsError};

/// The server's side of one connection.
#[derive(Debug)]
pub struct Engine(ServerConnection);

impl Engine {
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new(acceptor: &Acceptor) -> Result<Engine, TlsError> {
        let mut session = ServerConnection::new(acceptor.config()).map_err(|error| TlsError(error.to_string()))?;
        // An answer is taken as a whole.
        session.set_buffer_limit(None);
        Ok(Engine(session))
    }

    /// Takes what the client has sent, and gives what that says; nothing during the handshake, and after the client's
    /// goodbye.
    ///
    /// # Errors
    /// When the client breaks the rules, or is not welcome. [`Engine::outgoing`] has what it is told then.
    pub fn receive(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, TlsError> {
        let mut text = Vec::new();
        while !bytes.is_empty() {
            // Nothing is taken after the goodbye.
            if self.0.read_tls(&mut bytes).map_err(|error| TlsError(error.to_string()))? == 0 {
                break;
            }
            self.0.process_new_packets().map_err(|error| TlsError(error.to_string()))?;
            // An error means that there is nothing to read now.
            let _ = self.0.reader().read_to_end(&mut text);
        }
        Ok(text)
    }

    /// Encrypts the last words, and a goodbye after them (RFC 8446 §6.1).
    pub fn finish(&mut self, text: &[u8]) {
        // There is no limit: everything is taken.
        let _ = self.0.writer().write_all(text);
        self.0.send_close_notify();
    }

    /// What has to be sent to the client.
    pub fn outgoing(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A Vec takes everything.
        while self.0.wants_write() && self.0.write_tls(&mut bytes).is_ok_and(|written| written > 0) {}
        bytes
    }
}
