//! `IodineRs::PubSub`: the subscriptions of this process, and what travels to others. Engines and the forms of the calls
//! are in `lib/iodine_rs/pub_sub.rb`, the master's part in `lib/iodine_rs/cluster/relay.rb`.

use std::os::fd::{BorrowedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, select, unbounded};
use iodine_core::handoff::Crew;
use iodine_core::log::{self, Losses};
use iodine_core::pubsub::channel::Channel;
use iodine_core::pubsub::frame::{self, Frame};
use iodine_core::pubsub::hub::{Hub, Observer, Subscriber};
use iodine_core::pubsub::publication::Publication;
use iodine_core::pubsub::relay::Relay;
use iodine_core::server::Server;
use magnus::{Error, IntoValue, Module, Object, RArray, RModule, RString, Ruby, Value, function};

use super::connection::name_bytes;
use super::message;
use crate::raised;
use crate::{fork, gvl};

/// Publications that may wait for the blocks of this process (those of connections have bounds of their own).
const WAITING: usize = 16_384;

/// What this process has; a forked child starts with nothing.
struct Process {
    forks: u64,
    hub: Arc<Hub>,
    /// Who drives the sockets, where a server runs.
    crew: Option<Arc<Crew>>,
    /// The way to the other processes, in a worker.
    relay: Option<Arc<Relay>>,
    /// Who is told which channels have subscribers.
    observers: Vec<Arc<dyn Observer>>,
    sender: Sender<Delivery>,
    receiver: Receiver<Delivery>,
    /// Publications that did not reach blocks, and other processes.
    undelivered: Arc<Losses>,
    unrelayed: Arc<Losses>,
    /// As many as there are subscriptions that come and go: bounded by whoever subscribes.
    notices: (Sender<News>, Receiver<News>),
}

/// A channel, and whether it has subscribers now.
type News = (Channel, bool);

/// A publication for the subscription with this number.
type Delivery = (u64, Arc<Publication>);

static PROCESS: Mutex<Option<Process>> = Mutex::new(None);

pub(super) fn init(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    let pubsub = module.define_module("PubSub")?;
    pubsub.define_singleton_method("deliver", function!(deliver, 5))?;
    pubsub.define_singleton_method("join_relay", function!(join_relay, 2))?;
    pubsub.define_singleton_method("frame", function!(encode, 4))?;
    pubsub.define_singleton_method("notice_frame", function!(encode_notice, 3))?;
    pubsub.define_singleton_method("observe", function!(start_notices, 0))?;
    pubsub.define_singleton_method("next_notice", function!(next_notice, 0))?;
    pubsub.define_singleton_method("whole_frames", function!(whole_frames, 1))?;
    pubsub.define_singleton_method("count_frames", function!(count_frames, 1))?;
    pubsub.define_singleton_method("deliver_frames", function!(deliver_frames, 1))?;
    pubsub.define_singleton_method("listen", function!(listen, 3))?;
    pubsub.define_singleton_method("unlisten", function!(unlisten, 3))?;
    pubsub.define_singleton_method("next_delivery", function!(next_delivery, 0))?;
    super::redis::init(ruby, pubsub)
}

/// Only called with the GVL: nobody else holds the lock, also not at a fork.
fn process() -> MutexGuard<'static, Option<Process>> {
    let mut process = PROCESS.lock().unwrap_or_else(PoisonError::into_inner);
    if process.as_ref().is_none_or(|process| fork::is_child(process.forks)) {
        let (sender, receiver) = bounded(WAITING);
        let fresh = Process {
            forks: fork::generation(),
            hub: Hub::new(),
            crew: None,
            relay: None,
            observers: Vec::new(),
            sender,
            receiver,
            undelivered: Arc::new(Losses::new(tell_undelivered)),
            unrelayed: Arc::new(Losses::new(tell_unrelayed)),
            notices: unbounded(),
        };
        // The parent's is left as it is: its locks may be held by threads that do not exist here.
        std::mem::forget(process.replace(fresh));
    }
    process
}

fn tell_undelivered(lost: u64) {
    log::write_through(&format!(
        "{lost} publications were dropped: {WAITING} wait for the blocks of IodineRs.subscribe already"
    ));
}

fn tell_unrelayed(lost: u64) {
    log::write_through(&format!(
        "{lost} publications did not reach other processes: too many wait for them already (max_relay)"
    ));
}

/// The subscriptions of this process.
pub(crate) fn hub() -> Arc<Hub> {
    process().as_ref().map_or_else(Hub::new, |process| process.hub.clone())
}

/// A server runs in this process: its driving thread delivers from now on, without the GVL, also to other processes.
pub(crate) fn serve_with(server: &Server) {
    if let Some(process) = process().as_mut() {
        process.crew = Some(server.crew().clone());
        if let Some(relay) = process.relay.clone() {
            server.join_siblings(relay);
        }
    }
}

