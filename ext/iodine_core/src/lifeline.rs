//! Ends a worker whose master has died, where Ruby does not: as long as C code holds its lock, no thread of Ruby's
//! notices anything.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tokio::net::unix::pipe::Receiver;

use crate::log::Log;

/// What Ruby has to end the process by itself: it tells the application.
const GRACE: Duration = Duration::from_secs(1);

/// Waits for the end of `lifeline`, the pipe whose other end only the master has, and ends this process. Must be called
/// inside the runtime.
pub(crate) async fn watch(lifeline: OwnedFd, log: Log) -> io::Result<()> {
    let lifeline = Receiver::from_owned_fd(lifeline)?;
    loop {
        lifeline.readable().await?;
        // Nothing is ever written to it.
        match lifeline.try_read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => break,
        }
    }
    tokio::time::sleep(GRACE).await;
    log.line("! Detected parent died, and Ruby stands still: killed");
    // The line is written by another thread; nothing else is worth a wait.
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(kill_process(getpid(), Signal::KILL)?)
}
