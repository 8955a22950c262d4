//! Listens to Redis for this server's subscribers.

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use redis::{Msg, RedisError, RedisResult};

use super::line::Line;
use super::{Pause, Shared, lock};
use crate::pubsub::channel::Channel;
use crate::pubsub::frame;
use crate::pubsub::publication::Publication;

/// How long it may not notice that it should look up, where the speaker cannot tell it.
const PATIENCE: Duration = Duration::from_secs(1);
/// Silence, with the speaker's own calls missing, that means a dead connection.
const DEAD: Duration = Duration::from_secs(30);
/// Channels in one command.
const BATCH: usize = 256;

/// What should be listened to, and what Redis has confirmed.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    wanted: Mutex<BTreeSet<Channel>>,
    confirmed: Mutex<Confirmed>,
    /// `wanted` has changed, and the listener does not know.
    changed: AtomicBool,
    behind: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct Confirmed(BTreeSet<Channel>);

impl Confirmed {
    /// Whether a publication to this channel comes back.
    pub(super) fn cover(&self, name: &Bytes) -> bool {
        // Patterns stand behind all names.
        self.0.contains(&Channel::Exact(name.clone()))
            || self.0.range(Channel::Pattern(Bytes::new())..).any(|pattern| pattern.covers(name))
    }
}

impl Subscriptions {
    /// This server has got its first subscriber to the channel, or lost its last one.
    pub(super) fn want(&self, channel: Channel, wanted: bool) {
        let mut all = lock(&self.wanted);
        if wanted {
            all.insert(channel)
        } else {
            all.remove(&channel)
        };
        self.behind.store(true, Ordering::SeqCst);
        self.changed.store(true, Ordering::SeqCst);
    }

    /// Whether the listener has to be told.
    pub(super) fn take_change(&self) -> bool {
        self.changed.swap(false, Ordering::SeqCst)
    }

    /// What Redis has confirmed; it does not change while this is held.
    pub(super) fn confirmed(&self) -> MutexGuard<'_, Confirmed> {
        lock(&self.confirmed)
    }

    /// The channels to subscribe to and to leave.
    fn differences(&self, confirmed: &Confirmed) -> [Vec<Channel>; 2] {
        let wanted = lock(&self.wanted);
        let join = wanted.difference(&confirmed.0).cloned().collect();
        let leave = confirmed.0.difference(&wanted).cloned().collect();
        [join, leave]
    }
}

/// The listener's life. What goes wrong with the connection the speaker tells.
pub(super) fn run(shared: &Shared) {
    if send(shared, b"").is_err() {
        return;
    }
    let mut attempt = lock(&shared.attempt);
    let mut pause = Pause::new();
    while !shared.is_stopped() {
        if let Ok(line) = shared.connect(&mut attempt) {
            let begun = Instant::now();
            let heard = listen(shared, line);
            lock(&shared.subscriptions.confirmed).0.clear();
            if matches!(heard, Err(Trouble::Socket)) {
                return;
            }
            if begun.elapsed() > DEAD {
                pause = Pause::new();
            }
        }
        if !shared.is_stopped() {
            shared.rest(pause.next());
        }
    }
}

enum Trouble {
    Redis,
    Socket,
}

impl From<RedisError> for Trouble {
    fn from(_: RedisError) -> Trouble {
        Trouble::Redis
    }
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Trouble {
        Trouble::Socket
    }
}

/// A connection that hears messages.
struct Ear<'a> {
    line: Line<'a>,
    /// Came before an answer.
    messages: VecDeque<Msg>,
}

impl Ear<'_> {
    /// (P)SUBSCRIBE or (P)UNSUBSCRIBE, answered once for each name.
    fn change(&mut self, verb: &str, names: &[&[u8]]) -> RedisResult<()> {
        self.line.send(&redis::cmd(verb).arg(names).get_packed_command())?;
        let mut left = names.len();
        while left > 0 {
            match Msg::from_owned_value(self.line.answer()?) {
                Some(message) => self.messages.push_back(message),
                None => left -= 1,
            }
        }
        Ok(())
    }

    /// The next message; `None` where there is none within [`PATIENCE`].
    fn message(&mut self) -> RedisResult<Option<Msg>> {
        match self.messages.pop_front() {
            None => Ok(self.line.next(PATIENCE)?.and_then(Msg::from_owned_value)),
            message => Ok(message),
        }
    }
}

