//! A connection, whatever it runs on.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::Shutdown;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::handoff::{Peer, Socket};

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

macro_rules! either {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self {
            Stream::Tcp($stream) => $call,
            Stream::Unix($stream) => $call,
        }
    };
}

impl Stream {
    pub(crate) fn peer(&self) -> io::Result<Peer> {
        match self {
            Stream::Tcp(stream) => Ok(Peer::Tcp(stream.peer_addr()?)),
            Stream::Unix(_) => Ok(Peer::Unix),
        }
    }

    /// Ready when there is something to read, an end or an error.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read_ready(cx))
    }

    /// The socket's pending error: a reset by the client.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        either!(self, stream => stream.take_error()).unwrap_or_else(Some)
    }

    /// Ends our side. Closing the descriptor alone would not, while a child that the application forked holds a copy.
    pub(crate) fn hang_up(&self) {
        // A socket that is not connected any more has nobody to tell.
        let _ = either!(self, stream => rustix::net::shutdown(stream, Shutdown::Write));
    }

    /// Makes the end of this connection a reset: what is not sent is thrown away, and the client cannot take it for the
    /// end of a response.
    pub(crate) fn reset_on_close(&self) {
        // As above.
        let _ = either!(self, stream => rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)));
    }

    /// Gives the socket up, in non-blocking mode.
    pub(crate) fn into_socket(self) -> io::Result<Socket> {
        Ok(match self {
            Stream::Tcp(stream) => Socket::Tcp(stream.into_std()?),
            Stream::Unix(stream) => Socket::Unix(stream.into_std()?),
        })
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}
