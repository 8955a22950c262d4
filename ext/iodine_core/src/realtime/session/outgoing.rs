//! What the outbox holds goes out.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, Bytes};

use super::{Session, Stage};
use crate::fifo::Fifo;
use crate::realtime::client::Protocol;

/// Pieces written at once.
const PIECES: usize = 64;

/// Pieces up to this size together are copied into one: cheaper than a list of pieces for the kernel.
const SMALL_WRITE: usize = 1024;

impl Session {
    /// Ready when the client takes nothing any more.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.writing.is_empty() {
                self.client.outbox.take(&mut self.writing);
                if self.writing.is_empty() {
                    self.writing = Fifo::default();
                    return if ready!(self.writer.poll_sent(cx)).is_err() { Poll::Ready(()) } else { Poll::Pending };
                }
            }
            match ready!(self.poll_write_pieces(cx)) {
                Ok(written) if written > 0 => self.written(written),
                _ => return Poll::Ready(()),
            }
        }
    }

    fn poll_write_pieces(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.writer.poll_write_ready(cx))?;
            match self.write_pieces() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn write_pieces(&mut self) -> io::Result<usize> {
        if let Some(piece) = self.writing.only() {
            return self.writer.try_write(piece);
        }
        let pieces = self.writing.iter().take(PIECES);
        let total: usize = pieces.clone().map(Bytes::len).sum();
        if total <= SMALL_WRITE {
            let mut joined = Vec::with_capacity(total);
            pieces.for_each(|piece| joined.extend_from_slice(piece));
            return self.writer.try_write(&joined);
        }
        let pieces: Vec<_> = pieces.map(|piece| IoSlice::new(piece)).collect();
        self.writer.try_write_vectored(&pieces)
    }

    fn written(&mut self, written: usize) {
        self.client.traffic().sent(written);
        let mut left = written;
        while let Some(piece) = self.writing.front_mut() {
            if piece.len() > left {
                piece.advance(left);
                break;
            }
            left -= piece.len();
            self.writing.pop_front();
        }
        if self.client.protocol == Protocol::Sse {
            self.heard = Instant::now();
            self.asked = None;
        }
        if self.client.outbox.written(written) {
            self.client.drained();
        }
    }

    pub(super) fn is_written(&self) -> bool {
        self.writing.is_empty() && self.client.outbox.is_empty() && !self.writer.is_behind()
    }

    /// Our last word is out. `true` where there is nothing to wait for.
    pub(super) fn part(&mut self) -> bool {
        if self.client.protocol == Protocol::Sse {
            self.writer.hang_up();
            return true;
        }
        if self.stage == Stage::Heard {
            // RFC 6455 §7.1.1: the server ends the TCP connection first; the client may have to read before it does.
            self.writer.hang_up();
            self.stage = Stage::Parted;
            self.client.finish();
        }
        false
    }
}
