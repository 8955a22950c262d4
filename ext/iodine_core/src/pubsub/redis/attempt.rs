//! An attempt to connect, on a thread of its own: looking up a name has no limit that we could set, and does not end
//! because somebody wants it to.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use redis::{Client, RedisResult};
use socket2::Socket;

use super::line::dial;

/// For a connection to be made.
const LIMIT: Duration = Duration::from_secs(5);
/// How often an end is looked for meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// At most one such thread. It outlives a wait that was given up, and the next one waits for the same: it must not
/// become a thread more with each restart. A fork may happen beside it, since whoever waits for a name server or a connection
/// holds no lock.
#[derive(Default)]
pub(super) struct Attempt(Option<Receiver<RedisResult<Socket>>>);

impl Attempt {
    /// Waits for a connection, as long as nobody wants the end.
    ///
    /// # Errors
    /// When there is none within the limit, or `stopped` is true.
    pub(super) fn socket(&mut self, client: &Client, stopped: impl Fn() -> bool) -> RedisResult<Socket> {
        let result = match self.0.take() {
            Some(result) => result,
            None => begin(client.clone())?,
        };
        let begun = Instant::now();
        while !stopped() && begun.elapsed() < LIMIT {
            match result.recv_timeout(LOOK) {
                Ok(socket) => return socket,
                Err(RecvTimeoutError::Timeout) => {}
                // A panic in it has been reported.
                Err(RecvTimeoutError::Disconnected) => return Err(io::Error::from(io::ErrorKind::BrokenPipe).into()),
            }
        }
        self.0 = Some(result);
        Err(io::Error::new(io::ErrorKind::TimedOut, "no connection yet").into())
    }
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Attempt").field(&self.0.is_some()).finish()
    }
}

fn begin(client: Client) -> io::Result<Receiver<RedisResult<Socket>>> {
    let (sender, result) = bounded(1);
    thread::Builder::new().name("iodine-rs redis?".into()).spawn(move || {
        // Nobody may wait any more.
        let _ = sender.send(dial(&client, LIMIT));
    })?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A server that takes connections.
    fn server() -> (TcpListener, Client) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let client = Client::open(format!("redis://{}/1", listener.local_addr().expect("an address"))).expect("a URL");
        (listener, client)
    }

    #[test]
    fn an_end_does_not_wait_for_it() {
        let (_listener, client) = server();
        let begun = Instant::now();
        assert!(Attempt::default().socket(&client, || true).is_err());
        assert!(begun.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn the_next_wait_is_for_the_same() {
        let (listener, client) = server();
        let mut attempt = Attempt::default();
        for _ in 0..3 {
            assert!(attempt.socket(&client, || true).is_err());
        }
        listener.accept().expect("one attempt");
        listener.set_nonblocking(true).expect("a listener");
        assert_eq!(listener.accept().expect_err("no second one").kind(), io::ErrorKind::WouldBlock);
    }
}
