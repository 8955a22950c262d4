//! `IodineRs::PubSub`: the subscriptions of this process, and what travels to others. Engines and the forms of the calls
//! are in `lib/iodine_rs/pub_sub.rb`, the master's part in `lib/iodine_rs/cluster/relay.rb`.

mod frames;
mod listeners;
mod notices;

use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use iodine_core::handoff::Crew;
use iodine_core::log::{self, Losses};
use iodine_core::pubsub::channel::Channel;
use iodine_core::pubsub::hub::{Hub, Observer};
use iodine_core::pubsub::publication::Publication;
use iodine_core::pubsub::relay::Relay;
use iodine_core::server::Server;
use magnus::{Error, IntoValue, Module, Object, RModule, RString, Ruby, Value, function};

use super::connection::name_bytes;
use super::message;
use crate::{descriptor, fork, gvl, raised};
use notices::Observers;

/// Publications that may wait for the blocks of this process (those of connections have bounds of their own). Counted, for
/// a channel of this size would take its memory at once in every process.
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
    frames::init(pubsub)?;
    listeners::init(pubsub)?;
    notices::init(pubsub)?;
    super::redis::init(ruby, pubsub)
}

/// Only called with the GVL: nobody else holds the lock, also not at a fork.
fn process() -> MutexGuard<'static, Option<Process>> {
    let mut process = PROCESS.lock().unwrap_or_else(PoisonError::into_inner);
    if process.as_ref().is_none_or(|process| fork::is_child(process.forks)) {
        let (sender, receiver) = unbounded();
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
    let socket = descriptor::duplicate(fd)
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