/// `PubSub.join_relay(fd, limit)`: the connected socket (its descriptor is duplicated) leads to whoever passes publications
/// on, and at most `limit` bytes wait for it. The other side hears which channels have subscribers here.
fn join_relay(ruby: &Ruby, fd: RawFd, limit: usize) -> Result<(), Error> {
    // SAFETY: borrowed for the duplication only; the caller's socket is open during this call.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let socket = borrowed
        .try_clone_to_owned()
        .map_err(|error| raised::error(ruby.exception_io_error(), &format!("join_relay: {error}")))?;
    let relay = Relay::new(socket, limit);
    if let Some(process) = process().as_mut() {
        process.relay = Some(relay.clone());
    }
    observe(relay);
    Ok(())
}

/// Tells one more observer. Those before it hear of all channels once more, which changes nothing for them.
fn observe(observer: Arc<dyn Observer>) {
    let mut process = process();
    let Some(process) = process.as_mut() else { return };
    process.observers.push(observer);
    process.hub.set_observer(Arc::new(Observers(process.observers.clone())));
}

struct Observers(Vec<Arc<dyn Observer>>);

impl Observer for Observers {
    fn subscribed(&self, channel: &Channel) {
        self.0.iter().for_each(|one| one.subscribed(channel));
    }

    fn unsubscribed(&self, channel: &Channel) {
        self.0.iter().for_each(|one| one.unsubscribed(channel));
    }
}

/// Leaves notices for `next_notice`.
struct Notices(Sender<News>);

impl Observer for Notices {
    fn subscribed(&self, channel: &Channel) {
        // The process holds the other end.
        let _ = self.0.send((channel.clone(), true));
    }

    fn unsubscribed(&self, channel: &Channel) {
        let _ = self.0.send((channel.clone(), false));
    }
}

/// `PubSub.observe`: from now on `next_notice` tells which channels have subscribers in this process.
fn start_notices() {
    let sender = process().as_ref().map(|process| process.notices.0.clone());
    if let Some(sender) = sender {
        observe(Arc::new(Notices(sender)));
    }
}

/// `PubSub.next_notice`: waits for `[name, pattern, subscribed]`.
fn next_notice(ruby: &Ruby) -> Result<Value, Error> {
    let Some(receiver) = process().as_ref().map(|process| process.notices.1.clone()) else {
        return Ok(ruby.qnil().into_value_with(ruby));
    };
    let (channel, subscribed) = wait_for(&receiver)?;
    Ok(notice(ruby, &channel, subscribed))
}

/// The next item, waited for without the GVL.
fn wait_for<T: Send>(receiver: &Receiver<T>) -> Result<T, Error> {
    let (interrupt, interrupted) = bounded::<()>(1);
    loop {
        let wait = || {
            select! {
                recv(receiver) -> item => item.ok(),
                recv(interrupted) -> _ => None,
            }
        };
        let unblock = || {
            // Full: it has been interrupted already.
            let _ = interrupt.try_send(());
        };
        if let Some(Some(item)) = gvl::without(wait, unblock) {
            return Ok(item);
        }
        gvl::check_interrupts()?;
    }
}

/// `PubSub.deliver(channel, message, binary, everywhere, outward)`: to the subscribers of this process, by its relay to
/// those of the others, and of other servers if `outward`. Returns at once.
fn deliver(
    ruby: &Ruby,
    channel: RString,
    text: RString,
    binary: bool,
    everywhere: bool,
    outward: bool,
) -> Result<(), Error> {
    let publication = Arc::new(message::publication(ruby, name_bytes(channel), text, binary)?);
    let (hub, crew, relay, losses) = match process().as_ref() {
        Some(process) => (process.hub.clone(), process.crew.clone(), process.relay.clone(), process.unrelayed.clone()),
        None => return Ok(()),
    };
    let relay = relay.filter(|_| everywhere);
    let deliver = move || {
        hub.publish(&publication);
        if relay.is_some_and(|relay| !relay.send(&publication, outward)) {
            losses.note();
        }
    };
    match crew.filter(|crew| !crew.is_stopped()) {
        Some(crew) => crew.run_errand(deliver),
        None => deliver(),
    }
    Ok(())
}

/// `PubSub.frame(channel, message, binary, outward)`: the publication as it travels between processes.
fn encode(ruby: &Ruby, channel: RString, text: RString, binary: bool, outward: bool) -> Result<Value, Error> {
    let publication = message::publication(ruby, name_bytes(channel), text, binary)?;
    let mut bytes = BytesMut::new();
    if !frame::encode(&publication, outward, &mut bytes) {
        return Err(raised::error(ruby.exception_arg_error(), "a message has to be smaller than 4 GiB"));
    }
    Ok(message::string(ruby, &bytes, false))
}

/// `PubSub.notice_frame(name, pattern, subscribed)`: that a channel has its first subscriber, or none any more.
fn encode_notice(ruby: &Ruby, name: RString, pattern: bool, subscribed: bool) -> Result<Value, Error> {
    let mut bytes = BytesMut::new();
    if !frame::encode_notice(&channel(name, pattern), subscribed, &mut bytes) {
        return Err(raised::error(ruby.exception_arg_error(), "a channel's name has to be smaller than 4 GiB"));
    }
    Ok(message::string(ruby, &bytes, false))
}

