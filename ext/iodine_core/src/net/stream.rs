//! A connection, whatever it runs on.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::Shutdown;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, tcp, unix};

use crate::handoff::{Peer, Socket};

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// What is read from a connection.
#[derive(Debug)]
pub(crate) enum Reader {
    Tcp(tcp::OwnedReadHalf),
    Unix(unix::OwnedReadHalf),
}

/// What is written to a connection, from any place.
#[derive(Debug)]
pub(crate) enum Writer {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
}

macro_rules! either {
    ($self:expr, $stream:ident => $call:expr) => {
        either!(Stream, $self, $stream => $call)
    };
    ($kind:ident, $self:expr, $stream:ident => $call:expr) => {
        match $self {
            $kind::Tcp($stream) => $call,
            $kind::Unix($stream) => $call,
        }
    };
}

impl Reader {
    /// Ready when there is something to read, an end or an error.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(Reader, self, half => half.as_ref().poll_read_ready(cx))
    }
}

impl Writer {
    /// Ready when the system takes bytes, or there is an error.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(Writer, self, half => half.as_ref().poll_write_ready(cx))
    }

    /// Writes what the system takes at once; `WouldBlock` where that is nothing.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(Writer, self, half => half.try_write(bytes))
    }

    /// As [`Writer::try_write`], several pieces together.
    pub(crate) fn try_write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        either!(Writer, self, half => half.try_write_vectored(pieces))
    }

    /// See [`Stream::hang_up`].
    pub(crate) fn hang_up(&self) {
        // A socket that is not connected any more has nobody to tell.
        let _ = either!(Writer, self, half => rustix::net::shutdown(half.as_ref(), Shutdown::Write));
    }

    /// See [`Stream::reset_on_close`].
    pub(crate) fn reset_on_close(&self) {
        let linger = Some(Duration::ZERO);
        // As above.
        let _ = either!(Writer, self, half => rustix::net::sockopt::set_socket_linger(half.as_ref(), linger));
    }
}

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(Reader, self.get_mut(), half => Pin::new(half).poll_read(cx, buf))
    }
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

    /// Its two directions, for who reads and writes in different places.
    pub(crate) fn into_split(self) -> (Reader, Writer) {
        match self {
            Stream::Tcp(stream) => {
                let (reader, writer) = stream.into_split();
                (Reader::Tcp(reader), Writer::Tcp(writer))
            }
            Stream::Unix(stream) => {
                let (reader, writer) = stream.into_split();
                (Reader::Unix(reader), Writer::Unix(writer))
            }
        }
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
