//! A TLS connection for an application that wants a socket: one end of a pair, whose other end is pumped.

use std::io;
use std::os::unix::net;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncWriteExt, copy, split};
use tokio::net::UnixStream;
use tokio::time::sleep;

use super::stream::Stream;

/// How often a connection whose application has ended its side is asked whether it has ended the other one, too. No
/// event tells these apart.
const LOOK: Duration = Duration::from_millis(250);

/// Gives a socket, in non-blocking mode, on which the application reads and writes what the client does. `limit`: how
/// long the client may take to notice that the application has closed it. Must be called inside the runtime.
///
/// # Errors
/// When the system gives no socket.
pub(crate) fn lend(stream: Stream, limit: Duration) -> io::Result<net::UnixStream> {
    let (theirs, ours) = net::UnixStream::pair()?;
    theirs.set_nonblocking(true)?;
    ours.set_nonblocking(true)?;
    tokio::spawn(run(stream, UnixStream::from_std(ours)?, limit));
    Ok(theirs)
}

/// Ends when both sides have ended, one cannot be reached, or the application has closed and the client has had its time.
async fn run(stream: Stream, ours: UnixStream, limit: Duration) {
    let (mut from_client, mut to_client) = split(stream);
    let (mut from_app, mut to_app) = ours.into_split();
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
