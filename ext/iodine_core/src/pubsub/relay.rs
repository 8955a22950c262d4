//! The way of publications to the other processes of this server, and back: one stream socket to the process that
//! passes them on.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{ReadHalf, WriteHalf};
use tokio::sync::Notify;

use super::channel::Channel;
use super::frame::{self, Frame};
use super::hub::{Hub, Observer};
use super::publication::Publication;

/// Room for one reading.
const CHUNK: usize = 64 * 1024;

/// How long a process that ends waits for the other side to take a publication.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// See the module. Takes publications at once, and brings them as soon as [`Relay::run`] does; after [`Relay::end`]
/// itself.
#[derive(Debug)]
pub struct Relay {
    limit: usize,
    outgoing: Mutex<Outgoing>,
    more: Notify,
}

#[derive(Debug)]
struct Outgoing {
    /// `None` once nothing can be sent any more.
    socket: Option<StdUnixStream>,
    frames: BytesMut,
    /// Bytes that are being written.
    writing: usize,
    /// Nobody writes but who sends.
    ended: bool,
}

impl Relay {
    /// Over a connected stream socket. At most `limit` bytes wait for it.
    pub fn new(socket: OwnedFd, limit: usize) -> Arc<Relay> {
        let outgoing = Outgoing { socket: Some(socket.into()), frames: BytesMut::new(), writing: 0, ended: false };
        Arc::new(Relay { limit, outgoing: Mutex::new(outgoing), more: Notify::new() })
    }

    /// Sends a publication to the other processes, and to other servers if `outward`. `false` where too much waits
    /// already, or nobody takes it: it is dropped.
    pub fn send(&self, publication: &Publication, outward: bool) -> bool {
        let mut outgoing = self.lock();
        let waiting = outgoing.frames.len() + outgoing.writing;
        let room = waiting + frame::size(publication) <= self.limit;
        let mut sent = room && frame::encode(publication, outward, &mut outgoing.frames);
        if outgoing.ended {
            sent &= outgoing.write_out();
        }
        drop(outgoing);
        self.more.notify_one();
        sent
    }

    /// Tells the other side which channels have subscribers here. Never dropped: there are as many as subscriptions.
    fn notify(&self, channel: &Channel, subscribed: bool) {
        frame::encode_notice(channel, subscribed, &mut self.lock().frames);
        self.more.notify_one();
    }

    /// Bytes that have not been handed to the system yet.
    pub fn pending(&self) -> usize {
        let outgoing = self.lock();
        outgoing.frames.len() + outgoing.writing
    }

    /// Brings publications in both directions until the other side ends.
    ///
    /// # Errors
    /// When the socket fails, or brings something else than publications.
    pub async fn run(&self, hub: &Hub) -> io::Result<()> {
        let Some(socket) = self.lock().socket.as_ref().map(StdUnixStream::try_clone) else { return Ok(()) };
        let socket = socket?;
        socket.set_nonblocking(true)?;
        let mut stream = UnixStream::from_std(socket)?;
        // Owned halves would end the sending for `end` as well.
        let (reader, writer) = stream.split();
        let ended = tokio::select! {
            received = receive(reader, hub) => received,
            sent = self.transmit(writer) => sent,
        };
        self.lock().socket = None;
        ended
    }

    /// [`Relay::run`] was dropped with its runtime, and the process says its last words: they are written at once.
    pub fn end(&self) {
        let mut outgoing = self.lock();
        outgoing.ended = true;
        let ready = outgoing.socket.as_ref().is_some_and(|socket| {
            // Nobody reads: who writes to us should not wait.
            let prepared = socket.shutdown(Shutdown::Read).and_then(|()| socket.set_nonblocking(false));
            prepared.and_then(|()| socket.set_write_timeout(Some(LAST_WRITE))).is_ok()
        });
        if !ready || outgoing.writing > 0 {
            // Nothing can follow a frame that was cut.
            outgoing.socket = None;
        } else if !outgoing.frames.is_empty() {
            outgoing.write_out();
        }
    }

    async fn transmit(&self, mut writer: WriteHalf<'_>) -> io::Result<()> {
        loop {
            let frames = {
                let mut outgoing = self.lock();
                let frames = outgoing.frames.split();
                outgoing.writing = frames.len();
                frames
            };
            if frames.is_empty() {
                self.more.notified().await;
                continue;
            }
            writer.write_all(&frames).await?;
            self.lock().writing = 0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Outgoing> {
        // Nothing in this file can panic while the lock is held, except where memory ends.
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outgoing {
    fn write_out(&mut self) -> bool {
        let frames = self.frames.split();
        let written = self.socket.as_mut().is_some_and(|socket| socket.write_all(&frames).is_ok());
        if !written {
            self.socket = None;
        }
        written
    }
}

impl Observer for Relay {
    fn subscribed(&self, channel: &Channel) {
        self.notify(channel, true);
    }

    fn unsubscribed(&self, channel: &Channel) {
        self.notify(channel, false);
    }
}

async fn receive(mut reader: ReadHalf<'_>, hub: &Hub) -> io::Result<()> {
    let mut input = BytesMut::new();
    loop {
        while let Some(frame) = frame::decode(&mut input).map_err(io::Error::other)? {
            // Notices are for whoever passes publications on.
            if let Frame::Publication { publication, .. } = frame {
                hub.publish(&Arc::new(publication));
            }
        }
        input.reserve(CHUNK);
        if reader.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
    }
}
