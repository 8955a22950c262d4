//! Memory to read into, lent by the thread: a connection that has nothing to say holds none, and those that speak read
//! into the same memory, one after the other.

use std::cell::Cell;

use bytes::BytesMut;

/// A larger buffer is not kept.
const LARGEST: usize = 16 * 1024;

thread_local! {
    static SPARE: Cell<BytesMut> = Cell::new(BytesMut::new());
}

/// A buffer for a connection that begins to speak, empty.
pub(crate) fn take() -> BytesMut {
    SPARE.take()
}

/// Takes the memory of a buffer back that is empty, and leaves one without memory.
pub(crate) fn give_back(buffer: &mut BytesMut) {
    let buffer = std::mem::take(buffer);
    if (1..=LARGEST).contains(&buffer.capacity()) {
        SPARE.set(buffer);
    }
}
