//! The gate between a socket and hyper. It lets one message at a time through: a head that was judged by
//! [`super::head`], then exactly the bytes of its body. Bytes behind them stay here, so that a hijacked connection, a
//! refusal or a file response finds them.

mod read;
mod write;

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};

use self::read::Expect;
pub(crate) use self::read::Next;
use super::link::Link;
use super::shared::Shared;
use crate::net::stream::Stream;

/// See the module.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    link: Arc<Link>,
    shared: Arc<Shared>,
    /// Read from the socket and not yet given to hyper.
    buffer: BytesMut,
    /// How much of `buffer` was searched for the end of a head.
    scanned: usize,
    expect: Expect,
    /// Whether hyper was told to take many fields.
    wide: bool,
    /// The client did not take all of what was last written.
    blocked: bool,
    /// Whether the client's side of the connection is still worth watching while the application works.
    watch: bool,
    /// It is being watched: this task is woken when the client says something.
    watched: bool,
}

impl Wire {
    pub(crate) fn new(stream: Stream, unread: BytesMut, link: Arc<Link>, shared: Arc<Shared>) -> Wire {
        shared.realtime.traffic.received(unread.len());
        Wire {
            stream,
            link,
            shared,
            buffer: unread,
            scanned: 0,
            expect: Expect::Head,
            wide: false,
            blocked: false,
            watch: true,
            watched: false,
        }
    }

    pub(crate) fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Counts bytes that were written to [`Wire::stream`].
    pub(crate) fn count_sent(&self, bytes: usize) {
        self.shared.realtime.traffic.sent(bytes);
    }

    /// Prepares for a head with many fields.
    pub(crate) fn widen(&mut self) {
        self.wide = true;
        self.expect = Expect::Head;
        self.scanned = 0;
    }

    pub(crate) fn is_wide(&self) -> bool {
        self.wide
    }

    /// The next message begins: hyper had to be left for the last response.
    pub(crate) fn rearm(&mut self) {
        self.expect = Expect::Head;
        self.watch = true;
    }

    /// What the client sent beyond what hyper was given.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer
    }

    pub(crate) fn into_stream(self) -> Stream {
        self.stream
    }

    pub(crate) fn into_parts(self) -> (Stream, Bytes) {
        (self.stream, self.buffer.freeze())
    }

    /// Whether the client has said something that [`Wire::poll_word`] will find at the next look at the sockets.
    pub(crate) fn is_spoken_to(&self) -> bool {
        self.stream.has_unread()
    }

    /// Ready when the client has said something (`true`), or its last word.
    pub(crate) fn poll_word(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if !self.buffer.is_empty() {
            return Poll::Ready(true);
        }
        self.poll_fill(cx).map(|read| matches!(read, Ok(1..)))
    }
}
