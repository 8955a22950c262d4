//! Publishes to Redis what this server's processes publish.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use redis::RedisResult;

use super::attempt::Attempt;
use super::line::Line;
use super::{Pause, Shared, lock};
use crate::pubsub::frame::{self, Frame};
use crate::pubsub::publication::Publication;

/// Publications that may wait while Redis is away; then the oldest go.
const WAITING: usize = 16_384;
/// Published in one round trip, at most.
const BATCH: usize = 256;
/// Bytes of one reading.
const CHUNK: usize = 64 * 1024;
/// Silence after which both connections are tried.
const SILENCE: Duration = Duration::from_secs(10);

/// What the speaker has not done yet.
#[derive(Debug, Default)]
pub(super) struct Speaker {
    input: BytesMut,
    waiting: VecDeque<Arc<Publication>>,
    attempt: Attempt,
}

/// The speaker's life, until the bridge stops or this server's side of the socket ends.
pub(super) fn run(shared: &Shared) {
    let mut speaker = lock(&shared.speaker);
    let mut pause = Pause::new();
    while !shared.is_stopped() {
        match shared.connect(&mut speaker.attempt) {
            Ok(mut line) => {
                pause = Pause::new();
                shared.note_back();
                match speaker.speak(shared, &mut line) {
                    Ok(()) => return,
                    Err(Trouble::Redis(error)) => shared.note_away(&error),
                    Err(Trouble::Socket) => return,
                }
            }
            Err(error) => shared.note_away(&error),
        }
        let until = Instant::now() + pause.next();
        while !shared.is_stopped() && Instant::now() < until {
            if speaker.collect(shared, until.saturating_duration_since(Instant::now())).is_err() {
                return;
            }
        }
    }
}

enum Trouble {
    Redis(redis::RedisError),
    Socket,
}

impl From<redis::RedisError> for Trouble {
    fn from(error: redis::RedisError) -> Trouble {
        Trouble::Redis(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Trouble {
        Trouble::Socket
    }
}

impl Speaker {
    fn speak(&mut self, shared: &Shared, line: &mut Line<'_>) -> Result<(), Trouble> {
        while !shared.is_stopped() {
            if self.waiting.is_empty() {
                let something = self.collect(shared, SILENCE)?;
                if shared.subscriptions.take_change() || !something {
                    wake(shared, line)?;
                }
            }
            while !self.waiting.is_empty() {
                self.publish(shared, line)?;
            }
        }
        Ok(())
    }

    /// Waits for frames and sorts them. `false` where none came.
    fn collect(&mut self, shared: &Shared, limit: Duration) -> io::Result<bool> {
        if !shared.await_frames(limit)? {
            return Ok(false);
        }
        let mut chunk = vec![0; CHUNK];
        match (&shared.socket).read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => self.input.extend_from_slice(&chunk[..read]),
        }
        while let Some(frame) = frame::decode(&mut self.input).map_err(io::Error::other)? {
            match frame {
                Frame::Publication { publication, outward: true } => self.waiting.push_back(Arc::new(publication)),
                Frame::Publication { outward: false, .. } => {}
                Frame::Notice { channel, subscribed } => shared.subscriptions.want(channel, subscribed),
            }
        }
        while self.waiting.len() > WAITING {
            self.waiting.pop_front();
        }
        Ok(true)
    }

    /// Publishes a batch. It stays where the connection fails: whether Redis has got it is not known, and twice is better
    /// than never.
    fn publish(&mut self, shared: &Shared, line: &mut Line<'_>) -> RedisResult<()> {
        let batch = self.waiting.len().min(BATCH);
        let mut pipe = redis::pipe();
        // No subscription begins or ends meanwhile: it is certain which echoes will come.
        let confirmed = shared.subscriptions.confirmed();
        let now = Instant::now();
        for publication in self.waiting.range(..batch) {
            if confirmed.cover(publication.channel()) {
                lock(&shared.echoes).expect(publication.clone(), now);
            }
            pipe.cmd("PUBLISH").arg(&publication.channel()[..]).arg(&publication.payload()[..]);
        }
        line.send(&pipe.get_packed_pipeline())?;
        for _ in 0..batch {
            line.answer()?;
        }
        drop(confirmed);
        self.waiting.drain(..batch);
        Ok(())
    }
}

/// Makes the listener look up, and both connections prove that they live.
fn wake(shared: &Shared, line: &mut Line<'_>) -> RedisResult<()> {
    line.ask(redis::cmd("PUBLISH").arg(&shared.control).arg("")).map(drop)
}
