//! Listening sockets: accept, and hold back where there are enough connections.

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::AddressFamily;
use socket2::SockRef;
use tokio::net::{TcpListener, UnixListener};

use super::entrance::Entrance;
use super::stream::Stream;
use super::tls::Acceptor;
use crate::handoff::{Crew, Peer};
use crate::http::connection::{self, Arrival};
use crate::http::shared::{Listening, Shared};
use crate::log::Complaints;
use crate::settings::ProxyProtocol;

/// Bytes of a response that the kernel takes before they can be sent. It cuts them into segments at once, for a reader with
/// a small window into thousands, and keeps them: 4 ms of processor and 2 MB of memory for each megabyte.
const NOT_SENT: u32 = 256 * 1024;

/// How long accepting pauses when the process has no file descriptor left, or the socket is broken.
const BACK_OFF: Duration = Duration::from_millis(50);

/// The client gave up between its connect and our accept, or the network had an error to tell of it (accept(2)).
const OF_A_CLIENT: [Errno; 10] = [
    Errno::CONNABORTED,
    Errno::PERM,
    Errno::PROTO,
    Errno::NOPROTOOPT,
    Errno::OPNOTSUPP,
    Errno::HOSTDOWN,
    Errno::HOSTUNREACH,
    Errno::NETDOWN,
    Errno::NETUNREACH,
    Errno::TIMEDOUT,
];

/// Something to listen on.
#[derive(Debug)]
pub struct Binding {
    /// A bound and listening socket.
    pub socket: OwnedFd,
    /// Its address, for the log.
    pub url: String,
    /// `None` where its connections are not encrypted.
    pub tls: Option<Arc<Acceptor>>,
}

impl Binding {
    /// One whose connections are not encrypted.
    pub fn plain(socket: impl Into<OwnedFd>, url: impl Into<String>) -> Binding {
        Binding { socket: socket.into(), url: url.into(), tls: None }
    }
}

/// A bound socket that listens.
#[derive(Debug)]
pub struct Listener {
    socket: Kind,
    url: String,
    /// `None` where connections may speak at once.
    entrance: Option<Arc<Entrance>>,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Takes over a bound and listening socket. Must be called inside the runtime.
    ///
    /// # Errors
    /// When the descriptor is not a TCP or Unix stream socket.
    pub(crate) fn new(binding: Binding, proxy: Option<ProxyProtocol>) -> io::Result<Listener> {
        let Binding { socket: fd, url, tls } = binding;
        if !rustix::net::sockopt::socket_acceptconn(&fd)? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{url} is not a listening socket")));
        }
        let family = rustix::net::getsockname(&fd)?.address_family();
        let socket = if family == AddressFamily::UNIX {
            let listener = std::os::unix::net::UnixListener::from(fd);
            listener.set_nonblocking(true)?;
            Kind::Unix(UnixListener::from_std(listener)?)
        } else {
            let listener = std::net::TcpListener::from(fd);
            listener.set_nonblocking(true)?;
            Kind::Tcp(TcpListener::from_std(listener)?)
        };
        Ok(Listener { socket, url, entrance: Entrance::new(proxy, tls) })
    }

    /// Accepts until the server drains.
    pub(crate) async fn run(self, shared: Arc<Shared>, _listening: Listening) {
        let mut complaints = Complaints::default();
        loop {
            let accepted = tokio::select! {
                accepted = self.next(&shared) => accepted,
                () = shared.drained() => break,
            };
            match accepted {
                // Beyond `max_connections` one waits here, the others in the kernel's queue. Nobody else can serve it: it waits
                // also while the server drains.
                Ok(accepted) => self.serve(accepted, connection::Permit::acquire(&shared).await, &shared),
                Err(error) => self.back_off(&error, &shared, &mut complaints).await,
            }
        }
        if shared.settings.drain_on_shutdown {
            self.take_waiting(&shared).await;
        }
    }

    fn serve(&self, (stream, peer): (Stream, Peer), permit: connection::Permit, shared: &Arc<Shared>) {
        let counted = connection::Counted::new(shared.clone());
        match &self.entrance {
            None => tokio::spawn(connection::serve(Arrival::plain(stream, peer), permit, counted)),
            Some(entrance) => tokio::spawn(entrance.clone().admit(stream, peer, permit, counted)),
        };
    }

    /// Takes what the kernel has accepted already: it would be reset together with the socket.
    async fn take_waiting(&self, shared: &Arc<Shared>) {
        let mut looked = false;
        while let Some(permit) = connection::Permit::try_acquire(shared) {
            let mut accept = pin!(self.accept());
            match poll_fn(|cx| Poll::Ready(accept.as_mut().poll(cx))).await {
                Poll::Ready(Ok(accepted)) => {
                    self.serve(accepted, permit, shared);
                    looked = false;
                }
                Poll::Ready(Err(_)) => return,
                // An accept that is not ready at once has nothing to accept, unless tokio has not asked the kernel since,
                // or has had enough of this task for now.
                Poll::Pending if !looked => {
                    tokio::task::yield_now().await;
                    looked = true;
                }
                Poll::Pending => return,
            }
        }
    }

    async fn next(&self, shared: &Shared) -> io::Result<(Stream, Peer)> {
        if shared.settings.cluster { self.accept_in_turn(&shared.crew).await } else { self.accept().await }
    }

    /// Leaves connections to the other processes while all threads of this one are busy.
    async fn accept_in_turn(&self, crew: &Crew) -> io::Result<(Stream, Peer)> {
        // The connection before may have a request, which comes first.
        tokio::task::yield_now().await;
        loop {
            crew.free_thread().await;
            // Asked whenever a connection arrives.
            let busy = poll_fn(|_| if crew.is_busy() { Poll::Ready(()) } else { Poll::Pending });
            tokio::select! {
                biased;
                () = busy => {}
                accepted = self.accept() => return accepted,
            }
        }
    }

    async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match &self.socket {
            Kind::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // A part of a streaming body must not wait for the acknowledgement of the one before (Nagle). Refused for a
                // client that has gone already, which is seen by the first read.
                let _ = stream.set_nodelay(true);
                // Small steps instead of a buffer of megabytes: a slow client that reads is seen to read.
                let _ = SockRef::from(&stream).set_tcp_notsent_lowat(NOT_SENT);
                Ok((Stream::Tcp(stream), Peer::Tcp(address)))
            }
            Kind::Unix(listener) => Ok((Stream::Unix(listener.accept().await?.0), Peer::Unix)),
        }
    }

    async fn back_off(&self, error: &io::Error, shared: &Shared, complaints: &mut Complaints) {
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        if errno.is_some_and(|errno| OF_A_CLIENT.contains(&errno)) {
            return;
        }
        if complaints.due() {
            let hint = match errno {
                Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    "raise `ulimit -n` or lower max_connections"
                }
                _ => "somebody has shut the socket down: restart the server",
            };
            shared.log.line(&format!("cannot accept on {}: {error}; {hint}", self.url));
        }
        tokio::time::sleep(BACK_OFF).await;
    }
}
