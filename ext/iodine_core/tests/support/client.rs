//! A client that sends what it is told to, byte by byte if need be.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::sockopt;

use super::LIMIT;
use super::response::Response;

/// One connection.
pub struct Client {
    socket: TcpStream,
    /// Received and not looked at.
    buffer: Vec<u8>,
}

/// Why nothing more came.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Closed,
    Reset,
    Silent,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let socket = TcpStream::connect_timeout(&address, LIMIT).expect("a connection");
        socket.set_nodelay(true).expect("no delay");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        socket.set_write_timeout(Some(LIMIT)).expect("a limit");
        Client { socket, buffer: Vec::new() }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        self.socket.write_all(bytes.as_ref()).expect("a server that listens");
        self
    }

    /// Sends where the server may have hung up. `false`: it has.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.socket.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends a GET.
    pub fn ask(&mut self, path: &str) -> &mut Client {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n"))
    }

    pub fn get(&mut self, path: &str) -> Response {
        self.ask(path).response()
    }

    /// Sends a POST with this body.
    pub fn post(&mut self, path: &str, body: impl AsRef<[u8]>) -> &mut Client {
        let length = body.as_ref().len();
        self.send(format!("POST {path} HTTP/1.1\r\nHost: a.example\r\nContent-Length: {length}\r\n\r\n"));
        self.send(body)
    }

    /// Sends the head of a chunked POST.
    pub fn post_chunked(&mut self, path: &str) -> &mut Client {
        self.send(format!("POST {path} HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"))
    }

    /// The next response, complete.
    pub fn response(&mut self) -> Response {
        let mut response = self.head();
        if matches!(response.status, 100..200 | 204 | 304) {
            return response;
        }
        if response.field("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                response.body.extend_from_slice(&chunk);
                response.chunks.push(chunk);
            }
        } else if let Some(length) = response.field("content-length") {
            let length = length.parse().expect("a length");
            response.body = self.take(length);
        } else {
            response.body = self.rest();
        }
        response
    }

    /// The next head; its body is left unread.
    pub fn head(&mut self) -> Response {
        loop {
            if let Some((response, length)) = Response::parse(&self.buffer) {
                self.buffer.drain(..length);
                return response;
            }
            self.more("the head of a response");
        }
    }

    /// The next chunk of a chunked body; `None` at its end.
    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.line();
        let size = usize::from_str_radix(&line, 16).unwrap_or_else(|_| panic!("no size of a chunk: {line:?}"));
        let chunk = self.take(size);
        assert_eq!(self.line(), "", "a chunk ends with CRLF");
        (size > 0).then_some(chunk)
    }

    /// So many bytes.
    pub fn take(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            self.more("the rest of a body");
        }
        self.buffer.drain(..length).collect()
    }

    /// Reads a little and forgets it; nothing happens at the end.
    pub fn sip(&mut self) {
        let _ = self.fill();
        self.buffer.clear();
    }

    fn line(&mut self) -> String {
        loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).expect("ASCII");
            }
            self.more("a line");
        }
    }

    /// Everything up to the end of the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        let ended = loop {
            if let Err(ended) = self.fill() {
                break ended;
            }
        };
        assert_ne!(ended, Ended::Silent, "still open after {LIMIT:?}");
        std::mem::take(&mut self.buffer)
    }

    /// Waits for the end of the connection; nothing may come before.
    pub fn expect_end(&mut self) {
        let rest = self.rest();
        assert!(rest.is_empty(), "not only the end came: {:?}", String::from_utf8_lossy(&rest));
    }

    /// Waits for an orderly end; nothing may come before.
    pub fn expect_fin(&mut self) {
        assert_eq!(self.fill(), Err(Ended::Closed));
    }

    /// Whether nothing comes for a while, not even the end.
    pub fn hears_nothing_for(&mut self, time: Duration) -> bool {
        self.socket.set_read_timeout(Some(time)).expect("a limit");
        let silent = self.buffer.is_empty() && self.fill() == Err(Ended::Silent);
        self.socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        silent
    }

    /// Says that nothing more will be sent.
    pub fn finish_sending(&mut self) -> &mut Client {
        self.socket.shutdown(Shutdown::Write).expect("a connection");
        self
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO)).expect("a socket");
    }

    fn more(&mut self, what: &str) {
        let ended = self.fill();
        assert_eq!(ended, Ok(()), "waiting for {what}; there is {:?}", String::from_utf8_lossy(&self.buffer));
    }

    fn fill(&mut self) -> Result<(), Ended> {
        let mut piece = [0; 64 * 1024];
        match self.socket.read(&mut piece) {
            Ok(0) => Err(Ended::Closed),
            Ok(length) => {
                self.buffer.extend_from_slice(&piece[..length]);
                Ok(())
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Err(Ended::Silent),
            Err(_) => Err(Ended::Reset),
        }
    }
}
