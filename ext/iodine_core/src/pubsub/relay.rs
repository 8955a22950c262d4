//! The way of publications to the other processes of this server, and back: one stream socket to the process that
//! passes them on.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

use super::channel::Channel;
use super::frame::{self, Frame};
use super::hub::{Hub, Observer};
use super::publication::Publication;

/// Room for one reading.
const CHUNK: usize = 64 * 1024;

/// See the module. Takes publications at once, and brings them as soon as [`Relay::run`] does.
#[derive(Debug)]
pub struct Relay {
    limit: usize,
    outgoing: Mutex<Outgoing>,
    more: Notify,
}

#[derive(Debug)]
struct Outgoing {
    /// `None` once it runs.
    socket: Option<OwnedFd>,
    frames: BytesMut,
    /// Bytes that are being written.
    writing: usize,
}

impl Relay {
    /// Over a connected stream socket. At most `limit` bytes wait for it.
    pub fn new(socket: OwnedFd, limit: usize) -> Arc<Relay> {
        let outgoing = Outgoing { socket: Some(socket), frames: BytesMut::new(), writing: 0 };
        Arc::new(Relay { limit, outgoing: Mutex::new(outgoing), more: Notify::new() })
    }

    /// Sends a publication to the other processes, and to other servers if `outward`. `false` where too much waits
    /// already: it is dropped.
    pub fn send(&self, publication: &Publication, outward: bool) -> bool {
        let mut outgoing = self.lock();
        let waiting = outgoing.frames.len() + outgoing.writing;
        let room = waiting + frame::size(publication) <= self.limit;
        let sent = room && frame::encode(publication, outward, &mut outgoing.frames);
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
        let Some(socket) = self.lock().socket.take() else { return Ok(()) };
        let socket = StdUnixStream::from(socket);
        socket.set_nonblocking(true)?;
        let (reader, writer) = UnixStream::from_std(socket)?.into_split();
        tokio::select! {
            received = receive(reader, hub) => received,
            sent = self.transmit(writer) => sent,
        }
    }

    async fn transmit(&self, mut writer: OwnedWriteHalf) -> io::Result<()> {
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

impl Observer for Relay {
    fn subscribed(&self, channel: &Channel) {
        self.notify(channel, true);
    }

    fn unsubscribed(&self, channel: &Channel) {
        self.notify(channel, false);
    }
}

async fn receive(mut reader: OwnedReadHalf, hub: &Hub) -> io::Result<()> {
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
