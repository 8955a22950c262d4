//! A WebSocket, an event stream or a plain connection, as much of it as a load needs.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// What is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    WebSocket,
    Events,
    /// HTTP, after its first request.
    Kept,
}

/// See the module.
pub struct Socket {
    stream: BufReader<TcpStream>,
    kind: Kind,
    frame: Vec<u8>,
    goes_on: bool,
}

impl Socket {
    pub async fn open(port: u16, path: &str, kind: Kind) -> io::Result<Socket> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let fields = match kind {
            Kind::WebSocket => {
                "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                 sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            }
            Kind::Events => "accept: text/event-stream\r\n",
            Kind::Kept => "",
        };
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n").as_bytes()).await?;
        let mut socket = Socket { stream: BufReader::with_capacity(1024, stream), kind, frame: Vec::new(), goes_on: true };
        let head = socket.read_until(b"\r\n\r\n").await?;
        let wanted: &[u8] = if kind == Kind::WebSocket { b"HTTP/1.1 101" } else { b"HTTP/1.1 200" };
        if kind == Kind::Kept {
            socket.skip_body(&head).await?;
        }
        if head.starts_with(wanted) { Ok(socket) } else { Err(io::Error::other(String::from_utf8_lossy(&head))) }
    }

    /// Sends a message below 64 KiB.
    pub async fn send(&mut self, message: &[u8]) -> io::Result<()> {
        self.frame.clear();
        self.frame.push(0x81);
        match message.len() {
            length @ 0..126 => self.frame.push(0x80 | length as u8),
            length => {
                self.frame.push(0x80 | 126);
                self.frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
        }
        // A mask of zeros is one, too.
        self.frame.extend_from_slice(&[0; 4]);
        self.frame.extend_from_slice(message);
        self.stream.get_mut().write_all(&self.frame).await
    }

    /// Waits for a message and forgets it.
    pub async fn receive(&mut self) -> io::Result<()> {
        match self.kind {
            Kind::Events | Kind::Kept => self.read_until(b"\n\n").await.map(drop),
            Kind::WebSocket => {
                self.stream.read_u8().await?;
                let length = match self.stream.read_u8().await? {
                    126 => self.stream.read_u16().await?.into(),
                    127 => self.stream.read_u64().await?,
                    length => length.into(),
                };
                self.frame.resize(length as usize, 0);
                self.stream.read_exact(&mut self.frame).await.map(drop)
            }
        }
    }

    /// Sends one more request and reads its answer, which has to be a 200. `false` where the server closes behind it.
    pub async fn ask(&mut self, path: &str) -> io::Result<bool> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        let head = self.read_until(b"\r\n\r\n").await?;
        if !head.starts_with(b"HTTP/1.1 200") {
            return Err(io::Error::other(String::from_utf8_lossy(&head)));
        }
        self.skip_body(&head).await?;
        Ok(self.goes_on)
    }

    /// Whether the server has not said that it closes the connection.
    pub fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// Sends an empty Close and reads to the end of the connection.
    pub async fn goodbye(&mut self) -> io::Result<()> {
        self.stream.get_mut().write_all(&[0x88, 0x80, 0, 0, 0, 0]).await?;
        self.frame.clear();
        self.stream.read_to_end(&mut self.frame).await.map(drop)
    }

    /// Ends the connection with a reset.
    pub fn reset(self) -> io::Result<()> {
        self.stream.get_ref().set_zero_linger()
    }

    async fn skip_body(&mut self, head: &[u8]) -> io::Result<()> {
        let head = String::from_utf8_lossy(head).to_ascii_lowercase();
        self.goes_on = !head.contains("connection: close");
        let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length:"));
        let length = length.and_then(|text| text.trim().parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        self.frame.resize(length, 0);
        self.stream.read_exact(&mut self.frame).await.map(drop)
    }

    async fn read_until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        while !read.ends_with(end) {
            read.push(self.stream.read_u8().await?);
        }
        Ok(read)
    }
}
