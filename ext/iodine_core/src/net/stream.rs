//! A connection, whatever it runs on.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream, tcp, unix};

use super::spare::Source;
use super::tls::Tls;
use crate::handoff::Local;

/// A connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<Tls>),
}

/// What is read from a connection.
#[derive(Debug)]
pub(crate) enum Reader {
    Tcp(tcp::OwnedReadHalf),
    Unix(unix::OwnedReadHalf),
    Tls(Arc<Mutex<Box<Tls>>>),
}

/// What is written to a connection, from any place.
#[derive(Debug)]
pub(crate) enum Writer {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
    Tls(Arc<Mutex<Box<Tls>>>),
}

macro_rules! each {
    ($kind:ident, $self:expr, $stream:ident => $call:expr, $tls:ident => $call_tls:expr) => {
        match $self {
            $kind::Tcp($stream) => $call,
            $kind::Unix($stream) => $call,
            $kind::Tls($tls) => $call_tls,
        }
    };
}

/// Writes by the system call itself. The C library's `send` is a point where a thread may be cancelled, which no thread is
/// here, and that costs a message 0.1 µs.
macro_rules! try_send {
    ($socket:expr, $bytes:expr) => {{
        let socket = &*$socket;
        socket.try_io(Interest::WRITABLE, || Ok(send(socket, $bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?))
    }};
}

/// Reads likewise. What does not fill `bytes` has emptied the socket: the runtime is told, as its own reads do, and the next
/// read begins with waiting.
macro_rules! try_recv {
    ($socket:expr, $bytes:expr) => {{
        let socket = &*$socket;
        let bytes: &mut [u8] = $bytes;
        let mut last = None;
        let read = socket.try_io(Interest::READABLE, || {
            let (read, _) = recv(socket, &mut *bytes, RecvFlags::DONTWAIT)?;
            if (1..bytes.len()).contains(&read) {
                last = Some(read);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(read)
        });
        last.map_or(read, Ok)
    }};
}

/// Both halves of a TLS connection work on one session.
fn lock(tls: &Mutex<Box<Tls>>) -> MutexGuard<'_, Box<Tls>> {
    // rustls does not panic on what a peer sends.
    tls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One try, without a task that would be woken: the caller asks for readiness before it tries again.
pub(super) fn at_once<T>(attempt: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<T>>) -> io::Result<T> {
    match attempt(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Source for Reader {
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(Reader, self, half => half.as_ref().poll_read_ready(cx), tls => lock(tls).poll_read_ready(cx))
    }

    fn try_read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        each!(Reader, self, half => try_recv!(half.as_ref(), bytes), tls => lock(tls).try_read(bytes))
    }
}

impl Writer {
    /// Ready when the system takes bytes, or there is an error.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(Writer, self, half => half.as_ref().poll_write_ready(cx), tls => lock(tls).poll_write_ready(cx))
    }

    /// Ready when nothing is left that was taken and not sent.
    pub(crate) fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Writer::Tls(tls) => lock(tls).poll_sent(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Whether something was taken that is not sent yet.
    pub(crate) fn is_behind(&self) -> bool {
        matches!(self, Writer::Tls(tls) if lock(tls).is_behind())
    }

    /// Writes what the system takes at once; `WouldBlock` where that is nothing.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        each!(Writer, self, half => try_send!(half.as_ref(), bytes), tls => {
            at_once(|cx| Pin::new(lock(tls).stream()).poll_write(cx, bytes))
        })
    }

    /// As [`Writer::try_write`], several pieces together.
    pub(crate) fn try_write_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        each!(Writer, self, half => half.try_write_vectored(pieces), tls => {
            at_once(|cx| Pin::new(lock(tls).stream()).poll_write_vectored(cx, pieces))
        })
    }

    /// See [`Stream::hang_up`].
    pub(crate) fn hang_up(&self) {
        each!(Writer, self, half => hang_up(half.as_ref()), tls => lock(tls).hang_up());
    }

    /// See [`Stream::reset_on_close`].
    pub(crate) fn reset_on_close(&self) {
        each!(Writer, self, half => reset_on_close(half.as_ref()), tls => lock(tls).socket().reset_on_close());
    }
}

fn has_unread(socket: impl AsFd) -> bool {
    matches!(recv(socket, &mut [0_u8], RecvFlags::PEEK | RecvFlags::DONTWAIT), Ok((1.., _)))
}

fn hang_up(socket: impl AsFd) {
    // A socket that is not connected any more has nobody to tell.
    let _ = rustix::net::shutdown(socket, Shutdown::Write);
}

