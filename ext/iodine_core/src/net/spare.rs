//! Memory to read into and to write from, lent by the thread: a connection that has nothing to say holds none, and those
//! that speak use the same memory, one after the other.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

/// A larger buffer is not kept. Also what is read at once from a connection of which nothing is kept.
const LARGEST: usize = 16 * 1024;

/// What [`share`] cuts from. One piece keeps all of it.
const SHARED: usize = 8 * 1024;

thread_local! {
    /// See [`take`].
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// What is read, before it is known how much that is.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// See [`share`].
    static SHELF: RefCell<BytesMut> = RefCell::new(BytesMut::new());
}

/// What tells that there is something to read, before memory is taken for it.
pub(crate) trait Source: AsyncRead + Unpin {
    /// Ready when there is something to read, an end or an error.
    fn poll_read_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Reads what is there; `WouldBlock` where that is nothing.
    fn try_read(&mut self, bytes: &mut [u8]) -> io::Result<usize>;
}

/// Reads behind what `buffer` holds, `size` bytes at once where it holds any; 0 at the end. An empty buffer has no memory
/// while it waits. Most of what clients say then is short, and copied: it holds no more memory than it fills.
pub(crate) fn poll_read(
    source: &mut impl Source,
    buffer: &mut BytesMut,
    size: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if buffer.is_empty() {
        *buffer = BytesMut::new();
        return poll_scratch(source, cx, |bytes| *buffer = share(bytes));
    }
    buffer.reserve(size);
    pin!(source.read_buf(buffer)).poll(cx)
}

/// Reads what is there, which `buffer` holds then, and nothing else; `WouldBlock` where that is nothing. It does not let others
/// by, as [`poll_read`] does: what the caller does with it has to.
pub(crate) fn try_read(source: &mut impl Source, buffer: &mut BytesMut) -> io::Result<usize> {
    read_scratch(source, |bytes| *buffer = share(bytes))
}

/// Reads and forgets; 0 at the end.
pub(crate) fn poll_discard(source: &mut impl Source, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    poll_scratch(source, cx, |_| {})
}

fn poll_scratch(
    source: &mut impl Source,
    cx: &mut Context<'_>,
    mut keep: impl FnMut(&[u8]),
) -> Poll<io::Result<usize>> {
    loop {
        ready!(source.poll_read_ready(cx))?;
        match read_scratch(source, &mut keep) {
            // Nothing, although the source was said to be ready.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return Poll::Ready(read),
        }
    }
}

fn read_scratch(source: &mut impl Source, keep: impl FnOnce(&[u8])) -> io::Result<usize> {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.resize(LARGEST, 0);
        let read = source.try_read(scratch)?;
        keep(&scratch[..read]);
        Ok(read)
    })
}

/// A copy in memory that many short ones share. One of them keeps all of it.
fn share(bytes: &[u8]) -> BytesMut {
    SHELF.with_borrow_mut(|shelf| {
        if shelf.capacity() < bytes.len() {
            shelf.reserve(bytes.len().max(SHARED));
        }
        shelf.extend_from_slice(bytes);
        shelf.split()
    })
}

/// An empty buffer with memory, to be given back.
pub(crate) fn take(size: usize) -> Vec<u8> {
    let mut buffer = SPARE.take();
    buffer.reserve(size);
    buffer
}

/// Takes the memory of a buffer back. What is in it is forgotten: the next to have it is another connection.
pub(crate) fn give_back(mut buffer: Vec<u8>) {
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
        give_back(buffer);
        assert!(take(100).is_empty());
    }

    #[test]
    fn shared_copies_are_apart() {
        let copies: Vec<BytesMut> = (0..3000_u32).map(|number| share(&number.to_be_bytes())).collect();
        assert!(copies.iter().zip(0_u32..).all(|(copy, number)| **copy == number.to_be_bytes()));
        assert_eq!(share(&[7; 3 * SHARED]), vec![7; 3 * SHARED]);
    }
}
