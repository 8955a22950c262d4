//! A connection that is encrypted.

use std::io::{self, BufRead, IoSlice, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::rustls::ServerConnection;
use tokio_rustls::server::TlsStream;

use crate::net::spare::Source;
use crate::net::stream::{Stream, at_once};

/// A connection after its handshake.
#[derive(Debug)]
pub(crate) struct Tls(TlsStream<Ciphertext>);

impl Tls {
    pub(crate) fn new(stream: TlsStream<Ciphertext>) -> Tls {
        Tls(stream)
    }

    /// For reading and writing.
    pub(crate) fn stream(&mut self) -> &mut TlsStream<Ciphertext> {
        &mut self.0
    }

    /// What it runs on.
    pub(crate) fn socket(&self) -> &Stream {
        &self.0.get_ref().0.socket
    }

    pub(crate) fn session(&self) -> &ServerConnection {
        self.0.get_ref().1
    }

    /// Reads. What that asks for is said at once: a refusal to renegotiate (RFC 5746 §4.5), new keys (RFC 8446 §4.6.3).
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let was_behind = self.is_behind();
        let read = Pin::new(&mut self.0).poll_read(cx, buf);
        if self.is_behind() && !was_behind {
            let (lower, session) = self.0.get_mut();
            // What the system does not take now goes out before the next word.
            let _ = session.write_tls(lower);
        }
        read
    }

    /// Reads what can be had at once; `WouldBlock` where that is nothing.
    pub(crate) fn try_read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(bytes);
        at_once(|cx| self.poll_read(cx, &mut buf))?;
        Ok(buf.filled().len())
    }

    /// Ready when there may be something to read, an end or an error.
    pub(crate) fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (lower, session) = self.0.get_mut();
        let nothing = matches!(session.reader().fill_buf(), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        if !nothing || !lower.unread.is_empty() {
            return Poll::Ready(Ok(()));
        }
        lower.socket.poll_read_ready(cx)
    }

    /// Ready when more can be written, or there is an error.
    pub(crate) fn poll_write_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_sent(cx))?;
        self.socket().poll_write_ready(cx)
    }

    /// Ready when everything that was encrypted is with the system.
    pub(crate) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_behind() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.0).poll_flush(cx)
    }

    pub(crate) fn is_behind(&self) -> bool {
        self.session().wants_write()
    }

    pub(crate) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.0.get_mut().0.moved)
    }

    /// Says goodbye (RFC 8446 §6.1) as far as the system takes it at once, and ends our side.
    pub(crate) fn hang_up(&mut self) {
        let (lower, session) = self.0.get_mut();
        session.send_close_notify();
        // A client that does not read misses it, and the end of the connection is all it gets.
        while session.wants_write() && session.write_tls(lower).is_ok_and(|written| written > 0) {}
        lower.socket.hang_up();
    }
}

/// What TLS reads from and writes to.
#[derive(Debug)]
pub(crate) struct Ciphertext {
    socket: Stream,
    /// Read from the socket before the handshake began.
    unread: BytesMut,
    /// See [`Stream::take_moved`].
    moved: bool,
}

impl Ciphertext {
    pub(crate) fn new(socket: Stream, unread: BytesMut) -> Ciphertext {
        Ciphertext { socket, unread, moved: false }
    }

    /// The socket, where there was no handshake.
    pub(crate) fn into_socket(self) -> Stream {
        self.socket
    }

    fn note(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.moved |= matches!(written, Poll::Ready(Ok(_)));
        written
    }
}

impl AsyncRead for Ciphertext {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let lower = self.get_mut();
        if lower.unread.is_empty() {
            return Pin::new(&mut lower.socket).poll_read(cx, buf);
        }
        let given = lower.unread.len().min(buf.remaining());
        buf.put_slice(&lower.unread[..given]);
        lower.unread.advance(given);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Ciphertext {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let lower = self.get_mut();
        let written = Pin::new(&mut lower.socket).poll_write(cx, buf);
        lower.note(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let lower = self.get_mut();
        let written = Pin::new(&mut lower.socket).poll_write_vectored(cx, bufs);
        lower.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

/// One try, for who cannot wait, beside others who do: see [`Tls::hang_up`] and [`Tls::poll_read`].
impl Write for Ciphertext {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.socket.try_write(bytes);
        self.moved |= written.is_ok();
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
