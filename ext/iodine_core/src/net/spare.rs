//! Memory to read into, lent by the thread: a connection that has nothing to say holds none, and those that speak read
//! into the same memory, one after the other.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// A larger buffer is not kept.
const LARGEST: usize = 16 * 1024;

/// What [`share`] cuts from. One piece keeps all of it.
const SHARED: usize = 8 * 1024;

thread_local! {
    static SPARE: Cell<BytesMut> = Cell::new(BytesMut::new());
    static SHELF: RefCell<BytesMut> = RefCell::new(BytesMut::new());
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

/// A copy of a few bytes that will not be kept for long, in memory that many such copies share.
pub(crate) fn share(bytes: &[u8]) -> Bytes {
    SHELF.with_borrow_mut(|shelf| {
        if shelf.capacity() < bytes.len() {
            shelf.reserve(bytes.len().max(SHARED));
        }
        shelf.extend_from_slice(bytes);
        shelf.split().freeze()
    })
}

/// An empty buffer with memory, to be given back.
pub(crate) fn take(size: usize) -> BytesMut {
    let mut buffer = SPARE.take();
    buffer.reserve(size);
    buffer
}

/// Takes the memory of a buffer back, and leaves one without memory. What is in it is forgotten: the next to have it is
/// another connection.
pub(crate) fn give_back(buffer: &mut BytesMut) {
    let mut buffer = std::mem::take(buffer);
    if (1..=LARGEST).contains(&buffer.capacity()) {
        buffer.clear();
        SPARE.set(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_in_what_was_given_back() {
        let mut buffer = take(100);
        buffer.extend_from_slice(b"somebody's answer");
        give_back(&mut buffer);
        assert!(take(100).is_empty());
    }

    #[test]
    fn shared_copies_are_apart() {
        let copies: Vec<Bytes> = (0..3000_u32).map(|number| share(&number.to_be_bytes())).collect();
        assert!(copies.iter().zip(0_u32..).all(|(copy, number)| **copy == number.to_be_bytes()));
        assert_eq!(share(&[7; 3 * SHARED]), vec![7; 3 * SHARED]);
    }
}
