//! A server with an application written in Rust: the real core, and threads that come for work as the bridge's do. A
//! lock stands in for the interpreter's; whoever runs the application holds it.

mod app;
mod client;
mod limits;
mod lock;
mod response;
mod settings;
mod wait;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam_channel::Receiver;
use iodine_core::handoff::{Crew, Stats};
use iodine_core::log::Log;
use iodine_core::net::Binding;
use iodine_core::net::tls::Acceptor;
use iodine_core::pubsub::hub::Hub;
use iodine_core::server::Server;
use iodine_core::settings::Settings;

pub use self::app::{Body, Call, head, payload, status};
pub use self::client::Client;
pub use self::lock::Lock;
pub use self::response::Response;
pub use self::settings::settings;
pub use self::wait::{Gate, LIMIT, PATIENCE, eventually, timed};

/// What the threads of one site share.
pub struct Team {
    crew: Arc<Crew>,
    app: Box<dyn Fn(&mut Call<'_>) + Send + Sync>,
    lock: Lock,
    /// Threads inside the application, streaming bodies not counted.
    inside: AtomicUsize,
    most_inside: AtomicUsize,
}

impl Team {
    fn enter(&self) {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_inside.fetch_max(inside, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A running server.
pub struct Site {
    pub server: Arc<Server>,
    pub address: SocketAddr,
    log: Receiver<String>,
    /// `None` for a site whose threads the test provides.
    staff: Option<(Arc<Team>, JoinHandle<()>)>,
}

impl Site {
    /// A server with default settings.
    pub fn serve(app: impl Fn(&mut Call<'_>) + Send + Sync + 'static) -> Site {
        Site::with(|_| {}, app)
    }

    /// A server with other settings.
    pub fn with(change: impl FnOnce(&mut Settings), app: impl Fn(&mut Call<'_>) + Send + Sync + 'static) -> Site {
        Site::open(None, change, app)
    }

    /// A server whose application waits for the gate, except for `/quick`.
    pub fn gated(change: impl FnOnce(&mut Settings)) -> (Site, Arc<Gate>) {
        let gate = Arc::new(Gate::default());
        let site = Site::with(change, {
            let gate = gate.clone();
            move |call: &mut Call<'_>| {
                if call.path() == "/quick" {
                    return call.text("quick");
                }
                call.unlocked(|| gate.wait());
                call.text("done");
            }
        });
        (site, gate)
    }

    /// A server whose connections are encrypted.
    pub fn encrypted(
        tls: Arc<Acceptor>,
        change: impl FnOnce(&mut Settings),
        app: impl Fn(&mut Call<'_>) + Send + Sync + 'static,
    ) -> Site {
        Site::open(Some(tls), change, app)
    }

    fn open(
        tls: Option<Arc<Acceptor>>,
        change: impl FnOnce(&mut Settings),
        app: impl Fn(&mut Call<'_>) + Send + Sync + 'static,
    ) -> Site {
        let mut min = 0;
        let change = |settings: &mut Settings| {
            change(settings);
            min = settings.pool.min_threads;
        };
        let mut site = Site::start(tls, change);
        let team = Arc::new(Team {
            crew: site.server.crew().clone(),
            app: Box::new(app),
            lock: Lock::default(),
            inside: AtomicUsize::new(0),
            most_inside: AtomicUsize::new(0),
        });
        let supervisor = {
            let team = team.clone();
            thread::spawn(move || app::supervise(&team, min))
        };
        site.staff = Some((team, supervisor));
        site
    }

    /// A server without threads: the test brings its own.
    pub fn unmanned(change: impl FnOnce(&mut Settings)) -> Site {
        Site::start(None, change)
    }

    fn start(tls: Option<Arc<Acceptor>>, change: impl FnOnce(&mut Settings)) -> Site {
        let mut settings = settings();
        change(&mut settings);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        // The standard library asks for 128.
        rustix::net::listen(&listener, 1024).expect("a longer queue");
        let address = listener.local_addr().expect("an address");
        let (log, lines) = Log::channel();
        let binding = Binding { socket: listener.into(), url: format!("tcp://{address}"), tls };
        let server = Server::start(settings, vec![binding], Hub::new(), log).expect("a server");
        Site { server: Arc::new(server), address, log: lines, staff: None }
    }

    /// A new connection.
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request on a connection of its own.
    pub fn get(&self, path: &str) -> Response {
        self.connect().get(path)
    }

    pub fn crew(&self) -> &Arc<Crew> {
        self.server.crew()
    }

    pub fn stats(&self) -> Stats {
        self.server.stats().0
    }

    /// Waits for a log line with these words.
    pub fn log_line(&self, words: &str) -> String {
        loop {
            let line = self.log.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("no log line with {words:?}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    /// The log lines so far that were not asked for.
    pub fn log_lines(&self) -> Vec<String> {
        self.log.try_iter().collect()
    }

    /// The most threads that were inside the application at once.
    pub fn most_inside(&self) -> usize {
        self.staff.as_ref().map_or(0, |(team, _)| team.most_inside.load(Ordering::SeqCst))
    }

    /// Threads inside the application.
    pub fn inside(&self) -> usize {
        self.staff.as_ref().map_or(0, |(team, _)| team.inside.load(Ordering::SeqCst))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.halt();
        if let Some((_, supervisor)) = self.staff.take() {
            let ended = supervisor.join();
            assert!(thread::panicking() || ended.is_ok(), "a thread of the site panicked");
        }
    }
}
