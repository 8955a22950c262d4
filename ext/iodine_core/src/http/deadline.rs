//! How long a connection waits: the clock in its link, as a timer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

use super::clock::Expired;
use super::connection::End;
use super::talk::Talk;

/// One timer for all of a connection's deadlines. The clock in the link moves with every byte; the timer only follows
/// when it fires, or when it would fire too late.
pub(super) struct Deadline {
    timer: Option<Pin<Box<Sleep>>>,
    /// The timer knows whom to wake.
    armed: bool,
}

impl Deadline {
    pub(super) fn new() -> Deadline {
        Deadline { timer: None, armed: false }
    }

    pub(super) fn poll(&mut self, talk: &Talk, cx: &mut Context<'_>) -> Poll<End> {
        let settings = &talk.shared.settings;
        loop {
            let drained = talk.shared.drains_since();
            let Some((at, expired)) = talk.link.lock().clock.due(&settings.timeouts, &settings.limits, drained) else {
                return Poll::Pending;
            };
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at.into())));
            if at < timer.deadline().into_std() {
                timer.as_mut().reset(at.into());
                self.armed = false;
            }
            // Polled once, it wakes this task.
            if (self.armed && !timer.is_elapsed()) || timer.as_mut().poll(cx).is_pending() {
                self.armed = true;
                return Poll::Pending;
            }
            self.armed = false;
            if Instant::now() < at {
                timer.as_mut().reset(at.into());
                continue;
            }
            return match expired {
                // What hyper has not written yet it would take along.
                Expired::Idle if !talk.link.lock().flushed => Poll::Pending,
                Expired::Idle => Poll::Ready(End::Idle),
                Expired::Request => Poll::Ready(End::Silent),
                Expired::Write => Poll::Ready(End::Cut { reset: true }),
                Expired::Body => {
                    talk.link.lock().expire_body();
                    // hyper has to look at the wire again, where it finds the body expired.
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            };
        }
    }
}
