//! Signs of life, and the limits of a session.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use super::{LONG, Session, Stage};
use crate::realtime::client::Protocol;
use crate::sse;
use crate::ws::encoder;

impl Session {
    /// Ready when the client has had its time.
    pub(super) fn poll_timer(&mut self, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(timer.as_mut().poll(cx));
            let now = Instant::now();
            if self.deadline.is_some_and(|at| at <= now) {
                self.cut();
                return Poll::Ready(());
            }
            if self.message_due().is_some_and(|due| due <= now) {
                self.message = None;
                self.end_talk(1008, "a message came too slowly");
            }
            let Some(next) = self.next_wake_up(now) else {
                self.client.note_end(1006, "");
                self.cut();
                return Poll::Ready(());
            };
            let next = [self.deadline, self.message_due()].into_iter().flatten().fold(next, Instant::min);
            timer.as_mut().reset(next.into());
            // A ping may have been left to be written.
            if self.poll_write(cx).is_ready() {
                return Poll::Ready(());
            }
        }
    }

    /// What the client does not read must not stay with the kernel.
    fn cut(&self) {
        if self.is_written() { self.writer.hang_up() } else { self.writer.reset_on_close() }
    }

    /// Asks a silent client for a sign of life. `None`: it was asked, and has said nothing.
    fn next_wake_up(&mut self, now: Instant) -> Option<Instant> {
        if self.interval == 0 || self.stage != Stage::Talking {
            return Some(now + LONG);
        }
        let interval = Duration::from_secs(self.interval.into());
        if let Some(asked) = self.asked {
            return if now >= asked + interval { None } else { Some(asked + interval) };
        }
        if now < self.heard + interval {
            return Some(self.heard + interval);
        }
        self.client.outbox.push_control(match self.client.protocol {
            Protocol::WebSocket => encoder::frame(encoder::PING, b""),
            Protocol::Sse => sse::event::comment(),
        });
        self.asked = Some(now);
        Some(now + interval)
    }
}
