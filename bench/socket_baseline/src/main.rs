//! A server of tokio alone, one thread, that does for `load_client` what `bench/apps/realtime.ru` does, and nothing
//! else: what echo and broadcast would cost if Ruby, the bridge and the rules of WebSocket cost nothing.
//!
//! Usage: `socket_baseline PORT` (loopback). `/echo` gets its messages back, `/room/N` hears what `/publisher/N` says.
//! Messages have up to 125 bytes and come in one piece each: the client waits for what follows from one before it sends
//! the next.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};

const HANDSHAKE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n";
const GREETING: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Header and mask of a short frame from a client.
const CLIENT_HEADER: usize = 6;

type Rooms = Rc<RefCell<HashMap<String, Vec<Rc<TcpStream>>>>>;

fn main() -> io::Result<()> {
    let port = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| io::Error::other("usage: socket_baseline PORT"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, accept(port))
}

async fn accept(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let rooms = Rooms::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let rooms = rooms.clone();
        // A client that goes away ends its connection and nothing else.
        spawn_local(async move { serve(stream, rooms).await.ok() });
    }
}

async fn serve(mut stream: TcpStream, rooms: Rooms) -> io::Result<()> {
    let mut buffer = [0; 1024];
    let length = stream.read(&mut buffer).await?;
    let head = String::from_utf8_lossy(&buffer[..length]).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let mut words = path.trim_start_matches('/').splitn(2, '/');
    let (role, room) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if role.is_empty() {
        return stream.write_all(GREETING).await;
    }
    stream.write_all(HANDSHAKE).await?;
    let stream = Rc::new(stream);
    let hearers = match role {
        "room" => {
            rooms.borrow_mut().entry(room.to_owned()).or_default().push(stream);
            return Ok(());
        }
        "publisher" => rooms.borrow_mut().remove(room).unwrap_or_default(),
        _ => vec![stream.clone()],
    };
    pass_on(&stream, &hearers, &mut buffer).await
}

/// Sends what one says to all who hear.
async fn pass_on(from: &TcpStream, hearers: &[Rc<TcpStream>], buffer: &mut [u8]) -> io::Result<()> {
    loop {
        from.readable().await?;
        let length = match from.try_read(buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        // The mask is one of zeros: what follows it is the message.
        let frame = &mut buffer[CLIENT_HEADER - 2..length];
        frame[0] = 0x81;
        frame[1] = (length - CLIENT_HEADER) as u8;
        for hearer in hearers {
            hearer.try_write(frame)?;
        }
    }
}
