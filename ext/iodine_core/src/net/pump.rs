//! A TLS connection for an application that wants a socket: one end of a pair, whose other end is pumped.

use std::io;
use std::os::unix::net;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncWriteExt, copy, split};
use tokio::net::UnixStream;
use tokio::time::sleep;

use super::stream::Stream;

/// How often a connection whose application has ended its side is asked whether it has ended the other one, too. No
/// event tells these apart.
const LOOK: Duration = Duration::from_millis(250);

/// Bytes that are taken from the application at a time when the server ends.
const PIECE: usize = 16 * 1024;

/// The client, and our end of the pair.
#[derive(Debug)]
struct Ends {
    client: Stream,
    app: UnixStream,
}

/// Gives a socket, in non-blocking mode, on which the application reads and writes what the client does. `limit`: how
/// long the client may take to notice that the application has closed it. Must be called inside the runtime.
///
/// # Errors
/// When the system gives no socket.
pub(crate) fn lend(stream: Stream, limit: Duration) -> io::Result<net::UnixStream> {
    let (theirs, ours) = net::UnixStream::pair()?;
    theirs.set_nonblocking(true)?;
    ours.set_nonblocking(true)?;
    let ends = Ends { client: stream, app: UnixStream::from_std(ours)? };
    tokio::spawn(run(ends, limit));
    Ok(theirs)
}

/// Ends when both sides have ended, one cannot be reached, or the application has closed and the client has had its time.
async fn run(mut ends: Ends, limit: Duration) {
    let (mut from_client, mut to_client) = split(&mut ends.client);
    let (mut from_app, mut to_app) = ends.app.split();
    let inward = async {
        copy(&mut from_client, &mut to_app).await?;
        to_app.shutdown().await
    };
    let outward = async move {
        copy(&mut from_app, &mut to_client).await?;
        to_client.shutdown().await?;
        io::Result::Ok(from_app)
    };
    tokio::pin!(inward, outward);
    // An error means that one of them cannot be reached: there is nothing to go on with.
    tokio::select! {
        biased;
        ended = &mut inward => if ended.is_ok() { let _ = outward.await; },
        ended = &mut outward => if let Ok(from_app) = ended {
            tokio::select! {
                _ = inward => {}
                () = closed(from_app.as_ref(), limit) => {}
            }
        }
    }
}

/// Ready when the application holds its end no more, and the client has had its time.
async fn closed(ours: &UnixStream, limit: Duration) {
    while !is_closed(ours) {
        sleep(LOOK).await;
    }
    sleep(limit).await;
}

fn is_closed(ours: &UnixStream) -> bool {
    let mut asked = [PollFd::new(ours, PollFlags::empty())];
    let asked_ok = poll(&mut asked, Some(&Timespec::default())).is_ok();
    asked_ok && asked[0].revents().contains(PollFlags::HUP)
}

/// Also where the server ends: the client gets what the application has written by then, and a goodbye. Where the client
/// does not take all of it there is no goodbye, and it sees that something is missing (RFC 8446 §6.1).
impl Drop for Ends {
    fn drop(&mut self) {
        if self.say_the_rest().is_ok() {
            self.client.hang_up();
        }
    }
}

impl Ends {
    fn say_the_rest(&mut self) -> io::Result<()> {
        let mut piece = [0; PIECE];
        loop {
            if self.client.is_behind() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            // Asked directly: the runtime, which knows what is ready, may have ended.
            let Ok((said @ 1.., _)) = recv(&self.app, &mut piece, RecvFlags::DONTWAIT) else { return Ok(()) };
            if self.client.try_write(&piece[..said])? < said {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
    }
}
