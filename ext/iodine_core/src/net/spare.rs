//! Memory to read into, lent by the thread: a connection that has nothing to say holds none, and those that speak read
//! into the same memory, one after the other.

use std::cell::Cell;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

/// A larger buffer is not kept.
const LARGEST: usize = 16 * 1024;

thread_local! {
    static SPARE: Cell<BytesMut> = Cell::new(BytesMut::new());
}

/// What tells that there is something to read, before memory is taken for it.
pub(crate) trait Source: AsyncRead + Unpin {
    /// Ready when there is something to read, an end or an error.
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// Reads behind what `buffer` holds, `size` bytes or more; 0 at the end. An empty buffer has no memory while it waits.
pub(crate) fn poll_read(
    source: &mut impl Source,
    buffer: &mut BytesMut,
    size: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if buffer.is_empty() {
        give_back(buffer);
        ready!(source.poll_read_ready(cx))?;
        *buffer = SPARE.take();
    }
    buffer.reserve(size);
    let read = pin!(source.read_buf(buffer)).poll(cx);
    if buffer.is_empty() {
        // Nothing, although the source was said to be ready.
        give_back(buffer);
    }
    read
}

/// Takes the memory of a buffer back that is empty, and leaves one without memory.
pub(crate) fn give_back(buffer: &mut BytesMut) {
    let buffer = std::mem::take(buffer);
    if (1..=LARGEST).contains(&buffer.capacity()) {
        SPARE.set(buffer);
    }
}