fn listen(shared: &Shared, line: Line<'_>) -> Result<(), Trouble> {
    let mut ear = Ear { line, messages: VecDeque::new() };
    ear.change("SUBSCRIBE", &[shared.control.as_bytes()])?;
    lock(&shared.echoes).clear();
    shared.subscriptions.behind.store(true, Ordering::SeqCst);
    let mut last: Option<Last> = None;
    let mut heard = Instant::now();
    while !shared.is_stopped() {
        if shared.subscriptions.behind.swap(false, Ordering::SeqCst) {
            catch_up(shared, &mut ear)?;
        }
        match ear.message()? {
            Some(message) => {
                heard = Instant::now();
                if message.get_channel_name() != shared.control {
                    hear(shared, &message, &mut last)?;
                }
            }
            None if heard.elapsed() < DEAD => {}
            None => return Err(Trouble::Redis),
        }
    }
    Ok(())
}

/// Subscribes to what is wanted and leaves what is not. Nothing is published meanwhile: see [`super::echoes`].
fn catch_up(shared: &Shared, ear: &mut Ear<'_>) -> RedisResult<()> {
    let mut confirmed = shared.subscriptions.confirmed();
    let [join, leave] = shared.subscriptions.differences(&confirmed);
    for (channels, plain, patterned) in [(&join, "SUBSCRIBE", "PSUBSCRIBE"), (&leave, "UNSUBSCRIBE", "PUNSUBSCRIBE")] {
        let (patterns, names): (Vec<_>, Vec<_>) =
            channels.iter().partition(|channel| matches!(channel, Channel::Pattern(_)));
        for (verb, channels) in [(plain, names), (patterned, patterns)] {
            let names: Vec<&[u8]> = channels.into_iter().map(|channel| &channel.name()[..]).collect();
            names.chunks(BATCH).try_for_each(|names| ear.change(verb, names))?;
        }
    }
    confirmed.0.extend(join);
    for channel in leave {
        confirmed.0.remove(&channel);
    }
    Ok(())
}

/// A publication comes once for each subscription that covers it, one right behind the other.
struct Last {
    channel: String,
    payload: Vec<u8>,
    subscriptions: Vec<Option<String>>,
}

fn hear(shared: &Shared, message: &Msg, last: &mut Option<Last>) -> io::Result<()> {
    let pattern = message.get_pattern::<Option<String>>().unwrap_or_default();
    let payload = message.get_payload_bytes();
    if let Some(last) = last {
        let same = last.channel == message.get_channel_name() && last.payload == payload;
        if same && !last.subscriptions.contains(&pattern) {
            last.subscriptions.push(pattern);
            return Ok(());
        }
    }
    let channel = message.get_channel_name();
    *last = Some(Last { channel: channel.to_owned(), payload: payload.to_vec(), subscriptions: vec![pattern] });
    let publication = Publication::new(Bytes::copy_from_slice(channel.as_bytes()), Bytes::copy_from_slice(payload));
    if lock(&shared.echoes).takes(&publication, Instant::now()) {
        return Ok(());
    }
    let mut frame = BytesMut::new();
    frame::encode(&publication, false, &mut frame);
    send(shared, &frame)
}

/// Writes a frame. Whoever has the bridge stopped is who reads, and does not meanwhile: what is left then goes out before
/// anything else, when the bridge starts again. A part of a frame would be the end of the connection.
fn send(shared: &Shared, frame: &[u8]) -> io::Result<()> {
    let mut left = lock(&shared.unsent);
    left.extend_from_slice(frame);
    while !left.is_empty() && !shared.is_stopped() {
        match (&shared.socket).write(&left) {
            Ok(written) => left.advance(written),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
