//! Full hijack and 101: the application takes the connection itself.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

/// The way a released connection comes back to the application. Dropped, the waiting thread learns that the client is
/// gone.
#[derive(Debug)]
pub struct Takeover {
    to: Sender<TakenOver>,
}

/// A connection that now belongs to the application.
#[derive(Debug)]
pub struct TakenOver {
    /// The socket, in non-blocking mode.
    pub socket: Socket,
    /// Bytes the client sent behind its request; they come before anything read from the socket.
    pub unread: Bytes,
}

/// A released socket.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// Unix domain.
    Unix(UnixStream),
}

impl Takeover {
    /// A pair: one end for the reply, the other for the thread that waits for its socket.
    pub fn new() -> (Takeover, Receiver<TakenOver>) {
        let (to, from) = bounded(1);
        (Takeover { to }, from)
    }

    /// Waits for the socket.
    ///
    /// # Errors
    /// `Disconnected` where the client is gone, `Timeout` where the connection was not released within `limit`.
    pub fn wait(from: &Receiver<TakenOver>, limit: Duration) -> Result<TakenOver, RecvTimeoutError> {
        from.recv_timeout(limit)
    }

    pub(crate) fn release(self, taken: TakenOver) {
        // An application that gave up waiting simply closes the connection by not taking it.
        let _ = self.to.send(taken);
    }
}
