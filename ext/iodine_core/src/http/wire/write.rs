//! What hyper writes, and the interim responses that go before it. The clock of the connection is told how it goes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::Wire;
use crate::http::clock::Phase;

/// Pieces up to this size together are copied into one: cheaper than a list of pieces for the kernel.
const SMALL_WRITE: usize = 1024;

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let written = Pin::new(&mut wire.stream).poll_write(cx, bytes);
        wire.note_sent(&written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total: usize = bufs.iter().map(|buf| buf.len()).sum();
        if total > SMALL_WRITE {
            let wire = self.get_mut();
            let written = Pin::new(&mut wire.stream).poll_write_vectored(cx, bufs);
            wire.note_sent(&written);
            return written;
        }
        let mut joined = [0; SMALL_WRITE];
        let mut rest = &mut joined[..];
        for buf in bufs {
            // Fits: the sum was checked.
            let _ = io::Write::write(&mut rest, buf);
        }
        self.poll_write(cx, &joined[..total])
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        // First: a connection that is flushed may be left to itself.
        ready!(wire.poll_sent(cx))?;
        let (phase, interim) = wire.link.lock().flush();
        if phase == Phase::Application {
            wire.poll_reset(cx)?;
        }
        if let Some(interim) = interim {
            ready!(wire.poll_interim(interim, cx))?;
        }
        wire.poll_sent(cx)
    }

    /// hyper is done; the connection may not be: see [`crate::http::connection`].
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Wire {
    /// Writes what the system takes at once; `WouldBlock` where that is nothing. Nothing may wait to be written before.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.stream.try_write(bytes)?;
        self.count_sent(written);
        Ok(written)
    }

    /// Writes the interim response that an exchange left, now that hyper has nothing in front of it.
    fn poll_interim(&mut self, mut interim: Bytes, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !interim.is_empty() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &interim);
            self.note_sent(&written);
            match written {
                Poll::Ready(written) => interim.advance(written?),
                Poll::Pending => {
                    self.link.lock().put_interim(interim);
                    return Poll::Pending;
                }
            }
        }
        if let Some(waker) = self.link.lock().interim_written() {
            waker.wake();
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when nothing is left that was encrypted and not sent.
    pub(crate) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.stream.is_behind() {
            return Poll::Ready(Ok(()));
        }
        let sent = Pin::new(&mut self.stream).poll_flush(cx);
        self.note_write(&sent);
        sent
    }

    fn note_sent(&mut self, outcome: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = outcome {
            self.count_sent(*bytes);
        }
        self.note_write(outcome);
    }

    fn note_write<T>(&mut self, outcome: &Poll<io::Result<T>>) {
        match outcome {
            Poll::Pending => {
                let moved = self.stream.take_moved();
                let clock = &mut self.link.lock().clock;
                if moved {
                    clock.write_moved();
                }
                clock.write_blocked();
                self.blocked = true;
            }
            Poll::Ready(Ok(_)) if self.blocked => {
                self.blocked = false;
                self.link.lock().clock.write_moved();
            }
            Poll::Ready(_) => {}
        }
    }
}
