//! Full hijack and 101: the application takes the connection itself.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded, select};

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

/// Why [`Takeover::wait`] brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreleased {
    /// The client is gone, or did not read what came before.
    Never,
    /// Somebody wants the thread back.
    Interrupted,
}

/// A released socket.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// Unix domain.
    Unix(UnixStream),
    /// One end of a pair, which stands for an encrypted TCP connection.
    Pair {
        /// Our end.
        socket: UnixStream,
        /// A copy of the connection's own socket, to ask for its options and to set them.
        client: OwnedFd,
        /// The server's address; `None` where the connection has ended by now.
        local: Option<SocketAddr>,
        /// The client's address, the same.
        peer: Option<SocketAddr>,
    },
}

impl Takeover {
    /// A pair: one end for the reply, the other for the thread that waits for its socket.
    pub fn new() -> (Takeover, Receiver<TakenOver>) {
        let (to, from) = bounded(1);
        (Takeover { to }, from)
    }

    /// Waits for the socket, until `deadline` or until `interrupt` brings something.
    ///
    /// # Errors
    /// [`Unreleased`].
    pub fn wait(
        from: &Receiver<TakenOver>,
        interrupt: &Receiver<()>,
        deadline: Instant,
    ) -> Result<TakenOver, Unreleased> {
        select! {
            recv(from) -> taken => taken.map_err(|_| Unreleased::Never),
            recv(interrupt) -> _ => Err(Unreleased::Interrupted),
            default(deadline.saturating_duration_since(Instant::now())) => Err(Unreleased::Never),
        }
    }

    pub(crate) fn release(self, taken: TakenOver) {
        // An application that gave up waiting simply closes the connection by not taking it.
        let _ = self.to.send(taken);
    }
}