/// `PubSub.whole_frames(bytes)`: how many of the bytes are complete frames.
fn whole_frames(ruby: &Ruby, bytes: RString) -> Result<usize, Error> {
    Ok(measure(ruby, bytes)?.1)
}

/// `PubSub.count_frames(bytes)`: how many complete frames they are.
fn count_frames(ruby: &Ruby, bytes: RString) -> Result<usize, Error> {
    Ok(measure(ruby, bytes)?.0)
}

/// How many complete frames there are, and how long they are together.
fn measure(ruby: &Ruby, bytes: RString) -> Result<(usize, usize), Error> {
    // SAFETY: nothing below runs Ruby code, or gives the GVL away, while the slice is in use.
    let bytes = unsafe { bytes.as_slice() };
    let (mut count, mut length) = (0, 0);
    while let Some(next) = frame::whole(&bytes[length..]).map_err(|error| malformed(ruby, error))? {
        count += 1;
        length += next;
    }
    Ok((count, length))
}

/// `PubSub.deliver_frames(bytes)`: what came from another process. Its publications go to the subscribers of this one.
/// Returns `[publications, notices]`: their frames, to be passed on, and `[name, pattern, subscribed]` for each notice.
fn deliver_frames(ruby: &Ruby, bytes: RString) -> Result<RArray, Error> {
    // SAFETY: copied before Ruby code runs again.
    let mut bytes = BytesMut::from(unsafe { bytes.as_slice() });
    let (hub, notices) = (hub(), ruby.ary_new());
    let mut publications = BytesMut::with_capacity(bytes.len());
    while let Some(length) = frame::whole(&bytes).map_err(|error| malformed(ruby, error))? {
        if !frame::is_notice(&bytes) {
            publications.extend_from_slice(&bytes[..length]);
        }
        match frame::decode(&mut bytes).map_err(|error| malformed(ruby, error))? {
            Some(Frame::Publication { publication, .. }) => {
                hub.publish(&Arc::new(publication));
            }
            Some(Frame::Notice { channel, subscribed }) => notices.push(notice(ruby, &channel, subscribed))?,
            None => break,
        }
    }
    Ok(ruby.ary_new_from_values(&[message::string(ruby, &publications, false), notices.into_value_with(ruby)]))
}

fn notice(ruby: &Ruby, channel: &Channel, subscribed: bool) -> Value {
    let pattern = matches!(channel, Channel::Pattern(_));
    let name = message::string(ruby, channel.name(), std::str::from_utf8(channel.name()).is_ok());
    let parts = [name, pattern.into_value_with(ruby), subscribed.into_value_with(ruby)];
    ruby.ary_new_from_values(&parts).into_value_with(ruby)
}

fn malformed(ruby: &Ruby, error: frame::Malformed) -> Error {
    raised::error(ruby.exception_io_error(), &error.to_string())
}

/// `PubSub.listen(number, name, pattern)`: publications of the channel come out of `next_delivery` under this number.
fn listen(number: u64, name: RString, pattern: bool) {
    let subscriber = process().as_ref().map(|process| Listener {
        number,
        to: process.sender.clone(),
        losses: process.undelivered.clone(),
    });
    if let Some(subscriber) = subscriber {
        hub().subscribe(owner(number), channel(name, pattern), Arc::new(subscriber));
    }
}

/// `PubSub.unlisten(number, name, pattern)`: whether there was such a subscription.
fn unlisten(number: u64, name: RString, pattern: bool) -> bool {
    hub().unsubscribe(owner(number), &channel(name, pattern))
}

/// Numbers of connections count up from 1, those of blocks down from the top.
fn owner(number: u64) -> u64 {
    u64::MAX - number
}

/// `PubSub.next_delivery`: waits for `[number, channel, message]`.
fn next_delivery(ruby: &Ruby) -> Result<RArray, Error> {
    let Some(receiver) = process().as_ref().map(|process| process.receiver.clone()) else { return Ok(ruby.ary_new()) };
    let (number, publication) = wait_for(&receiver)?;
    let source = publication.channel();
    let source = message::string(ruby, source, std::str::from_utf8(source).is_ok());
    let data = message::string(ruby, publication.payload(), publication.is_text());
    Ok(ruby.ary_new_from_values(&[number.into_value_with(ruby), source, data]))
}

struct Listener {
    number: u64,
    to: Sender<Delivery>,
    losses: Arc<Losses>,
}

impl Subscriber for Listener {
    fn deliver(&self, publication: &Arc<Publication>) {
        if let Err(TrySendError::Full(_)) = self.to.try_send((self.number, publication.clone())) {
            self.losses.note();
        }
    }
}

/// A name or a pattern.
pub(super) fn channel(name: RString, pattern: bool) -> Channel {
    let name = name_bytes(name);
    if pattern { Channel::Pattern(name) } else { Channel::Exact(name) }
}

/// A channel as the key of a Ruby Hash.
pub(super) fn key(ruby: &Ruby, channel: &Channel) -> Value {
    let pattern = matches!(channel, Channel::Pattern(_));
    let name = message::string(ruby, channel.name(), false);
    ruby.ary_new_from_values(&[name, pattern.into_value_with(ruby)]).into_value_with(ruby)
}
