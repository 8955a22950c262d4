//! All upgraded connections of this process, and what they share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::client::{Client, Protocol};
use crate::handoff::Crew;
use crate::log::Log;
use crate::metrics::Traffic;
use crate::pubsub::hub::Hub;
use crate::settings::RealtimeSettings;

/// See the module.
pub struct Realtime {
    pub(crate) settings: RealtimeSettings,
    pub(crate) crew: Arc<Crew>,
    pub(crate) log: Log,
    /// Of all connections, also before their upgrade.
    pub(crate) traffic: Traffic,
    hub: Arc<Hub>,
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    by_id: HashMap<u64, Arc<Client>>,
    websockets: usize,
}

impl std::fmt::Debug for Realtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Realtime").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Realtime {
    pub(crate) fn new(settings: RealtimeSettings, crew: Arc<Crew>, hub: Arc<Hub>, log: Log) -> Arc<Realtime> {
        Arc::new(Realtime { settings, crew, log, traffic: Traffic::default(), hub, clients: Mutex::default() })
    }

    /// The subscriptions of this process.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Upgraded connections open now that speak this protocol.
    pub fn count(&self, protocol: Protocol) -> usize {
        let clients = self.lock();
        match protocol {
            Protocol::WebSocket => clients.websockets,
            Protocol::Sse => clients.by_id.len() - clients.websockets,
        }
    }

    /// Lines for the operator.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Tells every connection that the server stops; they have to end within `limit`.
    pub(crate) fn shut_down(&self, limit: Duration) {
        let clients: Vec<_> = self.lock().by_id.values().cloned().collect();
        for client in clients {
            client.shut_down(limit);
        }
    }

    pub(super) fn add(&self, client: &Arc<Client>) {
        let mut clients = self.lock();
        clients.websockets += usize::from(client.protocol == Protocol::WebSocket);
        clients.by_id.insert(client.id(), client.clone());
    }

    pub(super) fn remove(&self, id: u64) {
        self.hub.unsubscribe_all(id);
        let mut clients = self.lock();
        if let Some(client) = clients.by_id.remove(&id) {
            clients.websockets -= usize::from(client.protocol == Protocol::WebSocket);
            drop(clients);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Clients> {
        // Everything in it is whole between any two of its operations.
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
