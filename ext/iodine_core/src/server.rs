//! The composition root: wires the rooms together, starts, drains, stops.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::handoff::{Crew, Stats};
use crate::http::shared::Shared;
use crate::lifeline;
use crate::log::Log;
use crate::metrics::Figures;
use crate::net::{Binding, Listener};
use crate::pubsub::hub::Hub;
use crate::pubsub::relay::Relay;
use crate::reactor::Reactor;
use crate::realtime::{Protocol, Realtime};
use crate::settings::Settings;

/// A running server of one process.
#[derive(Debug)]
pub struct Server {
    reactor: Arc<Reactor>,
    crew: Arc<Crew>,
    shared: Arc<Shared>,
    relay: OnceLock<Arc<Relay>>,
    stand_in: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    /// Builds the runtime, starts the stand-in, and accepts on `bindings`.
    /// `hub` has the subscriptions of the process.
    /// Must be called in the process that serves: nothing of this survives a fork.
    ///
    /// # Errors
    /// When the system gives no thread or descriptor, a listener is no stream socket, or a directory does not exist.
    pub fn start(settings: Settings, bindings: Vec<Binding>, hub: Arc<Hub>, log: Log) -> io::Result<Server> {
        let reactor = Arc::new(Reactor::new(settings.tidy)?);
        let crew = Crew::new(settings.pool.clone(), reactor.clone());
        let realtime = Realtime::new(settings.realtime.clone(), crew.clone(), hub, log);
        let proxy = settings.proxy_protocol;
        let shared = Arc::new(Shared::new(settings, realtime)?);
        let context = reactor.handle().enter();
        // All of them before the first one runs: a start that fails must leave no port open.
        let listeners: Vec<_> =
            bindings.into_iter().map(|binding| Listener::new(binding, proxy)).collect::<io::Result<_>>()?;
        for listener in listeners {
            tokio::spawn(listener.run(shared.clone(), shared.listening()));
        }
        let tidied = shared.clone();
        tokio::spawn(async move { tidied.keep_tidy().await });
        drop(context);
        let stand_in = {
            let crew = crew.clone();
            thread::Builder::new().name("iodine-rs io".into()).spawn(move || crew.stand_in())?
        };
        Ok(Server { reactor, crew, shared, relay: OnceLock::new(), stand_in: Mutex::new(Some(stand_in)) })
    }

    /// Publishes together with the other processes of this server from now on.
    pub fn join_siblings(&self, relay: Arc<Relay>) {
        let shared = self.shared.clone();
        let running = relay.clone();
        self.reactor.handle().spawn(async move {
            if let Err(error) = running.run(shared.realtime.hub()).await {
                shared.log.line(&format!("publications do not reach other processes any more: {error}"));
            }
        });
        // A server has one relay in its life.
        let _ = self.relay.set(relay);
        self.reactor.see_to_it();
    }

    /// Ends this process some time after the pipe that ends in `lifeline` has ended: its other end is the master's.
    pub fn die_with(&self, lifeline: OwnedFd) {
        let log = self.shared.log.clone();
        self.reactor.handle().spawn(async move {
            if let Err(error) = lifeline::watch(lifeline, log.clone()).await {
                log.line(&format!("the end of the master will be noticed by Ruby only: {error}"));
            }
        });
        self.reactor.see_to_it();
    }

    /// Where the application's threads come for work.
    pub fn crew(&self) -> &Arc<Crew> {
        &self.crew
    }

    /// Stops accepting, closes idle connections, lets requests in flight finish, then ends upgraded connections. Returns
    /// at once.
    pub fn drain(&self) {
        self.shared.drain();
        self.reactor.handle().spawn(end_upgraded(self.shared.clone()));
        self.reactor.see_to_it();
    }

    /// Waits until every connection has ended, its last callback has returned, and what that one published is on its
    /// way; `false` after `limit`, or [`Server::interrupt_wait`].
    pub fn await_drained(&self, limit: Option<Duration>) -> bool {
        let last = self.shared.settings.realtime.shutdown_timeout;
        self.shared.await_closed(limit)
            && self.crew.await_idle(last, || self.relay.get().is_none_or(|relay| relay.pending() == 0))
    }

    /// Makes [`Server::await_drained`] return. May be called from any thread.
    pub fn interrupt_wait(&self) {
        self.shared.interrupt_wait();
    }

    /// Stops everything now: connections are cut, threads sent home. Idempotent.
    pub fn halt(&self) {
        self.shared.drain();
        self.crew.stop();
        let stand_in = self.stand_in.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(stand_in) = stand_in {
            // It ends at its next turn; a panic in it has been reported by then.
            let _ = stand_in.join();
        }
        self.reactor.shut_down();
        if let Some(relay) = self.relay.get() {
            relay.end();
        }
        self.crew.close();
        if let Some(access_log) = &self.shared.access_log {
            access_log.flush();
        }
    }

    /// Opens the file of the access log anew, after it was moved away.
    pub fn reopen_access_log(&self) {
        if let Some(access_log) = &self.shared.access_log {
            access_log.reopen();
        }
    }

    /// Connections after their upgrade.
    pub fn realtime(&self) -> &Arc<Realtime> {
        &self.shared.realtime
    }

    /// Figures of this moment: the hand-off's, and open connections.
    pub fn stats(&self) -> (Stats, usize) {
        (self.crew.stats(), self.shared.connections())
    }

    /// All figures of this moment.
    ///
    /// `begin_anew` resets the maxima to the present.
    pub fn figures(&self, begin_anew: bool) -> Figures {
        let realtime = &self.shared.realtime;
        let (http, http_max) = self.shared.http_connections(begin_anew);
        let (publications, deliveries) = realtime.hub().totals();
        let (received, sent) = realtime.traffic.read();
        Figures {
            crew: self.crew.stats(),
            http,
            websockets: realtime.count(Protocol::WebSocket),
            event_streams: realtime.count(Protocol::Sse),
            backlog_max: self.crew.backlog_max(begin_anew),
            http_max,
            received,
            sent,
            responses: self.shared.responses.read(),
            queue_times: self.crew.queue_times(),
            publications,
            deliveries,
        }
    }
}

/// A request in flight may still write to upgraded connections: they end after the others, unless that takes too long.
async fn end_upgraded(shared: Arc<Shared>) {
    let limit = shared.settings.realtime.shutdown_timeout / 2;
    let _ = tokio::time::timeout(limit, shared.quiet()).await;
    shared.realtime.shut_down(limit);
}
