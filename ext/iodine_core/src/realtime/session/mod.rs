//! The life of an upgraded connection on the I/O side: what comes in becomes events, what the outbox holds goes out.

mod incoming;
mod outgoing;
mod timing;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::time::{Sleep, sleep};

use super::client::Client;
use super::outbox::Phase;
use crate::fifo::Fifo;
use crate::net::stream::{Reader, Stream, Writer};
use crate::ws::decoder::Decoder;

/// How long the timer sleeps where there is nothing to wait for.
const LONG: Duration = Duration::from_secs(3600);

/// Serves an upgraded connection to its end. `unread`: what the client sent behind its request.
pub(crate) async fn run(stream: Stream, unread: Bytes, client: Arc<Client>) {
    let _last_word = LastWord(client.clone());
    let (reader, writer) = stream.into_split();
    let writer = Arc::new(writer);
    client.opened(writer.clone());
    let mut session = Session::new(reader, writer, unread, client);
    let mut timer = pin!(sleep(session.first_wait()));
    poll_fn(|cx| session.poll(timer.as_mut(), cx)).await;
}

/// However a session ends (also by the end of the runtime), its client learns it.
struct LastWord(Arc<Client>);

impl Drop for LastWord {
    fn drop(&mut self) {
        self.0.finish();
    }
}

struct Session {
    reader: Reader,
    writer: Arc<Writer>,
    client: Arc<Client>,
    decoder: Decoder,
    buffer: BytesMut,
    writing: Fifo<Bytes>,
    stage: Stage,
    /// When the client was last heard of: a byte came, or (SSE) one was taken.
    heard: Instant,
    asked: Option<Instant>,
    interval: u32,
    /// When the message began that is not complete yet, and what has come of it.
    message: Option<(Instant, u64)>,
    deadline: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Messages come in.
    Talking,
    /// The client has said its last word, or what it says does not count any more.
    Heard,
    /// We have said ours as well: the client has to end the connection.
    Parted,
}

impl Session {
    fn new(reader: Reader, writer: Arc<Writer>, unread: Bytes, client: Arc<Client>) -> Session {
        let mut buffer = BytesMut::new();
        buffer.extend_from_slice(&unread);
        Session {
            reader,
            writer,
            decoder: Decoder::new(client.max_message_size()),
            buffer,
            writing: Fifo::default(),
            stage: Stage::Talking,
            heard: Instant::now(),
            asked: None,
            message: None,
            interval: client.ping_interval(),
            deadline: None,
            client,
        }
    }

    /// Ready when the connection is to be dropped.
    fn poll(&mut self, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
        // First, so that a change that comes meanwhile wakes us again.
        let (phase, deadline) = self.client.outbox.watch(cx);
        self.follow(deadline, timer.as_mut());
        let measured = self.message.is_some();
        if self.poll_read(cx).is_ready() || self.poll_write(cx).is_ready() {
            return Poll::Ready(());
        }
        if let (false, Some(due)) = (measured, self.message_due()) {
            if due < timer.deadline().into_std() {
                timer.as_mut().reset(due.into());
            }
        }
        // A client that has ended its side before does not tell it again.
        if phase == Phase::Closing && self.is_written() && (self.part() || self.poll_read(cx).is_ready()) {
            return Poll::Ready(());
        }
        self.poll_timer(timer, cx)
    }

    /// Takes over what others have changed.
    fn follow(&mut self, deadline: Option<Instant>, timer: Pin<&mut Sleep>) {
        let interval = self.client.ping_interval();
        let earlier = deadline.filter(|at| self.deadline.is_none_or(|known| *at < known));
        if let Some(at) = earlier {
            self.deadline = Some(at);
            timer.reset(at.into());
        } else if interval != self.interval {
            self.interval = interval;
            self.asked = None;
            timer.reset((Instant::now() + self.first_wait()).into());
        }
    }

    fn first_wait(&self) -> Duration {
        if self.interval == 0 { LONG } else { Duration::from_secs(self.interval.into()) }
    }
}