fn reset_on_close(socket: impl AsFd) {
    // As above.
    let _ = rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO));
}

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(Reader, self.get_mut(), half => Pin::new(half).poll_read(cx, buf), tls => lock(tls).poll_read(cx, buf))
    }
}

impl Source for Stream {
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(Stream, self, stream => stream.poll_read_ready(cx), tls => tls.poll_read_ready(cx))
    }

    fn try_read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        each!(Stream, self, stream => try_recv!(stream, bytes), tls => tls.try_read(bytes))
    }
}

impl Stream {
    /// Ready when the system takes bytes, or there is an error.
    pub(super) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(Stream, self, stream => stream.poll_write_ready(cx), tls => tls.socket().poll_write_ready(cx))
    }

    /// Writes what the system takes at once; `WouldBlock` where that is nothing.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        each!(Stream, self, stream => try_send!(stream, bytes), tls => {
            at_once(|cx| Pin::new(tls.stream()).poll_write(cx, bytes))
        })
    }

    /// `false` where nothing has come at the runtime's last look.
    pub(crate) fn may_have_come(&self) -> bool {
        each!(Stream, self, stream => stream.try_io(Interest::READABLE, || Ok(())).is_ok(), _tls => true)
    }

    /// Whether the system has bytes to read. It is asked itself: the runtime knows what it had at its last look.
    pub(crate) fn has_unread(&self) -> bool {
        each!(Stream, self, stream => has_unread(stream), tls => tls.socket().has_unread())
    }

    /// The socket's pending error: a reset by the client.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        each!(Stream, self, stream => stream.take_error().unwrap_or_else(Some), tls => tls.socket().take_error())
    }

    /// Whether something was taken that is not sent yet: it was encrypted, and the system has no room for it.
    pub(crate) fn is_behind(&self) -> bool {
        matches!(self, Stream::Tls(tls) if tls.is_behind())
    }

    /// Whether the system has taken something since this was last asked, though a write had to wait.
    pub(crate) fn take_moved(&mut self) -> bool {
        match self {
            Stream::Tls(tls) => tls.take_moved(),
            _ => false,
        }
    }

    /// Ends our side. Closing the descriptor alone would not, while a child that the application forked holds a copy.
    pub(crate) fn hang_up(&mut self) {
        each!(Stream, self, stream => hang_up(&*stream), tls => tls.hang_up());
    }

    /// Makes the end of this connection a reset: what is not sent is thrown away, and the client cannot take it for the
    /// end of a response.
    pub(crate) fn reset_on_close(&self) {
        each!(Stream, self, stream => reset_on_close(stream), tls => tls.socket().reset_on_close());
    }

    /// What the client has connected to.
    pub(crate) fn local(&self) -> Local {
        match self {
            Stream::Tcp(stream) => stream.local_addr().map_or(Local::Unnamed, Local::Tcp),
            Stream::Unix(stream) => {
                let address = stream.local_addr().ok();
                address
                    .as_ref()
                    .and_then(|own| own.as_pathname())
                    .map_or(Local::Unnamed, |path| Local::Unix(path.into()))
            }
            Stream::Tls(tls) => tls.socket().local(),
        }
    }

    /// The server's address and the client's, of a TCP connection.
    pub(crate) fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        match self {
            Stream::Tcp(stream) => (stream.local_addr().ok(), stream.peer_addr().ok()),
            Stream::Unix(_) => (None, None),
            Stream::Tls(tls) => tls.socket().addresses(),
        }
    }

    /// Another descriptor of its socket.
    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        each!(Stream, self, stream => stream.as_fd().try_clone_to_owned(), tls => tls.socket().duplicate())
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
            Stream::Tls(tls) => {
                let tls = Arc::new(Mutex::new(tls));
                (Reader::Tls(tls.clone()), Writer::Tls(tls))
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(Stream, self.get_mut(), stream => Pin::new(stream).poll_read(cx, buf), tls => tls.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(Stream, self.get_mut(), stream => loop {
            ready!(stream.poll_write_ready(cx))?;
            match try_send!(stream, buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }, tls => Pin::new(tls.stream()).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(Stream, self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, bufs), tls => {
            Pin::new(tls.stream()).poll_write_vectored(cx, bufs)
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tls(tls) => tls.poll_sent(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Ends our side, after everything that was written.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(Stream, self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx), tls => {
            Pin::new(tls.stream()).poll_shutdown(cx)
        })
    }
}
