//! One connection to Redis whose waits end when the bridge is to stop. Those of the client's own connection do not: a
//! Redis that accepts and never answers would hold up a fork.

use std::io;
use std::net::ToSocketAddrs;
use std::time::{Duration, Instant};

use redis::{Client, Cmd, ConnectionAddr, Parser, RedisResult, Value};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{SendFlags, send};
use socket2::{SockAddr, Socket, Type};

use super::{Shared, timespec};

/// For an answer, and for room to ask.
const ANSWER: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct Line<'a> {
    shared: &'a Shared,
    socket: Socket,
    parser: Parser,
}

/// Opens a socket to the server of the URL: the first of its addresses that answers within `limit`.
pub(super) fn dial(client: &Client, limit: Duration) -> RedisResult<Socket> {
    let addresses: Vec<SockAddr> = match client.get_connection_info().addr() {
        ConnectionAddr::Tcp(host, port) => (host.as_str(), *port).to_socket_addrs()?.map(SockAddr::from).collect(),
        ConnectionAddr::Unix(path) => vec![SockAddr::unix(path)?],
        _ => return Err(io::Error::new(io::ErrorKind::Unsupported, "TLS to Redis is not supported").into()),
    };
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match connect(&address, limit) {
            Ok(socket) => return Ok(socket),
            Err(error) => failure = error,
        }
    }
    Err(failure.into())
}

fn connect(address: &SockAddr, limit: Duration) -> io::Result<Socket> {
    let socket = Socket::new(address.domain(), Type::STREAM, None)?;
    socket.connect_timeout(address, limit)?;
    Ok(socket)
}

impl Line<'_> {
    /// Says who we are and which database we mean, over a connected socket.
    pub(super) fn open(shared: &Shared, socket: Socket) -> RedisResult<Line<'_>> {
        socket.set_nonblocking(true)?;
        let mut line = Line { shared, socket, parser: Parser::new() };
        let settings = shared.client.get_connection_info().redis_settings();
        if let Some(password) = settings.password() {
            line.ask(redis::cmd("AUTH").arg(settings.username()).arg(password))?;
        }
        if settings.db() != 0 {
            line.ask(redis::cmd("SELECT").arg(settings.db()))?;
        }
        Ok(line)
    }

    /// Sends a command and waits for its answer.
    pub(super) fn ask(&mut self, command: &Cmd) -> RedisResult<Value> {
        self.send(&command.get_packed_command())?;
        self.answer()
    }

    /// Sends commands, packed.
    pub(super) fn send(&mut self, mut bytes: &[u8]) -> RedisResult<()> {
        while !bytes.is_empty() {
            match send(&self.socket, bytes, SendFlags::NOSIGNAL).map_err(io::Error::from) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.wait(PollFlags::OUT, ANSWER)? {
                        return Err(silent());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The next answer.
    pub(super) fn answer(&mut self) -> RedisResult<Value> {
        self.next(ANSWER)?.ok_or_else(silent)
    }

    /// What comes next; `None` where nothing does within `limit`, or the bridge is to stop.
    pub(super) fn next(&mut self, limit: Duration) -> RedisResult<Option<Value>> {
        let until = Instant::now() + limit;
        loop {
            match self.parser.parse_value(&self.socket) {
                Err(error) if error.is_timeout() => {}
                value => return value?.extract_error().map(Some),
            }
            if !self.wait(PollFlags::IN, until.saturating_duration_since(Instant::now()))? {
                return Ok(None);
            }
        }
    }

    /// `false` at the limit, and where the bridge is to stop.
    fn wait(&self, what: PollFlags, limit: Duration) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.socket, what), PollFd::new(&self.shared.wake.1, PollFlags::IN)];
        match poll(&mut fds, Some(&timespec(limit))) {
            Ok(_) => Ok(!fds[0].revents().is_empty()),
            // A signal: asked again.
            Err(rustix::io::Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

fn silent() -> redis::RedisError {
    io::Error::new(io::ErrorKind::TimedOut, "no answer").into()
}
